import test, { type ExecutionContext } from 'ava';
import { UsageError } from '../../../src/config.ts';
import { corsOrigins, createCors } from '../../../src/gateway/access/cors.ts';
import { startGateway } from '../../../src/gateway/server.ts';
import { gatewayOptions, request } from '../harness.ts';
import { StreamingClient } from '../streaming-client.ts';
import { bearer, startGuarded, tokens } from './fixture.ts';

const shop = 'https://shop.example';
const evil = 'https://evil.example';

async function start(t: ExecutionContext, origins: readonly string[]) {
  const caching = { coherence: 'validate', cache: { cacheBytes: 1024 * 1024 } } as const;
  const options = { ...gatewayOptions(new StreamingClient(null)), caching, insecure: true };
  const gateway = await startGateway({ ...options, cors: origins.length === 0 ? null : createCors(origins) });
  t.teardown(() => gateway.close());
  return (method: string, path: string, origin?: string, headers = {}) =>
    request(gateway.address.port, method, path, {
      headers: { ...headers, ...(origin === undefined ? {} : { Origin: origin }) },
    });
}

/** Through the router, past it, from the cache, and what is refused. */
const paths = ['/v1/kv/a', 'http://a.example/v1/kv/a', '/v1/kv?prefix=a/', '/v1/cluster', '/livez', '/v1/nowhere'];

test('without origins no answer says anything of them', async (t) => {
  const ask = await start(t, []);
  for (const path of paths) {
    const { headers } = await ask('GET', path, shop);
    t.deepEqual([headers['access-control-allow-origin'], headers.vary], [undefined, undefined], path);
  }
  const preflight = await ask('OPTIONS', '/v1/kv/a', shop, { 'Access-Control-Request-Method': 'PUT' });
  t.is(preflight.headers['access-control-allow-methods'], undefined);
});

for (const path of paths) {
  test(`${path} may be read by the pages that were named, and every answer varies by who asks`, async (t) => {
    const ask = await start(t, ['http://127.0.0.1:3000', shop]);
    for (const round of ['first', 'second', 'third']) {
      const named = await ask('GET', path, shop);
      t.is(named.headers['access-control-allow-origin'], shop, round);
      t.regex(named.headers['access-control-expose-headers'] ?? '', /ETag/);
      for (const origin of [evil, undefined, 'null']) {
        const other = await ask('GET', path, origin);
        t.is(other.headers['access-control-allow-origin'], undefined, origin);
        t.is(other.headers.vary, 'Origin', origin);
        t.is(other.status, named.status);
      }
      t.is(named.headers.vary, 'Origin');
      t.is(named.headers['access-control-allow-credentials'], undefined);
    }
  });
}

test('hits and answers that have not changed say it too', async (t) => {
  const ask = await start(t, [shop]);
  await ask('PUT', '/v1/kv/a');
  for (const _ of [1, 2]) await ask('GET', '/v1/kv/a', evil);
  const hit = await ask('GET', '/v1/kv/a', shop);
  t.regex(String(hit.headers['cache-status']), /hit/);
  t.like(hit.headers, { vary: 'Origin', 'access-control-allow-origin': shop });
  const unchanged = await ask('GET', '/v1/kv/a', shop, { 'If-None-Match': hit.headers.etag });
  t.is(unchanged.status, 304);
  t.like(unchanged.headers, { vary: 'Origin', 'access-control-allow-origin': shop });
});

test('what an answer tells in its headers a page may read', async (t) => {
  const ask = await start(t, [shop]);
  await ask('PUT', '/v1/kv/a');
  const { headers } = await ask('GET', '/v1/kv/a?consistency=stale', shop);
  const exposed = (headers['access-control-expose-headers'] ?? '').toLowerCase().split(', ');
  const always = ['cache-control', 'content-length', 'content-type', 'vary', 'connection', 'keep-alive'];
  const protective = ['x-content-type-options', 'content-security-policy'];
  const ours = Object.keys(headers).filter(
    (name) => ![...always, ...protective].includes(name) && !name.startsWith('access-control-'),
  );
  t.true(ours.length >= 4);
  t.deepEqual(
    ours.filter((name) => !exposed.includes(name)),
    [],
  );
  for (const name of ['location', 'retry-after', 'idempotency-replayed', 'www-authenticate']) {
    t.true(exposed.includes(name), name);
  }
});

test('with * every page may read, and answers are the same for all', async (t) => {
  const ask = await start(t, ['*']);
  for (const origin of [evil, undefined]) {
    const { headers } = await ask('GET', '/v1/kv/a', origin);
    t.deepEqual([headers['access-control-allow-origin'], headers.vary], ['*', undefined]);
  }
});

test('a preflight is told what the path takes, without a token, and only if its page was named', async (t) => {
  const port = await startGuarded(t, { cors: createCors([shop]) });
  const preflight = (origin: string, path = '/v1/kv/a') =>
    request(port, 'OPTIONS', path, {
      headers: { Origin: origin, 'Access-Control-Request-Method': 'PUT', 'Access-Control-Request-Headers': 'if-match' },
    });
  const { status, headers } = await preflight(shop);
  t.is(status, 204);
  t.like(headers, {
    'access-control-allow-origin': shop,
    'access-control-allow-methods': 'GET, HEAD, PUT, PATCH, DELETE',
    'access-control-max-age': '600',
    vary: 'Origin',
  });
  for (const name of ['Authorization', 'If-Match', 'If-None-Match', 'Idempotency-Key', 'Content-Type']) {
    t.true(headers['access-control-allow-headers']?.split(', ').includes(name), name);
  }
  t.is((await preflight(shop, '/v1/cache')).headers['access-control-allow-methods'], 'DELETE');
  const refused = await preflight(evil);
  t.is(refused.headers['access-control-allow-origin'], undefined);
  t.is(refused.headers['access-control-allow-methods'], undefined);
});

test('a page can read why it was not let in', async (t) => {
  const port = await startGuarded(t, { cors: createCors([shop]) });
  const ask = (headers = {}) => request(port, 'GET', '/v1/kv/a', { headers: { Origin: shop, ...headers } });
  t.like((await ask()).headers, { 'access-control-allow-origin': shop, 'www-authenticate': 'Bearer realm="bazar"' });
  t.is((await ask(bearer(tokens.read))).status, 404);
});

test('origins are written without path, and * stands alone', (t) => {
  t.deepEqual(corsOrigins.parse('https://a.example,http://127.0.0.1:3000'), [
    'https://a.example',
    'http://127.0.0.1:3000',
  ]);
  t.deepEqual(corsOrigins.parse('*'), ['*']);
  for (const wrong of [
    '',
    'a.example',
    'https://a/',
    'https://A',
    'http://a:80',
    'null',
    '*,https://a',
    'https://a, https://b',
    'file:///a',
  ]) {
    t.throws(() => corsOrigins.parse(wrong), { instanceOf: UsageError }, wrong);
  }
});
