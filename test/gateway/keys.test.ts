import test from 'ava';
import { problemOf, startTestGateway } from './harness.ts';

const roundTrips = [
  'a/b',
  'a//b',
  '/',
  '//',
  '/leading',
  'trailing/',
  '.',
  '..',
  'a/../b',
  'a/./b',
  '%',
  '%25',
  '%2F',
  'a b',
  'a+b',
  'a?b',
  'a#b',
  'a&b=c',
  'a;b',
  'a\\b',
  '"quoted"',
  '{template}',
  'é',
  '日本',
  '😀',
  '\u0000',
  '\n',
  '\u00a0',
  '\ufeff',
  'x'.repeat(1024),
  'é'.repeat(512),
];

test('every key comes back as it was written, encoded as one segment', async (t) => {
  const gateway = await startTestGateway(t);
  for (const key of roundTrips) {
    const path = `/v1/kv/${encodeURIComponent(key)}`;
    const written = await gateway.request('PUT', path, { body: key });
    t.is((JSON.parse(written.text) as { key: string }).key, key);
    t.is((await gateway.request('GET', path)).text, key);
  }
  const listed = await gateway.request('GET', '/v1/kv?keysOnly&limit=1000');
  const { items } = JSON.parse(listed.text) as { items: { key: string }[] };
  t.deepEqual(items.map((item) => item.key).sort(), roundTrips.toSorted());
});

const sameKeys: readonly (readonly [string, string])[] = [
  ['a/b', 'a/b'],
  ['a%2Fb', 'a/b'],
  ['a%2fb', 'a/b'],
  ['a//b', 'a//b'],
  ['..', '..'],
  ['a/../b', 'a/../b'],
  ['a%2F..%2Fb', 'a/../b'],
  ['%2e%2E', '..'],
  ['/', '/'],
  ['a/', 'a/'],
  ['%25', '%'],
  ['%2525', '%25'],
  ['%252F', '%2F'],
  ['a+b', 'a+b'],
  ['%C3%A9', 'é'],
];

for (const [path, key] of sameKeys) {
  test(`the path ${JSON.stringify(path)} is the key ${JSON.stringify(key)}`, async (t) => {
    const gateway = await startTestGateway(t);
    const connection = await gateway.open();
    connection.write(`PUT /v1/kv/${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
    t.regex(await connection.closed(), /^HTTP\/1.1 201 /);
    t.like(gateway.client.writes, [{ write: { key } }]);
  });
}

test('the absolute form of a target is the same as its path', async (t) => {
  const gateway = await startTestGateway(t);
  await gateway.request('PUT', 'http://elsewhere:1234/v1/kv/a//..%2Fb', { body: '1' });
  t.like(gateway.client.writes, [{ write: { key: 'a//../b' } }]);
});

const badKeys: readonly (readonly [string, string])[] = [
  ['is empty', ''],
  ['is longer than 1024 bytes', 'x'.repeat(1025)],
  ['is longer than 1024 bytes when decoded', '%C3%A9'.repeat(513)],
  ['ends within a percent-encoding', 'a%'],
  ['ends within a percent-encoded byte', 'a%2'],
  ['has a percent sign that encodes nothing', 'a%zz'],
  ['is not UTF-8', '%FF'],
  ['is cut UTF-8', '%C3'],
  ['is an overlong form', '%C0%AF'],
  ['is a lone surrogate', '%ED%A0%80'],
];

for (const [why, path] of badKeys) {
  test(`a key that ${why} is a 400 and never reaches the store`, async (t) => {
    const gateway = await startTestGateway(t);
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const response = await gateway.request(method, `/v1/kv/${path}`);
      t.is(response.status, 400);
      t.is(problemOf(t, response).code, 'bad_key');
    }
    t.deepEqual(gateway.client.writes, []);
    t.deepEqual(gateway.client.reads, []);
  });
}

for (const target of ['/v1/kv/a#b', '/v1/kv/é', 'http://a', 'ftp://a/v1/kv/a', '*', 'v1/kv/a']) {
  test(`the target ${target} is a 400`, async (t) => {
    const gateway = await startTestGateway(t);
    const connection = await gateway.open();
    connection.write(`GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    t.regex(await connection.closed(), /^HTTP\/1.1 400 /);
    t.deepEqual(gateway.client.reads, []);
  });
}
