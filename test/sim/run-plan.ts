/**
 * One run: faults and clients for a while (safety), then a quorum is healed and everything has to come right within a
 * bound (liveness); then the history is judged.
 */
import { checkLinearizability } from '../history/linearizability.ts';
import type { Finding, Operation } from '../history/operation.ts';
import { checkReplay } from '../history/replay.ts';
import { checkStaleReads, type StaleReadsOptions, type Standstill } from '../history/stale-reads.ts';
import { decodeCommitted } from './log-decoder.ts';
import { Nemesis } from './nemesis.ts';
import type { Plan } from './plan.ts';
import { withoutTheRealWorld } from './poison.ts';
import type { SimReplica } from './replica.ts';
import { World } from './world.ts';

export interface Failure extends Finding {
  readonly atMs: number;
}

export interface SeedReport {
  readonly seed: number;
  readonly traceHash: string;
  readonly failure: Failure | null;
  readonly virtualMs: number;
  /** Carried out, not only planned. */
  readonly faults: number;
  readonly leaderChanges: number;
  readonly operations: number;
  readonly acknowledged: number;
  readonly unknown: number;
  /** Answered ones; and of them those that a gateway answered from memory. */
  readonly reads: number;
  readonly hits: number;
  readonly events: number;
  readonly probes: Readonly<Record<string, number>>;
  readonly timeline: readonly string[];
}

/** Once a quorum is whole and the network calm, everything is in order again within this time. */
const livenessMs = 15_000;
/** Of that, the last operations may take so long each. */
const attemptMs = 3000;

export async function runPlan(plan: Plan): Promise<SeedReport> {
  const world = new World(plan);
  const nemesis = new Nemesis(world, plan);
  let failure: Failure | null = null;
  try {
    failure = await withoutTheRealWorld(() => runPhases(world, nemesis, plan));
  } catch (error) {
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    failure = { checker: 'invariants', message, giveUp: false, atMs: world.kernel.now };
  }
  const { kernel, oracle, workload, catalog, probes } = world;
  const types = [...workload.operations, ...(catalog?.operations ?? [])].map(({ outcome }) => outcome.type);
  const hitsOfCatalog = catalog?.operations.filter(({ outcome }) => 'isHit' in outcome && outcome.isHit) ?? [];
  const readsOfCatalog = catalog?.operations.filter(({ outcome }) => 'isHit' in outcome) ?? [];
  return {
    seed: plan.seed,
    traceHash: kernel.trace.hash,
    failure,
    virtualMs: kernel.now,
    faults: nemesis.done,
    leaderChanges: oracle.leaderChanges,
    operations: types.length,
    acknowledged: types.filter((type) => type !== 'unknown' && type !== 'notApplied').length,
    unknown: types.filter((type) => type === 'unknown').length,
    reads: workload.reads + readsOfCatalog.length,
    hits: workload.hits + hitsOfCatalog.length,
    events: kernel.events,
    probes: Object.fromEntries(probes.counts),
    timeline: world.timeline,
  };
}

async function runPhases(world: World, nemesis: Nemesis, plan: Plan): Promise<Failure | null> {
  const { kernel, workload } = world;
  world.start();
  nemesis.start();
  await kernel.run(plan.safetyMs);
  const survivors = nemesis.heal();
  world.note('healed');
  workload.stop();
  world.catalog?.stop();
  const ending = new Ending(world, survivors);
  await kernel.run(kernel.now + livenessMs, () => ending.isReached());
  if (!ending.isReached()) {
    return { checker: 'liveness', message: ending.whatIsMissing(), giveUp: false, atMs: kernel.now };
  }
  const missing = (await world.catalog?.comeToRest(ending.meantToRun, livenessMs)) ?? null;
  if (missing !== null) return { checker: 'liveness', message: missing, giveUp: false, atMs: kernel.now };
  const [finding] = judge(world, plan, nemesis.standstills);
  return finding === undefined ? null : { ...finding, atMs: kernel.now };
}

function judge(
  { workload, catalog, oracle }: World,
  plan: Plan,
  standstills: readonly Standstill[],
): readonly Finding[] {
  const operations = inOrder(workload.operations);
  const log = decodeCommitted(oracle.committedLog());
  return [
    ...checkReplay(log, operations),
    ...checkLinearizability(operations),
    ...checkStaleReads(log, operations, workload.staleReads, { ...clocksOf(plan), standstills }),
    ...(catalog?.judge(oracle.committedLog(), Math.max(...ratesOf(plan))) ?? []),
  ];
}

/** How wrong ages may be. A sleep is told by the clock on the wall, but for what is taken for jitter once that is set back. */
function clocksOf(plan: Plan): Omit<StaleReadsOptions, 'standstills'> {
  const lostMs = plan.faults.some((fault) => fault.type === 'gatewayAlone' && fault.wallStepMs !== undefined) ? 2 : 0;
  return { slowestRate: Math.min(...ratesOf(plan)), lostMs };
}

function ratesOf({ clockRates, faults }: Plan): readonly number[] {
  return [1, ...Object.values(clockRates), ...faults.map((fault) => (fault.type === 'clockRate' ? fault.rate : 1))];
}

function inOrder(operations: readonly Operation[]): readonly Operation[] {
  return operations
    .toSorted((a, b) => a.invokedAt - b.invokedAt)
    .map((operation, number) => ({ ...operation, number }));
}

/**
 * What must come after the healing: clients are answered, each gateway takes a write, every replica that was healed and
 * may run answers reads of every key, and all of them have applied the same.
 */
class Ending {
  readonly #world: World;
  readonly #survivors: readonly string[];
  #written = 0;
  #reading = 0;
  #phase: 'clients' | 'writes' | 'replicas' | 'reads' | 'reached' = 'clients';

  constructor(world: World, survivors: readonly string[]) {
    this.#world = world;
    this.#survivors = survivors;
  }

  /** Between two events; takes the next step when the one before is done. */
  isReached(): boolean {
    const { workload, gateways, kernel } = this.#world;
    const fail = (error: unknown) => kernel.fail(error);
    switch (this.#phase) {
      case 'clients':
        if (workload.open + (this.#world.catalog?.open ?? 0) > 0) return false;
        this.#phase = 'writes';
        for (const position of gateways.keys()) this.#write(position).catch(fail);
        return false;
      case 'writes':
        if (this.#written < gateways.length) return false;
        this.#phase = 'replicas';
        return false;
      case 'replicas':
        if (!this.#replicasAgree()) return false;
        this.#phase = 'reads';
        for (const replica of this.meantToRun) this.#read(replica).catch(fail);
        return false;
      case 'reads':
        if (this.#reading > 0) return false;
        this.#phase = 'reached';
        return true;
      case 'reached':
        return true;
    }
  }

  whatIsMissing(): string {
    const { workload, replicas, kernel } = this.#world;
    const told = replicas.map((replica) => {
      const { id, state, refused, status } = replica;
      if (state === null || status === null) return `${id}: down${refused === null ? '' : ` (${refused})`}`;
      const { term, role, lastIndex, commitIndex, appliedIndex, stateDigest, message } = status;
      return (
        `${id}: ${role} in term ${term}, last ${lastIndex}, committed ${commitIndex}, applied ${appliedIndex}, ` +
        `digest ${stateDigest}${message === null ? '' : `, ${message}`}`
      );
    });
    const waits = {
      clients: `${workload.open} operations have no outcome`,
      writes: 'a gateway cannot write',
      replicas: 'the replicas have not come to the same state',
      reads: 'a replica does not answer reads',
      reached: 'nothing',
    } as const;
    return `${kernel.now.toFixed(0)} ms: ${livenessMs} ms after the healing ${waits[this.#phase]}\n${told.join('\n')}`;
  }

  async #write(position: number): Promise<void> {
    const { workload, gateways } = this.#world;
    const [client] = workload.clients;
    const gateway = gateways[position];
    if (client === undefined || gateway === undefined) throw new Error('a run has a client and a gateway');
    for (;;) {
      const value = workload.newValue();
      const request = { type: 'put', key: `end/${gateway.id}`, value, condition: { type: 'none' } } as const;
      const { outcome } = await workload.perform(client, request, { gateway, timeoutMs: attemptMs });
      if (outcome.type === 'answered') break;
    }
    this.#written++;
  }

  /** Each key, at this replica. */
  async #read({ id }: SimReplica): Promise<void> {
    const { workload, gateways } = this.#world;
    const [client] = workload.clients;
    const [gateway] = gateways;
    if (client === undefined || gateway === undefined) throw new Error('a run has a client and a gateway');
    this.#reading++;
    const prefix = this.#world.catalog === null ? '' : 'shelf/';
    const list = { type: 'list', prefix, limit: 1000 } as const;
    for (const request of [list, ...workload.keys.map((key) => ({ type: 'get', key }) as const)]) {
      for (;;) {
        const { outcome } = await workload.perform(client, request, { gateway, timeoutMs: attemptMs, replica: id });
        if (outcome.type === 'answered') break;
      }
    }
    this.#reading--;
  }

  /** All that were healed, but for those that refuse to start for good. */
  get meantToRun(): readonly SimReplica[] {
    return this.#world.replicas.filter(({ id, refused }) => this.#survivors.includes(id) && refused === null);
  }

  #replicasAgree(): boolean {
    const replicas = this.meantToRun;
    const states = replicas.map(({ state }) => state);
    const [first] = states;
    if (first === undefined || first === null) return false;
    const { lastIndex } = first.log;
    const level = states.every(
      (state) => state?.claim === null && state.log.lastIndex === lastIndex && state.publishIndex === lastIndex,
    );
    return level && new Set(replicas.map(({ status }) => `${status?.appliedIndex}/${status?.stateDigest}`)).size === 1;
  }
}
