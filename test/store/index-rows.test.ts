import test from 'ava';
import { InvariantError } from '../../src/raft/assert.ts';
import { index } from '../../src/raft/types.ts';
import { indexNumber } from '../../src/store/collection.ts';
import { DamagedRowError } from '../../src/store/damage.ts';
import {
  indexRows,
  indexRowsOf,
  numberRows,
  type Posting,
  pastTerm,
  postingKey,
  readPostingKey,
  sealPosting,
  type Term,
  termRows,
} from '../../src/store/index-rows.ts';
import type { KeyBounds } from '../../src/store/keys.ts';
import { openRow } from '../../src/store/row.ts';

const place = { collection: index(7), index: indexNumber(index(9), 3) };
const ids = ['1', 'a', 'a\u0000', 'b', 'é', '\uffff', '😀', '\u{10ffff}'];
const texts = [
  '',
  '\u0000',
  '\u0000\u0000',
  '\u0000a',
  'a',
  'a\u0000',
  'a\u0000\u0000b',
  'a\u0001',
  'ab',
  'é',
  '\uffff',
  '😀',
];
const numbers = [
  -1.7976931348623157e308,
  -256,
  -1,
  -0.5,
  -5e-324,
  0,
  5e-324,
  1,
  1.5,
  255,
  256,
  2 ** 53,
  1.7976931348623157e308,
];

const postings = (terms: readonly Term[]): Posting[] => terms.flatMap((term) => ids.map((id) => ({ term, id })));
const within = (bounds: KeyBounds | null) => (posting: Posting) => {
  const key = postingKey(place, posting);
  return bounds !== null && Buffer.compare(key, bounds.gte) >= 0 && Buffer.compare(key, bounds.lt) < 0;
};

test('rows stand by term, then by id, and give both back', (t) => {
  for (const terms of [texts, numbers]) {
    const all = postings(terms);
    const keys = all.map((posting) => postingKey(place, posting));
    t.deepEqual(keys.toSorted(Buffer.compare), keys);
    t.deepEqual(keys.map(readPostingKey), all);
  }
  t.deepEqual(postingKey(place, { term: -0, id: 'a' }), postingKey(place, { term: 0, id: 'a' }));
  t.true(Object.is(readPostingKey(postingKey(place, { term: -0, id: 'a' })).term, 0));
  for (const term of [Number.NaN, Number.POSITIVE_INFINITY]) {
    t.throws(() => postingKey(place, { term, id: 'a' }), { instanceOf: InvariantError });
  }
});

test('the rows of a term are those after an id, and of no other term', (t) => {
  for (const terms of [texts, numbers]) {
    const all = postings(terms);
    for (const term of terms) {
      t.deepEqual(
        all.filter(within(termRows(place, term, null))),
        ids.map((id) => ({ term, id })),
      );
      for (const [position, after] of ids.entries()) {
        const found = all.filter(within(termRows(place, term, after)));
        t.deepEqual(
          found.map(({ id }) => id),
          ids.slice(position + 1),
          `${term} after ${after}`,
        );
      }
    }
  }
});

test('behind a term begins the next one', (t) => {
  for (const terms of [texts, numbers]) {
    const all = postings(terms);
    for (const [position, term] of terms.entries()) {
      const next = all.find(within({ gte: pastTerm(place, term), lt: indexRows(place).lt }));
      t.is(next?.term, terms[position + 1], `${term}`);
    }
  }
});

test('an index has its own rows, and a collection those of all its indexes', (t) => {
  const all = [...postings(texts), ...postings(numbers)];
  t.true(all.every(within(indexRows(place))));
  t.true(all.every(within(indexRowsOf(place.collection))));
  t.false(all.some(within(indexRows({ ...place, index: indexNumber(index(9), 2) }))), 'beside it in one definition');
  t.false(all.some(within(indexRows({ ...place, collection: index(8) }))));
  t.false(all.some(within(indexRowsOf(index(8)))));
});

test('ranges of numbers hold what is between their ends, behind a position in either direction', (t) => {
  const all = postings(numbers);
  const ends = [null, -300, -256, -0.5, 0, 1, 1.2, 1e300];
  let checked = 0;
  for (const min of ends) {
    for (const max of ends) {
      for (const [minExclusive, maxExclusive] of [
        [false, false],
        [true, true],
        [true, false],
      ] as const) {
        const range = { min, max, minExclusive, maxExclusive };
        const inside = all.filter(({ term }) => {
          const number = term as number;
          const above = min === null || number > min || (number === min && !minExclusive);
          return above && (max === null || number < max || (number === max && !maxExclusive));
        });
        t.deepEqual(all.filter(within(numberRows(place, range, null, false))), inside);
        const after = all[(checked * 13) % all.length] as Posting;
        const later = inside.filter((posting) => all.indexOf(posting) > all.indexOf(after));
        const earlier = inside.filter((posting) => all.indexOf(posting) < all.indexOf(after));
        t.deepEqual(all.filter(within(numberRows(place, range, after, false))), later);
        t.deepEqual(all.filter(within(numberRows(place, range, after, true))), earlier);
        checked += 1;
      }
    }
  }
});

test('a row has nothing in it, and a checksum of its own', (t) => {
  const first = sealPosting(place, { term: 'a', id: '1' });
  const second = sealPosting(place, { term: 'a', id: '2' });
  t.is(openRow(first.key, first.value).body.length, 0);
  t.not(first.checksum, second.checksum);
  t.throws(() => openRow(second.key, first.value), { instanceOf: DamagedRowError });
});

test('a key that is none of an index is damage', (t) => {
  const key = postingKey(place, { term: 'a', id: '' });
  const number = postingKey(place, { term: 1, id: '' });
  t.throws(() => readPostingKey(key.subarray(0, -1)), { instanceOf: DamagedRowError });
  t.throws(() => readPostingKey(number.subarray(0, -1)), { instanceOf: DamagedRowError });
  t.throws(() => readPostingKey(key.subarray(0, 5)), { instanceOf: DamagedRowError });
});
