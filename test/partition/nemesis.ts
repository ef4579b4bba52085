/** Injects faults into a healthy cluster, one round after the other, and undoes them. */
import { setTimeout as sleep } from 'node:timers/promises';
import { unreachable } from '../../src/raft/assert.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { streamOf } from '../sim/random.ts';
import { Deck, describe, type Fault, type FaultKind, leavesService, nameOf, planRound } from './round.ts';
import type { Shape } from './shapes.ts';
import type { Tally } from './tally.ts';
import type { Watch } from './watch.ts';

export interface NemesisOptions {
  readonly cluster: Cluster;
  readonly tally: Tally;
  readonly watch: Watch;
  readonly seed: number;
  readonly kinds: readonly FaultKind[];
  readonly shapes: readonly Shape[];
  /** A cluster is healthy when it does work, too. */
  readonly acknowledgedPerSecondMin: number;
  /** Throws when something has been found that makes going on pointless. */
  readonly assertSound: () => void;
}

/** Times are milliseconds from the beginning of the run. */
export interface RoundRecord {
  readonly faults: FaultRecord[];
  /** Writes could go on all the time, as far as the faults are concerned. */
  readonly leftService: boolean;
  /** From the end of the last fault to the answer to the first acknowledged write that was asked after it. */
  writtenAfterHealMs: number | null;
}

export interface FaultRecord {
  /** Such as `cut halves`. */
  readonly name: string;
  readonly description: string;
  readonly injectedAtMs: number;
  endedAtMs: number | null;
  /** It met a healthy cluster; other faults come while one lasts. */
  readonly counted: boolean;
  /** From the fault to the answer to the first acknowledged write that was asked after it. */
  writtenAfterMs: number | null;
}

const healthTimeoutMs = 60_000;

export class Nemesis {
  readonly rounds: RoundRecord[] = [];
  /** In words, for the one who waits. */
  activity = 'waiting for a healthy cluster';
  readonly #options: NemesisOptions;

  constructor(options: NemesisOptions) {
    this.#options = options;
  }

  /** Resolves when the time is up and everything is whole again; rejects when it does not become so, or is stopped. */
  async run(lengthMs: number, stop: AbortSignal): Promise<void> {
    const { cluster, tally, seed, kinds, shapes } = this.#options;
    const random = streamOf(seed, 'nemesis');
    const decks = { first: new Deck(kinds, shapes, random), company: new Deck(kinds, shapes, random) };
    for (;;) {
      const leader = await this.#untilHealthy(stop);
      if (tally.now() >= lengthMs) return;
      const members = { replicas: cluster.replicas, gateways: cluster.gateways, leader };
      const faults = planRound(decks, members, random);
      const round: RoundRecord = { faults: [], leftService: leavesService(faults, members), writtenAfterHealMs: null };
      this.rounds.push(round);
      this.activity = faults.map(describe).join(' & ');
      const ends = await Promise.allSettled(faults.map((fault) => this.#carryOut(fault, round, stop)));
      for (const end of ends) if (end.status === 'rejected') throw end.reason;
      tally.onNextAcknowledged((afterMs) => {
        round.writtenAfterHealMs = afterMs;
      });
      this.activity = 'waiting for a healthy cluster';
    }
  }

  /** Since nothing is broken any more, that is; gives the leader. */
  async #untilHealthy(stop: AbortSignal): Promise<string> {
    const { cluster, tally, watch, acknowledgedPerSecondMin, assertSound } = this.#options;
    const wholeSinceMs = tally.now();
    return await cluster.waitFor(
      () => {
        stop.throwIfAborted();
        assertSound();
        return tally.recentlyAcknowledged(wholeSinceMs) >= acknowledgedPerSecondMin ? watch.agreedLeader() : null;
      },
      {
        description: `the cluster to be healthy: one leader, and ${acknowledgedPerSecondMin} writes a second`,
        timeoutMs: healthTimeoutMs,
        detail: () => `${tally.recentlyAcknowledged(wholeSinceMs)} writes in the last second; ${watch.describe()}`,
      },
    );
  }

  async #carryOut(fault: Fault, round: RoundRecord, stop: AbortSignal): Promise<void> {
    const { tally } = this.#options;
    const signal = { signal: stop };
    if (fault.startMs > 0) await sleep(fault.startMs, undefined, signal);
    await this.#inject(fault);
    const record: FaultRecord = {
      name: nameOf(fault),
      description: describe(fault),
      injectedAtMs: tally.now(),
      endedAtMs: null,
      counted: fault.startMs === 0,
      writtenAfterMs: null,
    };
    round.faults.push(record);
    tally.onNextAcknowledged((afterMs) => {
      record.writtenAfterMs = afterMs;
    });
    await sleep(fault.endMs - fault.startMs, undefined, signal);
    await this.#undo(fault);
    record.endedAtMs = tally.now();
  }

  async #inject(fault: Fault): Promise<void> {
    const { cluster } = this.#options;
    switch (fault.kind) {
      case 'cut':
        await cluster.cutLinks(fault.cut.links);
        return;
      case 'kill':
        await Promise.all(fault.victims.map((victim) => cluster.kill(victim)));
        return;
      case 'pause':
        for (const victim of fault.victims) cluster.pause(victim);
        return;
      default:
        unreachable(fault);
    }
  }

  async #undo(fault: Fault): Promise<void> {
    const { cluster } = this.#options;
    switch (fault.kind) {
      case 'cut':
        await cluster.heal();
        return;
      case 'kill':
        await Promise.all(fault.victims.map((victim) => cluster.start(victim)));
        return;
      case 'pause':
        for (const victim of fault.victims) cluster.resume(victim);
        return;
      default:
        unreachable(fault);
    }
  }
}
