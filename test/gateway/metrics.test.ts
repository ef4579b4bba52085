import test from 'ava';
import { createGatewayMetrics, createReplicaMetrics, type ReplicaGauges } from '../../src/metrics.ts';
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

function replicaMetrics(read: () => ReplicaGauges = () => status) {
  return createReplicaMetrics({ version: '1.2.3', processMetrics: false, status: read });
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
  const metrics = createGatewayMetrics({ version: '1.2.3', processMetrics: false, replicas: () => [] });
  const observer: StoreClientObserver = metrics;
  observer.onAttempt({ replica: 'r1', operation: 'write', outcome: 'ok', count: 3, seconds: 0.002 });
  observer.onAttempt({ replica: 'r1', operation: 'write', outcome: 'failed', count: 1, seconds: 0.002 });
  observer.onAttempt({ replica: 'r1', operation: 'readIndex', outcome: 'ok', count: 1, seconds: 0.002 });
  const lines = (await metrics.render()).body.split('\n');
  for (const line of [
    'bazar_gateway_replica_requests_total{replica="r1",operation="read_index",outcome="ok"} 1',
    'bazar_gateway_replica_requests_total{replica="r1",operation="write",outcome="ok"} 3',
    'bazar_gateway_replica_requests_total{replica="r1",operation="write",outcome="failed"} 1',
    'bazar_gateway_replica_request_duration_seconds_count{replica="r1",operation="write"} 2',
  ]) {
    t.true(lines.includes(line), line);
  }
});

test('what was counted stays counted from scrape to scrape', async (t) => {
  const metrics = createGatewayMetrics({ version: '1.2.3', processMetrics: false, replicas: () => [] });
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
  const withThem = await createReplicaMetrics({ version: '1.2.3', status: () => status }).render();
  t.regex(withThem.body, /^process_cpu_seconds_total/m);
});
