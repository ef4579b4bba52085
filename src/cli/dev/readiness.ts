import { setTimeout as delay } from 'node:timers/promises';
import { Failure } from '../failure.ts';
import { createHttpClient, type HttpClient } from '../http-client.ts';

const pollMs = 20;
const attemptTimeoutMs = 1000;

/** Resolves with true when `/readyz` says so, with false if interrupted before. */
export async function untilReady(url: string, interrupted: AbortSignal): Promise<boolean> {
  const client = createHttpClient({ url: new URL(url), token: null, tokenFile: null, ca: null });
  interrupted.addEventListener('abort', client.close, { once: true });
  try {
    while (!interrupted.aborted) {
      if (await isReady(client)) return true;
      await delay(pollMs, undefined, { signal: interrupted }).catch(() => undefined);
    }
    return false;
  } finally {
    client.close();
  }
}

async function isReady(client: HttpClient): Promise<boolean> {
  try {
    const { status } = await client.request({ path: '/readyz', timeoutMs: attemptTimeoutMs });
    return status === 200;
  } catch (error) {
    if (error instanceof Failure) return false;
    throw error;
  }
}
