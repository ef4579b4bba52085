/**
 * Every metric of Bazar. A process has one registry, a gateway's or a replica's. Label values come from small fixed
 * sets: never a key, an address, or anything a client sent.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

export interface MetricsOptions {
  readonly version: string;
  /** The process and Node metrics; they cost timers and observers. */
  readonly processMetrics?: boolean;
}

export interface RenderedMetrics {
  readonly contentType: string;
  readonly body: string;
}

/** Seconds. */
const requestBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const syncBuckets = Array.from({ length: 14 }, (_, exponent) => 0.001 * 2 ** exponent);
const batchBuckets = Array.from({ length: 14 }, (_, exponent) => 2 ** exponent);

function createRegistry({ version, processMetrics = true }: MetricsOptions): Registry {
  const registry = new Registry();
  new Gauge({
    name: 'bazar_build_info',
    help: 'Always 1; says what runs.',
    labelNames: ['version', 'node_version'],
    registers: [registry],
  }).set({ version, node_version: process.versions.node }, 1);
  if (processMetrics) collectDefaultMetrics({ register: registry });
  return registry;
}

async function render(registry: Registry): Promise<RenderedMetrics> {
  return { contentType: registry.contentType, body: await registry.metrics() };
}

/** The shape of what a store client reports of each attempt. */
export interface Attempt {
  readonly replica: string;
  readonly operation: 'read' | 'write' | 'readIndex';
  readonly outcome: 'ok' | 'refused' | 'failed';
  /** Commands or queries in the message; 1 for a read index. */
  readonly count: number;
  readonly seconds: number;
}

export interface GatewayMetricsOptions extends MetricsOptions {
  /** Asked at every scrape. */
  readonly replicas: () => readonly { readonly id: string; readonly healthy: boolean }[];
}

export type GatewayMetrics = ReturnType<typeof createGatewayMetrics>;

/** Is itself the observer of the gateway's store client. */
export function createGatewayMetrics(options: GatewayMetricsOptions) {
  const registry = createRegistry(options);
  const registers = [registry];
  const requestLabels = ['route', 'method', 'code'] as const;

  const requestSeconds = new Histogram({
    name: 'bazar_http_request_duration_seconds',
    help: 'From the head of a request to the end of its response.',
    labelNames: requestLabels,
    buckets: requestBuckets,
    registers,
  });
  const requests = bindLabels((route: string, method: string, code: string) => {
    const labels = { route, method, code };
    return { labels, seconds: requestSeconds.labels(labels), total: 0 };
  });
  new Counter({
    name: 'bazar_http_requests_total',
    help: 'Requests that ended; code 499 if the client did not wait for the response.',
    labelNames: requestLabels,
    registers,
    collect() {
      this.reset();
      for (const { labels, total } of requests.all()) this.inc(labels, total);
    },
  });
  let inFlight = 0;
  new Gauge({
    name: 'bazar_http_requests_in_flight',
    help: 'Requests that have begun and not ended.',
    registers,
    collect() {
      this.set(inFlight);
    },
  });

  const attemptSeconds = new Histogram({
    name: 'bazar_gateway_replica_request_duration_seconds',
    help: 'How long a replica took to answer a message.',
    labelNames: ['replica', 'operation'],
    buckets: requestBuckets,
    registers,
  });
  const attemptsTotal = new Counter({
    name: 'bazar_gateway_replica_requests_total',
    help: 'Reads, writes and questions for a read index sent to a replica; several travel in one message.',
    labelNames: ['replica', 'operation', 'outcome'],
    registers,
  });
  const attempts = bindLabels((replica: string, attempted: Attempt['operation'], outcome: Attempt['outcome']) => {
    const operation = snakeCase(attempted);
    return {
      seconds: attemptSeconds.labels({ replica, operation }),
      total: attemptsTotal.labels({ replica, operation, outcome }),
    };
  });
  new Gauge({
    name: 'bazar_gateway_replica_healthy',
    help: '1 if the replica is connected and answers.',
    labelNames: ['replica'],
    registers,
    collect() {
      this.reset();
      for (const { id, healthy } of options.replicas()) this.set({ replica: id }, healthy ? 1 : 0);
    },
  });

  return {
    requestBegan(): void {
      inFlight += 1;
    },
    /** `route` is its template. */
    requestEnded(route: string, method: string, code: string, seconds: number): void {
      inFlight -= 1;
      const series = requests.of(route, method, code);
      series.seconds.observe(seconds);
      series.total += 1;
    },
    onAttempt({ replica, operation, outcome, count, seconds }: Attempt): void {
      const series = attempts.of(replica, operation, outcome);
      series.seconds.observe(seconds);
      series.total.inc(count);
    },
    render: () => render(registry),
  };
}

/** Making a labelled child costs more than a request may: each is made once and kept. */
function bindLabels<First extends string, Second extends string, Third extends string, Child>(
  make: (first: First, second: Second, third: Third) => Child,
) {
  const children = new Map<string, Child>();
  return {
    of(first: First, second: Second, third: Third): Child {
      const name = `${first} ${second} ${third}`;
      let child = children.get(name);
      if (child === undefined) {
        child = make(first, second, third);
        children.set(name, child);
      }
      return child;
    },
    all: () => children.values(),
  };
}

const roles = ['follower', 'preCandidate', 'candidate', 'leader'] as const;

/** What the gauges of a replica show. */
export interface ReplicaGauges {
  readonly role: (typeof roles)[number];
  readonly state: 'normal' | 'recovering';
  readonly term: number;
  readonly lastIndex: number;
  readonly commitIndex: number;
  readonly publishIndex: number;
  readonly appliedIndex: number;
  readonly leaderChanges: number;
}

const proposalOutcomes = {
  done: 'done',
  notLeader: 'not_leader',
  overloaded: 'overloaded',
  invalid: 'invalid',
  diskFull: 'disk_full',
  unknown: 'unknown',
} as const;

const touchedKinds = ['key'] as const;

const readIndexOutcomes = ['confirmed', 'unavailable'] as const;

export type ReplicaMetrics = ReturnType<typeof createReplicaMetrics>;

/** `status` is asked once at every scrape, so that all gauges of a scrape, term and leadership above all, agree. */
export function createReplicaMetrics(options: MetricsOptions & { readonly status: () => ReplicaGauges }) {
  const registry = createRegistry(options);
  const registers = [registry];
  const gauge = (name: string, help: string) => new Gauge({ name, help, registers });

  // The registry collects in the order of registration, in one turn: this one sets those after it.
  const term = new Gauge({
    name: 'bazar_raft_term',
    help: 'The current term.',
    registers,
    collect() {
      const status = options.status();
      term.set(status.term);
      isLeader.set(status.role === 'leader' ? 1 : 0);
      for (const role of roles) state.set({ role: snakeCase(role) }, status.role === role ? 1 : 0);
      recovering.set(status.state === 'recovering' ? 1 : 0);
      lastIndex.set(status.lastIndex);
      commitIndex.set(status.commitIndex);
      publishIndex.set(status.publishIndex);
      appliedIndex.set(status.appliedIndex);
      leaderChanges.reset();
      leaderChanges.inc(status.leaderChanges);
    },
  });
  const isLeader = gauge('bazar_raft_is_leader', '1 on the leader.');
  const state = new Gauge({
    name: 'bazar_raft_state',
    help: '1 for the role this replica is in.',
    labelNames: ['role'],
    registers,
  });
  const recovering = gauge('bazar_raft_recovering', '1 while lost log entries are being fetched from the leader.');
  const lastIndex = gauge('bazar_raft_last_index', 'The end of the log.');
  const commitIndex = gauge('bazar_raft_commit_index', 'How far the log is known to be committed.');
  const publishIndex = gauge('bazar_raft_publish_index', 'How far the log may be applied.');
  const appliedIndex = gauge('bazar_raft_applied_index', 'How far the log has been applied.');
  const leaderChanges = new Counter({
    name: 'bazar_raft_leader_changes_total',
    help: 'Leaders this replica has seen come, since it started.',
    registers,
  });

  const logAppendSeconds = new Histogram({
    name: 'bazar_raft_log_append_seconds',
    help: 'How long a batch of the log took to be durable.',
    buckets: syncBuckets,
    registers,
  });
  const logBatchEntries = new Histogram({
    name: 'bazar_raft_log_batch_entries',
    help: 'Entries in a durable batch of the log.',
    buckets: batchBuckets,
    registers,
  });
  const applyBatchEntries = new Histogram({
    name: 'bazar_store_apply_batch_entries',
    help: 'Entries applied in one batch.',
    buckets: batchBuckets,
    registers,
  });
  const undeclaredTouches = new Counter({
    name: 'bazar_store_undeclared_touches_total',
    help: 'Changes that a command made and did not declare; each may have left something stale in a cache.',
    labelNames: ['kind'],
    registers,
  });
  const proposals = new Counter({
    name: 'bazar_raft_proposals_total',
    help: 'Commands that gateways asked this replica to write.',
    labelNames: ['outcome'],
    registers,
  });
  const readIndexes = new Counter({
    name: 'bazar_raft_read_index_total',
    help: 'Reads that asked for an index they must see.',
    labelNames: ['outcome'],
    registers,
  });
  // Series that are there from the start let rates and alerts work from the first minute.
  for (const outcome of Object.values(proposalOutcomes)) proposals.inc({ outcome }, 0);
  for (const kind of touchedKinds) undeclaredTouches.inc({ kind }, 0);
  for (const outcome of readIndexOutcomes) readIndexes.inc({ outcome }, 0);

  return {
    logAppended(entries: number, seconds: number): void {
      logAppendSeconds.observe(seconds);
      logBatchEntries.observe(entries);
    },
    applied(entries: number): void {
      applyBatchEntries.observe(entries);
    },
    undeclaredTouch(kind: (typeof touchedKinds)[number]): void {
      undeclaredTouches.inc({ kind });
    },
    proposed(outcome: keyof typeof proposalOutcomes): void {
      proposals.inc({ outcome: proposalOutcomes[outcome] });
    },
    readIndexed(outcome: (typeof readIndexOutcomes)[number]): void {
      readIndexes.inc({ outcome });
    },
    render: () => render(registry),
  };
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
