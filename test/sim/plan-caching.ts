/** How the gateways of a run keep answers and give out reads, and how clients read: what makes caches matter. */
import { type CachePolicy, cachePolicies } from '../../src/gateway/cache/policy.ts';
import type { CoherenceMode } from '../../src/gateway/reader.ts';
import { type BalancePolicy, balancePolicies } from '../../src/store/read-policy.ts';
import type { SeededRandom } from './random.ts';

/** The same at all gateways. */
export interface CachingPlan {
  readonly coherence: CoherenceMode;
  readonly cacheBytes: number;
  readonly policy: CachePolicy;
  /** Of answers to a key, and of lists; null: age alone ends none. */
  readonly ttlMs: number | null;
  readonly balance: BalancePolicy;
}

/** How much a client does it, apart from the mix of operations. */
export interface ReadingPlan {
  /** Each key is asked for so many times as often as the next one. */
  readonly skew: number;
  /** How often whoever has read a thing, or written it, reads it once more, a moment later. */
  readonly againProbability: number;
  /** Until then, on average. */
  readonly againMs: number;
  /** Of reads of a key: HEAD, or If-None-Match. */
  readonly formProbability: number;
  /** Of reads: Cache-Control. */
  readonly directiveProbability: number;
}

export const usualCaching: CachingPlan = {
  coherence: 'lease',
  cacheBytes: 1024 * 1024,
  policy: 'sieve',
  ttlMs: null,
  balance: 'p2c',
};

/** Without what `usualReading` leaves out, a run has few hits. */
export const usualReading: ReadingPlan = {
  skew: 1,
  againProbability: 0,
  againMs: 1,
  formProbability: 0,
  directiveProbability: 0,
};

const offProbability = 0.06;
/** Of the others. */
const leaseProbability = 0.75;
const smallProbability = 0.3;
const ageProbability = 0.2;

/** `clocksAgree`: no two of the cluster's run at rates that differ by more than leases allow for. */
export function drawCaching(random: SeededRandom, clocksAgree: boolean): CachingPlan {
  return {
    coherence: random.chance(offProbability)
      ? 'off'
      : clocksAgree && random.chance(leaseProbability)
        ? 'lease'
        : 'validate',
    // An entry takes some 900 bytes, and no more than an eighth: from none to a score of small values.
    cacheBytes: random.chance(smallProbability) ? random.integer(7_000, 24_000) : usualCaching.cacheBytes,
    policy: random.pick(cachePolicies),
    ttlMs: random.chance(ageProbability) ? random.integer(50, 5_000) : null,
    balance: random.pick(balancePolicies),
  };
}

export function drawReading(random: SeededRandom): ReadingPlan {
  return {
    skew: random.between(1, 3),
    againProbability: random.between(0.5, 0.8),
    againMs: random.pick([2, 20, 60]),
    formProbability: random.between(0, 0.4),
    directiveProbability: random.between(0, 0.15),
  };
}
