/** How one of several replicas that could all answer a read is chosen. */
import { unreachable } from '../raft/assert.ts';
import type { Random } from '../raft/interfaces.ts';

export const balancePolicies = ['p2c', 'least_loaded', 'round_robin'] as const;

export type BalancePolicy = (typeof balancePolicies)[number];

/** A replica, as far as a choice needs it. */
export interface Candidate {
  /** Among all replicas, from 0. */
  readonly position: number;
  /** Reads that were given to it and are not answered. */
  readonly inFlight: number;
  /** How long its answers take of late; null if none was measured. */
  readonly latencyMs: number | null;
}

export interface ReadPolicy {
  /** One of `candidates`, which are in the order of their positions; null if there is none. */
  choose<Replica extends Candidate>(candidates: readonly Replica[]): Replica | null;
}

export function createReadPolicy(name: BalancePolicy, random: Random): ReadPolicy {
  switch (name) {
    case 'p2c':
      return new BetterOfTwo(random);
    case 'least_loaded':
      return new LeastLoaded();
    case 'round_robin':
      return new RoundRobin();
    default:
      return unreachable(name);
  }
}

/** What is faster than this is as good: the clock and the loop are not finer. Without it, load would count nothing at 0. */
const latencyMsMin = 0.1;

/**
 * Of two at random, the one where the reads that wait take less time. The best of all would be everybody's choice at
 * once: gateways know of their own reads alone.
 */
class BetterOfTwo implements ReadPolicy {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  choose<Replica extends Candidate>(candidates: readonly Replica[]): Replica | null {
    const { length } = candidates;
    if (length < 2) return candidates[0] ?? null;
    const first = Math.floor(this.#random.next() * length);
    const skipped = Math.floor(this.#random.next() * (length - 1));
    const second = skipped < first ? skipped : skipped + 1;
    const [one, other] = [candidates[first] as Replica, candidates[second] as Replica];
    return costOf(other, candidates) < costOf(one, candidates) ? other : one;
  }
}

function costOf({ inFlight, latencyMs }: Candidate, candidates: readonly Candidate[]): number {
  return (inFlight + 1) * Math.max(latencyMsMin, latencyMs ?? medianLatencyMs(candidates));
}

/** Of those that were measured; where none was, anything does. */
function medianLatencyMs(candidates: readonly Candidate[]): number {
  const measured = candidates.flatMap(({ latencyMs }) => (latencyMs === null ? [] : [latencyMs])).sort((a, b) => a - b);
  return measured[Math.floor((measured.length - 1) / 2)] ?? latencyMsMin;
}

/** Fewest reads in flight; of equals, the next in turn. */
class LeastLoaded implements ReadPolicy {
  #lastPosition = -1;

  choose<Replica extends Candidate>(candidates: readonly Replica[]): Replica | null {
    const fewest = Math.min(...candidates.map(({ inFlight }) => inFlight));
    const chosen = nextAfter(
      this.#lastPosition,
      candidates.filter(({ inFlight }) => inFlight === fewest),
    );
    if (chosen !== null) this.#lastPosition = chosen.position;
    return chosen;
  }
}

class RoundRobin implements ReadPolicy {
  #lastPosition = -1;

  choose<Replica extends Candidate>(candidates: readonly Replica[]): Replica | null {
    const chosen = nextAfter(this.#lastPosition, candidates);
    if (chosen !== null) this.#lastPosition = chosen.position;
    return chosen;
  }
}

function nextAfter<Replica extends Candidate>(position: number, candidates: readonly Replica[]): Replica | null {
  return candidates.find((candidate) => candidate.position > position) ?? candidates[0] ?? null;
}
