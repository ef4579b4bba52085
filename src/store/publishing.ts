/**
 * How far the leader may publish while gateways hold leases (DESIGN-leases.md): the book of grants, the core that obeys
 * it, and the clock that ends what nobody renews.
 */
import type { Clock, Leadership, Timer } from '../raft/interfaces.ts';
import type { Index, Term } from '../raft/types.ts';
import { Grants, type GrantsOptions } from './grants.ts';

export interface PublishingOptions extends GrantsOptions {
  readonly clock: Clock;
  /** Asked for once gateways are heard. */
  readonly node: () => {
    readonly leadership: Leadership | null;
    limitPublishing(term: Term, limit: number): void;
  };
}

/** Two clocks that are read one after the other, and one of them in whole milliseconds, differ by less. */
const clocksDifferMs = 5;

export class Publishing<Holder> {
  readonly #options: PublishingOptions;
  readonly #grants: Grants<Holder>;
  /** Of the grants in the book. */
  #term: Term | null = null;
  #limit = Number.POSITIVE_INFINITY;
  #timer: Timer | null = null;
  #stopped = false;
  /** Wall time less monotonic time, when it was last looked at. */
  #wallOffsetMs: number;

  constructor(options: PublishingOptions) {
    this.#options = options;
    this.#grants = new Grants(options);
    this.#wallOffsetMs = options.clock.wallNow() - options.clock.now();
  }

  /** A lease of a leader in this term; null if there is none to be had now. */
  grant(holder: Holder, term: Term): { readonly index: Index; readonly leaseMs: number } | null {
    const { clock, node } = this.#options;
    const { leadership } = node();
    if (this.#stopped || leadership === null || leadership.term !== term) return null;
    if (this.#term !== term) {
      this.#grants.clear();
      this.#term = term;
    }
    this.#compareClocks();
    const leaseMs = this.#grants.grant(holder, leadership, clock.now());
    // In this turn: from now on nothing above that index is published before it is confirmed.
    this.#update();
    return leaseMs === null ? null : { index: leadership.lastIndex, leaseMs };
  }

  told(holder: Holder, to: Index): void {
    this.#grants.told(holder, to, this.#options.clock.now());
  }

  confirmed(holder: Holder, through: Index): void {
    this.#grants.confirmed(holder, through);
    this.#update();
  }

  released(holder: Holder): void {
    this.#grants.released(holder);
    this.#update();
  }

  /** This replica leads no longer, or in another term. */
  ended(): void {
    this.#grants.clear();
    this.#term = null;
    this.#update();
  }

  /** No more grants; those that were given run out. */
  stop(): void {
    this.#stopped = true;
  }

  close(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  /** After a sleep, or when the time was set, nobody knows how old a round is. */
  #compareClocks(): void {
    const { clock } = this.#options;
    const now = clock.now();
    const offsetMs = clock.wallNow() - now;
    if (Math.abs(offsetMs - this.#wallOffsetMs) > clocksDifferMs) this.#grants.distrustBefore(now);
    this.#wallOffsetMs = offsetMs;
  }

  #update(): void {
    const { clock, node } = this.#options;
    const limit = this.#grants.publishLimit(clock.now());
    if (limit !== this.#limit && this.#term !== null) node().limitPublishing(this.#term, limit);
    this.#limit = limit;
    this.#timer?.cancel();
    const endsAt = this.#grants.nextEndAt();
    this.#timer = endsAt === null ? null : clock.setTimer(endsAt - clock.now(), () => this.#update());
  }
}
