import test, { type ExecutionContext } from 'ava';
import { type BazarClient, BazarError, createBazarClient } from '../../src/client.ts';
import { operations } from '../../src/gateway/openapi/operations.ts';
import { startGateway } from '../../src/gateway/server.ts';
import { MachineClient } from '../gateway/catalog/machine-client.ts';
import { gatewayOptions } from '../gateway/harness.ts';
import { json, scripted } from './script.ts';

async function connect(t: ExecutionContext): Promise<BazarClient> {
  const gateway = await startGateway(gatewayOptions(await MachineClient.start()));
  t.teardown(() => gateway.close());
  const { host, port } = gateway.address;
  return createBazarClient({ urls: `http://${host}:${port}` });
}

async function collect<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  return await Array.fromAsync(items);
}

test('values are put, read, listed and deleted', async (t) => {
  const { kv } = await connect(t);
  t.is(await kv.get('a'), null);
  const put = await kv.put('a/b c?', 'wörld');
  t.like(put, { key: 'a/b c?', version: 1, created: true });
  const value = await kv.get('a/b c?', { minRevision: put.revision });
  t.like(value, {
    contentType: 'text/plain; charset=utf-8',
    modRevision: put.revision,
    expiresAt: null,
    servedBy: 'r2',
  });
  t.is(value?.text(), 'wörld');
  t.is((await kv.put('a/b c?', new Uint8Array([0xff]))).created, false);
  t.deepEqual((await kv.get('a/b c?'))?.bytes, new Uint8Array([0xff]));

  for (let at = 0; at < 5; at++) await kv.put(`n/${at}`, { json: { at } });
  const listed = await collect(kv.list({ prefix: 'n/', limit: 2 }));
  t.deepEqual(
    listed.map(({ key }) => key),
    ['n/0', 'n/1', 'n/2', 'n/3', 'n/4'],
  );
  await kv.patch('n/0', { more: true });
  t.deepEqual((await kv.get('n/0'))?.json(), { at: 0, more: true });
  t.truthy(await kv.delete('n/0'));
  t.is(await kv.delete('n/0'), null);
  t.like(await kv.deleteRange('n/'), { deleted: 4 });
  t.is((await kv.get('lived')) ?? (await kv.put('lived', 'x', { ttl: 60_000 })).version, 1);
  t.regex((await kv.get('lived'))?.expiresAt ?? '', /^\d{4}-/);
});

test('preconditions hold or reject', async (t) => {
  const { kv } = await connect(t);
  const { revision } = await kv.put('a', '1', { ifNoneMatch: '*' });
  await t.throwsAsync(kv.put('a', '2', { ifNoneMatch: '*' }), { instanceOf: BazarError });
  await t.throwsAsync(kv.put('a', '2', { ifMatch: revision + 1 }), { instanceOf: BazarError });
  t.is((await kv.put('a', '2', { ifMatch: revision })).version, 2);
});

interface Book {
  readonly id: string;
  readonly title: string;
  readonly price: number;
  readonly note?: string;
}

test('documents are created, changed, found page by page, and deleted', async (t) => {
  const bazar = await connect(t);
  t.is(await bazar.collections.get('books'), null);
  const indexes = [
    { field: 'title', kind: 'words' },
    { field: 'title', kind: 'term' },
    { field: 'price', kind: 'number' },
  ] as const;
  t.true((await bazar.collections.define('books', { indexes: [...indexes] })).created);
  t.like(await bazar.collections.get('books'), { idField: 'id', documents: 0 });
  t.is((await bazar.collections.list()).collections.length, 1);

  const books = bazar.collection<Book>('books');
  t.is(await books.get('1'), null);
  t.like(await books.create({ id: '1', title: 'RPCs for Noobs', price: 30 }), { id: '1', replayed: false });
  t.true((await books.put('2', { id: '2', title: 'Cooking', price: 20 })).created);
  await books.put('3', { id: '3', title: 'Cooking again', price: 10 });
  await books.patch('2', { price: 25, note: null });
  t.like(await books.get('2'), { document: { id: '2', title: 'Cooking', price: 25 } });

  const found = await collect(books.search({ where: { price: { gte: 10, lt: 30 } }, sort: '-price', limit: 1 }));
  t.deepEqual(
    found.map(({ id }) => id),
    ['2', '3'],
  );
  t.deepEqual(
    (await collect(books.search({ where: { title: 'cooking' } }))).map(({ id }) => id),
    ['2'],
  );
  const [page] = await collect(books.pages({ q: 'noobs', fields: ['id'], count: true }));
  t.like(page, { count: 1, countIsExact: true });
  t.deepEqual(page?.items[0]?.document, { id: '1' } as Book);

  const refused = await t.throwsAsync(books.put('4', { id: '5', title: '', price: 1 }), { instanceOf: BazarError });
  t.like(refused, { code: 'invalid_document', status: 422, path: '/id' });
  t.truthy(await books.delete('1'));
  t.is(await books.delete('1'), null);
  t.truthy(await bazar.collections.drop('books'));
  t.is(await bazar.collections.drop('books'), null);
});

test('a transaction that is sent again has its first answer', async (t) => {
  const bazar = await connect(t);
  await bazar.kv.put('count', { json: { n: 1 } });
  const add = { then: [{ op: 'add', key: 'count', field: 'n', amount: 2 } as const] };
  const first = await bazar.txn(add, { idempotencyKey: 'once' });
  t.like(first, { succeeded: true, replayed: false, results: [{ sum: 3 }] });
  t.deepEqual(await bazar.txn(add, { idempotencyKey: 'once' }), { ...first, replayed: true });
  t.deepEqual((await bazar.kv.get('count'))?.json(), { n: 3 });
  const other = { then: [{ op: 'delete', key: 'count' } as const] };
  t.like(await t.throwsAsync(bazar.txn(other, { idempotencyKey: 'once' })), { code: 'idempotency_mismatch' });
});

test('watches of keys and of a collection tell what changes', async (t) => {
  const bazar = await connect(t);
  const { revision } = await bazar.kv.put('before', '');
  await bazar.kv.put('k', 'v', { ttl: '1h' });
  await bazar.kv.delete('k');
  const ofKeys = [];
  for await (const change of bazar.watchKeys('k', { from: revision })) {
    ofKeys.push([change.type, change.key]);
    if (ofKeys.length === 2) break;
  }
  t.deepEqual(ofKeys, [
    ['put', 'k'],
    ['delete', 'k'],
  ]);

  await bazar.collections.define('books', {});
  await bazar.collection('books').put('1', { id: '1' });
  await bazar.collections.drop('books');
  const ofBooks = [];
  for await (const change of bazar.watchCollection('books', { from: revision })) {
    ofBooks.push(change.type === 'put' ? [change.type, change.documentId, change.document] : [change.type]);
    if (ofBooks.length === 2) break;
  }
  t.deepEqual(ofBooks, [['put', '1', { id: '1' }], ['drop']]);
});

/** Each call once, with every option it has. */
const calls: readonly ((bazar: BazarClient) => Promise<unknown>)[] = [
  ({ kv }) => kv.get('k', { consistency: 'stale', replica: 'r1', minRevision: 1, noCache: true }),
  ({ kv }) => kv.put('k', 'v', { ttl: 1, ifMatch: 1, ifNoneMatch: '*' }),
  ({ kv }) => kv.patch('k', {}, { ifMatch: 1 }),
  ({ kv }) => kv.delete('k', { ifMatch: '*' }),
  ({ kv }) => kv.deleteRange('k'),
  ({ kv }) => collect(kv.list({ prefix: 'k', keysOnly: true, limit: 1, consistency: 'stale', minRevision: 1 })),
  ({ collections }) => collections.list({ replica: 'r1' }),
  ({ collections }) => collections.get('c', { replica: 'r1', minRevision: 1 }),
  ({ collections }) => collections.define('c', {}, { ifMatch: 1 }),
  ({ collections }) => collections.drop('c'),
  (bazar) => bazar.collection('c').get('i', { replica: 'r1', noCache: true }),
  (bazar) => bazar.collection('c').put('i', {}, { ttl: 1, ifNoneMatch: '*' }),
  (bazar) => bazar.collection('c').create({}, { ttl: 1 }),
  (bazar) => bazar.collection('c').patch('i', {}, { ifMatch: 1 }),
  (bazar) => bazar.collection('c').delete('i', { ifMatch: 1 }),
  (bazar) => collect(bazar.collection('c').search({ q: 'w', sort: 'f', fields: ['f'], limit: 1, count: true })),
  (bazar) => bazar.txn({}),
  ({ books }) => books.get('1', { replica: 'r1' }),
  ({ books }) => collect(books.list({ topic: 't', q: 'w', limit: 1 })),
  ({ orders }) => orders.place({ book: '1' }),
  ({ orders }) => orders.get('1', { replica: 'r1' }),
  ({ orders }) => collect(orders.list({ book: '1', limit: 1 })),
];

test('every call is an operation of the document, with parameters that it has', async (t) => {
  const page = { items: [], cursor: null };
  const { fetch, asked } = scripted(json(200, page));
  const bazar = createBazarClient({ urls: 'http://a.example', fetch });
  for (const call of calls) await call(bazar);
  t.is(asked.length, calls.length);
  for (const { method, url, headers } of asked) {
    const isPath = (path: string) => new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(url.pathname);
    const operation = operations.find((each) => each.method === method.toLowerCase() && isPath(each.path));
    t.truthy(operation, `${method} ${url.pathname}`);
    for (const name of url.searchParams.keys()) t.truthy(operation?.query?.[name], `${operation?.id} ${name}`);
    const known = new Set(Object.keys(operation?.headers ?? {}).map((name) => name.toLowerCase()));
    for (const name of headers.keys()) t.true(name === 'content-type' || known.has(name), `${operation?.id} ${name}`);
    const contentType = headers.get('Content-Type');
    if (contentType === null) continue;
    const types = Object.keys(operation?.body?.content ?? {});
    t.true(
      types.some((type) => contentType.startsWith(type)),
      `${operation?.id} ${contentType}`,
    );
  }
});
