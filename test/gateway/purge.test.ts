import test, { type ExecutionContext } from 'ava';
import { createPeers, type PeerAnswer, type PeerRequest, type Peers } from '../../src/gateway/peers.ts';
import { type GatewayOptions, startGateway } from '../../src/gateway/server.ts';
import { ManualClock } from '../store/manual-clock.ts';
import { FakeClient } from './fake-client.ts';
import { gatewayOptions, problemOf, request, unsigned } from './harness.ts';

const caching = { coherence: 'validate', cache: { cacheBytes: 1024 * 1024 } } as const;

async function start(t: ExecutionContext, options: Partial<GatewayOptions> = {}): Promise<number> {
  const gateway = await startGateway({ ...gatewayOptions(new FakeClient()), caching, ...options });
  t.teardown(() => gateway.close());
  return gateway.address.port;
}

/** Others that say what the test says. */
function scripted(answers: readonly PeerAnswer[]): Peers & { readonly asked: PeerRequest[] } {
  const asked: PeerRequest[] = [];
  return {
    asked,
    async askAll(wanted) {
      asked.push(wanted);
      return answers;
    },
  };
}

const purged = (id: string, count: number): PeerAnswer => {
  return {
    id,
    type: 'answered',
    status: 200,
    body: JSON.stringify({ purged: count, gateways: [{ id, purged: count }] }),
  };
};

test('what is named is thrown out, and counted', async (t) => {
  const port = await start(t);
  const keys = ['a', 'b/1', 'b/2', 'c'];
  for (const key of keys) await request(port, 'GET', `/v1/kv/${key}`);
  for (const _ of [1, 2]) await request(port, 'GET', '/v1/kv?prefix=b/');
  const purge = async (query: string) => {
    const response = await request(port, 'DELETE', `/v1/cache?${query}`);
    t.is(response.status, 200, response.text);
    t.is(response.headers['cache-control'], 'no-store');
    return JSON.parse(response.text) as unknown;
  };
  const count = (number: number) => ({ purged: number, gateways: [{ id: 'g1', purged: number }] });
  t.deepEqual(await purge('key=x'), count(0));
  t.deepEqual(await purge('tag=b/'), count(1), 'the list');
  t.deepEqual(await purge('tag=b%2F2'), count(1), 'the key');
  t.deepEqual(await purge('key=a&all=false'), count(1));
  t.deepEqual(await purge('prefix=b'), count(1));
  t.deepEqual(await purge('all'), count(1));
  t.deepEqual(await purge('all=true&scope=this'), count(0));
});

test('a cache can be purged, and not be read', async (t) => {
  const port = await start(t);
  for (const method of ['GET', 'HEAD', 'PUT', 'POST']) {
    const response = await request(port, method, '/v1/cache?all');
    t.is(response.status, 405, method);
    t.is(response.headers.allow, 'DELETE, OPTIONS');
  }
});

const mistakes: readonly (readonly [query: string, detail: RegExp])[] = [
  ['', /expected exactly one of key, prefix, tag, collection, all, got none; all takes everything/],
  ['all=false', /got none/],
  ['key=a&prefix=b', /got key and prefix/],
  ['key=a&all', /got key and all/],
  ['all=yes', /"all": expected true or false/],
  ['key=', /"key": expected a key \(a key must not be empty\)/],
  ['prefix=', /"prefix": expected the beginning of a key/],
  [`tag=${'x'.repeat(1025)}`, /"tag": expected a key, or a prefix that was listed/],
  ['key=a&key=b', /"key" is given twice/],
  ['all&scope=all', /"scope": expected this or cluster, got "all"/],
  ['keys=a', /unknown query parameter "keys"; expected key, prefix, tag, collection, all, id, scope/],
  ['collection=', /"collection": expected the name of a collection \(the name of a collection must not be empty\)/],
  ['collection=a&id=', /"id": expected the id of a document \(the id of a document must not be empty\)/],
  ['key=a&id=1', /"id": expected the id of a document, together with its collection/],
  ['id=1', /expected exactly one of/],
];

test('a purge that does not say what it means is refused, and nobody is asked', async (t) => {
  const peers = scripted([]);
  const port = await start(t, { peers });
  await request(port, 'GET', '/v1/kv/a');
  for (const [query, detail] of mistakes) {
    const response = await request(port, 'DELETE', `/v1/cache?${query}`);
    t.is(response.status, 400, query);
    const problem = problemOf(t, response);
    t.is(problem.code, 'bad_parameter');
    t.regex(problem.detail, detail);
  }
  t.deepEqual(peers.asked, []);
  const all = await request(port, 'DELETE', '/v1/cache?all');
  t.like(JSON.parse(all.text), { purged: 1 });
});

test('all other gateways are asked for their part, and not shown the credentials of the request', async (t) => {
  const peers = scripted([purged('g2', 3), purged('g3', 0)]);
  const port = await start(t, { peers });
  await request(port, 'GET', '/v1/kv/b%26%2F%C3%BC');
  const response = await request(port, 'DELETE', '/v1/cache?prefix=b%26/%C3%BC', {
    headers: { Authorization: 'Bearer t' },
  });
  t.is(response.status, 200);
  t.deepEqual(JSON.parse(response.text), {
    purged: 4,
    gateways: [
      { id: 'g1', purged: 1 },
      { id: 'g2', purged: 3 },
      { id: 'g3', purged: 0 },
    ],
  });
  const target = '/v1/cache?prefix=b%26%2F%C3%BC&scope=this';
  t.deepEqual(peers.asked, [{ method: 'DELETE', target }]);
  await request(port, 'DELETE', '/v1/cache?all&scope=this');
  t.is(peers.asked.length, 1);
});

const refusals: readonly (readonly [title: string, answer: Omit<PeerAnswer & { type: 'answered' }, 'id' | 'type'>])[] =
  [
    ['another status', { status: 404, body: '{}' }],
    ['no JSON', { status: 200, body: 'ok' }],
    ['JSON of something else', { status: 200, body: '{"purged":1}' }],
    ['a count that is none', { status: 200, body: '{"purged":1,"gateways":[{"id":"g2","purged":-1}]}' }],
    ['an answer of somebody else', { status: 200, body: '{"purged":1,"gateways":[{"id":"g3","purged":1}]}' }],
  ];

for (const [title, answer] of refusals) {
  test(`a gateway that did not purge (${title}) is named, with what the others did`, async (t) => {
    const port = await start(t, { peers: scripted([{ id: 'g2', type: 'answered', ...answer }, purged('g3', 2)]) });
    const response = await request(port, 'DELETE', '/v1/cache?all');
    t.is(response.status, 502);
    const problem = problemOf(t, response);
    t.like(problem, { code: 'gateway_refused', outcome: 'unknown', purged: 2 });
    t.regex(problem.detail, /^1 of 3 gateways did not confirm, and may keep what was to go: g2 \(/);
    const { gateways } = JSON.parse(response.text) as { gateways: readonly { id: string; error?: string }[] };
    t.deepEqual(
      gateways.map(({ id, error }) => [id, error === undefined]),
      [
        ['g1', true],
        ['g2', false],
        ['g3', true],
      ],
    );
  });
}

test('a gateway that does not answer makes it 504, whatever the others say', async (t) => {
  const silent = { id: 'g3', type: 'silent', reason: '10.0.0.3:8080: ECONNREFUSED' } as const;
  const refused = { id: 'g2', type: 'answered', status: 429, body: '' } as const;
  const port = await start(t, { peers: scripted([refused, silent]) });
  const response = await request(port, 'DELETE', '/v1/cache?all');
  t.is(response.status, 504);
  const problem = problemOf(t, response);
  t.is(problem.code, 'gateway_silent');
  t.regex(
    problem.detail,
    /2 of 3 .* g2 \(it answered with status 429\), g3 \(10\.0\.0\.3:8080: ECONNREFUSED\); purge again/,
  );
});

test('purges that ask others are bounded; one for this gateway alone is not held up by them', async (t) => {
  const { promise: others, resolve } = Promise.withResolvers<readonly PeerAnswer[]>();
  const began = Promise.withResolvers<void>();
  const peers: Peers = {
    askAll() {
      began.resolve();
      return others;
    },
  };
  const limits = { ...gatewayOptions(new FakeClient()).limits, purgesInFlightMax: 1 };
  const port = await start(t, { peers, limits });
  const first = request(port, 'DELETE', '/v1/cache?all');
  await began.promise;
  const second = await request(port, 'DELETE', '/v1/cache?all');
  t.is(second.status, 429);
  t.is((await request(port, 'DELETE', '/v1/cache?all&scope=this')).status, 200);
  resolve([]);
  t.is((await first).status, 200);
});

test('two gateways purge together, and a gateway without a cache has nothing to purge', async (t) => {
  const second = await start(t, { id: 'g2' });
  const third = await start(t, { id: 'g3', caching: { coherence: 'off', cache: { cacheBytes: 0 } } });
  const gateways = [
    { id: 'g1', http: '127.0.0.1:1' },
    { id: 'g2', http: `127.0.0.1:${second}` },
    { id: 'g3', http: `127.0.0.1:${third}` },
  ];
  const first = await start(t, {
    peers: createPeers({ gateways, id: 'g1', signer: unsigned, clock: new ManualClock() }),
  });
  for (const port of [first, second, third]) {
    for (const key of ['a', 'b']) await request(port, 'GET', `/v1/kv/${key}`);
  }
  const response = await request(first, 'DELETE', '/v1/cache?key=a');
  t.is(response.status, 200);
  t.deepEqual(JSON.parse(response.text), {
    purged: 2,
    gateways: [
      { id: 'g1', purged: 1 },
      { id: 'g2', purged: 1 },
      { id: 'g3', purged: 0 },
    ],
  });
});
