/**
 * Which replicas have a turn when reads are given out, and how large a share; DESIGN.md has the states. It is told of the
 * answers to messages that could have gone to any replica: reads, and probes.
 */
import type { Clock } from '../raft/interfaces.ts';

/** In a row, and it is out. */
const failuresMax = 3;
/** In a row, and it is back. */
const successesMin = 2;
const ejectionMs = 1000;
/** In units of `ejectionMs`. */
const levelMax = 30;
/** So long in turn, and one ejection is forgotten. */
const forgetMs = 30_000;
const slowStartMs = 10_000;
/** Of the choices that one takes part in which has just come back, or would be out if enough others were in turn. */
const shareMin = 0.1;

type Standing =
  | {
      readonly type: 'inTurn';
      readonly failures: number /** Null if it never was out. */;
      readonly backAt: number | null;
    }
  | { readonly type: 'ejected'; readonly successes: number; readonly until: number };

interface Health {
  standing: Standing;
  /** Messages sent in one epoch say nothing of the next. */
  epoch: number;
  ejections: number;
  /** Of those, what was not forgotten when it was out last: it was out for so many times `ejectionMs`. */
  level: number;
}

export class ReadHealth<Replica extends { readonly healthy: boolean }> {
  readonly #clock: Clock;
  readonly #of: ReadonlyMap<Replica, Health>;
  readonly #majority: number;

  constructor(clock: Clock, replicas: readonly Replica[]) {
    this.#clock = clock;
    this.#of = new Map(replicas.map((replica) => [replica, createHealth()]));
    this.#majority = Math.floor(replicas.length / 2) + 1;
  }

  ejected(replica: Replica): boolean {
    return this.#healthOf(replica).standing.type === 'ejected';
  }

  /** How often it was, ever. */
  ejections(replica: Replica): number {
    return this.#healthOf(replica).ejections;
  }

  /** To be noted when a message is sent, and told with its answer. */
  epoch(replica: Replica): number {
    return this.#healthOf(replica).epoch;
  }

  /** In how many of the choices it takes part, 0.1 to 1. */
  share(replica: Replica): number {
    const { standing } = this.#healthOf(replica);
    if (standing.type === 'ejected') return 1;
    if (standing.failures >= failuresMax) return shareMin;
    if (standing.backAt === null) return 1;
    return Math.min(1, Math.max(shareMin, (this.#clock.now() - standing.backAt) / slowStartMs));
  }

  /** True if it is back. */
  succeeded(replica: Replica, epoch: number): boolean {
    const health = this.#healthOf(replica);
    const { standing } = health;
    if (health.epoch !== epoch) return false;
    if (standing.type === 'inTurn') {
      if (standing.failures > 0) health.standing = { ...standing, failures: 0 };
      return false;
    }
    const successes = standing.successes + 1;
    const now = this.#clock.now();
    const isNeeded = this.#reliable(replica) < this.#majority;
    if (successes < successesMin || (now < standing.until && !isNeeded)) {
      health.standing = { ...standing, successes };
      return false;
    }
    health.standing = { type: 'inTurn', failures: 0, backAt: now };
    health.epoch += 1;
    return true;
  }

  /** True if it is out from now on. */
  failed(replica: Replica, epoch: number): boolean {
    const health = this.#healthOf(replica);
    const { standing } = health;
    if (health.epoch !== epoch) return false;
    if (standing.type === 'ejected') {
      health.standing = { ...standing, successes: 0 };
      return false;
    }
    const failures = standing.failures + 1;
    if (failures < failuresMax || this.#inTurn(replica) < this.#majority) {
      health.standing = { ...standing, failures };
      return false;
    }
    const now = this.#clock.now();
    const forgotten = Math.floor((now - (standing.backAt ?? now)) / forgetMs);
    health.level = Math.min(levelMax, Math.max(0, health.level - forgotten) + 1);
    health.ejections += 1;
    health.epoch += 1;
    health.standing = { type: 'ejected', successes: 0, until: now + health.level * ejectionMs };
    return true;
  }

  /** How many others can be asked. */
  #inTurn(but: Replica): number {
    return this.#countOthers(but, ({ type }) => type === 'inTurn');
  }

  /** How many others can be asked and are not about to be out. */
  #reliable(but: Replica): number {
    return this.#countOthers(but, (standing) => standing.type === 'inTurn' && standing.failures < failuresMax);
  }

  #countOthers(but: Replica, holds: (standing: Standing) => boolean): number {
    let count = 0;
    for (const [replica, { standing }] of this.#of) {
      if (replica !== but && replica.healthy && holds(standing)) count += 1;
    }
    return count;
  }

  #healthOf(replica: Replica): Health {
    return this.#of.get(replica) as Health;
  }
}

function createHealth(): Health {
  return { standing: { type: 'inTurn', failures: 0, backAt: null }, epoch: 0, ejections: 0, level: 0 };
}
