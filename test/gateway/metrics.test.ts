import test from 'ava';
import {
  type CacheGauges,
  createGatewayMetrics,
  createReplicaMetrics,
  type ReplicaGauges,
  type StoreGauges,
} from '../../src/metrics.ts';
import type { StoreClientObserver } from '../../src/store/client.ts';

const status: ReplicaGauges = {
  role: 'follower',
  state: 'normal',
  term: 1,
  lastIndex: 14,
  commitIndex: 13,
  publishIndex: 12,
  appliedIndex: 11,
  leaderChanges: 4,
};

const watched = {
  streams: () => ({ streams: 2, messages: 30, congestions: 1 }),
  leases: () => ({
    grants: 2,
    gateways: [
      { id: 'g1', waitedMs: 1500, excluded: true, exclusions: { late: 3, silent: 1 } },
      { id: 'g2', waitedMs: 0, excluded: false, exclusions: { late: 0, silent: 0 } },
    ],
  }),
};

function replicaMetrics(read: () => ReplicaGauges = () => status) {
  return createReplicaMetrics({ version: '1.2.3', processMetrics: false, status: read, ...watched });
}

const store: StoreGauges = {
  leader: 'r1',
  replicas: [
    { id: 'r1', healthy: true, inFlight: 3, ejected: false, ejections: 0 },
    { id: 'r2', healthy: false, inFlight: 0, ejected: true, ejections: 2 },
  ],
  retries: 5,
  retriesRefused: 6,
};

function gatewayMetrics() {
  return createGatewayMetrics({ version: '1.2.3', processMetrics: false, store: () => store });
}

async function linesOf(metrics: { render(): Promise<{ readonly body: string }> }): Promise<readonly string[]> {
  return (await metrics.render()).body.split('\n');
}

test('the gauges of a replica show its status', async (t) => {
  const { body } = await replicaMetrics(() => ({ ...status, role: 'preCandidate', state: 'recovering' })).render();
  const lines = body.split('\n');
  for (const line of [
    'bazar_raft_term 1',
    'bazar_raft_is_leader 0',
    'bazar_raft_state{role="follower"} 0',
    'bazar_raft_state{role="pre_candidate"} 1',
    'bazar_raft_recovering 1',
    'bazar_raft_last_index 14',
    'bazar_raft_commit_index 13',
    'bazar_raft_publish_index 12',
    'bazar_raft_applied_index 11',
    'bazar_raft_leader_changes_total 4',
    'bazar_replica_invalidation_streams 2',
    'bazar_replica_invalidation_messages_total 30',
    'bazar_replica_invalidation_congestions_total 1',
    'bazar_replica_lease_grants 2',
    'bazar_replica_lease_wait_seconds_total{gateway="g1"} 1.5',
    'bazar_replica_lease_wait_seconds_total{gateway="g2"} 0',
    'bazar_replica_lease_excluded{gateway="g1"} 1',
    'bazar_replica_lease_excluded{gateway="g2"} 0',
    'bazar_replica_lease_exclusions_total{gateway="g1",cause="late"} 3',
    'bazar_replica_lease_exclusions_total{gateway="g1",cause="silent"} 1',
    'bazar_replica_lease_exclusions_total{gateway="g2",cause="late"} 0',
  ]) {
    t.true(lines.includes(line), line);
  }
});

test('one scrape shows one status: never an old term with a new leadership', async (t) => {
  let term = 0;
  const metrics = replicaMetrics(() => {
    term += 1;
    return { ...status, term, role: term % 2 === 0 ? 'leader' : 'follower', lastIndex: term };
  });
  for (const { body } of [await metrics.render(), ...(await Promise.all([metrics.render(), metrics.render()]))]) {
    const shown = (name: string) => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(body)?.[1]);
    t.is(shown('bazar_raft_is_leader'), shown('bazar_raft_term') % 2 === 0 ? 1 : 0);
    t.is(shown('bazar_raft_last_index'), shown('bazar_raft_term'));
  }
  t.is(term, 3);
});

test('a replica counts what happens to its log and its proposals', async (t) => {
  const metrics = replicaMetrics();
  metrics.logAppended(3, 0.0015);
  metrics.applied(7);
  metrics.undeclaredTouch('key');
  metrics.proposed('notLeader');
  metrics.readIndexed('confirmed');
  const lines = (await metrics.render()).body.split('\n');
  for (const line of [
    'bazar_raft_log_append_seconds_bucket{le="0.001"} 0',
    'bazar_raft_log_append_seconds_bucket{le="0.002"} 1',
    'bazar_store_undeclared_touches_total{kind="key"} 1',
    'bazar_raft_log_batch_entries_sum 3',
    'bazar_store_apply_batch_entries_sum 7',
    'bazar_raft_proposals_total{outcome="not_leader"} 1',
    'bazar_raft_proposals_total{outcome="done"} 0',
    'bazar_raft_read_index_total{outcome="confirmed"} 1',
    'bazar_raft_read_index_total{outcome="unavailable"} 0',
  ]) {
    t.true(lines.includes(line), line);
  }
});

test('a gateway counts what it asks of each replica', async (t) => {
  const metrics = gatewayMetrics();
  const observer: StoreClientObserver = metrics;
  const sizes = { seconds: 0.002, sentBytes: 100, receivedBytes: 10 };
  observer.onAttempt({ replica: 'r1', operation: 'write', outcome: 'ok', count: 3, ...sizes });
  observer.onAttempt({ replica: 'r1', operation: 'write', outcome: 'failed', count: 1, ...sizes });
  observer.onAttempt({ replica: 'r1', operation: 'readIndex', outcome: 'ok', count: 1, ...sizes, seconds: 20 });
  const lines = await linesOf(metrics);
  for (const line of [
    'bazar_gateway_replica_requests_total{replica="r1",operation="read_index",outcome="ok"} 1',
    'bazar_gateway_replica_requests_total{replica="r1",operation="write",outcome="ok"} 3',
    'bazar_gateway_replica_requests_total{replica="r1",operation="write",outcome="failed"} 1',
    'bazar_gateway_replica_request_duration_seconds_bucket{le="0.001",replica="r1",operation="write"} 0',
    'bazar_gateway_replica_request_duration_seconds_bucket{le="0.0025",replica="r1",operation="write"} 2',
    'bazar_gateway_replica_request_duration_seconds_bucket{le="+Inf",replica="r1",operation="write"} 2',
    'bazar_gateway_replica_request_duration_seconds_sum{replica="r1",operation="write"} 0.004',
    'bazar_gateway_replica_request_duration_seconds_count{replica="r1",operation="write"} 2',
    'bazar_gateway_replica_request_duration_seconds_bucket{le="10",replica="r1",operation="read_index"} 0',
    'bazar_gateway_replica_request_duration_seconds_bucket{le="+Inf",replica="r1",operation="read_index"} 1',
    'bazar_gateway_replica_bytes_total{replica="r1",direction="sent"} 300',
    'bazar_gateway_replica_bytes_total{replica="r1",direction="received"} 30',
  ]) {
    t.true(lines.includes(line), line);
  }
});

test('a gateway shows how its replicas are, and has a series for each from the start', async (t) => {
  const lines = await linesOf(gatewayMetrics());
  for (const line of [
    'bazar_gateway_has_leader 1',
    'bazar_gateway_replica_healthy{replica="r1"} 1',
    'bazar_gateway_replica_healthy{replica="r2"} 0',
    'bazar_gateway_replica_ejected{replica="r2"} 1',
    'bazar_gateway_replica_in_flight{replica="r1"} 3',
    'bazar_gateway_replica_ejections_total{replica="r2"} 2',
    'bazar_gateway_read_retries_total 5',
    'bazar_gateway_read_retries_refused_total 6',
    'bazar_gateway_replica_requests_total{replica="r2",operation="read",outcome="ok"} 0',
    'bazar_gateway_replica_bytes_total{replica="r2",direction="sent"} 0',
    'bazar_gateway_replica_request_duration_seconds_count{replica="r2",operation="read"} 0',
  ]) {
    t.true(lines.includes(line), line);
  }
});

test('a gateway counts its reads by result and kind, who answered, and what became of its cache', async (t) => {
  const metrics = gatewayMetrics();
  const gauges: CacheGauges = {
    capacityBytes: 1024,
    bytes: { value: 500, absence: 20, list: 0, document: 0, search: 0 },
    entries: { value: 5, absence: 2, list: 0, document: 3, search: 1 },
    evictions: { size: 1, expired: 2, purged: 3, stale: 4 },
    publishedIndex: 17,
    streamLive: true,
    lease: {
      ...{ held: true, requests: 9, grants: 6, refusals: 2 },
      losses: { idle: 0, stream: 1, unrenewed: 2, refused: 3, behind: 4, clocks: 5 },
    },
  };
  metrics.showCache(() => gauges);
  metrics.readEnded('hit', 'value');
  metrics.readEnded('hit', 'list');
  metrics.readEnded('onlyIfCached', 'none');
  metrics.mayAnswer('r1');
  metrics.answered('g1');
  metrics.showWarmUp(() => ({ warmed: 7, skipped: 8 }));
  metrics.fetched();
  metrics.filled('belowFloor');
  metrics.streamBegan();
  metrics.invalidated('processed', [{ touches: [1, 2] }, { touches: 'everything' }, { touches: [3] }]);
  metrics.invalidated('gap', []);
  metrics.invalidated('ignored', [{ touches: [4] }]);
  metrics.proofEnded('noLeader', 250);
  t.is(metrics.totals().leasesHeld, 1);
  const lines = await linesOf(metrics);
  for (const line of [
    'bazar_gateway_cache_requests_total{result="hit",kind="value"} 1',
    'bazar_gateway_cache_requests_total{result="hit",kind="list"} 1',
    'bazar_gateway_cache_requests_total{result="only_if_cached",kind="none"} 1',
    'bazar_gateway_cache_requests_total{result="miss",kind="absence"} 0',
    'bazar_gateway_cache_fills_total{outcome="below_floor"} 1',
    'bazar_gateway_cache_fills_total{outcome="stored"} 0',
    'bazar_gateway_cache_evictions_total{cause="stale"} 4',
    'bazar_gateway_cache_entries{kind="value"} 5',
    'bazar_gateway_cache_entries{kind="search"} 1',
    'bazar_gateway_cache_size_bytes{kind="absence"} 20',
    'bazar_gateway_cache_capacity_bytes 1024',
    'bazar_gateway_warm_up_total{outcome="warmed"} 7',
    'bazar_gateway_warm_up_total{outcome="skipped"} 8',
    'bazar_gateway_fetches_total 1',
    'bazar_gateway_answers_total{server="r1"} 0',
    'bazar_gateway_answers_total{server="g1"} 1',
    'bazar_gateway_published_index 17',
    'bazar_gateway_stream_live 1',
    'bazar_gateway_stream_begins_total 1',
    'bazar_gateway_lease_held 1',
    'bazar_gateway_lease_requests_total 9',
    'bazar_gateway_lease_answers_total{answer="granted"} 6',
    'bazar_gateway_lease_answers_total{answer="refused"} 2',
    'bazar_gateway_lease_losses_total{cause="stream"} 1',
    'bazar_gateway_lease_losses_total{cause="unrenewed"} 2',
    'bazar_gateway_lease_losses_total{cause="refused"} 3',
    'bazar_gateway_lease_losses_total{cause="behind"} 4',
    'bazar_gateway_lease_losses_total{cause="clocks"} 5',
    'bazar_gateway_invalidation_messages_total{receipt="processed"} 1',
    'bazar_gateway_invalidation_messages_total{receipt="gap"} 1',
    'bazar_gateway_invalidation_messages_total{receipt="ignored"} 1',
    'bazar_gateway_invalidation_touches_total 3',
    'bazar_gateway_invalidation_everything_total 1',
    'bazar_gateway_validations_total{outcome="no_leader"} 1',
    'bazar_gateway_validation_duration_seconds_bucket{le="0.25"} 1',
    'bazar_gateway_validation_duration_seconds_bucket{le="0.1"} 0',
  ]) {
    t.true(lines.includes(line), line);
  }
});

test('the totals of a gateway: what came back without a hit is a miss, what went past the cache is neither', (t) => {
  const metrics = gatewayMetrics();
  metrics.mayAnswer('r1');
  for (const result of ['hit', 'hit', 'miss', 'stale', 'collapsed', 'request', 'bypass', 'onlyIfCached'] as const) {
    metrics.readEnded(result, 'value');
  }
  metrics.answered('g1');
  metrics.fetched();
  for (const route of ['/v1/kv', '/v1/kv/{key}', '/v1/cluster', '/metrics', 'unmatched']) {
    metrics.requestBegan();
    metrics.requestEnded(route, 'GET', '200', 0.001);
  }
  t.deepEqual(metrics.totals(), {
    requests: 2,
    cacheHits: 2,
    cacheMisses: 3,
    originFetches: 1,
    leasesHeld: 0,
    requestsByServer: { r1: 0, g1: 1 },
  });
});

test('every name of a metric ends as its type wants it, and no metric is without a series from the start', async (t) => {
  for (const metrics of [gatewayMetrics(), replicaMetrics()]) {
    const { body } = await metrics.render();
    for (const [, name = '', type] of body.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
      t.is(name.endsWith('_total'), type === 'counter', name);
      // Who asks for what is not known before.
      if (/^bazar_(?:http_request|gateway_answers)/.test(name) && !name.endsWith('in_flight')) continue;
      t.regex(body, new RegExp(`^${name}(?:_count)?(?:\\{.*\\})? `, 'm'), name);
    }
  }
});

test('what was counted stays counted from scrape to scrape', async (t) => {
  const metrics = gatewayMetrics();
  for (let count = 1; count <= 3; count += 1) {
    metrics.requestBegan();
    metrics.requestEnded('/v1/kv', 'GET', '200', 0.002);
    const { body } = await metrics.render();
    t.regex(body, new RegExp(`bazar_http_request_duration_seconds_count\\{.*\\} ${count}\n`));
    t.regex(body, new RegExp(`bazar_http_request_duration_seconds_bucket\\{le="0.0025",.*\\} ${count}\n`));
    t.regex(body, new RegExp(`bazar_http_requests_total\\{.*\\} ${count}\n`));
    t.regex(body, /bazar_http_requests_in_flight 0\n/);
  }
});

test('a process shows its version, and the metrics of Node unless they are not wanted', async (t) => {
  const version = `bazar_build_info{version="1.2.3",node_version="${process.versions.node}"} 1`;
  const without = await replicaMetrics().render();
  t.true(without.body.split('\n').includes(version));
  t.notRegex(without.body, /^process_cpu_seconds_total/m);
  const withThem = await createReplicaMetrics({
    version: '1.2.3',
    status: () => status,
    ...watched,
  }).render();
  t.regex(withThem.body, /^process_cpu_seconds_total/m);
});
