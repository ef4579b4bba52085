import test from 'ava';
import { waitFor } from '../../cluster/wait.ts';
import { problemOf } from '../harness.ts';
import { bookIndexes, hit, idsOf, pageOf, setUp } from './fixture.ts';

const answers: readonly (readonly [query: string, ids: readonly string[]])[] = [
  ['', ['1', '2', '3', '4']],
  ['topic=DISTRIBUTED%20%20systems', ['1', '2']],
  ['topic.eq=undergraduate+school', ['3', '4']],
  ['topic.contains=Grad', ['3', '4']],
  ['title=noobs', []],
  ['title=RPCs+for+noobs', ['2']],
  ['title.words=for+THE', ['4']],
  ['q=the', ['3', '4']],
  ['price=40', ['1']],
  ['price=4e1', ['1']],
  ['price.eq=20.50', ['4']],
  ['price.gt=30', ['1', '2']],
  ['price.gte=30&price.lt=50', ['1', '3']],
  ['stock.lte=-0', ['4']],
  ['sort=price', ['4', '3', '1', '2']],
  ['sort=-price', ['2', '1', '3', '4']],
  ['topic.contains=systems&sort=-price&limit=1', ['2']],
  ['price.gt=1&price.eq=30', ['3']],
];

for (const [query, ids] of answers) {
  test(`a search for "${query}" finds ${ids.join(', ') || 'nothing'}`, async (t) => {
    const { search } = await setUp(t);
    const response = await search(query);
    t.is(response.status, 200, response.text);
    t.deepEqual(idsOf(response), ids);
  });
}

test('an answer has whole documents with what every write changes, or the fields that were asked for alone', async (t) => {
  const { search } = await setUp(t);
  t.deepEqual(pageOf(await search('price=40')).items, [
    {
      ...{ id: '1', modRevision: 3, version: 1 },
      document: { id: '1', title: 'How to get a good grade', topic: 'distributed systems', price: 40, stock: 5 },
    },
  ] as never);
  t.deepEqual(pageOf(await search('price=40&fields=title,none,title')).items, [
    { id: '1', document: { title: 'How to get a good grade' } },
  ]);
});

test('what is counted is told only where it was asked for', async (t) => {
  const { search } = await setUp(t);
  t.like(pageOf(await search('topic=undergraduate+school&limit=1&count')), { count: 2, countIsExact: true });
  t.is(pageOf(await search('limit=1')).count, undefined);
});

test('a document that ends by itself says when', async (t) => {
  const { client, search, get } = await setUp(t);
  await client.apply({ type: 'tick', stampMs: Date.UTC(2026, 0, 31), expired: [], forgotten: [] });
  await client.put('books', '5', { id: '5', price: 7 }, null, 60_000);
  const [found] = pageOf(await search('price=7')).items;
  t.like(found, { id: '5', expiresAt: '2026-01-31T00:01:00.000Z' });
  t.is((await get('books/items/5')).headers['bazar-expires-at'], '2026-01-31T00:01:00.000Z');
});

test('pages follow on each other by their cursors, and a document that goes meanwhile leaves no gap', async (t) => {
  const { search, remove } = await setUp(t);
  const first = pageOf(await search('sort=price&limit=2'));
  t.deepEqual(
    first.items.map(({ id }) => id),
    ['4', '3'],
  );
  await remove('3');
  const second = pageOf(await search(`sort=price&limit=1&fields=title&cursor=${first.cursor}`));
  t.deepEqual(
    second.items.map(({ id }) => id),
    ['1'],
  );
  const third = pageOf(await search(`sort=price&cursor=${second.cursor}`));
  t.deepEqual([third.items.map(({ id }) => id), third.cursor], [['2'], null]);
});

test('a cursor is of one search, and what was not made here is none', async (t) => {
  const { search } = await setUp(t);
  const cursor = pageOf(await search('sort=price&limit=1')).cursor ?? '';
  t.is((await search(`limit=3&sort=price&cursor=${cursor}`)).status, 200, 'pages may differ in size');
  for (const query of [
    `cursor=${cursor}`,
    `sort=-price&cursor=${cursor}`,
    `sort=price&topic=x&cursor=${cursor}`,
    `sort=price&cursor=${cursor}x`,
    `sort=price&cursor=${cursor.slice(0, -2)}`,
    'cursor=',
    'cursor=%00',
    `cursor=${Buffer.from('["1",null]').toString('base64url')}`,
  ]) {
    const response = await search(query);
    t.is(response.status, 400, query);
    t.like(problemOf(t, response), { code: 'bad_parameter', path: 'cursor' });
  }
});

test('a search is kept: it comes from memory with the tag it had, and without its body for whoever has that', async (t) => {
  const { client, search, get, ask } = await setUp(t);
  const fetched = await search('topic=distributed+systems&sort=price');
  t.is(fetched.headers['cache-status'], 'bazar; fwd=uri-miss; stored');
  const kept = await search('sort=price&topic=Distributed%20SYSTEMS');
  t.is(kept.headers['cache-status'], hit);
  t.is(kept.headers['bazar-served-by'], 'g1');
  t.is(kept.text, fetched.text);
  t.regex(kept.headers.etag ?? '', /^W\/"/);
  t.is(kept.headers.etag, fetched.headers.etag);
  const unchanged = await get('books/items?topic=distributed+systems&sort=price', {
    'If-None-Match': kept.headers.etag,
  });
  t.deepEqual([unchanged.status, unchanged.text], [304, '']);
  const head = await ask('HEAD', '/v1/collections/books/items?topic=distributed+systems&sort=price');
  t.deepEqual([head.headers['content-length'], head.text], [String(kept.body.length), '']);
  const refused = await get('books/items', { 'If-Match': '"3"' });
  t.like(problemOf(t, refused), { status: 412, code: 'precondition_failed' });
  const searches = client.reads.filter(({ query }) => query.type === 'search');
  t.is(searches.length, 2, 'one for each question');
});

test('under a lease a search leaves with nobody asked, and with the tag of what stands there', async (t) => {
  const { client, search, change } = await setUp(t, 'lease');
  const isLeased = async () =>
    (await search('topic=distributed+systems')).headers['cache-status'] === 'bazar; hit; detail=lease';
  await waitFor(isLeased, { description: 'a lease', timeoutMs: 10_000 });
  const before = client.reads.length;
  t.is((await search('topic=distributed+systems')).headers['cache-status'], 'bazar; hit; detail=lease');
  t.is(client.reads.length, before);
  await change('1', { topic: 'nature' });
  t.deepEqual(idsOf(await search('topic=distributed+systems')), ['2']);
});

/** Searches, and what they carry is what they are for. */
const kept = {
  byTopic: 'topic=distributed+systems&fields=id,title',
  byOtherTopic: 'topic=undergraduate+school&fields=id,title',
  byTopicWithStock: 'topic=distributed+systems&fields=title,stock',
  byTopicWhole: 'topic=distributed+systems',
  containing: 'topic.contains=grad&fields=title',
  byWord: 'q=noobs&fields=title',
  byPrice: 'price.lt=35&fields=title',
  atPrice: 'price=50&fields=title',
  sorted: 'sort=price&fields=title',
  all: 'fields=title',
} as const;

type Name = keyof typeof kept;

const all = Object.keys(kept) as readonly Name[];
type Shop = Awaited<ReturnType<typeof setUp>>;

const writes: readonly (readonly [what: string, write: (shop: Shop) => Promise<unknown>, ended: readonly Name[]])[] = [
  ['a purchase', ({ client }) => client.add('books', '1', 'stock', -1), ['byTopicWithStock', 'byTopicWhole']],
  [
    'a price change of which nothing is known',
    ({ client }) => client.patch('books', '2', { price: 35 }),
    ['byTopicWhole', 'byPrice', 'atPrice', 'sorted'],
  ],
  ['a price change', ({ change }) => change('1', { price: 36 }), ['byTopicWhole', 'byPrice', 'sorted']],
  [
    'a price change to a price that is searched for',
    ({ change }) => change('1', { price: 50 }),
    ['byTopicWhole', 'byPrice', 'atPrice', 'sorted'],
  ],
  [
    'a move to another topic',
    ({ change }) => change('1', { topic: 'nature' }),
    ['byTopic', 'byTopicWithStock', 'byTopicWhole', 'containing'],
  ],
  [
    'another title',
    ({ change }) => change('3', { title: 'Xen for noobs' }),
    ['byOtherTopic', 'containing', 'byWord', 'byPrice', 'sorted', 'all'],
  ],
  ['a note', ({ change }) => change('1', { note: 'new' }), ['byTopicWhole']],
  [
    'a new book',
    ({ client }) => client.put('books', '5', { id: '5', topic: 'Nature', price: 99 }, null),
    ['containing', 'byPrice', 'sorted', 'all'],
  ],
  [
    'a new book on a topic',
    ({ client }) => client.put('books', '5', { id: '5', topic: 'undergraduate school' }, null),
    ['byOtherTopic', 'containing', 'byPrice', 'sorted', 'all'],
  ],
  [
    'the end of a book',
    ({ remove }) => remove('2'),
    ['byTopic', 'byTopicWithStock', 'byTopicWhole', 'containing', 'byWord', 'byPrice', 'atPrice', 'sorted', 'all'],
  ],
  [
    'a book of another collection',
    async ({ client }) => {
      await client.define('films', bookIndexes);
      await client.put('films', '1', { id: '1', price: 50 }, null);
    },
    [],
  ],
  ['a write of which nothing is known', ({ client }) => client.put('books', '1', { id: '1', title: 'Same' }), all],
  ['a new definition', ({ client }) => client.define('books', [...bookIndexes, { field: 'isbn', kind: 'term' }]), all],
];

for (const [what, write, ended] of writes) {
  test(`${what} ends ${ended.length === 0 ? 'no search' : ended.length === all.length ? 'all searches' : `searches ${ended.join(', ')} alone`}`, async (t) => {
    const shop = await setUp(t);
    for (const name of all) await shop.search(kept[name]);
    for (const name of all) t.is((await shop.search(kept[name])).headers['cache-status'], hit, name);
    await write(shop);
    const hits = await Promise.all(
      all.map(async (name) => [name, (await shop.search(kept[name])).headers['cache-status']]),
    );
    t.deepEqual(
      hits.filter(([, status]) => status !== hit).map(([name]) => name),
      ended as readonly string[] as string[],
    );
  });
}

test('a document that expires ends every search that may have it, and is in none', async (t) => {
  const { client, search } = await setUp(t);
  await client.apply({ type: 'tick', stampMs: 1000, expired: [], forgotten: [] });
  const modRevision = await client.put('books', '5', { id: '5', price: 7 }, null, 60_000);
  t.deepEqual(idsOf(await search('price=7')), ['5']);
  const target = { type: 'document', collection: 'books', id: '5' } as const;
  await client.apply({
    type: 'tick',
    stampMs: 70_000,
    expired: [{ target, modRevision: modRevision as never }],
    forgotten: [],
  });
  t.deepEqual(idsOf(await search('price=7')), []);
});

test('who asks for the same search at once asks a replica once', async (t) => {
  const { client, search } = await setUp(t);
  await search('limit=1');
  const before = client.reads.length;
  const responses = await Promise.all(Array.from({ length: 10 }, () => search('q=for')));
  t.is(new Set(responses.map(({ text }) => text)).size, 1);
  t.is(client.reads.length - before, 1);
});

const refusals: readonly (readonly [query: string, status: number, code: string, path: string, detail: RegExp])[] = [
  [
    'colour=red',
    400,
    'no_index',
    'colour',
    /has no index on "colour"; .*topic \(term\).*; other parameters are q, sort, limit/,
  ],
  ['isbn.contains=1', 400, 'no_index', 'isbn.contains', /has no index on "isbn"/],
  ['topic.gt=3', 400, 'no_index', 'topic.gt', /indexes "topic" as term only, and this needs number/],
  ['price.words=a', 400, 'no_index', 'price.words', /as number only/],
  ['sort=topic', 400, 'no_index', 'sort', /as term only, and this needs number/],
  ['sort=-', 400, 'no_index', 'sort', /has no index on ""/],
  ['price=cheap', 400, 'bad_parameter', 'price', /expected a number, such as 42 or -0.5, got "cheap"/],
  ['price=1e999', 400, 'bad_parameter', 'price', /expected a number/],
  ['price.gt=', 400, 'bad_parameter', 'price.gt', /expected a number/],
  ['price.gt=1&price.gte=2', 400, 'bad_parameter', 'price.gte', /"price.gt" and "price.gte": expected one of the two/],
  ['topic.contains=%20', 400, 'bad_parameter', 'topic.contains', /expected a part of a text/],
  [`topic.contains=${'a'.repeat(257)}`, 400, 'bad_parameter', 'topic.contains', /at most 256 bytes/],
  ['q=%3F', 400, 'bad_parameter', 'q', /expected a word at least/],
  [
    `q=${Array.from({ length: 17 }, (_, nth) => `w${nth}`).join('+')}`,
    400,
    'bad_parameter',
    'q',
    /at most 16 different words/,
  ],
  ['limit=0', 400, 'bad_parameter', 'limit', /from 1 to 1000/],
  ['limit=1001', 400, 'bad_parameter', 'limit', /from 1 to 1000/],
  ['count=maybe', 400, 'bad_parameter', 'count', /true or false/],
  ['fields=', 400, 'bad_parameter', 'fields', /must not be empty/],
  ['fields=a,,b', 400, 'bad_parameter', 'fields', /must not be empty/],
  [
    `fields=${Array.from({ length: 65 }, (_, nth) => `f${nth}`).join(',')}`,
    400,
    'bad_parameter',
    'fields',
    /at most 64/,
  ],
  ['q=a&q=b', 400, 'bad_parameter', 'q', /given twice/],
  ['topic=%FF', 400, 'bad_parameter', 'topic', /UTF-8/],
  ['timeout=0s', 400, 'bad_parameter', 'timeout', /expected/],
  ['consistency=maybe', 400, 'bad_parameter', 'consistency', /linearizable or stale/],
];

for (const [query, status, code, path, detail] of refusals) {
  test(`"${query.slice(0, 40)}" is refused with ${code}, naming ${path}`, async (t) => {
    const { search } = await setUp(t);
    const problem = problemOf(t, await search(query));
    t.like(problem, { status, code, path });
    t.regex(problem.detail, detail);
  });
}

test('more than eight filters are refused', async (t) => {
  const { client, get } = await setUp(t);
  const fields = Array.from({ length: 9 }, (_, nth) => `f${nth}`);
  await client.define(
    'wide',
    fields.map((field) => ({ field, kind: 'term' })),
  );
  const searchBy = (names: readonly string[]) => get(`wide/items?${names.map((name) => `${name}=a`).join('&')}`);
  t.is((await searchBy(fields.slice(1))).status, 200);
  const problem = problemOf(t, await searchBy(fields));
  t.like(problem, { status: 400, code: 'bad_parameter' });
  t.regex(problem.detail, /at most 8/);
});

test('q needs exactly one field with words', async (t) => {
  const { client, get } = await setUp(t);
  await client.define('plain', [{ field: 'a', kind: 'term' }]);
  t.like(problemOf(t, await get('plain/items?q=a')), { status: 400, code: 'no_index', path: 'q' });
  await client.define(
    'plain',
    ['a', 'b'].map((field) => ({ field, kind: 'words' })),
  );
  const several = problemOf(t, await get('plain/items?q=a'));
  t.like(several, { status: 400, code: 'bad_parameter', path: 'q' });
  t.regex(several.detail, /"a.words", "b.words"/);
});

test('fields are found whatever they are called', async (t) => {
  const { client, get } = await setUp(t);
  const fields = ['limit', 'a.gt', '-n', 'é"'];
  await client.define(
    'odd',
    fields.map((field) => ({ field, kind: 'number' })),
  );
  for (const [nth, field] of fields.entries()) await client.put('odd', `${nth}`, { id: `${nth}`, [field]: 7 }, null);
  const found = async (query: string) => idsOf(await get(`odd/items?${query}`));
  t.deepEqual(await found('limit.eq=7'), ['0']);
  t.deepEqual(await found('a.gt=7'), ['1']);
  t.deepEqual(await found('a.gt.gt=6'), ['1']);
  t.deepEqual(await found('sort=-n'), ['2']);
  t.deepEqual(await found('sort=--n'), ['2']);
  t.deepEqual(await found(`${encodeURIComponent('é"')}.lte=7`), ['3']);
});

test('an index that is being built refuses searches until it is there, and no refusal is kept', async (t) => {
  const { client, search } = await setUp(t);
  const collection = await client.define('books', [...bookIndexes, { field: 'isbn', kind: 'term' }]);
  const refused = await search('isbn=1');
  t.like(problemOf(t, refused), { status: 409, code: 'index_not_ready' });
  t.is(refused.headers['retry-after'], '5');
  const { number } = collection.indexes[5] as (typeof collection.indexes)[number];
  const ofIndex = { collection: collection.number, index: number, from: null, to: null };
  await client.apply({ type: 'build', ...ofIndex, documents: [] });
  t.deepEqual(idsOf(await search('isbn=1')), []);
});

test('a field that is indexed at last is found at once, though its absence was seen', async (t) => {
  const { client, search } = await setUp(t);
  t.is((await search('isbn=1')).status, 400);
  for (const id of ['1', '2', '3', '4']) await client.remove('books', id);
  await client.drop('books');
  await client.define('books', [{ field: 'isbn', kind: 'term' }]);
  await client.put('books', '9', { id: '9', isbn: '1' }, null);
  t.deepEqual(idsOf(await search('isbn=1')), ['9']);
  t.like(problemOf(t, await search('topic=nature')), { code: 'no_index' });
});

test('there is no search without a collection, and one that is made is searched at once', async (t) => {
  const { client, get, search } = await setUp(t);
  t.like(problemOf(t, await get('films/items')), { status: 404, code: 'collection_not_found' });
  await client.define('films', bookIndexes);
  t.deepEqual(idsOf(await get('films/items')), []);
  await search('');
  await client.drop('books');
  t.like(problemOf(t, await search('')), { status: 404, code: 'collection_not_found' });
});

test('what a replica refuses is told: too many rows', async (t) => {
  const { client, search } = await setUp(t);
  await search('');
  const refusal = { reason: 'tooManyRows', rows: 25_000, help: null } as const;
  const result = { type: 'search', revision: 9 as never, result: { type: 'refused', refusal } } as const;
  client.readOutcome = { type: 'done', replica: 'r1', result };
  for (const _ of [1, 2]) {
    const response = await search('q=the');
    t.like(problemOf(t, response), { status: 400, code: 'search_too_wide' });
    t.is(response.headers['cache-status'], 'bazar; fwd=uri-miss');
  }
});

test('a definition that is another one each time is told after some attempts', async (t) => {
  const { client, search } = await setUp(t);
  await search('');
  const result = { type: 'search', revision: 9 as never, result: { type: 'definitionChanged' } } as const;
  client.beforeRead = async ({ type }) => (type === 'search' ? { type: 'done', replica: 'r1', result } : null);
  const response = await search('q=the');
  t.like(problemOf(t, response), { status: 503, code: 'definition_changed' });
  t.is(response.headers['retry-after'], '1');
});

test('who wants no replica to be asked hears of nothing else', async (t) => {
  const { client, get } = await setUp(t);
  const onlyIfCached = { 'Cache-Control': 'only-if-cached' };
  t.like(problemOf(t, await get('books/items', onlyIfCached)), { status: 504, code: 'not_cached' });
  t.is(client.reads.length, 0);
  await get('books/items');
  t.is((await get('books/items', onlyIfCached)).status, 200);
  t.like(problemOf(t, await get('books/items?isbn=1', onlyIfCached)), { status: 504, code: 'not_cached' });
});

test('nobody answers in time', async (t) => {
  const { client, search } = await setUp(t);
  client.readOutcome = { type: 'unavailable' };
  t.like(problemOf(t, await search('timeout=100ms')), { status: 504, code: 'read_timeout' });
  client.readOutcome = null;
  await search('');
  client.readOutcome = { type: 'unavailable' };
  t.like(problemOf(t, await search('q=a&timeout=100ms')), { status: 504, code: 'read_timeout' });
});

test('a search goes past the cache where one replica, or an old state, is wanted', async (t) => {
  const { search } = await setUp(t);
  for (const _ of [1, 2]) {
    t.is((await search('replica=r3')).headers['cache-status'], 'bazar; fwd=bypass');
    t.is((await search('consistency=stale')).headers['cache-status'], 'bazar; fwd=request');
  }
});

test('of a long answer the first page is kept at once, and the others when they come again', async (t) => {
  const { search } = await setUp(t);
  const { cursor } = pageOf(await search('limit=1'));
  const status = async () => (await search(`limit=1&cursor=${cursor}`)).headers['cache-status'];
  t.deepEqual(
    [await status(), await status(), await status()],
    ['bazar; fwd=uri-miss', 'bazar; fwd=uri-miss; stored', hit],
  );
});

test('with nothing kept every search is asked for', async (t) => {
  const { search } = await setUp(t, 'off');
  for (const _ of [1, 2]) {
    const response = await search('topic=distributed+systems');
    t.is(response.headers['cache-status'], 'bazar; fwd=bypass');
    t.deepEqual(idsOf(response), ['1', '2']);
  }
});
