import type { Clock } from './interfaces.ts';

/** Two clocks that are read one after the other, and one of them in whole milliseconds, differ by less. */
const jitterMs = 2;

/**
 * Milliseconds that have passed, at least: monotonic, and going on while the machine sleeps, which stops the monotonic
 * clock and not the one on the wall. Where the wall clock is set forward more seems to have passed than has, where it is
 * set back nothing; it must not be set back while the machine sleeps, nor between a sleep and the last look before it.
 */
export class ElapsedClock {
  readonly #clock: Pick<Clock, 'now' | 'wallNow'>;
  /** Wall time less monotonic time, at most, since it was last set back. */
  #wallAheadMs: number;
  #sleptMs = 0;

  constructor(clock: Pick<Clock, 'now' | 'wallNow'>) {
    this.#clock = clock;
    this.#wallAheadMs = clock.wallNow() - clock.now();
  }

  now(): number {
    const now = this.#clock.now();
    const aheadMs = this.#clock.wallNow() - now;
    if (aheadMs > this.#wallAheadMs) {
      this.#sleptMs += aheadMs - this.#wallAheadMs;
      this.#wallAheadMs = aheadMs;
    } else if (aheadMs < this.#wallAheadMs - jitterMs) {
      this.#wallAheadMs = aheadMs;
    }
    return now + this.#sleptMs;
  }
}
