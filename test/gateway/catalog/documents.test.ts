import test from 'ava';
import { problemOf } from '../harness.ts';
import { bookIndexes, hit, setUp } from './fixture.ts';

test('a document is shown as it was stored, confined, with its revision as its tag', async (t) => {
  const { get, ask } = await setUp(t);
  const response = await get('books/items/1');
  t.is(response.status, 200);
  t.deepEqual(JSON.parse(response.text), {
    ...{ id: '1', title: 'How to get a good grade', topic: 'distributed systems', price: 40, stock: 5 },
  });
  t.like(response.headers, {
    'content-type': 'application/json',
    etag: '"3"',
    'cache-control': 'no-cache',
    'cache-status': 'bazar; fwd=uri-miss; stored',
    'bazar-served-by': 'r2',
    'bazar-revision': '6',
    'content-security-policy': "default-src 'none'; sandbox",
    'x-content-type-options': 'nosniff',
  });
  t.is(response.headers['bazar-expires-at'], undefined);
  const head = await ask('HEAD', '/v1/collections/books/items/1');
  t.deepEqual(
    [head.text, head.headers['content-length'], head.headers.etag],
    ['', String(response.body.length), '"3"'],
  );
});

test('a document is kept until it is written, whatever is written beside it', async (t) => {
  const { client, get, change, remove } = await setUp(t);
  const status = async (id = '1') => (await get(`books/items/${id}`)).headers['cache-status'];
  await status();
  await status('2');
  t.is(await status(), hit);
  await change('2', { stock: 1 });
  t.is(await status(), hit);
  await client.add('books', '1', 'stock', -1);
  const sold = await get('books/items/1');
  t.is(sold.headers['cache-status'], 'bazar; fwd=stale; stored');
  t.is(JSON.parse(sold.text).stock, 4);
  await remove('2');
  t.is((await get('books/items/2')).status, 404);
});

test('conditions are evaluated on what is kept', async (t) => {
  const { client, get } = await setUp(t);
  await get('books/items/1');
  const before = client.reads.length;
  const unchanged = await get('books/items/1', { 'If-None-Match': '"3"' });
  t.deepEqual([unchanged.status, unchanged.text, unchanged.headers['cache-status']], [304, '', hit]);
  t.is((await get('books/items/1', { 'If-Match': '"3"' })).status, 200);
  const failed = await get('books/items/1', { 'If-Match': '"2"' });
  t.like(problemOf(t, failed), { status: 412, code: 'precondition_failed' });
  t.is(failed.headers.etag, '"3"');
  t.is(client.reads.length, before);
});

test('an absence is kept until there is such a document, or such a collection', async (t) => {
  const { client, get } = await setUp(t);
  const absent = async (path: string, code: string) => {
    t.like(problemOf(t, await get(path)), { status: 404, code });
    t.is((await get(path)).headers['cache-status'], hit, path);
  };
  await absent('books/items/9', 'document_not_found');
  await absent('films/items/9', 'collection_not_found');
  await client.put('books', '9', { id: '9' }, null);
  t.is((await get('books/items/9')).status, 200);
  await client.define('films', bookIndexes);
  await absent('films/items/9', 'document_not_found');
  await client.drop('books');
  t.like(problemOf(t, await get('books/items/9')), { code: 'collection_not_found' });
});

test('ids and names are what they are, in whatever way they are written', async (t) => {
  const { client, get } = await setUp(t);
  const names = [
    ['Bücher/neu', 'a/b?c'],
    ['books', '..'],
    ['books', 'a//b'],
    ['books', '%2F'],
    ['books', 'items'],
  ] as const;
  await client.define('Bücher/neu', []);
  for (const [collection, id] of names) await client.put(collection, id, { id }, null);
  for (const [collection, id] of names) {
    const path = `${encodeURIComponent(collection)}/items/${encodeURIComponent(id)}`;
    t.is((await get(path)).text, JSON.stringify({ id }), path);
  }
  t.is((await get('books/items/a//b')).text, '{"id":"a//b"}');
});

const refusals: readonly (readonly [path: string, code: string, detail: RegExp])[] = [
  ['books/items/', 'bad_id', /must not be empty/],
  [`books/items/${'a'.repeat(513)}`, 'bad_id', /at most 512 bytes of UTF-8, got 513/],
  ['books/items/%FF', 'bad_id', /percent-encoded/],
  ['%FF/items/1', 'bad_collection', /percent-encoded/],
  [`${'a'.repeat(129)}/items/1`, 'bad_collection', /at most 128 bytes/],
  [`${'a'.repeat(129)}/items`, 'bad_collection', /at most 128 bytes/],
  [`${'a'.repeat(129)}`, 'bad_collection', /at most 128 bytes/],
  ['books/items/1?fields=title', 'bad_parameter', /unknown query parameter "fields"/],
  ['books?documents', 'bad_parameter', /unknown query parameter "documents"/],
];

for (const [path, code, detail] of refusals) {
  test(`${path.replaceAll(/a{9,}/g, 'a…')} is refused with ${code}`, async (t) => {
    const { client, get } = await setUp(t);
    const problem = problemOf(t, await get(path));
    t.like(problem, { status: 400, code });
    t.regex(problem.detail, detail);
    t.is(client.reads.length, 0);
  });
}

test('a collection tells what is indexed, how much there is and how far an index has come, always as it is', async (t) => {
  const { client, get } = await setUp(t);
  const first = await get('books');
  t.is(first.headers['cache-status'], 'bazar; fwd=bypass');
  t.is(first.headers['cache-control'], 'no-store');
  t.is(first.headers['bazar-revision'], '6');
  t.like(JSON.parse(first.text), { revision: 6, name: 'books', modRevision: 2, idField: 'id', documents: 4 });
  t.deepEqual(JSON.parse(first.text).indexes[0], { field: 'topic', kind: 'term', state: 'ready', builtTo: null });
  await client.put('books', '5', { id: '5' }, null);
  const { indexes, number } = await client.define('books', [...bookIndexes, { field: 'isbn', kind: 'term' }]);
  const isbn = indexes[5]?.number as NonNullable<(typeof indexes)[0]>['number'];
  await client.apply({ type: 'build', collection: number, index: isbn, from: null, to: '2', documents: [] });
  const second = JSON.parse((await get('books')).text);
  t.is(second.documents, 5);
  t.deepEqual(second.indexes[5], { field: 'isbn', kind: 'term', state: 'building', builtTo: '2' });
});

test('all collections are listed, and one that is not there is a 404', async (t) => {
  const { client, get, ask } = await setUp(t);
  await client.define('albums', []);
  const response = await ask('GET', '/v1/collections');
  t.is(response.status, 200);
  const { revision, collections } = JSON.parse(response.text);
  t.is(revision, 7);
  t.deepEqual(
    collections.map(({ name }: { name: string }) => name),
    ['albums', 'books'],
  );
  t.like(collections[1], { modRevision: 2, documents: 4 });
  t.like(problemOf(t, await get('films')), { status: 404, code: 'collection_not_found' });
  t.is((await ask('HEAD', '/v1/collections/books')).text, '');
  const refused = await get('books', { 'Cache-Control': 'only-if-cached' });
  t.like(problemOf(t, refused), { status: 504, code: 'not_cached' });
});

test('a purge takes a document and the searches of its collection, or all of a collection, and nothing of another', async (t) => {
  const { client, get, ask } = await setUp(t);
  await client.define('book', bookIndexes);
  const paths = ['books/items/1', 'books/items/2', 'books/items?q=the', 'book/items/1', 'book/items'];
  const purge = async (query: string) => JSON.parse((await ask('DELETE', `/v1/cache?${query}`)).text).purged;
  const fill = async () => {
    for (const path of paths) await get(path);
  };
  const left = async () => {
    const kept: string[] = [];
    for (const path of paths) if ((await get(path)).headers['cache-status'] === hit) kept.push(path);
    return kept;
  };
  await fill();
  t.is(await purge('collection=books&id=1'), 2);
  t.deepEqual(await left(), ['books/items/2', 'book/items/1', 'book/items']);
  await fill();
  t.is(await purge('collection=books'), 3);
  t.deepEqual(await left(), ['book/items/1', 'book/items']);
  t.is(await purge('key=1'), 0);
  t.is(await purge('prefix=d'), 0);
  t.is(await purge('all'), 5);
});
