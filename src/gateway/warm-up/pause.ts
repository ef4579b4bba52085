import type { Clock } from '../../system-clock.ts';

/** Resolves when the time has passed, or the signal is given. */
export async function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const wake = () => resolve();
  const timer = clock.setTimer(delayMs, wake);
  signal.addEventListener('abort', wake);
  await promise;
  timer.cancel();
  signal.removeEventListener('abort', wake);
}
