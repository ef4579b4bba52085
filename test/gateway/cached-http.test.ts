import test, { type ExecutionContext } from 'ava';
import { startGateway } from '../../src/gateway/server.ts';
import { gatewayOptions, problemOf, type RequestOptions, type Response, request } from './harness.ts';
import { StreamingClient } from './streaming-client.ts';

async function setUp(t: ExecutionContext) {
  const client = new StreamingClient();
  const caching = { coherence: 'validate', cache: { cacheBytes: 1024 * 1024 } } as const;
  const gateway = await startGateway({ ...gatewayOptions(client), caching });
  t.teardown(() => gateway.close());
  return {
    client,
    ask: (method: string, path: string, options?: RequestOptions): Promise<Response> =>
      request(gateway.address.port, method, path, options),
  };
}

const hit = 'bazar; hit; detail=validated';

test('a value is fetched once, and shown from memory as it was fetched until it is written', async (t) => {
  const { client, ask } = await setUp(t);
  await ask('PUT', '/v1/kv/a', { body: 'one', headers: { 'Content-Type': 'text/plain' } });
  const fetched = await ask('GET', '/v1/kv/a');
  t.is(fetched.headers['cache-status'], 'bazar; fwd=uri-miss; stored');
  const kept = await ask('GET', '/v1/kv/a');
  t.is(kept.headers['cache-status'], hit);
  t.is(kept.headers['bazar-served-by'], 'g1');
  t.deepEqual(kept.body, fetched.body);
  for (const name of ['etag', 'content-type', 'content-length', 'cache-control', 'bazar-revision']) {
    t.is(kept.headers[name], fetched.headers[name], name);
  }
  t.is(client.reads.length, 1);
  await ask('PUT', '/v1/kv/b', { body: 'another' });
  t.is((await ask('GET', '/v1/kv/a')).headers['bazar-revision'], '2');
  await ask('PUT', '/v1/kv/a', { body: 'two' });
  t.is((await ask('GET', '/v1/kv/a')).text, 'two');
  t.is(client.reads.length, 2);
});

test('HEAD and conditions are answered from what is kept, by its tag', async (t) => {
  const { client, ask } = await setUp(t);
  await ask('PUT', '/v1/kv/a', { body: 'one' });
  const { headers } = await ask('GET', '/v1/kv/a');
  const head = await ask('HEAD', '/v1/kv/a');
  t.like(head.headers, { 'cache-status': hit, 'content-length': '3', etag: headers.etag });
  t.is(head.body.length, 0);
  const unchanged = await ask('GET', '/v1/kv/a', { headers: { 'If-None-Match': headers.etag } });
  t.is(unchanged.status, 304);
  t.is(unchanged.headers['cache-status'], hit);
  t.is((await ask('GET', '/v1/kv/a', { headers: { 'If-Match': '"99"' } })).status, 412);
  t.is(client.reads.length, 1);
  await ask('PUT', '/v1/kv/a', { body: 'two' });
  const changed = await ask('GET', '/v1/kv/a', { headers: { 'If-None-Match': headers.etag } });
  t.deepEqual([changed.status, changed.text], [200, 'two']);
  t.is((await ask('HEAD', '/v1/kv/a')).headers.etag, changed.headers.etag);
});

test('an absence is kept until the key is created, and a value until it is deleted', async (t) => {
  const { client, ask } = await setUp(t);
  t.is((await ask('GET', '/v1/kv/a')).status, 404);
  const absent = await ask('GET', '/v1/kv/a');
  t.deepEqual([absent.status, absent.headers['cache-status']], [404, hit]);
  await ask('PUT', '/v1/kv/a', { body: 'one' });
  t.is((await ask('GET', '/v1/kv/a')).status, 200);
  t.is((await ask('GET', '/v1/kv/a')).headers['cache-status'], hit);
  await ask('DELETE', '/v1/kv/a');
  t.is((await ask('HEAD', '/v1/kv/a')).status, 404);
  t.is(client.reads.length, 3);
});

test('a page of a list is kept until a key that it could show is written, and no other page is taken for it', async (t) => {
  const { ask } = await setUp(t);
  for (const key of ['p%2Fa', 'p%2Fb', 'q']) await ask('PUT', `/v1/kv/${key}`, { body: key });
  const keysOf = ({ text }: Response) => JSON.parse(text).items.map(({ key }: { key: string }) => key);
  const page = '/v1/kv?prefix=p/&limit=2';
  await ask('GET', page);
  const second = await ask('GET', page);
  const third = await ask('GET', page);
  t.is(third.headers['cache-status'], hit);
  t.is(third.text, second.text);
  t.is(third.headers.etag, second.headers.etag);
  const unchanged = await ask('GET', page, { headers: { 'If-None-Match': third.headers.etag } });
  t.deepEqual([unchanged.status, unchanged.headers['cache-status']], [304, hit]);
  for (const [other, keys] of [
    ['/v1/kv?prefix=p/&limit=1', ['p/a']],
    ['/v1/kv?prefix=p/&limit=2&keysOnly', ['p/a', 'p/b']],
    ['/v1/kv?prefix=p&limit=2', ['p/a', 'p/b']],
  ] as const) {
    const answer = await ask('GET', other);
    t.deepEqual(keysOf(answer), keys);
    t.not(answer.headers['cache-status'], hit);
  }
  await ask('PUT', '/v1/kv/q', { body: 'again' });
  t.is((await ask('GET', page)).headers['cache-status'], hit);
  await ask('PUT', '/v1/kv/p%2F0', { body: 'new' });
  t.deepEqual(keysOf(await ask('GET', page)), ['p/0', 'p/a']);
});

test('who asks for what is cached alone hears how to get the rest', async (t) => {
  const { ask } = await setUp(t);
  await ask('PUT', '/v1/kv/a', { body: 'one' });
  const headers = { 'Cache-Control': 'only-if-cached' };
  const refused = await ask('GET', '/v1/kv/a', { headers });
  t.is(refused.status, 504);
  t.like(problemOf(t, refused), {
    code: 'not_cached',
    detail:
      'nothing is kept here that is proven to be current; without Cache-Control: only-if-cached a replica is asked',
  });
  await ask('GET', '/v1/kv/a');
  t.is((await ask('GET', '/v1/kv/a', { headers })).text, 'one');
});
