import test from 'ava';
import { problemOf, startTestGateway } from './harness.ts';

test('a value comes back byte for byte with the type it was stored with', async (t) => {
  const gateway = await startTestGateway(t);
  const value = Buffer.from([0, 1, 0x80, 0xff, 0x0d, 0x0a]);
  await gateway.request('PUT', '/v1/kv/a', { body: value, headers: { 'Content-Type': 'image/x-odd; a="b c"' } });
  const read = await gateway.request('GET', '/v1/kv/a');
  t.is(read.status, 200);
  t.deepEqual(read.body, value);
  t.is(read.headers['content-type'], 'image/x-odd; a="b c"');
});

test('a value of the largest size comes back byte for byte', async (t) => {
  const gateway = await startTestGateway(t);
  const value = Buffer.alloc(1024 * 1024, 'é');
  t.is((await gateway.request('PUT', '/v1/kv/a', { body: value })).status, 201);
  t.deepEqual((await gateway.request('GET', '/v1/kv/a')).body, value);
});

test('an empty value is a value', async (t) => {
  const gateway = await startTestGateway(t);
  t.is((await gateway.request('PUT', '/v1/kv/a')).status, 201);
  const read = await gateway.request('GET', '/v1/kv/a');
  t.is(read.status, 200);
  t.is(read.headers['content-length'], '0');
});

test('the type of a value is octet-stream if nobody said', async (t) => {
  const gateway = await startTestGateway(t);
  await gateway.request('PUT', '/v1/kv/a', { body: 'x' });
  t.is((await gateway.request('GET', '/v1/kv/a')).headers['content-type'], 'application/octet-stream');
});

test('no browser may run a value as a page', async (t) => {
  const gateway = await startTestGateway(t);
  await gateway.request('PUT', '/v1/kv/a', { body: '<script>', headers: { 'Content-Type': 'text/html' } });
  const { headers } = await gateway.request('GET', '/v1/kv/a');
  t.is(headers['x-content-type-options'], 'nosniff');
  t.is(headers['content-security-policy'], "default-src 'none'; sandbox");
});

test('PUT answers 201 for a new key and 200 for a replaced one, with revision and version', async (t) => {
  const gateway = await startTestGateway(t);
  const created = await gateway.request('PUT', '/v1/kv/a%20b', { body: '1' });
  t.is(created.status, 201);
  t.deepEqual(JSON.parse(created.text), { key: 'a b', revision: 1, version: 1 });
  t.is(created.headers.etag, '"1"');
  const replaced = await gateway.request('PUT', '/v1/kv/a%20b', { body: '2' });
  t.is(replaced.status, 200);
  t.deepEqual(JSON.parse(replaced.text), { key: 'a b', revision: 2, version: 2 });
});

test('DELETE answers 200 with the revision, then 404', async (t) => {
  const gateway = await startTestGateway(t);
  await gateway.request('PUT', '/v1/kv/a', { body: '1' });
  const removed = await gateway.request('DELETE', '/v1/kv/a');
  t.is(removed.status, 200);
  t.deepEqual(JSON.parse(removed.text), { key: 'a', revision: 2 });
  const again = await gateway.request('DELETE', '/v1/kv/a');
  const problem = problemOf(t, again);
  t.is(again.status, 404);
  t.is(problem.code, 'key_not_found');
  t.is(problem.outcome, 'not_applied');
});

test('a missing key is a 404 without outcome, since nothing was to be written', async (t) => {
  const gateway = await startTestGateway(t);
  const read = await gateway.request('GET', '/v1/kv/a');
  const problem = problemOf(t, read);
  t.is(read.status, 404);
  t.is(problem.code, 'key_not_found');
  t.false('outcome' in problem);
});

test('every read says its revision, who served it, and that no cache did', async (t) => {
  const gateway = await startTestGateway(t);
  await gateway.request('PUT', '/v1/kv/a', { body: '1' });
  for (const path of ['/v1/kv/a', '/v1/kv/missing', '/v1/kv']) {
    const { headers } = await gateway.request('GET', `${path}?replica=r2`);
    t.is(headers['bazar-revision'], '1', path);
    t.is(headers['bazar-served-by'], 'r2', path);
    t.is(headers['cache-status'], 'bazar; fwd=bypass', path);
  }
});

test('nobody behind the gateway may give an answer again without asking', async (t) => {
  const gateway = await startTestGateway(t);
  await gateway.request('PUT', '/v1/kv/a', { body: '1' });
  const told = async (path: string, headers = {}) => {
    const response = await gateway.request('GET', path, { headers });
    return [response.status, response.headers['cache-control']];
  };
  t.deepEqual(await told('/v1/kv/a'), [200, 'no-cache']);
  t.deepEqual(await told('/v1/kv/a', { 'If-None-Match': '"1"' }), [304, 'no-cache']);
  t.deepEqual(await told('/v1/kv'), [200, 'no-cache']);
  t.deepEqual(await told('/v1/kv/missing'), [404, 'no-store']);
});

test('every write says its revision and who served it', async (t) => {
  const gateway = await startTestGateway(t);
  for (const method of ['PUT', 'DELETE']) {
    const { headers } = await gateway.request(method, '/v1/kv/a');
    t.regex(String(headers['bazar-revision']), /^\d+$/);
    t.is(headers['bazar-served-by'], 'r1');
  }
});

test('HEAD has the headers of GET and no body, and leaves the value in the store', async (t) => {
  const gateway = await startTestGateway(t);
  await gateway.request('PUT', '/v1/kv/a', { body: 'hello', headers: { 'Content-Type': 'text/plain' } });
  const head = await gateway.request('HEAD', '/v1/kv/a?replica=r1');
  const get = await gateway.request('GET', '/v1/kv/a?replica=r1');
  t.is(head.status, 200);
  t.is(head.body.length, 0);
  const { date: _, ...headHeaders } = head.headers;
  const { date: __, ...getHeaders } = get.headers;
  t.deepEqual(headHeaders, getHeaders);
  t.deepEqual(
    gateway.client.reads.map(({ query }) => query.type === 'get' && query.withValue),
    [false, true],
  );
});

test('If-None-Match with the current tag is a 304 without body', async (t) => {
  const gateway = await startTestGateway(t);
  await gateway.request('PUT', '/v1/kv/a', { body: '1' });
  for (const tag of ['"1"', 'W/"1"', '"7", "1"', '*']) {
    const read = await gateway.request('GET', '/v1/kv/a', { headers: { 'If-None-Match': tag } });
    t.is(read.status, 304, tag);
    t.is(read.body.length, 0);
    t.is(read.headers.etag, '"1"');
  }
});

test('If-None-Match with another tag is answered with the value', async (t) => {
  const gateway = await startTestGateway(t);
  await gateway.request('PUT', '/v1/kv/a', { body: '1' });
  for (const tag of ['"2"', '"not-ours"', '""', '"01"']) {
    t.is((await gateway.request('GET', '/v1/kv/a', { headers: { 'If-None-Match': tag } })).status, 200, tag);
  }
});

test('If-Match on a read that does not match is a 412', async (t) => {
  const gateway = await startTestGateway(t);
  await gateway.request('PUT', '/v1/kv/a', { body: '1' });
  t.is((await gateway.request('GET', '/v1/kv/a', { headers: { 'If-Match': '"1"' } })).status, 200);
  const failed = await gateway.request('GET', '/v1/kv/a', { headers: { 'If-Match': '"2"' } });
  t.is(failed.status, 412);
  t.is(problemOf(t, failed).code, 'precondition_failed');
});

test('If-None-Match: * creates and never replaces', async (t) => {
  const gateway = await startTestGateway(t);
  const headers = { 'If-None-Match': '*' };
  t.is((await gateway.request('PUT', '/v1/kv/a', { body: '1', headers })).status, 201);
  const second = await gateway.request('PUT', '/v1/kv/a', { body: '2', headers });
  t.is(second.status, 412);
  t.is(problemOf(t, second).outcome, 'not_applied');
  t.is(second.headers.etag, '"1"');
  t.is((await gateway.request('GET', '/v1/kv/a')).text, '1');
});

test('If-Match replaces only the revision it names', async (t) => {
  const gateway = await startTestGateway(t);
  await gateway.request('PUT', '/v1/kv/a', { body: '1' });
  t.is((await gateway.request('PUT', '/v1/kv/a', { body: '2', headers: { 'If-Match': '"1"' } })).status, 200);
  t.is((await gateway.request('PUT', '/v1/kv/a', { body: '3', headers: { 'If-Match': '"1"' } })).status, 412);
  t.is((await gateway.request('DELETE', '/v1/kv/a', { headers: { 'If-Match': '"1"' } })).status, 412);
  t.is((await gateway.request('DELETE', '/v1/kv/a', { headers: { 'If-Match': '"2"' } })).status, 200);
});

test('a weak tag never matches in If-Match', async (t) => {
  const gateway = await startTestGateway(t);
  await gateway.request('PUT', '/v1/kv/a', { body: '1' });
  t.is((await gateway.request('PUT', '/v1/kv/a', { body: '2', headers: { 'If-Match': 'W/"1"' } })).status, 412);
});

test('If-Match of a key that does not exist is a 412 without tag', async (t) => {
  const gateway = await startTestGateway(t);
  const response = await gateway.request('PUT', '/v1/kv/a', { body: '2', headers: { 'If-Match': '*' } });
  t.is(response.status, 412);
  t.is(response.headers.etag, undefined);
});

test('?timeout and ?replica reach the store', async (t) => {
  const gateway = await startTestGateway(t);
  await gateway.request('PUT', '/v1/kv/a?timeout=1500ms', { body: '1' });
  await gateway.request('GET', '/v1/kv/a?replica=r3&timeout=1m&consistency=linearizable');
  await gateway.request('GET', '/v1/kv/a');
  t.is(gateway.client.writes[0]?.timeoutMs, 1500);
  t.like(gateway.client.reads[0], { replica: 'r3', timeoutMs: 60_000 });
  t.like(gateway.client.reads[1], { timeoutMs: 5000 });
  t.false('replica' in (gateway.client.reads[1] ?? {}));
});

test('an unknown replica is a 400 that names those there are', async (t) => {
  const gateway = await startTestGateway(t);
  const response = await gateway.request('GET', '/v1/kv/a?replica=r9');
  const problem = problemOf(t, response);
  t.is(response.status, 400);
  t.is(problem.code, 'unknown_replica');
  t.regex(problem.detail, /"r9".*r1, r2, r3/);
});

const writeOutcomes = [
  [{ type: 'noLeader' }, 503, 'no_leader', 'not_applied'],
  [{ type: 'overloaded' }, 429, 'overloaded', 'not_applied'],
  [{ type: 'diskFull' }, 507, 'disk_full', 'not_applied'],
  [{ type: 'invalid', reason: 'too new' }, 502, 'invalid_command', 'not_applied'],
  [{ type: 'unknown' }, 504, 'write_timeout', 'unknown'],
] as const;

for (const [outcome, status, code, said] of writeOutcomes) {
  test(`a write that ends as ${outcome.type} is a ${status} and says ${said}`, async (t) => {
    const gateway = await startTestGateway(t);
    gateway.client.writeOutcome = outcome;
    for (const method of ['PUT', 'DELETE']) {
      const response = await gateway.request(method, '/v1/kv/a');
      const problem = problemOf(t, response);
      t.is(response.status, status);
      t.is(problem.code, code);
      t.is(problem.outcome, said);
      t.is('retry-after' in response.headers, status === 503 || status === 429);
    }
  });
}

test('a read nobody could answer is a 504, and a 503 where one replica was asked for', async (t) => {
  const gateway = await startTestGateway(t);
  gateway.client.readOutcome = { type: 'unavailable' };
  const any = await gateway.request('GET', '/v1/kv/a');
  t.is(any.status, 504);
  t.is(problemOf(t, any).code, 'read_timeout');
  t.is(any.headers['cache-status'], 'bazar; fwd=bypass');
  const one = await gateway.request('GET', '/v1/kv/a?replica=r2');
  t.is(one.status, 503);
  t.is(problemOf(t, one).code, 'replica_unavailable');
  t.is(one.headers['retry-after'], '1');
});

test('a store that throws is a 500 whose write is unknown, and the next request is answered', async (t) => {
  const gateway = await startTestGateway(t);
  gateway.client.writeOutcome = Promise.reject(new Error('broken'));
  const response = await gateway.request('PUT', '/v1/kv/a');
  t.is(response.status, 500);
  t.is(problemOf(t, response).outcome, 'unknown');
  t.notRegex(response.text, /broken/);
  gateway.client.writeOutcome = null;
  t.is((await gateway.request('PUT', '/v1/kv/a')).status, 201);
});
