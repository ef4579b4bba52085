/**
 * For reads that may be stale: when was the state here certainly all that was published?
 *
 * A read index says so, of the moment at which it was asked for: whatever was published by then is at or below it. That
 * moment is taken on a clock of the replica that asked, which goes on in a sleep (ElapsedClock), so no way of a message and
 * no pause makes anything look younger.
 * Published entries are never lost: what was known stays true when leader and term are gone.
 */
import type { StateMachine } from './interfaces.ts';
import type { Index } from './types.ts';

interface Sighting {
  /** When the read index was asked for. */
  readonly at: number;
  readonly readIndex: Index;
}

const sightingsMax = 256;

export class Freshness {
  readonly #stateMachine: Pick<StateMachine<unknown>, 'applied'>;
  /** What they name was not found applied yet. None is both older and higher than another. */
  #sightings: Sighting[] = [];
  #currentAt: number | null = null;

  constructor(stateMachine: Pick<StateMachine<unknown>, 'applied'>) {
    this.#stateMachine = stateMachine;
  }

  /** When what reads are shown now was last known to be everything published; null: never in this life. */
  get currentAt(): number | null {
    const { index } = this.#stateMachine.applied;
    for (const { at, readIndex } of this.#sightings) {
      if (readIndex <= index) this.#currentAt = Math.max(at, this.#currentAt ?? at);
    }
    this.#sightings = this.#sightings.filter(({ readIndex }) => readIndex > index);
    return this.#currentAt;
  }

  /** A read index that was asked for at `at` was confirmed. They may come in any order. */
  confirmed(at: number, readIndex: Index): void {
    if (at <= (this.currentAt ?? Number.NEGATIVE_INFINITY)) return;
    if (this.#sightings.some((other) => other.at >= at && other.readIndex <= readIndex)) return;
    this.#sightings = this.#sightings.filter((other) => other.at > at || other.readIndex < readIndex);
    // Without those that go an age comes out higher, never lower.
    if (this.#sightings.length >= sightingsMax) {
      this.#sightings = this.#sightings.filter((_, position) => position % 2 === 1);
    }
    this.#sightings.push({ at, readIndex });
  }
}
