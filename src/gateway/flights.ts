/**
 * Fetches under way, at most one for each name. An answer belongs to whoever began the fetch; one who came later is
 * served from it only if the answer is proven to be no older than its own arrival (DESIGN.md, race 2).
 */
import type { Clock } from '../system-clock.ts';

export class Flights<Outcome> {
  readonly #clock: Clock;
  readonly #flights = new Map<string, Flight<Outcome>>();
  #begun = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The number of the youngest fetch that has begun: whatever begins later sees all that is acknowledged now. */
  get begun(): number {
    return this.#begun;
  }

  get(name: string): Flight<Outcome> | undefined {
    return this.#flights.get(name);
  }

  begin(name: string, fetch: () => Promise<Outcome>): Flight<Outcome> {
    const flight = new Flight<Outcome>(++this.#begun, this.#clock);
    this.#flights.set(name, flight);
    const end = (settle: (waiting: Waiting<Outcome>) => void): void => {
      if (this.#flights.get(name) === flight) this.#flights.delete(name);
      flight.end(settle);
    };
    fetch().then(
      (outcome) => end(({ resolve }) => resolve(outcome)),
      (error) => end(({ reject }) => reject(error)),
    );
    return flight;
  }

  /** Nobody joins it any more: whoever comes begins one of his own. */
  close(name: string): void {
    this.#flights.delete(name);
  }
}

type Waiting<Outcome> = PromiseWithResolvers<Outcome | null>;

export class Flight<Outcome> {
  /** Fetches that began after this one have higher ones. */
  readonly number: number;
  readonly #clock: Clock;
  readonly #waiting = new Set<Waiting<Outcome>>();

  constructor(number: number, clock: Clock) {
    this.number = number;
    this.#clock = clock;
  }

  /**
   * Its outcome; null if that takes longer: who waits no more is forgotten, however long the fetch goes on. To be called
   * in the turn in which it was begun, or found under way.
   */
  async wait(timeoutMs: number): Promise<Outcome | null> {
    const waiting = Promise.withResolvers<Outcome | null>();
    this.#waiting.add(waiting);
    const timer = this.#clock.setTimer(timeoutMs, () => waiting.resolve(null));
    try {
      return await waiting.promise;
    } finally {
      timer.cancel();
      this.#waiting.delete(waiting);
    }
  }

  /** For `Flights`. */
  end(settle: (waiting: Waiting<Outcome>) => void): void {
    for (const waiting of this.#waiting) settle(waiting);
  }
}
