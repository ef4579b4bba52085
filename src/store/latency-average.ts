/** An average over the last seconds: what was measured longer ago weighs less, however many measurements there were. */
import type { Clock } from '../raft/interfaces.ts';

/** After this long without a measurement the next one counts for 63 % of the average. */
const decayMs = 5000;

export class LatencyAverage {
  readonly #clock: Clock;
  #ms: number | null = null;
  #measuredAt = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Null if nothing was measured. */
  get ms(): number | null {
    return this.#ms;
  }

  add(ms: number): void {
    const now = this.#clock.now();
    const kept = this.#ms === null ? 0 : Math.exp((this.#measuredAt - now) / decayMs);
    this.#ms = (this.#ms ?? 0) * kept + ms * (1 - kept);
    this.#measuredAt = now;
  }

  /** As if nothing had been measured. */
  restart(): void {
    this.#ms = null;
  }
}
