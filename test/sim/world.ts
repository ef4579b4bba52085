/** Everything there is in a run: processes, disks, network, clients, and the oracle that sees all of it. */
import type { Logger } from '../../src/logger.ts';
import { raftConstants } from '../../src/raft/constants.ts';
import { Catalog } from './catalog/catalog.ts';
import { HarmableDisk } from './disk-harm.ts';
import { SimGateway } from './gateway.ts';
import { watchGateways } from './gateway-probes.ts';
import { SimHttp } from './http.ts';
import { Kernel } from './kernel.ts';
import type { Life } from './life.ts';
import { clusterOf } from './members.ts';
import { SimNetwork } from './network.ts';
import type { Plan } from './plan.ts';
import { Probes } from './probes.ts';
import { RaftOracle } from './raft-oracle.ts';
import { streamOf } from './random.ts';
import { SimReplica } from './replica.ts';
import { Workload } from './workload.ts';

/** A calm run of 30 virtual seconds has some 50,000. */
const eventsMax = 3_000_000;

export class World {
  readonly probes = new Probes();
  readonly kernel: Kernel;
  readonly network: SimNetwork;
  readonly oracle: RaftOracle;
  readonly replicas: readonly SimReplica[];
  readonly gateways: readonly SimGateway[];
  readonly workload: Workload;
  /** Null: nobody asks for what is of the catalog. */
  readonly catalog: Catalog | null;
  /** What happened, for a person. */
  readonly timeline: string[] = [];

  constructor(plan: Plan) {
    const { seed } = plan;
    const { probes } = this;
    watchGateways(probes);
    this.kernel = new Kernel({ eventsMax, afterEvent: (life) => this.#afterEvent(life) });
    const { kernel } = this;
    const cluster = clusterOf(plan.replicas, plan.gateways);
    this.network = new SimNetwork({
      kernel,
      probes,
      random: streamOf(seed, 'network'),
      conditions: plan.network,
    });
    const disks = new Map(
      cluster.replicas.map(({ id }) => [
        id,
        new HarmableDisk({ kernel, probes, random: streamOf(seed, `disk/${id}`), conditions: plan.disk }),
      ]),
    );
    this.oracle = new RaftOracle({
      probes,
      trace: kernel.trace,
      disks: new Map(
        [...disks].map(([id, disk]) => [
          id,
          { durableLogRow: (key: Uint8Array) => disk.durableRow(`/${id}/log`, key) },
        ]),
      ),
    });
    const common = {
      seed,
      kernel,
      network: this.network,
      cluster,
      log: this.#logger(),
      rateOf: (id: string) => plan.clockRates[id] ?? 1,
    };
    const { oracle } = this;
    const constants = { ...raftConstants, ...plan.raft };
    const context = {
      ...{ ...common, constants, oracle, note: (line: string) => this.note(line) },
      wallOf: (id: string) => plan.catalog?.wallMs[id] ?? 0,
      onApplied: (appliedIndex: number) => this.catalog?.applied(appliedIndex),
    };
    this.replicas = [...disks].map(([id, disk]) => new SimReplica(id, disk, context));
    this.gateways = cluster.gateways.map(({ id }) => new SimGateway(id, { ...common, caching: plan.caching }));
    this.workload = new Workload({
      plan: plan.workload,
      kernel,
      http: new SimHttp({ kernel, network: this.network, random: streamOf(seed, 'http') }),
      gateways: this.gateways,
      replicaIds: this.replicas.map(({ id }) => id),
      random: streamOf(seed, 'workload'),
      staleRandom: streamOf(seed, 'stale reads'),
      probes,
    });
    const { gateways } = this;
    const options = { kernel, gateways, random: streamOf(seed, 'catalog clients'), probes };
    this.catalog = plan.catalog === undefined ? null : new Catalog({ ...options, plan: plan.catalog });
  }

  get clients(): readonly string[] {
    return this.workload.clients.map(({ id }) => id);
  }

  start(): void {
    for (const replica of this.replicas) replica.start();
    for (const gateway of this.gateways) gateway.start();
    this.workload.start();
    this.catalog?.start();
  }

  /** Who leads in the highest term, as they see it themselves. */
  leader(): SimReplica | null {
    let leader: SimReplica | null = null;
    for (const replica of this.replicas) {
      const { state } = replica;
      if (state?.role.name !== 'leader') continue;
      if (leader === null || state.currentTerm > (leader.state?.currentTerm ?? 0)) leader = replica;
    }
    return leader;
  }

  /** A fault on this replica's disk: it may find that and stop. */
  noteDamage(id: string): void {
    this.replicas.find((replica) => replica.id === id)?.excuse();
    this.oracle.damaged(id);
  }

  note(line: string): void {
    this.timeline.push(`${this.kernel.now.toFixed(0).padStart(6)} ms  ${line}`);
  }

  #afterEvent(life: Life | null): void {
    if (life === null) return;
    const replica = this.replicas.find(({ id }) => id === life.id);
    if (replica?.life === life) replica.afterEvent();
  }

  /** What the product says of rare paths counts as a probe. */
  #logger(): Logger {
    const { probes } = this;
    const say = (message: string) => probes.sometimes(`log: ${message}`);
    return { level: 'info', debug() {}, info: say, warn: say, error: say };
  }
}
