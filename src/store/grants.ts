/**
 * The leader's book of leases (DESIGN-leases.md): which gateways may serve from memory without asking, until when, and
 * how far the log may be published meanwhile. Pure: times are the caller's, on one monotonic clock.
 */
import type { Index } from '../raft/types.ts';

export interface GrantsOptions<Holder> {
  /** As in RaftConstants. */
  readonly leaseMs: number;
  readonly leaseMargin: number;
  /** Told in the turn in which it is found out; must not call back. */
  readonly observer: GrantsObserver<Holder>;
}

/** How gateways behave under their grants. */
export interface GrantsObserver<Holder> {
  /** Of the time in which what was committed waited for nothing else than grants, so much more for this one, in milliseconds. */
  waited(holder: Holder, milliseconds: number): void;
  /** It confirmed what had been committed for `lagMs`; 0 if it was not. */
  confirmed(holder: Holder, lagMs: number): void;
  /** Its grant ended while something committed waited for it. */
  silent(holder: Holder): void;
}

/** Where the leader stands at the moment of a grant, all of one term. */
export interface GrantBasis {
  /** The end of the log, with what has not been told to anybody yet. */
  readonly lastIndex: Index;
  /** When the gateway was heard to ask: a quorum has acknowledged a round that left since. */
  readonly askedAt: number;
}

interface Grant {
  /** Invariant: what is above waits for this gateway while the grant lasts; it has confirmed the rest, or need not. */
  waitsAbove: Index;
  /** From then on nobody serves under it; only later ones take its place. */
  endsAt: number;
  /** Oldest first: what was sent since the grant began and is not confirmed. */
  readonly unconfirmed: Unconfirmed[];
  /** Up to here the time in which something waited is counted. */
  countedTo: number;
  /** Its gateway will say nothing more. */
  isGone: boolean;
}

interface Unconfirmed {
  readonly to: Index;
  readonly at: number;
  /** When all of it was, as far as is known; null before. */
  committedAt: number | null;
}

/** What is left of less would be over before it is of use. */
const leaseMsMin = 20;
/** Whoever finds only so much later that a grant has ended stood still itself, and may not have heard what was said. */
const noticedMsMax = 25;

export class Grants<Holder> {
  readonly #options: GrantsOptions<Holder>;
  /** Those that may still last. */
  readonly #grants = new Map<Holder, Grant>();
  /** What those whose grant ended too early for them must confirm before they get another one. */
  readonly #owed = new Map<Holder, Index>();
  /** Whichever term it is, it never falls. */
  #committed = 0;

  constructor(options: GrantsOptions<Holder>) {
    this.#options = options;
  }

  /** Another term, or none: what was granted in the old one is waited for by whoever leads next. */
  clear(): void {
    this.#grants.clear();
    this.#owed.clear();
  }

  /** How many may still last. */
  get size(): number {
    return this.#grants.size;
  }

  /**
   * For how long, from the moment it asked, the gateway may serve without asking again; null if not at all. Of use to it
   * once it has been told of the log up to `basis.lastIndex`.
   */
  grant(holder: Holder, { lastIndex, askedAt }: GrantBasis, now: number): number | null {
    this.#dropEnded(now);
    if (this.#owed.has(holder)) return null;
    const grant = this.#grants.get(holder) ?? {
      waitsAbove: lastIndex,
      endsAt: now,
      unconfirmed: [],
      countedTo: now,
      isGone: false,
    };
    // A gateway that is silent delays a write by one lease, and no longer.
    const oldestUnconfirmedAt = grant.unconfirmed[0]?.at ?? Number.POSITIVE_INFINITY;
    const leaseMs = Math.floor(Math.min(askedAt, oldestUnconfirmedAt) + this.#options.leaseMs - askedAt);
    if (askedAt + leaseMs - now < leaseMsMin) return null;
    grant.endsAt = Math.max(grant.endsAt, askedAt + leaseMs * (1 + this.#options.leaseMargin));
    this.#grants.set(holder, grant);
    return leaseMs;
  }

  /** The gateway is being told of the log up to `to`. */
  told(holder: Holder, to: Index, now: number): void {
    const grant = this.#grants.get(holder);
    if (grant === undefined || to <= (grant.unconfirmed.at(-1)?.to ?? grant.waitsAbove)) return;
    if (now >= grant.endsAt) this.#end(holder, grant, now);
    else grant.unconfirmed.push({ to, at: now, committedAt: null });
  }

  /** A quorum has the log up to `through`: from now on what is unconfirmed waits for gateways alone. */
  committed(through: Index, now: number): void {
    if (through <= this.#committed) return;
    for (const { unconfirmed } of this.#grants.values()) {
      for (const each of unconfirmed) {
        if (each.to > through) break;
        each.committedAt ??= now;
      }
    }
    this.#committed = through;
  }

  /** The gateway has taken in what it was told of this term's log up to `through`. */
  confirmed(holder: Holder, through: Index, now: number): void {
    if (through >= (this.#owed.get(holder) ?? Number.POSITIVE_INFINITY)) this.#owed.delete(holder);
    const grant = this.#grants.get(holder);
    if (grant === undefined || through <= grant.waitsAbove) return;
    grant.waitsAbove = through;
    const [oldest] = grant.unconfirmed;
    this.#countWait(holder, grant, now);
    const later = grant.unconfirmed.findIndex(({ to }) => to > through);
    grant.unconfirmed.splice(0, later < 0 ? grant.unconfirmed.length : later);
    if (oldest === undefined || oldest.to > through) return;
    this.#options.observer.confirmed(holder, oldest.committedAt === null ? 0 : now - oldest.committedAt);
  }

  /** The gateway serves under no grant any more, and says so. */
  released(holder: Holder, now: number): void {
    const grant = this.#grants.get(holder);
    this.#owed.delete(holder);
    if (grant === undefined) return;
    this.#countWait(holder, grant, now);
    this.#grants.delete(holder);
  }

  /** The gateway will say nothing more. What it was granted lasts. */
  gone(holder: Holder): void {
    this.#owed.delete(holder);
    const grant = this.#grants.get(holder);
    if (grant !== undefined) grant.isGone = true;
  }

  /** Whether it gets no grant before it has confirmed what it was told under the last one. */
  owes(holder: Holder): boolean {
    return this.#owed.has(holder);
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
    for (const [holder, grant] of this.#grants) if (now >= grant.endsAt) this.#end(holder, grant, now);
  }

  #end(holder: Holder, grant: Grant, now: number): void {
    this.#grants.delete(holder);
    this.#countWait(holder, grant, grant.endsAt);
    const last = grant.unconfirmed.at(-1);
    if (last !== undefined && !grant.isGone) this.#owed.set(holder, last.to);
    const isWaitedFor = typeof grant.unconfirmed[0]?.committedAt === 'number';
    if (isWaitedFor && now - grant.endsAt < noticedMsMax) this.#options.observer.silent(holder);
  }

  #countWait(holder: Holder, grant: Grant, until: number): void {
    const since = Math.max(grant.unconfirmed[0]?.committedAt ?? until, grant.countedTo);
    if (until <= since) return;
    grant.countedTo = until;
    this.#options.observer.waited(holder, until - since);
  }
}
