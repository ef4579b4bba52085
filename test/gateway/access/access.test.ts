import { Router } from '@koa/router';
import test from 'ava';
import { createCors } from '../../../src/gateway/access/cors.ts';
import { guardRoutes } from '../../../src/gateway/access/guard.ts';
import { needOf, type Role, roles } from '../../../src/gateway/access/needs.ts';
import { tokenTable } from '../../../src/gateway/access/tokens.ts';
import type { RequestState } from '../../../src/gateway/answer.ts';
import { createRouter, createWatches } from '../../../src/gateway/app.ts';
import { createReader } from '../../../src/gateway/reader.ts';
import { startGateway } from '../../../src/gateway/server.ts';
import { createLogger } from '../../../src/logger.ts';
import { MachineClient } from '../catalog/machine-client.ts';
import { FakeClient } from '../fake-client.ts';
import { gatewayOptions, problemOf, request } from '../harness.ts';
import { StreamingClient } from '../streaming-client.ts';
import { accessOf, bearer, entries, startGuarded, tokens } from './fixture.ts';

/** Whoever adds a route adds it here, and thinks about who may use it. */
const needs: Readonly<Record<string, string>> = {
  'HEAD,GET /v1/kv/{key}': 'read',
  'PUT /v1/kv/{key}': 'write',
  'DELETE /v1/kv/{key}': 'write',
  'PATCH /v1/kv/{key}': 'write',
  'HEAD,GET /v1/kv': 'read',
  'DELETE /v1/kv': 'write',
  'PUT /v1/collections/{collection}': 'admin',
  'DELETE /v1/collections/{collection}': 'admin',
  'POST /v1/collections/{collection}/items': 'write',
  'PUT /v1/collections/{collection}/items/{id}': 'write',
  'PATCH /v1/collections/{collection}/items/{id}': 'write',
  'DELETE /v1/collections/{collection}/items/{id}': 'write',
  // For one that writes the handler asks for more.
  'POST /v1/txn': 'read',
  'DELETE /v1/cache': 'admin',
  'HEAD,GET /v1/cluster': 'read',
  'HEAD,GET /v1/cluster/metrics': 'read',
  'HEAD,GET /v1/cluster/hash': 'read',
  'HEAD,GET /v1/watch': 'read',
  'HEAD,GET /v1/collections/{collection}/watch': 'read',
  'HEAD,GET /v1/collections': 'read',
  'HEAD,GET /v1/collections/{collection}': 'read',
  'HEAD,GET /v1/collections/{collection}/items': 'read',
  'HEAD,GET /v1/collections/{collection}/items/{id}': 'read',
  'HEAD,GET /': 'public',
  'HEAD,GET /style.css': 'public',
  'HEAD,GET /page.js': 'public',
  'HEAD,GET /icon.svg': 'public',
  'HEAD,GET /v1/books': 'read',
  'HEAD,GET /v1/books/{id}': 'read',
  'HEAD,GET /search/{topic}': 'read',
  'HEAD,GET /info/{id}': 'read',
  'HEAD,GET /catalog-service/search/{topic}': 'read',
  'HEAD,GET /catalog-service/info/{id}': 'read',
  'HEAD,GET /api/catalog/books': 'read',
  'PUT /update/{id}': 'admin',
  'POST /v1/orders': 'write',
  'HEAD,GET /v1/orders': 'read',
  'HEAD,GET /v1/orders/{id}': 'read',
  'POST /purchase/{id}': 'write',
  'POST /order-service/purchase': 'write',
  'POST /api/order/books/purchase/{id}': 'write',
  'POST /cache/invalidate': 'admin',
  'HEAD,GET /employees': 'read',
  'POST /employees': 'write',
  'HEAD,GET /update/employees': 'read',
  'HEAD,GET /employees/{id}': 'read',
  'PUT /employees/{id}': 'write',
  'PATCH /employees/{id}': 'write',
  'DELETE /employees/{id}': 'write',
  'HEAD,GET /livez': 'public',
  'HEAD,GET /readyz': 'public',
  'HEAD,GET /metrics': 'public',
  'HEAD,GET /version': 'public',
  'HEAD,GET /openapi.json': 'public',
};

test('every route declares what it needs, and it is what was thought of', (t) => {
  const options = gatewayOptions(new FakeClient());
  const { router } = createRouter(options, createReader(options), createWatches(options));
  t.deepEqual(
    Object.fromEntries(router.stack.map(({ methods, name, stack }) => [`${methods} ${name}`, needOf(stack)])),
    needs,
  );
});

test('a route that declares nothing is refused before anybody can ask it', (t) => {
  const router = new Router<RequestState>();
  router.post('/v1/new', '/v1/new', async () => {});
  for (const access of [null, accessOf()]) {
    t.throws(() => guardRoutes(router, { access, origins: [] }), { message: /^POST \/v1\/new does not declare/ });
  }
});

/** In the absolute form a request goes the long way. */
const ways = ['', 'http://a.example'];

const asked: readonly (readonly [method: string, path: string, need: Role | 'public'])[] = [
  ['GET', '/v1/kv/a', 'read'],
  ['HEAD', '/v1/kv/a', 'read'],
  ['GET', '/v1/kv?prefix=a/', 'read'],
  ['GET', '/v1/cluster', 'read'],
  ['GET', '/v1/collections', 'read'],
  ['GET', '/v1/collections/c', 'read'],
  ['GET', '/v1/collections/c/items', 'read'],
  ['HEAD', '/v1/collections/c/items/1', 'read'],
  ['GET', '/v1/cluster/metrics', 'read'],
  ['GET', '/v1/cluster/hash', 'read'],
  ['PUT', '/v1/kv/a', 'write'],
  ['DELETE', '/v1/kv/a', 'write'],
  ['PATCH', '/v1/kv/a', 'write'],
  ['DELETE', '/v1/kv?prefix=a/&confirm', 'write'],
  ['PUT', '/v1/collections/c', 'admin'],
  ['DELETE', '/v1/collections/c?confirm', 'admin'],
  ['POST', '/v1/collections/c/items', 'write'],
  ['PUT', '/v1/collections/c/items/1', 'write'],
  ['PATCH', '/v1/collections/c/items/1', 'write'],
  ['DELETE', '/v1/collections/c/items/1', 'write'],
  ['POST', '/v1/txn', 'read'],
  ['DELETE', '/v1/cache?all', 'admin'],
  ['DELETE', '/v1/cache?all&scope=this', 'admin'],
  ['GET', '/livez', 'public'],
  ['GET', '/readyz', 'public'],
  ['GET', '/metrics', 'public'],
  ['GET', '/version', 'public'],
  ['OPTIONS', '/v1/kv/a', 'public'],
];

for (const way of ways) {
  for (const [method, path, need] of asked) {
    test(`${method} ${way}${path} is for ${need === 'public' ? 'everybody' : need}`, async (t) => {
      const port = await startGuarded(t);
      const nobody = await request(port, method, `${way}${path}`);
      t.is(nobody.status === 401, need !== 'public');
      for (const role of roles) {
        const { status, headers } = await request(port, method, `${way}${path}`, { headers: bearer(tokens[role]) });
        const mayDo = need === 'public' || roles.indexOf(role) >= roles.indexOf(need);
        t.is(status === 403, !mayDo, role);
        t.not(status, 401, role);
        const scope = `Bearer realm="bazar", error="insufficient_scope", scope="${need}"`;
        if (!mayDo) t.is(headers['www-authenticate'], scope);
      }
    });
  }

  test(`a transaction that writes is for those who may write (${way || 'short'})`, async (t) => {
    const store = await MachineClient.start();
    const port = await startGuarded(t, { client: store });
    const transact = async (role: Role, body: object) => {
      const options = { headers: bearer(tokens[role]), body: JSON.stringify(body) };
      return (await request(port, 'POST', `${way}/v1/txn`, options)).status;
    };
    const get = { op: 'get', key: 'a' };
    t.is(await transact('read', { then: [get] }), 200);
    t.is(await transact('read', { then: [get], else: [{ op: 'delete', key: 'a' }] }), 403);
    t.is(store.writes.length, 0);
    t.is(await transact('write', { then: [get], else: [{ op: 'delete', key: 'a' }] }), 200);
  });

  test(`who is not let in is told why, and nothing is done (${way || 'short'})`, async (t) => {
    const client = new FakeClient();
    const gateway = await startGateway({ ...gatewayOptions(client), access: accessOf() });
    t.teardown(() => gateway.close());
    const { port } = gateway.address;
    const unknown = `${tokens.admin.slice(0, -1)}${tokens.admin.endsWith('0') ? '1' : '0'}`;
    for (const [authorization, code, challenge] of [
      [undefined, 'token_missing', 'Bearer realm="bazar"'],
      ['Basic YTpi', 'token_missing', 'Bearer realm="bazar"'],
      ['Bearer', 'token_missing', 'Bearer realm="bazar"'],
      [`Bearer ${unknown}`, 'token_unknown', 'Bearer realm="bazar", error="invalid_token"'],
      [`Bearer  ${tokens.admin}`, 'token_unknown', 'Bearer realm="bazar", error="invalid_token"'],
    ] as const) {
      const headers = authorization === undefined ? {} : { Authorization: authorization };
      for (const method of ['GET', 'PUT']) {
        const response = await request(port, method, `${way}/v1/kv/a`, { headers });
        t.is(response.status, 401, code);
        t.is(response.headers['www-authenticate'], challenge);
        const problem = problemOf(t, response);
        t.is(problem.code, code);
        t.is(problem.outcome, method === 'PUT' ? 'not_applied' : undefined);
        t.false(response.text.includes(unknown.slice(-64)));
      }
    }
    t.deepEqual([client.reads.length, client.writes.length], [0, 0]);
    const anyCase = { Authorization: `bEARER ${tokens.read}` };
    t.is((await request(port, 'GET', `${way}/v1/kv/a`, { headers: anyCase })).status, 404);
  });
}

test('what is kept is given only to those who may read', async (t) => {
  const caching = { coherence: 'validate', cache: { cacheBytes: 1024 * 1024 } } as const;
  const gateway = await startGateway({ ...gatewayOptions(new StreamingClient(null)), caching, access: accessOf() });
  t.teardown(() => gateway.close());
  const ask = (headers = {}) => request(gateway.address.port, 'GET', '/v1/kv/a', { headers });
  for (const _ of [1, 2]) await ask(bearer(tokens.read));
  t.regex(String((await ask(bearer(tokens.read))).headers['cache-status']), /hit/);
  const refused = await ask();
  t.is(refused.status, 401);
  t.is(refused.headers['cache-control'], 'no-store');
});

test('a token that is taken from the file is let in no more, a new one is, and connections stay', async (t) => {
  const table = { current: tokenTable([]) };
  const port = await startGuarded(t, { access: accessOf('g1', table) });
  const status = async () => (await request(port, 'GET', '/v1/kv/a', { headers: bearer(tokens.read) })).status;
  t.is(await status(), 401);
  table.current = tokenTable(entries);
  t.is(await status(), 404);
});

test('a watch ends when its token is taken from the file', async (t) => {
  const table = { current: tokenTable(entries) };
  const port = await startGuarded(t, { access: accessOf('g1', table) });
  const url = `http://127.0.0.1:${port}/v1/watch?bookmarks=100ms`;
  const watch = await fetch(url, { headers: bearer(tokens.read), signal: AbortSignal.timeout(30_000) });
  t.is(watch.status, 200);
  table.current = tokenTable([]);
  t.regex(await watch.text(), /\n\nid: \d+\nevent: closing\ndata: \{"from":"\d+"\}\n\n$/);
  t.is((await fetch(url, { headers: bearer(tokens.read) })).status, 401);
});

test('no token is logged, whatever becomes of it', async (t) => {
  const lines: string[] = [];
  const log = createLogger({ id: 'g1', level: 'debug', write: (line) => void lines.push(line) });
  const client = new FakeClient();
  client.writeOutcome = Promise.reject(new Error('broken'));
  const gateway = await startGateway({ ...gatewayOptions(client), log, access: accessOf() });
  for (const authorization of [`Bearer ${tokens.admin}`, `Bearer ${tokens.read}`, 'Bearer secret', 'Basic secret']) {
    for (const method of ['GET', 'PUT']) {
      await request(gateway.address.port, method, '/v1/kv/a', { headers: { Authorization: authorization } });
    }
  }
  await gateway.close();
  t.true(lines.length >= 8);
  const all = lines.join();
  for (const secret of [tokens.admin, tokens.read, 'secret', ...entries.map(({ sha256 }) => sha256)]) {
    t.false(all.includes(secret));
  }
});

for (const [what, headers, may] of [
  ['no page', {}, true],
  ['a page of the gateway itself', { Origin: 'http://g:1', Host: 'g:1', 'Sec-Fetch-Site': 'same-origin' }, true],
  ['a page of the gateway, in an old browser', { Origin: 'http://g:1', Host: 'g:1' }, true],
  [
    'a page behind a proxy with another name',
    { Origin: 'https://s', Host: 'g:1', 'Sec-Fetch-Site': 'same-origin' },
    true,
  ],
  ['a page that is allowed', { Origin: 'https://shop.example', 'Sec-Fetch-Site': 'cross-site' }, true],
  ['another page', { Origin: 'https://evil.example', 'Sec-Fetch-Site': 'cross-site' }, false],
  ['another page on the same machine', { Origin: 'http://g:2', Host: 'g:1', 'Sec-Fetch-Site': 'same-site' }, false],
  ['another page, in an old browser', { Origin: 'https://evil.example' }, false],
  ['a file', { Origin: 'null' }, false],
] as const) {
  test(`without tokens ${what} ${may ? 'may' : 'may not'} write`, async (t) => {
    const client = new FakeClient();
    const cors = createCors(['https://shop.example']);
    const gateway = await startGateway({ ...gatewayOptions(client), cors });
    t.teardown(() => gateway.close());
    const { port } = gateway.address;
    const response = await request(port, 'PUT', '/v1/kv/a', { headers });
    t.is(response.status, may ? 201 : 403);
    if (!may) t.is(problemOf(t, response).code, 'foreign_page');
    t.is(client.writes.length, may ? 1 : 0);
    t.is((await request(port, 'GET', '/v1/kv/a', { headers })).status === 403, false);
  });
}
