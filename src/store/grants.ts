/**
 * The leader's book of leases (DESIGN-leases.md): which gateways may serve from memory without asking, until when, and
 * how far the log may be published meanwhile. Pure: times are the caller's, on one monotonic clock.
 */
import type { Index } from '../raft/types.ts';

export interface GrantsOptions {
  /** As in RaftConstants. */
  readonly leaseMs: number;
  readonly leaseMargin: number;
}

/** Where the leader stands at the moment of a grant, all of one term. */
export interface GrantBasis {
  /** The end of the log, with what has not been told to anybody yet. */
  readonly lastIndex: Index;
  /** When the last round left that a quorum has acknowledged; null if none has. */
  readonly quorumRoundAt: number | null;
}

interface Grant {
  /** Invariant: what is above waits for this gateway while the grant lasts; it has confirmed the rest, or need not. */
  waitsAbove: Index;
  /** From then on nobody serves under it; only later ones take its place. */
  endsAt: number;
  /** Oldest first: what was sent since the grant began and is not confirmed. */
  unconfirmed: { readonly to: Index; readonly at: number }[];
}

/** What is left of less would be over before it is of use. */
const leaseMsMin = 20;

export class Grants<Holder> {
  readonly #options: GrantsOptions;
  /** Those that may still last. */
  readonly #grants = new Map<Holder, Grant>();
  /** What began before counts for nothing: since then the clocks disagree on how long it lasted. */
  #voidBefore = Number.NEGATIVE_INFINITY;

  constructor(options: GrantsOptions) {
    this.#options = options;
  }

  /** Another term, or none: what was granted in the old one is waited for by whoever leads next. */
  clear(): void {
    this.#grants.clear();
  }

  /** A round, or an invalidation, from before `now` is not to be built on any more. */
  distrustBefore(now: number): void {
    this.#voidBefore = now;
  }

  /**
   * For how long, from the moment it asked, the gateway may serve without asking again; null if not at all. Of use to it
   * once it has been told of the log up to `basis.lastIndex`.
   */
  grant(holder: Holder, { lastIndex, quorumRoundAt }: GrantBasis, now: number): number | null {
    this.#dropEnded(now);
    const grant = this.#grants.get(holder) ?? { waitsAbove: lastIndex, endsAt: now, unconfirmed: [] };
    // A gateway that is silent delays a write by one lease, and no longer.
    const oldestUnconfirmedAt = grant.unconfirmed[0]?.at ?? Number.POSITIVE_INFINITY;
    const beganAt = Math.min(quorumRoundAt ?? Number.NEGATIVE_INFINITY, oldestUnconfirmedAt);
    if (beganAt <= this.#voidBefore) return null;
    const leaseMs = Math.floor(beganAt + this.#options.leaseMs - now);
    if (leaseMs < leaseMsMin) return null;
    grant.endsAt = Math.max(grant.endsAt, now + leaseMs * (1 + this.#options.leaseMargin));
    this.#grants.set(holder, grant);
    return leaseMs;
  }

  /** The gateway is being told of the log up to `to`. */
  told(holder: Holder, to: Index, now: number): void {
    const grant = this.#grants.get(holder);
    if (grant === undefined || to <= (grant.unconfirmed.at(-1)?.to ?? grant.waitsAbove)) return;
    if (now >= grant.endsAt) this.#grants.delete(holder);
    else grant.unconfirmed.push({ to, at: now });
  }

  /** The gateway has taken in what it was told of this term's log up to `through`. */
  confirmed(holder: Holder, through: Index): void {
    const grant = this.#grants.get(holder);
    if (grant === undefined || through <= grant.waitsAbove) return;
    grant.waitsAbove = through;
    const later = grant.unconfirmed.findIndex(({ to }) => to > through);
    grant.unconfirmed.splice(0, later < 0 ? grant.unconfirmed.length : later);
  }

  /** The gateway serves under no grant any more, and says so. */
  released(holder: Holder): void {
    this.#grants.delete(holder);
  }

  /** How far the log may be published; Infinity if nothing waits for anybody. */
  publishLimit(now: number): number {
    this.#dropEnded(now);
    let limit = Number.POSITIVE_INFINITY;
    for (const { waitsAbove } of this.#grants.values()) limit = Math.min(limit, waitsAbove);
    return limit;
  }

  /** When `publishLimit` may rise by itself; null if nothing is granted. */
  nextEndAt(): number | null {
    let next: number | null = null;
    for (const { endsAt } of this.#grants.values()) next = Math.min(next ?? endsAt, endsAt);
    return next;
  }

  #dropEnded(now: number): void {
    for (const [holder, { endsAt }] of this.#grants) if (now >= endsAt) this.#grants.delete(holder);
  }
}
