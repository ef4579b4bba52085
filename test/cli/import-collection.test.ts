import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { addCatalog, type Catalog } from './catalog-server.ts';
import { temporaryDirectory } from './directory.ts';
import { type KvServer, startKvServer } from './kv-server.ts';
import { bazar } from './terminal.ts';

interface Fixture {
  readonly kv: KvServer;
  readonly catalog: Catalog;
  readonly file: string;
  readonly checkpoint: string;
  run(more?: readonly string[], interrupted?: AbortSignal): ReturnType<typeof bazar>;
}

async function withFile(t: ExecutionContext, name: string, content: string): Promise<Fixture> {
  const kv = await startKvServer();
  t.teardown(() => kv.close());
  const file = join(temporaryDirectory(t), name);
  writeFileSync(file, content);
  const words = ['import', file, '--collection', 'books', '--id', 'id', '--url', kv.url];
  return {
    kv,
    catalog: addCatalog(kv),
    file,
    checkpoint: `${file}.bazar-import`,
    run: (more = [], interrupted) => bazar([...words, ...more], interrupted === undefined ? {} : { interrupted }),
  };
}

const csvOf = (count: number): string =>
  `id,rating,authors\n${Array.from({ length: count }, (_, at) => `${at + 1},${at}.50,"A ${at}, B"\n`).join('')}`;

test('rows become documents with numbers and lists, and the collection is made for them', async (t) => {
  const { catalog, checkpoint, run } = await withFile(t, 'books.csv', csvOf(1000));
  const shape = ['--number', 'rating', '--split', 'authors=, ', '--index', 'authors:term,rating:number'];
  const { code, stdout, stderr } = await run(shape);
  t.deepEqual([code, stdout], [0, '']);
  t.regex(stderr, /^imported 1,000 rows in \d+\.\d s, [\d,]+ rows\/s/);
  t.deepEqual(catalog.definitions.get('books'), {
    idField: 'id',
    indexes: [
      { field: 'authors', kind: 'term' },
      { field: 'rating', kind: 'number' },
    ],
  });
  t.is(catalog.documents.size, 1000);
  for (let id = 1; id <= 1000; id++) {
    const expected = { id: `${id}`, rating: id - 0.5, authors: [`A ${id - 1}`, 'B'] };
    t.deepEqual(catalog.documents.get(`books/${id}`), expected);
  }
  // As many in one transaction as may be: no more than 64.
  t.is(catalog.transactions.length, Math.ceil(1000 / 64));
  t.false(existsSync(checkpoint));
});

const cells: readonly (readonly [text: string, rating: number | undefined])[] = [
  ['', undefined],
  [' 4 ', 4],
  ['-0.5e1', -5],
  ['+.5', 0.5],
  ['1980.0', 1980],
];

for (const [text, rating] of cells) {
  test(`the number ${JSON.stringify(text)} is ${rating}`, async (t) => {
    const { catalog, run } = await withFile(t, 'books.csv', `id,rating\n1,${text}\n`);
    t.is((await run(['--number', 'rating'])).code, 0);
    t.deepEqual(catalog.documents.get('books/1'), rating === undefined ? { id: '1' } : { id: '1', rating });
  });
}

test('what is no number stops the import with its row, or is skipped', async (t) => {
  const rows = ['1,1', '2,many', '3,0x10', '4,Infinity', '5,1e999', '6,6'];
  const { catalog, file, run } = await withFile(t, 'books.csv', `id,rating\n${rows.join('\n')}\n`);
  const { code, stderr } = await run(['--number', 'rating']);
  t.is(code, 1);
  const why = 'its "rating" is "many", expected a number; --skip-bad would go on';
  t.true(stderr.endsWith(`bazar: ${file}: row 2: ${why}\n`), stderr);
  const skipping = await run(['--number', 'rating', '--skip-bad']);
  t.regex(skipping.stderr, /^imported 2 rows .* 4 bad rows skipped\n$/);
  t.deepEqual([...catalog.documents.keys()], ['books/1', 'books/6']);
});

test('an integer that a double would round is no number either', async (t) => {
  const rows = [
    '1,9007199254740993',
    '2,9007199254740992',
    '3,-12345678901234567890',
    '4,10000000000000000000000',
    '5,+007',
  ];
  const { catalog, file, run } = await withFile(t, 'books.csv', `id,rating\n${rows.join('\n')}\n`);
  const { code, stderr } = await run(['--number', 'rating']);
  t.is(code, 1);
  const why = 'its "rating" is "9007199254740993", which no double holds: leave it a text; --skip-bad would go on';
  t.true(stderr.endsWith(`bazar: ${file}: row 1: ${why}\n`), stderr);
  t.is((await run(['--number', 'rating', '--skip-bad'])).code, 0);
  t.deepEqual(
    [...catalog.documents.values()],
    [
      { id: '2', rating: 2 ** 53 },
      { id: '4', rating: 1e22 },
      { id: '5', rating: 7 },
    ],
  );
});

test('several fields become lists, each by a separator of its own, without empty parts', async (t) => {
  const { catalog, run } = await withFile(t, 'books.csv', 'id,a,b,c\n1,"x, y",p|q||,\n');
  t.is((await run(['--split', 'a=, ', '--split', 'b=|', '--split', 'c=='])).code, 0);
  t.deepEqual(catalog.documents.get('books/1'), { id: '1', a: ['x', 'y'], b: ['p', 'q'], c: [] });
});

test('lines of NDJSON are documents as they are, but for ids that are numbers', async (t) => {
  const { catalog, run } = await withFile(t, 'books.ndjson', '{"id":"a","n": 1.50}\n{"id":7,"tags":"x y","n":"2"}\n');
  t.is((await run(['--number', 'n', '--split', 'tags= '])).code, 0);
  t.true(catalog.transactions[0]?.includes('"document":{"id":"a","n": 1.50}'));
  t.deepEqual(catalog.documents.get('books/7'), { id: '7', tags: ['x', 'y'], n: 2 });
});

test('a collection that is there is used, if it is what it would be made', async (t) => {
  const { kv, catalog, file, run } = await withFile(t, 'books.csv', csvOf(3));
  catalog.definitions.set('books', { idField: 'id', indexes: [{ field: 'authors', kind: 'term' }] });
  t.is((await run(['--index', 'authors:term'])).code, 0);
  t.false(kv.requests.includes('PUT /v1/collections/books'));
  const refusals: readonly (readonly [readonly string[], string])[] = [
    [
      ['--index', 'authors:words,authors:term'],
      'the collection books is there already, without the index authors:words; define it with PUT /v1/collections/books, or leave it out of --index',
    ],
    [
      ['--id', 'authors'],
      'the collection books is there already, with ids in "id"; say --id id, or choose another --collection',
    ],
  ];
  kv.requests.length = 0;
  for (const [more, message] of refusals) {
    const { code, stderr } = await run(more);
    t.deepEqual([code, stderr], [1, `bazar: ${file}: ${message}\n`]);
  }
  t.false(kv.requests.includes('POST /v1/txn'));
});

test('a collection that somebody else makes meanwhile is found', async (t) => {
  const { kv, catalog, run } = await withFile(t, 'books.csv', csvOf(3));
  kv.fault = ({ method, url = '' }) => {
    if (method === 'PUT' && url.startsWith('/v1/collections/books')) {
      catalog.definitions.set('books', { idField: 'id', indexes: [] });
    }
    return null;
  };
  t.is((await run()).code, 0);
  t.is(catalog.documents.size, 3);
});

test('transactions that fail for a while are sent again, and done once', async (t) => {
  const { kv, catalog, run } = await withFile(t, 'books.csv', csvOf(500));
  const { more } = kv;
  let requests = 0;
  const faults = [503, 429, 'break', null] as const;
  kv.fault = () => faults[requests++ % 4] ?? null;
  // Every third one is done, and its answer lost.
  let transactions = 0;
  kv.more = (asked) => {
    const given = more(asked);
    return asked.path === '/v1/txn' && ++transactions % 3 === 0 ? { status: 504, body: 'write_timeout' } : given;
  };
  t.is((await run()).code, 0);
  t.is(catalog.documents.size, 500);
  t.true(catalog.replays > 0);
  t.is(catalog.transactions.length, Math.ceil(500 / 64));
});

test('what is under way already, or was changed all the time, is waited for', async (t) => {
  const { kv, catalog, run } = await withFile(t, 'books.csv', csvOf(1));
  const { more } = kv;
  const codes = ['idempotency_in_progress', 'conflict'];
  kv.more = (asked) => {
    const body = asked.path === '/v1/txn' ? codes.shift() : undefined;
    return body === undefined ? more(asked) : { status: 409, body };
  };
  t.is((await run()).code, 0);
  t.is(catalog.documents.size, 1);
});

test('a document that is refused is told with its row; the others of its transaction go on without it', async (t) => {
  const { catalog, file, run } = await withFile(t, 'books.csv', csvOf(100));
  catalog.problem = ({ id }) => (id === '7' || id === '80' ? 'it is not wanted' : null);
  const { code, stderr } = await run(['--concurrency', '1']);
  t.is(code, 1);
  const refusal = 'Status 422: it is not wanted (at /then/6/document); --skip-bad would go on';
  t.true(stderr.endsWith(`bazar: ${file}: row 7: ${refusal}\n`), stderr);
  t.is(catalog.documents.size, 0);
  const skipping = await run(['--skip-bad']);
  t.is(skipping.code, 0);
  t.regex(skipping.stderr, /^imported 98 rows .* 2 bad rows skipped\n$/);
  t.is(catalog.documents.size, 98);
});

test('transactions that are too large are parted', async (t) => {
  const { catalog, run } = await withFile(t, 'books.csv', csvOf(100));
  catalog.operationsMax = 10;
  t.is((await run()).code, 0);
  t.is(catalog.documents.size, 100);
  t.true(catalog.transactions.length >= 10);
});

test('of rows with one id the last is kept, however the requests fare', async (t) => {
  const rows = Array.from({ length: 300 }, (_, at) => `${at % 7},${at}\n`);
  const { kv, catalog, run } = await withFile(t, 'books.csv', `id,n\n${rows.join('')}`);
  let requests = 0;
  kv.fault = () => (++requests % 3 === 0 ? 503 : null);
  t.is((await run(['--concurrency', '16'])).code, 0);
  for (let id = 0; id < 7; id++) {
    const last = Array.from({ length: 300 }, (_, at) => at).findLast((at) => at % 7 === id);
    t.deepEqual(catalog.documents.get(`books/${id}`), { id: `${id}`, n: `${last}` });
  }
});

test('--resume goes on behind what is done, and what was done and not noted is not done again', async (t) => {
  const { kv, catalog, checkpoint, run } = await withFile(t, 'books.csv', csvOf(2000));
  const interruption = new AbortController();
  kv.fault = () => {
    if (catalog.transactions.length === 20) interruption.abort();
    return null;
  };
  const first = await run([], interruption.signal);
  t.is(first.code, 1);
  t.regex(first.stderr, /^imported 1,\d\d\d rows .*; go on with --resume\nbazar: .*books\.csv: interrupted\n$/);
  const saved = JSON.parse(readFileSync(checkpoint, 'utf8'));
  // As if it had been killed before it noted the last ones.
  writeFileSync(checkpoint, JSON.stringify({ ...saved, row: 640 }));
  const done = catalog.transactions.length;
  t.is((await run(['--resume'])).code, 0);
  t.is(catalog.documents.size, 2000);
  t.is(catalog.replays, done - 10);
  t.is(catalog.transactions.length, Math.ceil(2000 / 64));
});

test('--resume refuses rows that are to become something else', async (t) => {
  const { run } = await withFile(t, 'books.csv', `${csvOf(10)}bad\n`);
  t.is((await run(['--number', 'rating'])).code, 1);
  const other = await run(['--resume', '--split', 'authors=, ']);
  t.is(other.code, 1);
  t.regex(other.stderr, /cannot resume: the number fields and the split fields changed/);
});

const misspellings: readonly (readonly [readonly string[], string])[] = [
  [['--number', 'rating,price'], 'there is no column "price"'],
  [['--split', 'author=, '], 'there is no column "author"'],
  [['--index', 'author:term'], 'there is no column "author"'],
  [['--id', 'book_id'], 'its header has no "book_id" for the key; it has id, rating, authors'],
];

for (const [more, message] of misspellings) {
  test(`a field that no row has is told before anything is sent: ${more.join(' ')}`, async (t) => {
    const { kv, catalog, file, run } = await withFile(t, 'books.csv', csvOf(3));
    const { code, stderr } = await run(more);
    t.is(code, 1);
    t.true(stderr.endsWith(`bazar: ${file}: ${message}\n`), stderr);
    t.deepEqual(kv.requests, []);
    // A collection with a misspelt id field would refuse the next import.
    t.is(catalog.definitions.size, 0);
  });
}

const misuses: readonly (readonly [readonly string[], RegExp])[] = [
  [['--collection', 'books'], /--collection needs --id FIELD/],
  [['--key', 'id', '--number', 'rating'], /--number needs --collection NAME/],
  [['--collection', 'books', '--id', 'id', '--prefix', 'books/'], /--prefix and --key make keys/],
  [['--collection', 'books', '--id', 'id', '--index', 'rating:number'], /--index rating:number needs --number rating/],
  [['--collection', 'books', '--id', 'id', '--index', 'rating:fast'], /expected FIELD:KIND with one of term, words/],
  [['--collection', 'books', '--id', 'id', '--split', 'authors'], /expected a field, "=" and what stands between/],
  [[], /expected --key FIELD, or --collection NAME with --id FIELD/],
];

for (const [words, message] of misuses) {
  test(`misuse is told: ${words.join(' ')}`, async (t) => {
    const { kv, file } = await withFile(t, 'books.csv', csvOf(1));
    const { code, stderr } = await bazar(['import', file, ...words, '--url', kv.url]);
    t.is(code, 2);
    t.regex(stderr, message);
    t.deepEqual(kv.requests, []);
  });
}
