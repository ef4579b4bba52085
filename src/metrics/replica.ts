/** The metrics of a replica. */
import { Counter, Gauge, Histogram } from 'prom-client';
import {
  addCounter,
  addGauge,
  createRegistry,
  type MetricsOptions,
  type Row,
  render,
  single,
  snakeCase,
} from './registry.ts';

const syncBuckets = Array.from({ length: 14 }, (_, exponent) => 0.001 * 2 ** exponent);
const batchBuckets = Array.from({ length: 14 }, (_, exponent) => 2 ** exponent);

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

/** What a replica tells of the streams that gateways follow. Counts are since it started. */
export interface StreamGauges {
  readonly streams: number;
  readonly messages: number;
  /** Streams that were ended because their gateway did not keep up. */
  readonly congestions: number;
}

const misconducts = ['late', 'silent'] as const;

/** What a replica tells of the leases it grants as the leader. Counts are since it started. */
export interface GrantGauges {
  readonly grants: number;
  readonly gateways: readonly {
    readonly id: string;
    readonly waitedMs: number;
    readonly excluded: boolean;
    readonly exclusions: Readonly<Record<(typeof misconducts)[number], number>>;
  }[];
}

export interface ReplicaMetricsOptions extends MetricsOptions {
  /** Asked once at every scrape, so that all gauges of a scrape, term and leadership above all, agree. */
  readonly status: () => ReplicaGauges;
  readonly streams: () => StreamGauges;
  readonly leases: () => GrantGauges;
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

export function createReplicaMetrics({ status, streams, leases, ...options }: ReplicaMetricsOptions) {
  const registry = createRegistry(options);
  const registers = [registry];
  const gauge = (name: string, help: string) => new Gauge({ name, help, registers });

  // The registry collects in the order of registration, in one turn: this one sets those after it.
  const term = new Gauge({
    name: 'bazar_raft_term',
    help: 'The current term.',
    registers,
    collect() {
      const shown = status();
      term.set(shown.term);
      isLeader.set(shown.role === 'leader' ? 1 : 0);
      for (const role of roles) state.set({ role: snakeCase(role) }, shown.role === role ? 1 : 0);
      recovering.set(shown.state === 'recovering' ? 1 : 0);
      lastIndex.set(shown.lastIndex);
      commitIndex.set(shown.commitIndex);
      publishIndex.set(shown.publishIndex);
      appliedIndex.set(shown.appliedIndex);
      leaderChanges.reset();
      leaderChanges.inc(shown.leaderChanges);
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
  addGauge(registry, {
    name: 'bazar_replica_invalidation_streams',
    help: 'Gateways that this replica, as the leader, tells what its log touches.',
    rows: () => single(streams().streams),
  });
  addCounter(registry, {
    name: 'bazar_replica_invalidation_messages_total',
    help: 'Messages sent over these streams.',
    rows: () => single(streams().messages),
  });
  addCounter(registry, {
    name: 'bazar_replica_invalidation_congestions_total',
    help: 'Streams that were ended because their gateway did not keep up; they begin anew.',
    rows: () => single(streams().congestions),
  });
  addGauge(registry, {
    name: 'bazar_replica_lease_grants',
    help: 'Grants to gateways that this replica, as the leader, waits for.',
    rows: () => single(leases().grants),
  });
  addCounter(registry, {
    name: 'bazar_replica_lease_wait_seconds_total',
    help: 'Time in which writes that a quorum had were not answered yet, as this gateway had not confirmed what they touch.',
    labelNames: ['gateway'],
    rows: () => leases().gateways.map(({ id, waitedMs }): Row => [{ gateway: id }, waitedMs / 1000]),
  });
  addGauge(registry, {
    name: 'bazar_replica_lease_excluded',
    help: '1 while this replica grants a gateway no leases, as writes have waited for it.',
    labelNames: ['gateway'],
    rows: () => leases().gateways.map(({ id, excluded }): Row => [{ gateway: id }, excluded ? 1 : 0]),
  });
  addCounter(registry, {
    name: 'bazar_replica_lease_exclusions_total',
    help: 'How often that began; late gateways confirm too slowly, silent ones let a grant end while writes waited.',
    labelNames: ['gateway', 'cause'],
    rows: () =>
      leases().gateways.flatMap(({ id, exclusions }) =>
        misconducts.map((cause): Row => [{ gateway: id, cause }, exclusions[cause]]),
      ),
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
