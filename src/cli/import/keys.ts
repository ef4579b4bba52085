/** Each row under a key of its own. */
import { Failure } from '../failure.ts';
import { failureOf, type HttpClient, keyPath, timeoutQuery } from '../http-client.ts';
import { retry } from '../retry.ts';
import type { BatchBounds, RecordRow } from './batches.ts';
import type { Store } from './run.ts';

export const keyBounds: BatchBounds = { rowsMax: 1, bytesMax: Number.POSITIVE_INFINITY };

/** Well within --timeout, so that a gateway that fell silent is left for another attempt. */
export const attemptMsMax = 5000;

export interface StoreOptions {
  readonly client: Pick<HttpClient, 'request'>;
  readonly timeoutMs: number;
  readonly interrupted: AbortSignal;
}

export function storingKeys({ client, timeoutMs, interrupted }: StoreOptions): Store {
  const attemptMs = Math.min(attemptMsMax, timeoutMs);

  async function put({ number, content }: RecordRow, onRetry: () => void): Promise<void> {
    const attempt = () =>
      client.request({
        method: 'PUT',
        path: keyPath(content.key),
        query: timeoutQuery(attemptMs),
        headers: { 'Content-Type': 'application/json' },
        body: content.value,
        timeoutMs: attemptMs,
      });
    const answer = await retry(attempt, { timeoutMs, interrupted, onRetry }).catch((error: unknown) => {
      throw error instanceof Failure ? new Failure(`row ${number}: ${error.message}`, error.exitCode) : error;
    });
    if (answer.status !== 200 && answer.status !== 201)
      throw new Failure(`row ${number}: ${failureOf(answer).message}`);
  }

  return async (rows, onRetry) => {
    for (const row of rows) await put(row, onRetry);
    return { bad: 0 };
  };
}
