import test from 'ava';
import { problemOf, startTestGateway } from './harness.ts';

const paths = ['/v1/kv/a', '/v1/kv/missing', '/v1/kv?prefix=a'];

function stale(path: string): string {
  return `${path}${path.includes('?') ? '&' : '?'}consistency=stale`;
}

test('a stale answer says how old it may be, in seconds and milliseconds, rounded up', async (t) => {
  const gateway = await startTestGateway(t);
  await gateway.request('PUT', '/v1/kv/a', { body: '1' });
  for (const path of paths) {
    for (const [staleMs, age, most] of [
      [0, '0', '0'],
      [0.2, '1', '1'],
      [1000, '1', '1000'],
      [1000.5, '2', '1001'],
    ] as const) {
      gateway.client.staleMs = staleMs;
      const { headers } = await gateway.request('GET', stale(path));
      t.is(headers.age, age, path);
      t.is(headers['bazar-max-staleness-ms'], most, path);
      t.is(headers['bazar-revision'], '1', path);
    }
  }
  t.true(gateway.client.reads.every(({ consistency }) => consistency === 'stale'));
});

test('a stale answer whose age is unknown says so, and has no Age', async (t) => {
  const gateway = await startTestGateway(t);
  gateway.client.staleMs = null;
  for (const path of paths) {
    const { headers } = await gateway.request('GET', stale(path));
    t.is(headers['bazar-max-staleness-ms'], 'unknown', path);
    t.false('age' in headers, path);
  }
});

test('a stale 304 and a stale 412 say how old they may be', async (t) => {
  const gateway = await startTestGateway(t);
  await gateway.request('PUT', '/v1/kv/a', { body: '1' });
  for (const [header, status] of [
    [{ 'If-None-Match': '"1"' }, 304],
    [{ 'If-Match': '"2"' }, 412],
  ] as const) {
    const answer = await gateway.request('GET', stale('/v1/kv/a'), { headers: header });
    t.is(answer.status, status);
    t.is(answer.headers['bazar-max-staleness-ms'], '0');
  }
});

test('a linearizable answer has no age, whatever revision it was to wait for', async (t) => {
  const gateway = await startTestGateway(t);
  await gateway.request('PUT', '/v1/kv/a', { body: '1' });
  for (const path of [...paths, '/v1/kv/a?consistency=linearizable']) {
    const { status, headers } = await gateway.request('GET', path, { headers: { 'Bazar-Min-Revision': '99' } });
    t.is(status, path === '/v1/kv/missing' ? 404 : 200, path);
    t.false('age' in headers, path);
    t.false('bazar-max-staleness-ms' in headers, path);
  }
  t.true(gateway.client.reads.every(({ consistency }) => consistency === 'linearizable'));
});

test('the revision to wait for, and the replica, reach the store', async (t) => {
  const gateway = await startTestGateway(t);
  const headers = { 'Bazar-Min-Revision': '42' };
  const { headers: said } = await gateway.request('GET', '/v1/kv/a?replica=r2&consistency=stale', { headers });
  t.is(said['bazar-served-by'], 'r2');
  await gateway.request('GET', '/v1/kv?consistency=stale&timeout=1s', { headers });
  await gateway.request('GET', '/v1/kv/a?consistency=stale');
  const asked = gateway.client.reads.map(({ query: _, ...options }) => options);
  t.deepEqual(asked as unknown, [
    { timeoutMs: 5000, consistency: 'stale', minRevision: 42, replica: 'r2' },
    { timeoutMs: 1000, consistency: 'stale', minRevision: 42 },
    { timeoutMs: 5000, consistency: 'stale', minRevision: 0 },
  ]);
});

for (const value of ['', '-1', '1.5', '1e3', '0x10', 'abc', '"42"', '1, 2', '9007199254740992', '1'.repeat(17)]) {
  test(`Bazar-Min-Revision: ${value} is a 400, of a linearizable read too`, async (t) => {
    const gateway = await startTestGateway(t);
    for (const path of ['/v1/kv/a?consistency=stale', '/v1/kv?consistency=stale', '/v1/kv/a']) {
      const response = await gateway.request('GET', path, { headers: { 'Bazar-Min-Revision': value } });
      const problem = problemOf(t, response);
      t.is(response.status, 400, path);
      t.is(problem.code, 'bad_header');
      t.regex(problem.detail, /Bazar-Min-Revision/);
    }
    t.deepEqual(gateway.client.reads, []);
  });
}

test('a revision that nobody had applied in time is a 504 that says so, of one replica too', async (t) => {
  const gateway = await startTestGateway(t);
  gateway.client.readOutcome = { type: 'unavailable' };
  const headers = { 'Bazar-Min-Revision': '42' };
  for (const [path, said] of [
    ['/v1/kv/a?consistency=stale&timeout=70ms', /^no replica .* revision 42 .* 70 ms/],
    ['/v1/kv?consistency=stale', /^no replica .* revision 42/],
    ['/v1/kv/a?consistency=stale&replica=r2', /^replica "r2" .* revision 42/],
  ] as const) {
    const response = await gateway.request('GET', path, { headers });
    const problem = problemOf(t, response);
    t.is(response.status, 504, path);
    t.is(problem.code, 'read_timeout');
    t.regex(problem.detail, said);
  }
});

test('a stale read that is to be answered from the cache alone is a 504: nothing stale is kept', async (t) => {
  const gateway = await startTestGateway(t);
  for (const path of paths) {
    const response = await gateway.request('GET', stale(path), { headers: { 'Cache-Control': 'only-if-cached' } });
    t.is(response.status, 504, path);
    t.is(problemOf(t, response).code, 'not_cached', path);
  }
  t.deepEqual(gateway.client.reads, []);
});

test('a write is not asked how consistent it is to be', async (t) => {
  const gateway = await startTestGateway(t);
  t.is((await gateway.request('PUT', '/v1/kv/a?consistency=stale')).status, 400);
  t.deepEqual(gateway.client.writes, []);
});
