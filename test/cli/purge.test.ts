import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { bazar } from './terminal.ts';

/** A gateway that answers with this, and remembers what it was asked. */
async function gatewayThat(t: ExecutionContext, status: number, body: object) {
  const asked: string[] = [];
  const server = createServer(({ method, url }, response) => {
    asked.push(`${method} ${url}`);
    const contentType = status === 200 ? 'application/json' : 'application/problem+json';
    response.writeHead(status, { 'Content-Type': contentType }).end(JSON.stringify(body));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return { asked, environment: { BAZAR_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}` } };
}

const done = {
  purged: 15,
  gateways: [
    { id: 'g1', purged: 12 },
    { id: 'gateway2', purged: 3 },
  ],
};

const selections: readonly (readonly [words: readonly string[], query: string])[] = [
  [['--key', 'a/b&c'], 'key=a%2Fb%26c&scope=cluster'],
  [['--prefix', 'ü/'], 'prefix=%C3%BC%2F&scope=cluster'],
  [['--tag', 'books/', '--scope', 'this'], 'tag=books%2F&scope=this'],
  [['--collection', 'books'], 'collection=books&scope=cluster'],
  [['--collection', 'books', '--id', 'a/9'], 'collection=books&id=a%2F9&scope=cluster'],
  [['--all'], 'all=true&scope=cluster'],
];

for (const [words, query] of selections) {
  test(`purge ${words.join(' ')} says what each gateway threw out`, async (t) => {
    const { asked, environment } = await gatewayThat(t, 200, done);
    const ended = await bazar(['purge', ...words], { environment });
    t.deepEqual([ended.code, ended.stdout, ended.stderr], [0, 'g1        12\ngateway2  3\n', '']);
    t.deepEqual(asked, [`DELETE /v1/cache?${query}`]);
  });
}

test('a purge of nothing in particular, or of two things, is a mistake that asks nobody', async (t) => {
  const { asked, environment } = await gatewayThat(t, 200, done);
  for (const words of [[], ['--key', 'a', '--all'], ['--key', 'a', '--tag', 'b'], ['--collection', 'a', '--all']]) {
    const ended = await bazar(['purge', ...words], { environment });
    t.is(ended.code, 2);
    t.regex(ended.stderr, /expected exactly one of --key KEY, --prefix PREFIX, --tag TAG, --collection NAME and --all/);
  }
  t.deepEqual(asked, []);
});

test('a purge of a document without its collection says what is missing, and asks nobody', async (t) => {
  const { asked, environment } = await gatewayThat(t, 200, done);
  const ended = await bazar(['purge', '--id', '9'], { environment });
  t.is(ended.code, 2);
  t.regex(ended.stderr, /--id names a document of --collection NAME: name both/);
  t.deepEqual(asked, []);
});

test('gateways that did not confirm are named, after what the others did', async (t) => {
  const gateways = [
    { id: 'g1', purged: 12 },
    { id: 'g2', error: 'no answer\u001b[2J' },
  ];
  for (const status of [502, 504]) {
    const { environment } = await gatewayThat(t, status, { status, purged: 12, gateways });
    const ended = await bazar(['purge', '--all'], { environment });
    t.is(ended.code, 5);
    t.is(ended.stdout, 'g1  12\ng2  no answer\\u001b[2J\n');
    t.regex(ended.stderr, /^bazar: g2 did not confirm.*; purge again/);
  }
});

test('what the gateway refuses is said in its words', async (t) => {
  const { environment } = await gatewayThat(t, 400, { title: 'Bad Request', detail: 'because', code: 'bad_parameter' });
  const ended = await bazar(['purge', '--key', 'a'], { environment });
  t.is(ended.code, 1);
  t.is(ended.stderr, 'bazar: Bad Request: because\n');
});
