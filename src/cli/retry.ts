/** Asking again while the cluster elects, is overloaded or restarts. Only for requests that may be applied twice. */
import { setTimeout as delay } from 'node:timers/promises';
import { exitCodes, Failure } from './failure.ts';
import { type Answer, failureOf, problemOf } from './http-client.ts';

const firstDelayMs = 50;
const delayMsMax = 1000;
const answersToRetry: ReadonlySet<number> = new Set([429, 503, 504]);

export interface RetryOptions {
  /** From the first attempt; one that has begun is not cut short. */
  readonly timeoutMs: number;
  readonly interrupted: AbortSignal;
  readonly onRetry?: () => void;
  /** Codes of problems that may pass too. */
  readonly alsoFor?: ReadonlySet<string>;
}

/** Any final answer; a Failure when the last attempt failed as well, or on interruption. */
export async function retry(attempt: () => Promise<Answer>, options: RetryOptions): Promise<Answer> {
  const deadline = performance.now() + options.timeoutMs;
  for (let delayMs = firstDelayMs; ; delayMs = Math.min(2 * delayMs, delayMsMax)) {
    const answer = await attempt().catch((error: unknown) => {
      if (error instanceof Failure) return error;
      throw error;
    });
    const failure = answer instanceof Failure ? answer : mayPass(answer, options) ? failureOf(answer) : null;
    if (failure === null) return answer as Answer;
    if (options.interrupted.aborted) throw new Failure('interrupted');
    // Half of the delay is chance, so that many that failed together do not come back together.
    const waitMs = delayMs * (0.5 + Math.random() / 2);
    if (performance.now() + waitMs > deadline) {
      throw new Failure(`${failure.message}; gave up after ${options.timeoutMs} ms`, exitCodes.unavailable);
    }
    options.onRetry?.();
    await delay(waitMs, undefined, { signal: options.interrupted }).catch(() => undefined);
  }
}

function mayPass(answer: Answer, { alsoFor }: RetryOptions): boolean {
  return answersToRetry.has(answer.status) || (alsoFor?.has(problemOf(answer).code ?? '') ?? false);
}
