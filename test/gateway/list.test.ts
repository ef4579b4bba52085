import test from 'ava';
import { decodeCursor, encodeCursor } from '../../src/gateway/cursor.ts';
import { problemOf, startTestGateway, type TestGateway } from './harness.ts';

interface Page {
  readonly revision: number;
  readonly items: readonly { readonly key: string; readonly value?: string; readonly valueBase64?: string }[];
  readonly cursor: string | null;
}

async function fill(gateway: TestGateway, keys: readonly string[]): Promise<void> {
  for (const key of keys) await gateway.request('PUT', `/v1/kv/${encodeURIComponent(key)}`, { body: `of ${key}` });
}

async function pageOf(gateway: TestGateway, query: string): Promise<Page> {
  return JSON.parse((await gateway.request('GET', `/v1/kv?${query}`)).text) as Page;
}

test('a list holds the keys of the prefix, with what is known of each', async (t) => {
  const gateway = await startTestGateway(t);
  await fill(gateway, ['b/1', 'a', 'b/2', 'c']);
  const response = await gateway.request('GET', '/v1/kv?prefix=b/');
  t.is(response.headers['content-type'], 'application/json');
  const about = { version: 1, contentType: 'application/octet-stream', size: 6 };
  t.deepEqual(JSON.parse(response.text), {
    revision: 4,
    items: [
      { key: 'b/1', modRevision: 1, ...about, value: 'of b/1' },
      { key: 'b/2', modRevision: 3, ...about, value: 'of b/2' },
    ],
    cursor: null,
  });
});

test('a list has a weak tag that tells its items, and is not sent to who has it', async (t) => {
  const gateway = await startTestGateway(t);
  await fill(gateway, ['b/1', 'b/2']);
  const first = await gateway.request('GET', '/v1/kv?prefix=b/');
  const { etag = '' } = first.headers;
  t.regex(etag, /^W\/"[\w-]{22}"$/);
  await fill(gateway, ['a']);
  const again = await gateway.request('GET', '/v1/kv?prefix=b/');
  t.is(again.headers.etag, etag, 'the same items at another revision');
  t.deepEqual(
    [first, again].map(({ text }) => JSON.parse(text).revision),
    [2, 3],
  );
  const ask = (headers: Readonly<Record<string, string>>, method = 'GET') =>
    gateway.request(method, '/v1/kv?prefix=b/', { headers });
  for (const tags of [etag, etag.slice(2), `"other", ${etag}`, '*']) {
    for (const method of ['GET', 'HEAD']) {
      const unchanged = await ask({ 'If-None-Match': tags }, method);
      t.is(unchanged.status, 304, tags);
      t.like(unchanged.headers, { etag, 'bazar-revision': '3', 'cache-control': 'no-cache' });
      t.is(unchanged.text, '');
    }
  }
  t.is((await ask({ 'If-None-Match': '"other"' })).text, again.text);
  t.is((await ask({ 'If-Match': '*' })).status, 200);
  const refused = await ask({ 'If-Match': etag });
  t.is(problemOf(t, refused).code, 'precondition_failed');
  t.regex(problemOf(t, await ask({ 'If-None-Match': 'other' })).detail, /If-None-Match/);
  await fill(gateway, ['b/2']);
  const changed = await ask({ 'If-None-Match': etag });
  t.is(changed.status, 200);
  t.not(changed.headers.etag, etag);
  const pages = ['prefix=b/&limit=1', 'prefix=b/&keysOnly', 'prefix=b/'];
  const tags = await Promise.all(pages.map(async (q) => (await gateway.request('GET', `/v1/kv?${q}`)).headers.etag));
  t.is(new Set(tags).size, pages.length);
});

test('a page longer than what is copied into one write arrives whole', async (t) => {
  const gateway = await startTestGateway(t);
  const keys = Array.from({ length: 40 }, (_, at) => `k${at + 10}`);
  for (const key of keys) await gateway.request('PUT', `/v1/kv/${key}`, { body: 'ä'.repeat(1000) });
  const response = await gateway.request('GET', '/v1/kv');
  t.is(Number(response.headers['content-length']), response.body.byteLength);
  t.deepEqual(
    (JSON.parse(response.text) as Page).items.map(({ key }) => key),
    keys,
  );
});

test('a value that is not UTF-8 is listed in base64', async (t) => {
  const gateway = await startTestGateway(t);
  await gateway.request('PUT', '/v1/kv/a', { body: Buffer.from([0xff, 0]) });
  const [item] = (await pageOf(gateway, '')).items;
  t.is(item?.valueBase64, '/wA=');
  t.false('value' in (item ?? {}));
});

test('keysOnly leaves the values out', async (t) => {
  const gateway = await startTestGateway(t);
  await fill(gateway, ['a']);
  for (const flag of ['keysOnly', 'keysOnly=true']) {
    t.false('value' in ((await pageOf(gateway, flag)).items[0] ?? {}));
  }
  t.is((await pageOf(gateway, 'keysOnly=false')).items[0]?.value, 'of a');
});

test('cursors lead through all keys, each once', async (t) => {
  const gateway = await startTestGateway(t);
  const keys = ['p/a', 'p/b', 'p/é', 'p/日', 'p/😀'];
  await fill(gateway, [...keys, 'q']);
  const seen: string[] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const page: Page = await pageOf(gateway, `prefix=p/&limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`);
    seen.push(...page.items.map((item) => item.key));
    cursor = page.cursor;
  }
  t.deepEqual(seen, keys);
});

test('a list has 100 items if nobody said how many', async (t) => {
  const gateway = await startTestGateway(t);
  await gateway.request('GET', '/v1/kv');
  t.like(gateway.client.reads[0]?.query, { type: 'list', limit: 100, prefix: '', after: null, keysOnly: false });
});

test('a prefix is decoded as a form is', async (t) => {
  const gateway = await startTestGateway(t);
  await gateway.request('GET', '/v1/kv?prefix=a+b%2Bc%2F%C3%A9');
  t.like(gateway.client.reads[0]?.query, { prefix: 'a b+c/é' });
});

test('a cursor belongs to its prefix', (t) => {
  for (const [prefix, key] of [
    ['', 'a'],
    ['a/', 'a/b'],
    ['a', 'a/b:c'],
    ['é', 'é😀\n'],
  ] as const) {
    const cursor = encodeCursor(prefix, key);
    t.is(decodeCursor(cursor, prefix), key);
    t.is(decodeCursor(cursor, `${prefix}a`), null);
    t.is(decodeCursor(cursor, 'other'), null);
  }
});

test('what was never a cursor is none', (t) => {
  const forged = (text: string | Buffer) => Buffer.from(text).toString('base64url');
  const strange = ['', 'a', '!', forged('1'), forged('0:'), forged(':a'), forged('0:a').concat('='), forged('00:a')];
  for (const cursor of [...strange, forged(Buffer.from([0x30, 0x3a, 0xff])), forged(`0:${'a'.repeat(1025)}`)]) {
    t.is(decodeCursor(cursor, ''), null, cursor);
  }
});

const badQueries = [
  ['limit', 'limit=0'],
  ['limit', 'limit=1001'],
  ['limit', 'limit=-1'],
  ['limit', 'limit=1.5'],
  ['limit', 'limit='],
  ['limit', 'limit=1e2'],
  ['cursor', 'cursor=abc'],
  ['cursor', `prefix=a&cursor=${encodeCursor('b', 'b1')}`],
  ['cursor', 'cursor='],
  ['prefix', 'prefix=%FF'],
  ['prefix', `prefix=${'a'.repeat(1025)}`],
  ['keysOnly', 'keysOnly=yes'],
  ['timeout', 'timeout=5'],
  ['timeout', 'timeout=0ms'],
  ['timeout', 'timeout=61s'],
  ['timeout', 'timeout=2m'],
  ['timeout', 'timeout=1.5s'],
  ['timeout', 'timeout=-1s'],
  ['consistency', 'consistency=eventual'],
  ['consistency', 'consistency='],
  ['limit', 'limit=1&limit=1'],
  ['Limit', 'Limit=1'],
  ['keys_only', 'keys_only'],
  ['__proto__', '__proto__=1'],
] as const;

for (const [name, query] of badQueries) {
  test(`?${query.slice(0, 40)} is a 400 that names ${name}`, async (t) => {
    const gateway = await startTestGateway(t);
    const response = await gateway.request('GET', `/v1/kv?${query}`);
    const problem = problemOf(t, response);
    t.is(response.status, 400);
    t.is(problem.code, 'bad_parameter');
    t.true(problem.detail.includes(`"${name}"`), problem.detail);
    t.deepEqual(gateway.client.reads, []);
  });
}

test('a parameter of a read is unknown to a write', async (t) => {
  const gateway = await startTestGateway(t);
  t.is((await gateway.request('PUT', '/v1/kv/a?replica=r1')).status, 400);
  t.deepEqual(gateway.client.writes, []);
});
