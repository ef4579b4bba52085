import test from 'ava';
import { index } from '../../src/raft/types.ts';
import type { Collection } from '../../src/store/collection.ts';
import { DamagedRowError } from '../../src/store/damage.ts';
import type { KeyValueReader } from '../../src/store/disk.ts';
import { postingKey } from '../../src/store/index-rows.ts';
import { fieldOf } from '../../src/store/json.ts';
import { documentKey } from '../../src/store/keys.ts';
import { search } from '../../src/store/search.ts';
import {
  type Filter,
  type Position,
  refusalText,
  type SearchQuery,
  type SearchRefusal,
  type SearchResult,
  searchProblem,
} from '../../src/store/search-query.ts';
import { normalText, termOf, wordsOf } from '../../src/store/terms.ts';
import { collectionOf, type Item, queryOf, readerOf, rowsOf, scan } from './catalog-fixture.ts';
import { createRandom, type SeededRandom } from './random.ts';
import { SortedReader } from './sorted-reader.ts';

type Found = Extract<SearchResult, { type: 'found' }>;

const vocabulary = [
  'the',
  'art',
  'of',
  'Straße',
  'İstanbul',
  'Café',
  'cafe\u0301',
  '東京',
  '😀',
  'ΟΔΟΣ',
  'x\u0000y',
  'system',
];
const authors = ['J.K. Rowling', 'j.k. rowling', 'Ære', '村上 春樹', 'José  Saramago', 'José Saramago', ''];

/** `wide` of them all have one author, so that some filters are narrow and others are not. */
function books(random: SeededRandom, count: number): readonly Item[] {
  const words = () =>
    Array.from({ length: 1 + random.below(4) }, () => random.pick(vocabulary)).join(random.pick([' ', ', ']));
  return Array.from({ length: count }, (_, at): Item => {
    const id = random.pick([`${at}`, `é${at}`, `😀${at}`, `\uffff${at}`, `a\u0000${at}`]);
    const author = random.pick([
      random.pick(authors),
      `author ${random.below(count)}`,
      ['everyone', random.pick(authors)],
    ]);
    const price = random.pick([random.below(50), -random.below(9) / 4, [random.below(20), random.below(60)], null]);
    const rare = random.below(10) === 0 ? { rating: random.below(5) } : {};
    return { id, author: random.below(9) === 0 ? author : ['everyone', author].flat(), title: words(), price, ...rare };
  });
}

async function found(
  reader: KeyValueReader,
  collection: Collection,
  query: SearchQuery,
  rowsMax?: number,
): Promise<Found> {
  const result = await search(reader, collection, query, rowsMax);
  if (result.type === 'refused') throw new Error(refusalText(result.refusal, collection.name));
  return result;
}

const idsOf = ({ documents }: Found) => documents.map(({ id }) => id);

function randomFilter(random: SeededRandom, items: readonly Item[]): Filter {
  const item = random.pick(items);
  const number = (field: string): Filter => ({
    field,
    type: 'number',
    min: random.pick([null, random.below(60), -1.25]),
    max: random.pick([null, random.below(60)]),
    minExclusive: random.below(2) === 0,
    maxExclusive: random.below(2) === 0,
  });
  const author = [fieldOf(item, 'author') ?? ''].flat()[0];
  const title = `${fieldOf(item, 'title')}`;
  return random.pick<() => Filter>([
    () => ({ field: 'author', type: 'term', term: termOf(`${author}`) }),
    () => ({ field: 'author', type: 'term', term: 'everyone' }),
    () => ({
      field: 'author',
      type: 'contains',
      text: normalText(random.pick(['ow', 'JOSÉ', '村', 'author 1', 'every', 'zzz'])),
    }),
    () => ({
      field: 'title',
      type: 'contains',
      text: normalText(random.pick(['ss', 'STRASSE', '京', 'é', 'the art'])),
    }),
    () => ({ field: 'title', type: 'words', words: wordsOf(title.slice(0, 12)).slice(0, 3) }),
    () => number('price'),
    () => number('rating'),
  ])();
}

test('a search finds what a plain scan finds, in its order, page by page, and counts it', async (t) => {
  const random = createRandom(20);
  for (const [size, rounds] of [
    [40, 60],
    [4500, 8],
  ] as const) {
    const items = books(random, size);
    const reader = readerOf(items);
    const collection = collectionOf(items.length);
    for (let round = 0; round < rounds; round += 1) {
      const filters = Array.from({ length: random.below(4) }, () => randomFilter(random, items)).filter(
        (filter) => filter.type !== 'words' || filter.words.length > 0,
      );
      const field = random.pick(['price', 'rating']);
      const sort = random.pick([null, { field, descending: false }, { field, descending: true }]);
      const query = queryOf({ filters, sort, limit: random.pick([1, 7, 100, 1000]) });
      t.is(searchProblem(query), null);
      const label = JSON.stringify({ size, round, filters, sort });
      const expected = scan(items, query);
      const positions: Position[] = [];
      let after: Position | null = null;
      for (let pages = 0; pages < 4; pages += 1) {
        const page: Found = await found(reader, collection, { ...query, after, count: pages === 0 });
        if (pages === 0) t.deepEqual(page.count, { documents: expected.length, exact: true }, label);
        const whole = expected.slice(positions.length, positions.length + query.limit);
        t.deepEqual(
          idsOf(page),
          whole.map(({ id }) => id),
          label,
        );
        positions.push(...whole);
        t.deepEqual(page.next, positions.length < expected.length ? (whole.at(-1) ?? null) : null, label);
        after = page.next;
        if (after === null) break;
      }
      // From anywhere, as after a page that somebody else has turned.
      const at = random.below(expected.length + 1);
      const rest = await found(reader, collection, { ...query, after: expected[at] ?? null });
      const first = expected[at] === undefined ? 0 : at + 1;
      t.deepEqual(
        idsOf(rest),
        expected.slice(first, first + query.limit).map(({ id }) => id),
        label,
      );
    }
  }
});

test('a search goes on behind a position whose document is gone', async (t) => {
  const items = books(createRandom(4), 400);
  const orders = [null, { field: 'price', descending: false }, { field: 'price', descending: true }] as const;
  const filters: readonly (readonly Filter[])[] = [
    [],
    [{ field: 'author', type: 'term', term: 'everyone' }],
    [{ field: 'author', type: 'contains', text: 'o' }],
  ];
  for (const sort of orders) {
    for (const list of filters) {
      const query = queryOf({ sort, filters: list });
      const all = scan(items, query);
      const after = all[150] as Position;
      const left = items.filter(({ id }) => id !== after.id);
      const page = await found(readerOf(left), collectionOf(left.length), { ...query, after });
      t.deepEqual(
        idsOf(page),
        all.slice(151).map(({ id }) => id),
      );
    }
  }
});

test('a document is found whatever the case, composition and script of its texts', async (t) => {
  const items: readonly Item[] = [
    { id: 'de', title: 'Die große Straße', author: 'Groß' },
    { id: 'tr', title: 'İstanbul', author: 'Oğuz' },
    { id: 'el', title: 'Η ΟΔΟΣ', author: 'Καβάφης' },
    { id: 'fr', title: 'Cafe\u0301 ﬁn', author: 'É' },
    { id: 'ja', title: '分布式系统 第２版', author: '村上' },
    { id: 'em', title: '❤️ I 😀 DOS', author: '😀' },
  ];
  const reader = readerOf(items);
  const by = async (filter: Filter) =>
    idsOf(await found(reader, collectionOf(items.length), queryOf({ filters: [filter] })));
  const words = (text: string) => by({ field: 'title', type: 'words', words: wordsOf(text) });
  const contains = (text: string) => by({ field: 'title', type: 'contains', text: normalText(text) });
  const term = (text: string) => by({ field: 'author', type: 'term', term: termOf(text) });
  t.deepEqual(await words('STRASSE GROSSE'), ['de']);
  t.deepEqual(await words('straße'), ['de']);
  t.deepEqual(await words('i\u0307stanbul'), ['tr']);
  t.deepEqual(await words('οδός'), [], 'an accent counts');
  t.deepEqual(await words('οδος'), ['el']);
  t.deepEqual(await words('CAFÉ FIN'), ['fr']);
  t.deepEqual(await words('第2版'), ['ja']);
  t.deepEqual(await words('dos i'), ['em']);
  t.deepEqual(await contains('ΟΔΟ'), ['el']);
  t.deepEqual(await contains('式系'), ['ja']);
  t.deepEqual(await contains('😀 dos'), ['em']);
  t.deepEqual(await contains('s'), ['de', 'em', 'tr']);
  t.deepEqual(await term('GROSS'), ['de']);
  t.deepEqual(await term('ΚΑΒΆΦΗΣ'), ['el']);
  t.deepEqual(await term('😀'), ['em']);
});

async function refused(
  reader: KeyValueReader,
  collection: Collection,
  query: SearchQuery,
  rowsMax?: number,
): Promise<SearchRefusal> {
  const result = await search(reader, collection, query, rowsMax);
  if (result.type === 'found') throw new Error('expected a refusal');
  return result.refusal;
}

test('a search without the index that it needs is refused, with the field and the reason', async (t) => {
  const reader = readerOf([]);
  const collection = collectionOf(3);
  const range = { type: 'number', min: 1, max: null, minExclusive: false, maxExclusive: false } as const;
  const ask = async (parts: Partial<SearchQuery>, of = collection) => {
    const refusal = await refused(reader, of, queryOf(parts));
    return [refusal, refusalText(refusal, 'books')] as const;
  };
  const [unknown, unknownText] = await ask({ filters: [{ field: 'colour', type: 'term', term: 'red' }] });
  t.deepEqual(unknown, { reason: 'noIndex', field: 'colour', kind: 'term', kinds: [] });
  t.regex(
    unknownText,
    /"books" has no index on the field "colour": this search needs one of kind "term", define it first/,
  );
  const [wrong, wrongText] = await ask({ filters: [{ ...range, field: 'title' }] });
  t.deepEqual(wrong, { reason: 'noIndex', field: 'title', kind: 'number', kinds: ['words', 'term'] });
  t.regex(wrongText, /indexes "title" as words and term only: this search needs one of kind "number"/);
  t.like((await ask({ filters: [{ field: 'author', type: 'words', words: ['a'] }] }))[0], {
    kind: 'words',
    kinds: ['term'],
  });
  t.like((await ask({ sort: { field: 'author', descending: false } }))[0], { field: 'author', kind: 'number' });
  t.like((await ask({ filters: [{ field: '__proto__', type: 'term', term: '' }] }))[0], { field: '__proto__' });
  for (const cursor of [null, '17']) {
    const building = {
      ...collection,
      indexes: collection.indexes.map((one) => ({ ...one, state: { type: 'building', cursor } as const })),
    };
    const [half, halfText] = await ask({ sort: { field: 'price', descending: true } }, building);
    t.deepEqual(half, { reason: 'indexNotReady', field: 'price', kind: 'number', cursor, documents: 3 });
    t.regex(
      halfText,
      /still being built: of 3 documents it has (?:nothing|what has an id up to "17"); try again later/,
    );
  }
});

test('what the text of a query shows to be wrong is named by its path', (t) => {
  const problem = (parts: Partial<SearchQuery>) => searchProblem(queryOf(parts))?.path;
  const filter: Filter = { field: 'a', type: 'term', term: 'x' };
  const range = { field: 'a', type: 'number', min: 1, max: 2, minExclusive: false, maxExclusive: false } as const;
  t.is(problem({ filters: [filter, range], sort: { field: 'a', descending: true } }), undefined);
  t.is(problem({ filters: Array(9).fill(filter) }), '/filters');
  t.is(problem({ filters: [filter, { ...filter, term: 'é'.repeat(129) }] }), '/filters/1/term');
  t.is(problem({ filters: [{ field: 'a', type: 'contains', text: '' }] }), '/filters/0/text');
  t.is(problem({ filters: [{ field: 'a', type: 'contains', text: 'a'.repeat(257) }] }), '/filters/0/text');
  t.is(problem({ filters: [{ field: 'a', type: 'words', words: [] }] }), '/filters/0/words');
  t.is(problem({ filters: [{ field: 'a', type: 'words', words: Array(17).fill('a') }] }), '/filters/0/words');
  t.is(problem({ filters: [{ field: 'a', type: 'words', words: ['a', 'b'.repeat(257)] }] }), '/filters/0/words/1');
  t.is(problem({ filters: [{ ...range, min: Number.NaN }] }), '/filters/0/min');
  t.is(problem({ filters: [{ ...range, max: Number.POSITIVE_INFINITY }] }), '/filters/0/max');
  t.is(problem({ fields: Array(65).fill('a') }), '/fields');
  for (const limit of [0, 1001, 1.5, Number.NaN]) t.is(problem({ limit }), '/limit');
  t.is(problem({ after: { sortValue: 1, id: 'a' } }), '/after');
  t.is(problem({ sort: { field: 'a', descending: false }, after: { sortValue: null, id: 'a' } }), '/after');
  const nowhere = { sortValue: Number.NaN, id: 'a' };
  t.is(problem({ sort: { field: 'a', descending: false }, after: nowhere }), '/after/sortValue');
});

test('documents come whole with their revisions, or with the fields that were asked for', async (t) => {
  const items: readonly Item[] = [{ id: '1', title: 'a b', price: 3, __proto__: 1, other: { deep: [1] } }];
  const [whole] = (await found(readerOf(items), collectionOf(1), queryOf({}))).documents;
  t.like(whole, { id: '1', createRevision: 10, modRevision: 10, version: 1, expiresAtMs: null });
  t.deepEqual(JSON.parse(`${whole?.json}`), items[0]);
  const fields = ['other', 'title', 'nothing', 'constructor', '__proto__'];
  const [part] = (await found(readerOf(items), collectionOf(1), queryOf({ fields }))).documents;
  t.is(`${part?.json}`, '{"title":"a b","other":{"deep":[1]}}');
  const [none] = (await found(readerOf(items), collectionOf(1), queryOf({ fields: [] }))).documents;
  t.is(`${none?.json}`, '{}');
});

test('a page of some fields is picked from 8 MiB of documents at most, and goes on behind them', async (t) => {
  const note = 'n'.repeat(1024 * 1024);
  const items = Array.from({ length: 10 }, (_, nth): Item => ({ id: `${nth}`, author: 'x', note }));
  const reader = readerOf(items);
  const filters = [{ field: 'author', type: 'term', term: 'x' }] as const;
  const first = await search(reader, collectionOf(items.length), queryOf({ filters, fields: ['id'] }));
  if (first.type !== 'found') return t.fail();
  t.deepEqual(first.documents.map(({ id }) => id).join(''), '0123456');
  const rest = await search(
    reader,
    collectionOf(items.length),
    queryOf({ filters, fields: ['id'], after: first.next }),
  );
  t.like(rest, { type: 'found', next: null });
  t.is(rest.type === 'found' && rest.documents.length, 3);
});

test('a page is at most 1 MiB of documents, and one document at least', async (t) => {
  const large = 'x'.repeat(600_000);
  const items = ['a', 'b', 'c'].map((id): Item => ({ id, large, author: 'x', price: 1 }));
  const reader = readerOf(items);
  for (const parts of [
    {},
    { filters: [{ field: 'author', type: 'term', term: 'x' }] },
    { sort: { field: 'price', descending: false } },
  ] as const) {
    let after: Position | null = null;
    const pages: (readonly string[])[] = [];
    do {
      const page: Found = await found(reader, collectionOf(3), queryOf({ ...parts, after }));
      pages.push(idsOf(page));
      after = page.next;
    } while (after !== null);
    t.deepEqual(pages, [['a'], ['b'], ['c']]);
    t.is((await found(reader, collectionOf(3), queryOf({ ...parts, fields: ['id'] }))).documents.length, 3);
  }
});

test('what is narrow is read, however wide the rest', async (t) => {
  const items = Array.from(
    { length: 6000 },
    (_, at): Item => ({
      id: `${at}`.padStart(4, '0'),
      author: ['everyone', `author ${at % 600}`],
      title: at % 2 === 0 ? 'even' : 'odd',
      price: at % 100,
    }),
  );
  const collection = collectionOf(items.length);
  const cost = async (parts: Partial<SearchQuery>) => {
    const reader = readerOf(items);
    const page = await found(reader, collection, queryOf({ limit: 10, ...parts }));
    t.deepEqual(
      idsOf(page),
      scan(items, queryOf(parts))
        .slice(0, 10)
        .map(({ id }) => id),
    );
    return reader.iterated + reader.got;
  };
  const everyone: Filter = { field: 'author', type: 'term', term: 'everyone' };
  const one: Filter = { field: 'author', type: 'term', term: 'author 7' };
  const cheap: Filter = {
    field: 'price',
    type: 'number',
    min: null,
    max: 90,
    minExclusive: false,
    maxExclusive: false,
  };
  const sort = { field: 'price', descending: true };
  t.true((await cost({})) < 40);
  t.true((await cost({ filters: [everyone] })) < 40);
  t.true((await cost({ sort })) < 40);
  t.true((await cost({ filters: [everyone, one] })) < 250);
  t.true((await cost({ filters: [cheap, one, everyone], sort })) < 300);
  t.true((await cost({ filters: [everyone, cheap] })) < 10_000, 'a few thousand rows to see that both are wide');
  t.true((await cost({ filters: [{ field: 'title', type: 'contains', text: 'eve' }] })) < 60, 'most have it');
  t.true((await cost({ filters: [{ field: 'author', type: 'contains', text: 'author 599' }] })) < 20_000);
});

test('what would take too many rows is refused with the index that would help, and what is counted is at least so many', async (t) => {
  const [many, rowsMax] = [5500, 5000];
  const items = Array.from(
    { length: many },
    (_, at): Item => ({ id: `${at}`, title: `t${at} odd`, author: 'a', price: at % 2 }),
  );
  const reader = new SortedReader(rowsOf(items));
  const collection = collectionOf(many);
  const foundIn = (query: SearchQuery) => found(reader, collection, query, rowsMax);
  const refusedIn = (query: SearchQuery) => refused(reader, collection, query, rowsMax);
  const nothing: Filter = { field: 'title', type: 'contains', text: 'even' };
  const refusal = await refusedIn(queryOf({ filters: [nothing] }));
  t.deepEqual(refusal, { reason: 'tooManyRows', rows: rowsMax, help: { field: 'title', kind: 'words' } });
  t.regex(refusalText(refusal, 'books'), /more than 5000 rows .* index "title" as "words"/);
  const between = { min: 0, max: 1, minExclusive: true, maxExclusive: true };
  const sort = { field: 'rating', descending: false };
  t.deepEqual(idsOf(await foundIn(queryOf({ sort }))), [], 'nobody has a rating');
  const wide: Filter = { field: 'author', type: 'term', term: 'a' };
  const gap: Filter = { field: 'price', type: 'number', ...between };
  t.deepEqual(idsOf(await foundIn(queryOf({ filters: [wide, gap] }))), []);
  const first = await foundIn(queryOf({ filters: [wide], limit: 2, count: true }));
  t.is(first.documents.length, 2);
  t.false(first.count?.exact);
  t.true((first.count?.documents ?? 0) > 4000 && (first.count?.documents ?? many) < many);
  const all = await foundIn(queryOf({ limit: 2, count: true }));
  t.deepEqual(all.count, { documents: many, exact: true });
  const none: Filter = { field: 'title', type: 'words', words: ['odd'] };
  const both = await refusedIn(queryOf({ filters: [wide, none, { ...gap, minExclusive: false }, nothing] }));
  t.like(both, { reason: 'tooManyRows' });
});

test('damage is never taken for an answer', async (t) => {
  const items = Array.from(
    { length: 50 },
    (_, at): Item => ({ id: `${10 + at}`, author: 'a', title: 'b c', price: at }),
  );
  const collection = collectionOf(items.length);
  const placeOf = (place: number) => ({
    collection: index(7),
    index: collection.indexes[place]?.number ?? (0 as never),
  });
  const cases: readonly (readonly [Uint8Array, Partial<SearchQuery>])[] = [
    [documentKey(index(7), '12'), {}],
    [postingKey(placeOf(0), { term: 'a', id: '12' }), { filters: [{ field: 'author', type: 'term', term: 'a' }] }],
    [postingKey(placeOf(3), { term: 2, id: '12' }), { sort: { field: 'price', descending: false } }],
    [postingKey(placeOf(3), { term: 47, id: '57' }), { sort: { field: 'price', descending: true } }],
  ];
  for (const [key, parts] of cases) {
    for (const limit of [4, 1000]) {
      const reader = readerOf(items);
      reader.damaged = key;
      await t.throwsAsync(search(reader, collection, queryOf({ ...parts, limit })), { code: 'LEVEL_CORRUPTION' });
    }
    const gone = new SortedReader(
      rowsOf(items).filter((row) => Buffer.compare(row.key, documentKey(index(7), '12')) !== 0),
    );
    if (key !== cases[0]?.[0]) {
      await t.throwsAsync(search(gone, collection, queryOf(parts)), { instanceOf: DamagedRowError });
    }
  }
});
