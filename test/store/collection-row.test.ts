import test from 'ava';
import { InvariantError } from '../../src/raft/assert.ts';
import { index } from '../../src/raft/types.ts';
import { type Collection, indexNumber } from '../../src/store/collection.ts';
import { readCollection, sealCollection } from '../../src/store/collection-row.ts';
import { DamagedRowError } from '../../src/store/damage.ts';
import { openRow } from '../../src/store/row.ts';

const books: Collection = {
  name: 'bücher',
  number: index(7),
  modRevision: index(300),
  idField: 'book_id',
  documents: 10_000,
  indexes: [
    { number: indexNumber(index(7), 0), field: 'authors', kind: 'term', state: { type: 'ready' } },
    { number: indexNumber(index(7), 1), field: 'title', kind: 'words', state: { type: 'building', cursor: null } },
    { number: indexNumber(index(300), 2), field: '😀', kind: 'number', state: { type: 'building', cursor: 'é' } },
    { number: indexNumber(index(300), 3), field: '', kind: 'term', state: { type: 'building', cursor: '' } },
  ],
};

const body = (collection: Collection): Buffer => {
  const row = sealCollection(collection);
  return openRow(row.key, row.value).body;
};

test('a definition is read as it was written', (t) => {
  t.deepEqual(readCollection(books.name, body(books)), books);
  const bare = { ...books, indexes: [], documents: 0 };
  t.deepEqual(readCollection(books.name, body(bare)), bare);
});

test('a definition that is cut short, or goes on, is damage', (t) => {
  const whole = body(books);
  for (let length = 0; length < whole.length; length += 1) {
    t.throws(() => readCollection('b', whole.subarray(0, length)), { instanceOf: DamagedRowError }, `${length}`);
  }
  t.throws(() => readCollection('b', Buffer.concat([whole, Buffer.of(0)])), { instanceOf: DamagedRowError });
});

test('a definition with an unknown kind or state is damage', (t) => {
  const indexStart = 24 + 2 + 'book_id'.length + 1;
  for (const offset of [8, 9]) {
    const broken = Buffer.from(body(books));
    broken[indexStart + offset] = 4;
    t.throws(() => readCollection('b', broken), { instanceOf: DamagedRowError, message: /unknown/ });
  }
});

test('indexes that one entry defines have numbers of their own', (t) => {
  const numbers = [index(1), index(2)].flatMap((entry) => [0, 1, 31].map((place) => indexNumber(entry, place)));
  t.is(new Set(numbers).size, numbers.length);
  t.throws(() => indexNumber(index(1), 32), { instanceOf: InvariantError });
});
