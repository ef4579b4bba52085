/**
 * How far the leader may publish while gateways hold leases (DESIGN-leases.md): the book of grants, the core that obeys
 * it, and the clock that ends what nobody renews.
 */
import type { Clock, Leadership, Timer } from '../raft/interfaces.ts';
import type { Index, Term } from '../raft/types.ts';
import { Grants, type GrantsOptions } from './grants.ts';
import type { Granted, Refused } from './invalidation.ts';
import { type GatewayConduct, Quarantine, type Refusal } from './quarantine.ts';

export interface PublishingOptions<Holder> extends Omit<GrantsOptions<Holder>, 'observer'> {
  readonly clock: Clock;
  /** Asked for once gateways are heard. */
  readonly node: () => {
    readonly leadership: Leadership | null;
    limitPublishing(term: Term, limit: number): void;
  };
  /** The gateways of the cluster, by id. */
  readonly gateways: readonly string[];
  /** Whose stream it is. Names are few: what is known of each is kept. */
  readonly gatewayOf: (holder: Holder) => string;
  /** A gateway gets no leases for a while. */
  readonly onExclusion: (gateway: string, refusal: Refusal) => void;
}

/** `heard`: it may be granted once a quorum has acknowledged a round that leaves after this one. */
export type Hearing =
  | { readonly type: 'heard'; readonly round: number; readonly at: number }
  | ({ readonly type: 'refused' } & Pick<Refused, 'cause' | 'forMs'>);

/** What is told of leases for metrics. Counts are since the start. */
export interface LeaseStatistics {
  /** Grants in force. */
  readonly grants: number;
  readonly gateways: readonly GatewayConduct[];
}

/** Only a restart makes this replica grant leases again; a gateway may ask now and then who leads by then. */
const undeclaredForMs = 10_000;

export class Publishing<Holder> {
  readonly #options: PublishingOptions<Holder>;
  readonly #grants: Grants<Holder>;
  /** Outlives terms: it is of gateways, and not of what was granted to them. */
  readonly #quarantine: Quarantine;
  /** Of the grants in the book. */
  #term: Term | null = null;
  #limit = Number.POSITIVE_INFINITY;
  #timer: Timer | null = null;
  #timerAt = 0;
  #stopped = false;
  /** What a quorum has and the book has not heard of yet; null if it has. */
  #committed: Index | null = null;

  constructor(options: PublishingOptions<Holder>) {
    const { clock, gateways, gatewayOf, onExclusion } = options;
    this.#options = options;
    this.#quarantine = new Quarantine(gateways);
    const report = (gateway: string, refusal: Refusal | null): void => {
      if (refusal !== null) onExclusion(gateway, refusal);
    };
    this.#grants = new Grants({
      leaseMs: options.leaseMs,
      leaseMargin: options.leaseMargin,
      observer: {
        waited: (holder, milliseconds) => this.#quarantine.waited(gatewayOf(holder), milliseconds),
        confirmed: (holder, lagMs) => {
          const gateway = gatewayOf(holder);
          report(gateway, this.#quarantine.confirmed(gateway, lagMs, clock.now()));
        },
        silent: (holder) => {
          const gateway = gatewayOf(holder);
          const isAwaited = this.#grants.owes(holder);
          // A leader that stood still notices the end before it hears what was said in time.
          clock.defer(() => {
            if (isAwaited && !this.#grants.owes(holder)) return;
            report(gateway, this.#quarantine.silent(gateway, clock.now()));
          });
        },
      },
    });
  }

  /** It asks a leader of this term for a lease; null if that leads no longer. */
  asked(holder: Holder, term: Term): Hearing | null {
    const { clock, node, gatewayOf } = this.#options;
    const { leadership } = node();
    if (leadership === null || leadership.term !== term) return null;
    if (this.#stopped) return { type: 'refused', cause: 'undeclared', forMs: undeclaredForMs };
    const refusal = this.#quarantine.refusal(gatewayOf(holder), clock.now());
    return refusal === null
      ? { type: 'heard', round: leadership.round, at: clock.now() }
      : { type: 'refused', ...refusal };
  }

  /** What it asked for at `askedAt`; null if that is not to be had at this moment. The round must have been acknowledged. */
  grant(holder: Holder, askedAt: number, term: Term): Pick<Granted, 'index' | 'leaseMs'> | null {
    const { clock, node } = this.#options;
    const { leadership } = node();
    if (leadership === null || this.asked(holder, term)?.type !== 'heard') return null;
    if (this.#term !== term) {
      this.#grants.clear();
      this.#term = term;
    }
    const leaseMs = this.#grants.grant(holder, { lastIndex: leadership.lastIndex, askedAt }, clock.now());
    // In this turn: from now on nothing above that index is published before it is confirmed.
    this.#update();
    return leaseMs === null ? null : { index: leadership.lastIndex, leaseMs };
  }

  told(holder: Holder, to: Index): void {
    this.#grants.told(holder, to, this.#options.clock.now());
  }

  /**
   * A quorum has this term's log up to there. Gateways are waited for from the end of this turn: however long it takes, what
   * they have said by then is in time.
   */
  committed(through: Index): void {
    const { clock } = this.#options;
    const isNoted = this.#committed !== null;
    this.#committed = through;
    if (isNoted) return;
    clock.defer(() => {
      if (this.#committed !== null) this.#grants.committed(this.#committed, clock.now());
      this.#committed = null;
    });
  }

  confirmed(holder: Holder, through: Index): void {
    this.#grants.confirmed(holder, through, this.#options.clock.now());
    this.#update();
  }

  /** It serves under nothing that it was granted. */
  released(holder: Holder): void {
    this.#grants.released(holder, this.#options.clock.now());
    this.#update();
  }

  gone(holder: Holder): void {
    this.#grants.gone(holder);
  }

  /** This replica leads no longer, or in another term. */
  ended(): void {
    this.#grants.clear();
    this.#term = null;
    this.#update();
  }

  statistics(): LeaseStatistics {
    return { grants: this.#grants.size, gateways: this.#quarantine.conducts(this.#options.clock.now()) };
  }

  /** No more grants; those that were given run out. */
  stop(): void {
    this.#stopped = true;
  }

  close(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  readonly #onTimer = (): void => {
    this.#timer = null;
    this.#update();
  };

  #update(): void {
    const { clock, node } = this.#options;
    const limit = this.#grants.publishLimit(clock.now());
    if (limit !== this.#limit && this.#term !== null) node().limitPublishing(this.#term, limit);
    this.#limit = limit;
    const endsAt = this.#grants.nextEndAt();
    // Grants are renewed all the time: one timer in several renewals will do.
    if (endsAt !== null && this.#timer !== null && this.#timerAt <= endsAt) return;
    this.#timer?.cancel();
    this.#timer = endsAt === null ? null : clock.setTimer(endsAt - clock.now(), this.#onTimer);
    this.#timerAt = endsAt ?? 0;
  }
}
