import http from 'node:http';
import type { AddressInfo } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { createHttpClient, type HttpClient } from '../cluster/http-client.ts';
import type { Condition, Outcome, Request } from '../history/operation.ts';
import { ask } from './clients.ts';

interface Canned {
  readonly status: number;
  readonly headers?: http.OutgoingHttpHeaders;
  readonly body?: string;
}

/** What it was asked, and a client of it; `canned` null: it breaks the connection. */
async function gatewayThatSays(t: ExecutionContext, canned: Canned | null) {
  const asked: { method: string; url: string; ifMatch: unknown; ifNoneMatch: unknown; body: string }[] = [];
  const server = http.createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      asked.push({ method, url, ifMatch: headers['if-match'], ifNoneMatch: headers['if-none-match'], body });
      if (canned === null) request.socket.destroy();
      else response.writeHead(canned.status, canned.headers).end(canned.body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = createHttpClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const close = () => {
    client.close();
    server.closeAllConnections();
    return new Promise<unknown>((resolve) => server.close(resolve));
  };
  t.teardown(close);
  return { client, asked, close };
}

async function askFor(client: HttpClient, request: Request): Promise<Outcome> {
  const { outcome } = await ask(client, request, { parameters: ['timeout=300ms'], timeoutMs: 1000 });
  return outcome;
}

const get: Request = { type: 'get', key: 'group-1/a' };
const getUnlessAt: Request = { ...get, form: { type: 'unlessAt', revision: 7 } };
const put = (condition: Condition = { type: 'none' }): Request => ({
  type: 'put',
  key: 'group-1/a',
  value: 'v',
  condition,
});
const remove: Request = { type: 'delete', key: 'group-1/a', condition: { type: 'none' } };
const list: Request = { type: 'list', prefix: 'group-1/', limit: 2 };
const answered = (reply: Extract<Outcome, { type: 'answered' }>['reply']): Outcome => ({ type: 'answered', reply });
const problem = (status: number, outcome?: string): Canned => ({ status, body: JSON.stringify({ status, outcome }) });

const answers: readonly (readonly [title: string, request: Request, canned: Canned | null, outcome: Outcome])[] = [
  [
    'a value',
    get,
    { status: 200, headers: { etag: '"7"', 'bazar-revision': '12' }, body: 'v' },
    answered({ type: 'got', revision: 12, item: { key: 'group-1/a', value: 'v', modRevision: 7 } }),
  ],
  [
    'no value',
    get,
    { status: 404, headers: { 'bazar-revision': '12' } },
    answered({ type: 'got', revision: 12, item: null }),
  ],
  [
    'a value that has not changed',
    getUnlessAt,
    { status: 304, headers: { etag: '"7"', 'bazar-revision': '12' } },
    answered({ type: 'checked', revision: 12, current: 7 }),
  ],
  ['a read in vain', get, problem(504), { type: 'notApplied' }],
  ['a read of a replica in vain', get, problem(503), { type: 'notApplied' }],
  ['a read whose connection broke', get, null, { type: 'notApplied' }],
  [
    'a put of a new key',
    put(),
    { status: 201, body: '{"key":"group-1/a","revision":7,"version":1}' },
    answered({ type: 'put', revision: 7, version: 1, created: true }),
  ],
  [
    'a put of a key that is there',
    put({ type: 'matches', revision: 7 }),
    { status: 200, body: '{"key":"group-1/a","revision":9,"version":2}' },
    answered({ type: 'put', revision: 9, version: 2, created: false }),
  ],
  [
    'a condition that fails',
    put({ type: 'absent' }),
    { status: 412, headers: { etag: '"9"' } },
    answered({ type: 'conditionFailed', current: 9 }),
  ],
  [
    'a condition that fails for want of a key',
    put({ type: 'matches', revision: 7 }),
    { status: 412 },
    answered({ type: 'conditionFailed', current: 0 }),
  ],
  [
    'a delete',
    remove,
    { status: 200, body: '{"key":"group-1/a","revision":11}' },
    answered({ type: 'deleted', revision: 11 }),
  ],
  ['a delete of nothing', remove, problem(404, 'not_applied'), answered({ type: 'notFound' })],
  ['a write without a leader', put(), problem(503, 'not_applied'), { type: 'notApplied' }],
  ['a write too many', remove, problem(429, 'not_applied'), { type: 'notApplied' }],
  ['a write that timed out', put(), problem(504, 'unknown'), { type: 'unknown' }],
  ['a write whose connection broke', put(), null, { type: 'unknown' }],
  [
    'a page',
    list,
    {
      status: 200,
      body: '{"revision":12,"items":[{"key":"group-1/a","modRevision":7,"version":1,"value":"v"}],"cursor":"x"}',
    },
    answered({
      type: 'listed',
      revision: 12,
      items: [{ key: 'group-1/a', value: 'v', modRevision: 7, version: 1 }],
      more: true,
      cursor: 'x',
    }),
  ],
];

for (const [title, request, canned, outcome] of answers) {
  test(`${title} is understood`, async (t) => {
    const { client } = await gatewayThatSays(t, canned);
    t.deepEqual(await askFor(client, request), outcome);
  });
}

test('keys, conditions and how long to try reach the gateway', async (t) => {
  const { client, asked } = await gatewayThatSays(t, problem(504, 'unknown'));
  await askFor(client, put({ type: 'matches', revision: 7 }));
  await askFor(client, put({ type: 'absent' }));
  t.deepEqual(asked, [
    { method: 'PUT', url: '/v1/kv/group-1%2Fa?timeout=300ms', ifMatch: '"7"', ifNoneMatch: undefined, body: 'v' },
    { method: 'PUT', url: '/v1/kv/group-1%2Fa?timeout=300ms', ifMatch: undefined, ifNoneMatch: '*', body: 'v' },
  ]);
});

test('where nobody listens, nothing was asked', async (t) => {
  const { client, close } = await gatewayThatSays(t, null);
  await close();
  t.deepEqual(await askFor(client, put()), { type: 'notApplied' });
  t.deepEqual(await askFor(client, get), { type: 'notApplied' });
});

test('an answer that admits a defect, or that the API does not know, is an error', async (t) => {
  for (const canned of [problem(500, 'unknown'), problem(502, 'not_applied'), problem(400), { status: 302 }]) {
    const { client } = await gatewayThatSays(t, canned);
    await t.throwsAsync(askFor(client, put()), undefined, `${canned.status}`);
  }
});

test('what a gateway says of its cache is heard, where it says anything', async (t) => {
  const said = async (headers: http.OutgoingHttpHeaders) => {
    const { client } = await gatewayThatSays(t, { status: 404, headers: { 'bazar-revision': '12', ...headers } });
    return (await ask(client, get, { parameters: [], timeoutMs: 10_000 })).cacheStatus;
  };
  t.is(await said({ 'cache-status': 'bazar; hit; detail=validated' }), 'bazar; hit; detail=validated');
  t.is(await said({}), null);
});
