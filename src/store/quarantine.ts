/**
 * Which gateways get no leases for a while, as writes have waited for them (DESIGN-leases.md), and how long they have.
 * Pure: times are the caller's, on one monotonic clock. By the gateway's name: a new connection forgives nothing.
 */

/**
 * `late`: what a gateway confirms, a quorum of replicas has had for long. `silent`: its grant ended while writes waited for
 * nothing else than a word from it.
 */
export type Misconduct = 'late' | 'silent';

export interface QuarantineConstants {
  /** How long after a quorum a gateway may confirm. More than a pause of its garbage collector, less than a person notices. */
  readonly lateMs: number;
  /** Late are the confirmations of a gateway of which more than this part are, over the time after it, and at least so many. */
  readonly lateShareMax: number;
  readonly windowSeconds: number;
  /** Where little is written a single hiccup is a large part. */
  readonly lateCountMin: number;
  /** For the first time it gets none for so long, then for twice as long each time, up to the second. */
  readonly exclusionMsMin: number;
  readonly exclusionMsMax: number;
  /** Whoever has behaved for so long after an exclusion begins with the shortest again. */
  readonly forgivenAfterMs: number;
}

export const quarantineConstants: QuarantineConstants = {
  lateMs: 50,
  lateShareMax: 0.1,
  windowSeconds: 5,
  lateCountMin: 3,
  exclusionMsMin: 1000,
  exclusionMsMax: 30_000,
  forgivenAfterMs: 60_000,
};

export interface Refusal {
  readonly cause: Misconduct;
  /** From now on. */
  readonly forMs: number;
}

/** What is known of a gateway, since this replica started. */
export interface GatewayConduct {
  readonly id: string;
  /** How long writes that nothing else held up have waited for it. */
  readonly waitedMs: number;
  readonly excluded: boolean;
  readonly exclusions: Readonly<Record<Misconduct, number>>;
}

interface Conduct {
  waitedMs: number;
  readonly exclusions: Record<Misconduct, number>;
  /** Of the present exclusion, or the last one. */
  cause: Misconduct;
  excludedUntil: number;
  /** In a row. */
  strikes: number;
  recent: RecentConfirmations;
}

export class Quarantine {
  readonly #constants: QuarantineConstants;
  /** As many as the cluster has gateways. */
  readonly #conducts = new Map<string, Conduct>();

  /** `gateways`: those that are known from the start. */
  constructor(gateways: readonly string[], constants: QuarantineConstants = quarantineConstants) {
    this.#constants = constants;
    for (const gateway of gateways) this.#conductOf(gateway);
  }

  waited(gateway: string, milliseconds: number): void {
    this.#conductOf(gateway).waitedMs += milliseconds;
  }

  /** It confirmed what a quorum had had for `lagMs`, 0 if none had yet. The answer: what follows from that, if anything. */
  confirmed(gateway: string, lagMs: number, now: number): Refusal | null {
    const { lateMs, lateShareMax, lateCountMin } = this.#constants;
    const conduct = this.#conductOf(gateway);
    if (now < conduct.excludedUntil) return null;
    const { recent } = conduct;
    recent.add(lagMs > lateMs, now);
    const { count, lateCount } = recent.within(now);
    return lateCount >= lateCountMin && lateCount > lateShareMax * count ? this.#exclude(conduct, 'late', now) : null;
  }

  /** Its grant has ended, writes waiting for it. */
  silent(gateway: string, now: number): Refusal | null {
    const conduct = this.#conductOf(gateway);
    return now < conduct.excludedUntil ? null : this.#exclude(conduct, 'silent', now);
  }

  /** Null if it may have a lease. */
  refusal(gateway: string, now: number): Refusal | null {
    const { cause, excludedUntil } = this.#conductOf(gateway);
    return now < excludedUntil ? { cause, forMs: Math.ceil(excludedUntil - now) } : null;
  }

  conducts(now: number): readonly GatewayConduct[] {
    return Array.from(this.#conducts, ([id, { waitedMs, exclusions, excludedUntil }]) => {
      return { id, waitedMs, exclusions, excluded: now < excludedUntil };
    });
  }

  /** One exclusion for all that happens until its end: what was granted before it runs out meanwhile. */
  #exclude(conduct: Conduct, cause: Misconduct, now: number): Refusal {
    const { exclusionMsMin, exclusionMsMax, forgivenAfterMs, windowSeconds } = this.#constants;
    const isForgiven = now >= conduct.excludedUntil + forgivenAfterMs;
    conduct.strikes = isForgiven ? 1 : conduct.strikes + 1;
    const forMs = Math.min(exclusionMsMin * 2 ** (conduct.strikes - 1), exclusionMsMax);
    conduct.cause = cause;
    conduct.excludedUntil = now + forMs;
    conduct.exclusions[cause] += 1;
    conduct.recent = new RecentConfirmations(windowSeconds);
    return { cause, forMs };
  }

  #conductOf(gateway: string): Conduct {
    const known = this.#conducts.get(gateway);
    if (known !== undefined) return known;
    const conduct: Conduct = {
      ...{ waitedMs: 0, exclusions: { late: 0, silent: 0 }, cause: 'late', strikes: 0 },
      ...{ excludedUntil: Number.NEGATIVE_INFINITY, recent: new RecentConfirmations(this.#constants.windowSeconds) },
    };
    this.#conducts.set(gateway, conduct);
    return conduct;
  }
}

interface Second {
  second: number;
  count: number;
  lateCount: number;
}

/** Counts of the last seconds. */
class RecentConfirmations {
  /** Each second has the place of the one that left the window when it began. */
  readonly #seconds: readonly Second[];

  constructor(windowSeconds: number) {
    this.#seconds = Array.from({ length: windowSeconds }, () => ({ second: -1, count: 0, lateCount: 0 }));
  }

  add(isLate: boolean, now: number): void {
    const second = Math.floor(now / 1000);
    const place = this.#seconds[second % this.#seconds.length] as Second;
    if (place.second !== second) Object.assign(place, { second, count: 0, lateCount: 0 });
    place.count += 1;
    if (isLate) place.lateCount += 1;
  }

  within(now: number): { readonly count: number; readonly lateCount: number } {
    const oldest = Math.floor(now / 1000) - this.#seconds.length;
    let [count, lateCount] = [0, 0];
    for (const place of this.#seconds) {
      if (place.second <= oldest) continue;
      count += place.count;
      lateCount += place.lateCount;
    }
    return { count, lateCount };
  }
}
