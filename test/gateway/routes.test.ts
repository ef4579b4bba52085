import test from 'ava';
import { startGateway } from '../../src/gateway/server.ts';
import { createLogger } from '../../src/logger.ts';
import type { ReplicaView } from '../../src/store/client.ts';
import { waitFor } from '../cluster/wait.ts';
import { gatewayOptions, problemOf, request, startTestGateway } from './harness.ts';
import { StreamingClient } from './streaming-client.ts';

const methodsOf = [
  ['/v1/kv/a', ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE']],
  ['/v1/kv', ['GET', 'HEAD', 'DELETE']],
  ['/v1/collections/c', ['GET', 'HEAD', 'PUT', 'DELETE']],
  ['/v1/collections/c/items/1', ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE']],
  ['/v1/cluster', ['GET', 'HEAD']],
  ['/v1/cluster/metrics', ['GET', 'HEAD']],
  ['/livez', ['GET', 'HEAD']],
  ['/readyz', ['GET', 'HEAD']],
  ['/metrics', ['GET', 'HEAD']],
  ['/version', ['GET', 'HEAD']],
] as const;

for (const [path, methods] of methodsOf) {
  test(`${path} takes ${methods.join(', ')}, says so, and refuses the rest with 405`, async (t) => {
    const gateway = await startTestGateway(t);
    for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'POST', 'PATCH', 'PROPFIND']) {
      const response = await gateway.request(method, path);
      const expected = (methods as readonly string[]).includes(method);
      t.is(response.status !== 405, expected, method);
      if (expected) continue;
      t.is(problemOf(t, response).code, 'method_not_allowed');
      t.is(response.headers.allow, [...methods, 'OPTIONS'].join(', '));
    }
    const options = await gateway.request('OPTIONS', path);
    t.is(options.status, 204);
    t.is(options.headers.allow, [...methods, 'OPTIONS'].join(', '));
  });

  test(`HEAD ${path} has no body`, async (t) => {
    const gateway = await startTestGateway(t);
    const head = await gateway.request('HEAD', path);
    const get = await gateway.request('GET', path);
    t.is(head.body.length, 0);
    t.is(head.status, get.status);
    t.is(head.headers['content-type'], get.headers['content-type']);
  });

  test(`an unknown parameter of ${path} is a 400 that names it`, async (t) => {
    const gateway = await startTestGateway(t);
    const response = await gateway.request('GET', `${path}?nonsense=1`);
    t.is(response.status, 400);
    t.regex(problemOf(t, response).detail, /"nonsense"/);
  });
}

test('what is not there is a 404', async (t) => {
  const gateway = await startTestGateway(t);
  for (const path of ['/v1', '/v1/', '/V1/kv/a', '/v1/KV/a', '/v1//kv/a', '/v1/kvs', '/livez/', '/v2/kv/a']) {
    const response = await gateway.request('GET', path);
    t.is(response.status, 404, path);
    t.is(problemOf(t, response).code, 'unknown_route');
  }
});

test('every answer forbids guessing its type', async (t) => {
  const gateway = await startTestGateway(t);
  for (const path of ['/v1/kv', '/v1/kv/a', '/livez', '/nowhere']) {
    t.is((await gateway.request('GET', path)).headers['x-content-type-options'], 'nosniff', path);
  }
});

test('/v1/cluster tells what is known of every replica', async (t) => {
  const gateway = await startTestGateway(t);
  const [first, second] = gateway.client.views as readonly [ReplicaView, ReplicaView];
  gateway.client.views = [first, { ...second, healthy: false, status: null }];
  const response = await gateway.request('GET', '/v1/cluster');
  t.is(response.headers['content-type'], 'application/json');
  const nothing = { role: null, state: null, term: null, lastIndex: null, commitIndex: null, appliedIndex: null };
  t.deepEqual(JSON.parse(response.text), {
    clusterId: 'a-cluster',
    leader: 'r1',
    term: 3,
    commitIndex: 9,
    publishIndex: 8,
    coherence: 'off',
    lease: null,
    replicas: [
      {
        id: 'r1',
        healthy: true,
        role: 'leader',
        state: 'normal',
        term: 3,
        lastIndex: 10,
        commitIndex: 9,
        appliedIndex: 7,
        claimIndex: null,
        digest: 'abcd',
        message: null,
        http: '127.0.0.1:7201',
        rpc: '127.0.0.1:7101',
      },
      {
        ...nothing,
        id: 'r2',
        healthy: false,
        claimIndex: null,
        digest: null,
        message: null,
        http: '127.0.0.1:7202',
        rpc: '127.0.0.1:7102',
      },
    ],
    gateways: [{ id: 'g1', http: '127.0.0.1:8080' }],
  });
});

test('/v1/cluster tells whether this gateway holds a lease, and why not', async (t) => {
  const caching = { coherence: 'lease', cache: { cacheBytes: 1024 * 1024 } } as const;
  const gateway = await startGateway({ ...gatewayOptions(new StreamingClient(60_000)), caching });
  t.teardown(() => gateway.close());
  const { port } = gateway.address;
  const told = async () => {
    const { coherence, lease } = JSON.parse((await request(port, 'GET', '/v1/cluster')).text);
    return { coherence, lease };
  };
  const reason = 'nobody has read here for a second what is kept';
  t.deepEqual(await told(), { coherence: 'lease', lease: { held: false, reason } });
  // The second one is a hit, and wants a lease.
  for (const _ of [1, 2]) await request(port, 'GET', '/v1/kv/a');
  await waitFor(async () => (await told()).lease.held, { description: 'a lease', timeoutMs: 10_000 });
  t.deepEqual(await told(), { coherence: 'lease', lease: { held: true } });
  const { text } = await request(port, 'GET', '/metrics');
  t.regex(text, /^bazar_gateway_lease_held 1$/m);
  t.regex(text, /^bazar_gateway_lease_answers_total\{answer="granted"\} [1-9]/m);
});

test('/livez does not ask for a leader', async (t) => {
  const gateway = await startTestGateway(t);
  gateway.client.leaderId = null;
  gateway.client.views = [];
  const response = await gateway.request('GET', '/livez');
  t.is(response.status, 200);
  t.is(response.text, 'ok\n');
});

test('/readyz is ready with a leader and a healthy replica', async (t) => {
  const gateway = await startTestGateway(t);
  t.is((await gateway.request('GET', '/readyz')).text, 'ok\n');
  const verbose = await gateway.request('GET', '/readyz?verbose');
  t.is(verbose.status, 200);
  t.is(verbose.text, '[+]leader ok: r1\n[+]replicas ok: 3 of 3 healthy\nreadyz check passed\n');
});

test('/readyz says what is missing', async (t) => {
  const gateway = await startTestGateway(t);
  gateway.client.leaderId = null;
  const leaderless = await gateway.request('GET', '/readyz');
  t.is(leaderless.status, 503);
  t.is(leaderless.text, '[-]leader failed: no leader is known\n[+]replicas ok: 3 of 3 healthy\nreadyz check failed\n');
  gateway.client.leaderId = 'r1';
  gateway.client.views = gateway.client.views.map((view) => ({ ...view, healthy: false }));
  t.regex((await gateway.request('GET', '/readyz')).text, /\[-\]replicas failed: 0 of 3 healthy/);
});

test('/version tells the version', async (t) => {
  const gateway = await startTestGateway(t);
  const version = await gateway.request('GET', '/version');
  t.deepEqual(JSON.parse(version.text), { version: '1.2.3', node: process.versions.node });
});

test('/metrics counts requests by the template of their route, never by key', async (t) => {
  const gateway = await startTestGateway(t);
  await gateway.request('PUT', '/v1/kv/secret');
  await gateway.request('GET', '/v1/kv/secret');
  await gateway.request('GET', '/v1/kv/secret');
  await gateway.request('PROPFIND', '/v1/kv/secret');
  await gateway.request('GET', '/secret');
  const { headers, text } = await gateway.request('GET', '/metrics');
  t.regex(headers['content-type'] ?? '', /^text\/plain; version=0\.0\.4/);
  const lines = text.split('\n');
  for (const [labels, count] of [
    ['route="/v1/kv/{key}",method="PUT",code="201"', 1],
    ['route="/v1/kv/{key}",method="GET",code="200"', 2],
    ['route="/v1/kv/{key}",method="other",code="405"', 1],
    ['route="unmatched",method="GET",code="404"', 1],
  ] as const) {
    t.true(lines.includes(`bazar_http_requests_total{${labels}} ${count}`), labels);
    t.true(lines.includes(`bazar_http_request_duration_seconds_count{${labels}} ${count}`), labels);
  }
  t.true(lines.includes('bazar_http_requests_in_flight 1'));
  t.true(lines.includes('bazar_gateway_replica_healthy{replica="r1"} 1'));
  t.notRegex(text, /secret/);
});

test('/metrics counts reads by result and kind, and requests by who answered', async (t) => {
  const gateway = await startTestGateway(t);
  await gateway.request('PUT', '/v1/kv/a', { body: 'v' });
  await gateway.request('GET', '/v1/kv/a?replica=r2');
  await gateway.request('GET', '/v1/kv/absent?replica=r2');
  await gateway.request('GET', '/v1/kv?replica=r3');
  await gateway.request('GET', '/v1/kv/a', { headers: { 'Cache-Control': 'only-if-cached' } });
  await gateway.request('DELETE', '/v1/kv/absent');
  gateway.client.readOutcome = { type: 'unavailable' };
  await gateway.request('GET', '/v1/kv/a');
  const lines = (await gateway.request('GET', '/metrics')).text.split('\n');
  for (const line of [
    'bazar_gateway_cache_requests_total{result="bypass",kind="value"} 1',
    'bazar_gateway_cache_requests_total{result="bypass",kind="absence"} 1',
    'bazar_gateway_cache_requests_total{result="bypass",kind="list"} 1',
    'bazar_gateway_cache_requests_total{result="bypass",kind="none"} 1',
    'bazar_gateway_cache_requests_total{result="only_if_cached",kind="none"} 1',
    'bazar_gateway_answers_total{server="r1"} 2',
    'bazar_gateway_answers_total{server="r2"} 2',
    'bazar_gateway_answers_total{server="r3"} 1',
    'bazar_gateway_answers_total{server="g1"} 0',
    'bazar_gateway_fetches_total 4',
  ]) {
    t.true(lines.includes(line), line);
  }
});

test('a client that does not wait for its answer is counted as 499', async (t) => {
  const gateway = await startTestGateway(t);
  gateway.client.writeOutcome = new Promise(() => {});
  const connection = await gateway.open();
  connection.write('PUT /v1/kv/a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n');
  while (gateway.client.writes.length === 0) await new Promise(setImmediate);
  connection.socket.destroy();
  let text = '';
  while (!text.includes('code="499"')) text = (await gateway.request('GET', '/metrics')).text;
  t.regex(text, /bazar_http_requests_total\{route="\/v1\/kv\/\{key\}",method="PUT",code="499"\} 1/);
});

test('the access log tells route, status and cache status, never a key or a value', async (t) => {
  const lines: string[] = [];
  const log = createLogger({ id: 'g1', level: 'debug', write: (line) => lines.push(line) });
  const gateway = await startTestGateway(t, {}, log);
  await gateway.request('PUT', '/v1/kv/secret?timeout=1s', { body: 'hidden' });
  await gateway.request('GET', '/v1/kv/secret');
  while (lines.filter((line) => line.includes('"request"')).length < 2) await new Promise(setImmediate);
  const [put, get] = lines.filter((line) => line.includes('"request"')).map((line) => JSON.parse(line));
  t.like(put, { level: 'debug', route: '/v1/kv/{key}', method: 'PUT', status: 201, cache: null });
  t.like(get, { method: 'GET', status: 200, cache: 'bazar; fwd=bypass' });
  t.true(get.ms > 0);
  t.notRegex(lines.join(''), /secret|hidden/);
});
