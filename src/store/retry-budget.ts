/**
 * How many reads may be sent again. A replica that fails costs a second sending for each read it was given; if all fail,
 * retries without bound would multiply the load just where there is too much of it.
 */
import type { Clock } from '../raft/interfaces.ts';

const secondMs = 1000;
const windowSeconds = 10;
/** Of the reads of the window. */
const retriesShare = 0.2;
/** Whatever the rate of reads: one full message may fail and be sent again. */
export const retriesMin = 256;

interface Second {
  /** Of the clock. */
  readonly number: number;
  reads: number;
  retries: number;
}

export class RetryBudget {
  readonly #clock: Clock;
  /** The seconds of the window in which anything was counted, in order. */
  readonly #seconds: Second[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  readBegan(): void {
    this.#current().reads += 1;
  }

  /** True if one more read may be sent again; it is counted. */
  take(): boolean {
    const current = this.#current();
    let reads = 0;
    let retries = 0;
    for (const second of this.#seconds) {
      reads += second.reads;
      retries += second.retries;
    }
    if (retries >= Math.max(retriesMin, retriesShare * reads)) return false;
    current.retries += 1;
    return true;
  }

  #current(): Second {
    const number = Math.floor(this.#clock.now() / secondMs);
    const last = this.#seconds.at(-1);
    if (last?.number === number) return last;
    while (this.#seconds.length > 0 && (this.#seconds[0] as Second).number <= number - windowSeconds) {
      this.#seconds.shift();
    }
    const current = { number, reads: 0, retries: 0 };
    this.#seconds.push(current);
    return current;
  }
}
