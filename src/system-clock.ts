import type { Clock, Random } from './raft/interfaces.ts';

export type { Clock, Random, Timer } from './raft/interfaces.ts';

/** Real time. Simulations hand in their own. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallNow: () => Date.now(),
  setTimer(delayMs, callback) {
    const handle = setTimeout(callback, Math.max(0, delayMs));
    return { cancel: () => clearTimeout(handle) };
  },
  defer: (callback) => void setImmediate(callback),
};

/** A moment on some wall clock as RFC 3339 has it, in UTC. */
export function rfc3339(wallMs: number): string {
  return new Date(wallMs).toISOString();
}

export const systemRandom: Random = { next: () => Math.random() };
