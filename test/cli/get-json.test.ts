import test, { type ExecutionContext } from 'ava';
import { type Given, type KvServer, startKvServer } from './kv-server.ts';
import { bazar } from './terminal.ts';

async function server(t: ExecutionContext, documents: Readonly<Record<string, Given>> = {}): Promise<KvServer> {
  const kv = await startKvServer();
  t.teardown(() => kv.close());
  kv.more = ({ path }) => documents[path] ?? { status: 404, body: 'document_not_found' };
  return kv;
}

const get = (kv: KvServer, ...words: readonly string[]) => bazar(['get', ...words, '--url', kv.url]);

const values: readonly (readonly [contentType: string, value: Buffer | string, data: string])[] = [
  [
    'application/json',
    '{"title": "a",\n "n": 12345678901234567890.10}',
    '{"title": "a",  "n": 12345678901234567890.10}',
  ],
  ['application/octet-stream', '[1,2]', '[1,2]'],
  ['text/plain; charset=utf-8', '42', '"42"'],
  ['application/octet-stream', 'grüße\n', '"grüße\\n"'],
  ['application/json', '{"cut', '"{\\"cut"'],
  ['application/octet-stream', '', '""'],
  ['image/png', Buffer.from([0xff, 0]), '{"base64":"/wA="}'],
];

for (const [contentType, value, data] of values) {
  test(`--json shows ${JSON.stringify(value)} as ${data} (${contentType})`, async (t) => {
    const kv = await server(t);
    await bazar(['put', 'article/1', '--file', '-', '--content-type', contentType, '--url', kv.url], { stdin: value });
    const { code, stdout } = await get(kv, 'article/1', '--json');
    t.deepEqual([code, stdout], [0, `{"status":"OK","data":${data},"cache_hit":false,"node":"r1"}\n`]);
    JSON.parse(stdout);
  });
}

test('a document is found where there is no such key, and a key goes before it', async (t) => {
  const headers = { 'Cache-Status': 'bazar; hit; detail=lease', 'Bazar-Served-By': 'g1' };
  const kv = await server(t, {
    '/v1/collections/article/items/1': { status: 200, headers, body: '{"id":"1"}' },
    '/v1/collections/a%20b/items/c%2Fd': { status: 200, headers, body: '{"id":"c/d"}' },
  });
  t.is((await get(kv, 'article/1')).stdout, '{"id":"1"}');
  t.is((await get(kv, 'a b/c/d')).stdout, '{"id":"c/d"}');
  const { stdout } = await get(kv, 'article/1', '--json');
  t.is(stdout, '{"status":"OK","data":{"id":"1"},"cache_hit":true,"node":"g1"}\n');
  await bazar(['put', 'article/1', 'the key', '--url', kv.url]);
  t.is((await get(kv, 'article/1')).stdout, 'the key');
});

test('what is neither is not found, and the exit code says so', async (t) => {
  const kv = await server(t, { '/v1/collections/!/items/1': { status: 400, body: 'bad_parameter' } });
  for (const key of ['article/1', 'article', '/1', 'article/', '!/1']) {
    const { code, stdout, stderr } = await get(kv, '--json', key);
    t.is(code, 3);
    t.is(stdout, '{"status":"NOT_FOUND","data":null,"cache_hit":false,"node":"r1"}\n');
    t.regex(stderr, /because of key_not_found/);
    t.is((await get(kv, key)).stdout, '');
  }
});

test('a gateway that cannot say is no answer that there is nothing', async (t) => {
  const kv = await server(t, { '/v1/collections/article/items/1': { status: 504, body: 'read_timeout' } });
  const { code, stdout } = await get(kv, 'article/1', '--json');
  t.deepEqual([code, stdout], [5, '']);
});
