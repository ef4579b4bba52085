import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { metricsPage } from '../../src/cli/metrics.ts';
import { statusPage } from '../../src/cli/status.ts';
import { temporaryDirectory } from './directory.ts';
import { type KvServer, startKvServer } from './kv-server.ts';
import { bazar } from './terminal.ts';

async function withServer(t: ExecutionContext): Promise<{ kv: KvServer; environment: NodeJS.ProcessEnv }> {
  const kv = await startKvServer();
  t.teardown(() => kv.close());
  return { kv, environment: { BAZAR_URL: kv.url } };
}

test('what was put is got, byte for byte', async (t) => {
  const { kv, environment } = await withServer(t);
  const bytes = Buffer.from([0, 255, 10, 13, 0xc3, 0x28]);
  const put = await bazar(['put', 'k', '--file', '-', '--content-type', 'image/x'], { environment, stdin: bytes });
  t.deepEqual([put.code, put.stdout, put.stderr], [0, '1\n', '']);
  t.is(kv.items.get('k')?.contentType, 'image/x');
  const got = await bazar(['get', 'k'], { environment });
  t.is(got.code, 0);
  t.deepEqual(got.stdoutBytes, bytes);
});

test('a value comes from the command line, a file or the standard input', async (t) => {
  const { kv, environment } = await withServer(t);
  const file = join(temporaryDirectory(t), 'value');
  writeFileSync(file, 'from a file');
  await bazar(['put', 'a', 'grüße'], { environment });
  await bazar(['put', 'b', '--file', file], { environment });
  await bazar(['put', 'c', ''], { environment });
  t.deepEqual(
    [...kv.items].map(([key, { value }]) => [key, value.toString()]),
    [
      ['a', 'grüße'],
      ['b', 'from a file'],
      ['c', ''],
    ],
  );
  t.is((await bazar(['put', 'd'], { environment })).code, 2);
  t.is((await bazar(['put', 'd', 'v', '--file', file], { environment })).code, 2);
  t.is((await bazar(['put', 'd', '--file', `${file}-missing`], { environment })).code, 1);
  t.false(kv.items.has('d'));
});

for (const key of ['.', '..', 'a/../b', 'a//b', '/', '%2F', '%25', ' ', '?a=b#c', 'ü€😀', '-', 'a\nb']) {
  test(`the key ${JSON.stringify(key)} arrives as it is`, async (t) => {
    const { kv, environment } = await withServer(t);
    t.is((await bazar(['put', '--', key, 'v'], { environment })).code, 0);
    t.deepEqual([...kv.items.keys()], [key]);
    t.is((await bazar(['get', '--', key], { environment })).stdout, 'v');
    t.is((await bazar(['del', '--', key], { environment })).code, 0);
    t.is(kv.items.size, 0);
  });
}

test('a key that no store takes is a usage error, and nothing is sent', async (t) => {
  const { kv, environment } = await withServer(t);
  for (const key of ['k'.repeat(1025), '\ud800']) {
    t.is((await bazar(['put', key, 'v'], { environment })).code, 2);
    t.is((await bazar(['get', key], { environment })).code, 2);
  }
  t.deepEqual(kv.requests, []);
});

test('--output writes a file, in one step', async (t) => {
  const { environment } = await withServer(t);
  const file = join(temporaryDirectory(t), 'out');
  await bazar(['put', 'k', 'value'], { environment });
  const { code, stdout } = await bazar(['get', 'k', '--output', file], { environment });
  t.deepEqual([code, stdout, readFileSync(file, 'utf8')], [0, '', 'value']);
  t.is((await bazar(['get', 'k', '--output', '-'], { environment })).stdout, 'value');
});

test('exit codes tell what became of it', async (t) => {
  const { kv, environment } = await withServer(t);
  t.is((await bazar(['get', 'k'], { environment })).code, 3);
  t.is((await bazar(['del', 'k'], { environment })).code, 3);
  t.is((await bazar(['put', 'k', '1', '--if-match', '*'], { environment })).code, 4);
  t.is((await bazar(['put', 'k', '1', '--if-none-match', '*'], { environment })).code, 0);
  t.is((await bazar(['put', 'k', '2', '--if-none-match', '*'], { environment })).code, 4);
  t.is((await bazar(['put', 'k', '2', '--if-match', '1'], { environment })).code, 0);
  t.is((await bazar(['put', 'k', '3', '--if-match', '"1"'], { environment })).code, 4);
  t.is((await bazar(['del', 'k', '--if-match', '1'], { environment })).code, 4);
  t.is((await bazar(['del', 'k', '--if-match', '2'], { environment })).code, 0);
  for (const status of [429, 503, 504] as const) {
    kv.fault = () => status;
    const { code, stderr } = await bazar(['get', 'k'], { environment });
    t.deepEqual([code, stderr], [5, `bazar: Status ${status}: because of injected\n`]);
  }
  kv.fault = () => 'break';
  t.is((await bazar(['get', 'k'], { environment })).code, 5);
});

test('a gateway that is not there is unavailable; an address that is no gateway is an error', async (t) => {
  const kv = await startKvServer();
  const elsewhere = await bazar(['get', 'k', '--url', `${kv.url}/elsewhere`]);
  t.deepEqual([elsewhere.code, elsewhere.stderr], [1, 'bazar: Status 404: because of unknown_route\n']);
  await kv.close();
  const gone = await bazar(['get', 'k', '--url', kv.url]);
  t.is(gone.code, 5);
  t.regex(gone.stderr, /^bazar: no answer from http:\/\/127\.0\.0\.1:\d+: connect ECONNREFUSED/);
});

test('list goes through all pages, in order, and stops at its limit', async (t) => {
  const { kv, environment } = await withServer(t);
  const item = { value: Buffer.from('v'), contentType: 'text/plain', modRevision: 1, version: 1 };
  const keys = Array.from({ length: 2500 }, (_, at) => `k/${`${at}`.padStart(5, '0')}`);
  for (const key of keys) kv.items.set(key, item);
  kv.items.set('other', item);
  const all = await bazar(['list', 'k/', '--keys-only'], { environment });
  t.deepEqual(all.stdout.split('\n').slice(0, -1), keys);
  t.is(kv.requests.length, 3);
  const some = await bazar(['list', 'k/', '--keys-only', '--limit', '1001'], { environment });
  t.deepEqual(some.stdout.split('\n').slice(0, -1), keys.slice(0, 1001));
});

test('list shows one line per item, safe for a terminal', async (t) => {
  const { environment } = await withServer(t);
  await bazar(['put', 'a', 'two\nlines\tand \u001b[31mred'], { environment });
  await bazar(['put', 'b', '--file', '-'], { environment, stdin: Buffer.from([255]) });
  const text = await bazar(['list'], { environment });
  t.is(text.stdout, 'a\ttwo\\nlines\\tand \\u001b[31mred\nb\t<1 bytes, application/octet-stream>\n');
  const json = await bazar(['list', '--json'], { environment });
  const items = json.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  t.deepEqual(
    items.map(({ key, value, valueBase64 }) => [key, value, valueBase64]),
    [
      ['a', 'two\nlines\tand \u001b[31mred', undefined],
      ['b', undefined, '/w=='],
    ],
  );
});

const cluster = {
  leader: 'r1',
  term: 3,
  commitIndex: 12,
  publishIndex: 12,
  coherence: 'off',
  replicas: [
    {
      id: 'r1',
      healthy: true,
      role: 'leader',
      state: 'normal',
      lastIndex: 12,
      appliedIndex: 11,
      rpc: 'h:1',
      http: 'h:2',
    },
    {
      id: 'r2',
      healthy: false,
      role: 'follower',
      state: null,
      lastIndex: null,
      rpc: 'h:3',
      http: 'h:4',
      message: 'a\nb',
    },
  ],
  gateways: [{ id: 'g1', http: 'h:5' }],
};

test('status is a table', (t) => {
  t.is(
    statusPage(cluster),
    `leader r1, term 3, commit index 12, publish index 12, coherence off

REPLICA  ROLE         STATE   LAST  APPLIED  RPC  HTTP  MESSAGE
r1       leader       normal  12    11       h:1  h:2
r2       unreachable  -       -     -        h:3  h:4   a\\nb

GATEWAY  HTTP
g1       h:5
`,
  );
});

for (const [lease, shown] of [
  [null, 'coherence lease'],
  [{ held: true }, 'coherence lease, lease held'],
  [{ held: false, reason: 'nobody\nleads' }, 'coherence lease, no lease: nobody\\nleads'],
] as const) {
  test(`status shows what the gateway says of its lease: ${shown}`, (t) => {
    const [first] = statusPage({ ...cluster, coherence: 'lease', lease }).split('\n');
    t.is(first, `leader r1, term 3, commit index 12, publish index 12, ${shown}`);
  });
}

test('status asks the gateway; --watch goes on until it is interrupted, through failures', async (t) => {
  let requests = 0;
  const interruption = new AbortController();
  const server = createServer((request, response) => {
    t.is(request.url, '/v1/cluster');
    requests++;
    if (requests === 5) interruption.abort();
    if (requests === 3) return void request.socket.destroy();
    response.end(JSON.stringify(cluster));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  t.is((await bazar(['status', '--url', url])).stdout, statusPage(cluster));
  t.deepEqual(JSON.parse((await bazar(['status', '--json', '--url', url])).stdout), cluster);
  const watch = ['status', '--watch', '--interval', '1ms', '--url', url];
  const { code, stdout } = await bazar(watch, { interrupted: interruption.signal });
  t.is(code, 0);
  t.regex(stdout, /^no answer from .*\nleader r1, term 3/);
});

const metrics = {
  requests: 1234,
  cacheHits: 600,
  cacheMisses: 200,
  hitRatio: 0.75,
  originFetches: 190,
  leasesHeld: 1,
  requestsByServer: { r1: 300, r2: 0, g1: 600 },
  healthy: ['r1', 'r2'],
  leader: 'r1',
  gateways: [
    { id: 'g1', reached: true },
    { id: 'g2', reached: false, reason: 'no answer\nfrom h:5' },
  ],
};

test('metrics are one screen, which names the gateways that are missing in it', (t) => {
  t.is(
    metricsPage(metrics),
    `leader r1, healthy replicas r1, r2
requests 1234, cache hits 600, misses 200, hit ratio 75.0 %, fetched from replicas 190
leases held by 1 of 1 gateways

ANSWERED BY  REQUESTS  SHARE
r1           300       33.3 %
r2           0         0.0 %
g1           600       66.7 %

Not counted, as these gateways did not answer:
  g2: no answer\\nfrom h:5
`,
  );
  const { gateways, ...rest } = metrics;
  const empty = {
    ...rest,
    hitRatio: null,
    leasesHeld: 0,
    healthy: [],
    leader: null,
    requestsByServer: { r1: 0 },
    gateways: [],
  };
  t.is(
    metricsPage(empty),
    `leader none, healthy replicas none
requests 1234, cache hits 600, misses 200, hit ratio -, fetched from replicas 190
leases held by 0 of 0 gateways

ANSWERED BY  REQUESTS  SHARE
r1           0         -
`,
  );
});

test('metrics asks the gateway; --json is what it said', async (t) => {
  const server = createServer((request, response) => {
    t.is(request.url, '/v1/cluster/metrics');
    response.end(JSON.stringify(metrics));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  t.is((await bazar(['metrics', '--url', url])).stdout, metricsPage(metrics));
  t.is((await bazar(['metrics', '--json', '--url', url])).stdout, `${JSON.stringify(metrics)}\n`);
});

test('metrics of a gateway that refuses is an error', async (t) => {
  const kv = await startKvServer();
  t.teardown(() => kv.close());
  kv.fault = () => 503;
  const { code, stderr } = await bazar(['metrics', '--url', kv.url]);
  t.deepEqual([code, stderr], [5, 'bazar: Status 503: because of injected\n']);
});
