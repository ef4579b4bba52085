/** When to try again. */

const firstMs = 50;
const mostMs = 2000;

/** Before the attempt after the `attempt`th (from 1): longer each time, and of its own length for every client. */
export function backoffMs(attempt: number): number {
  const most = Math.min(mostMs, firstMs * 2 ** attempt);
  return most / 2 + (Math.random() * most) / 2;
}

/** What the gateway asks for: 0 if nothing. */
export function retryAfterMs(headers: Headers): number {
  const seconds = Number(headers.get('Retry-After') ?? 0);
  return Number.isFinite(seconds) ? Math.max(0, seconds * 1000) : 0;
}

/** Rejects with the reason of the signal. */
export function pause(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, delayMs);
    if (signal?.aborted === true) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
  });
}
