import test from 'ava';
import { index } from '../../src/raft/types.ts';
import { indexNumber } from '../../src/store/collection.ts';
import type { Command } from '../../src/store/command.ts';
import {
  type Touch,
  touchesMax,
  touchesOf,
  touchOfBlindChange,
  touchOfCollection,
  touchOfDocument,
  touchOfDocumentField,
  touchOfField,
  touchOfKey,
  touchOfMembers,
  touchOfPrefix,
  touchOfTerm,
} from '../../src/store/touch.ts';
import type { Compare, Operation, Target } from '../../src/store/transaction.ts';
import { stamp } from './catalog-commands.ts';

const book = { type: 'document', collection: 'books', id: '9' } as const;
const json = Buffer.from('{}');

function transact(
  then: readonly Operation[],
  compares: readonly Compare[] = [],
  otherwise: readonly Operation[] = [],
): Command {
  return { type: 'transaction', stamp, idempotency: null, transaction: { compares, then, otherwise } };
}

function expectTouches(command: Command): readonly Touch[] {
  const touches = touchesOf(command);
  return touches === 'everything' ? [] : touches.toSorted((a, b) => a - b);
}

const sorted = (touches: readonly Touch[]) => touches.toSorted((a, b) => a - b);

const put = (
  known: Extract<Operation, { type: 'putDocument' }>['basis']['known'],
  id = '9',
  collection = 'books',
): Operation => {
  const terms = [
    { field: 'price', kind: 'number', terms: [15] },
    { field: 'topic', kind: 'term', terms: ['systems'] },
  ] as const;
  return { type: 'putDocument', collection, id, json, ttlMs: null, basis: { definition: index(3), terms, known } };
};

test('the touches of a collection mean the same on every machine and in every version', (t) => {
  t.deepEqual(
    {
      collection: touchOfCollection('books'),
      members: touchOfMembers('books'),
      term: touchOfTerm('books', 'topic', 'term', 'systems'),
      word: touchOfTerm('books', 'topic', 'words', 'systems'),
      number: touchOfTerm('books', 'price', 'number', 15),
      blind: touchOfBlindChange('books', 'topic'),
      field: touchOfField('books', 'topic'),
      document: touchOfDocument('books', '9'),
      documentField: touchOfDocumentField('books', '9', 'topic'),
      beyondAscii: touchOfTerm('Bücher', '𐀀', 'term', 'é\0'),
    },
    {
      collection: 1266393609,
      members: 757234882,
      term: 3974400876,
      word: 1716785097,
      number: 3412624807,
      blind: 1742594018,
      field: 2674234758,
      document: 2408871113,
      documentField: 3964025029,
      beyondAscii: 4124096145,
    },
  );
});

test('a number has one touch however it was written, and is not the text of it', (t) => {
  const touchOf = (number: number) => touchOfTerm('c', 'f', 'number', number);
  t.is(touchOf(JSON.parse('1.0')), touchOf(JSON.parse('1')));
  t.is(touchOf(JSON.parse('100e-2')), touchOf(1));
  t.is(touchOf(-0), touchOf(0));
  t.not(touchOf(1), touchOfTerm('c', 'f', 'term', '1'));
  t.not(touchOf(0.1 + 0.2), touchOf(0.3));
});

test('whatever names hold, no two of them run together', (t) => {
  const texts = ['', 'a', 'b', 'ab', 'ba', 'aa', '\0', 'a\0', '\0a', 'ÿ', 'aÿ', 't', 'ta', 'n', '1', '\ufffd', '𐀀'];
  const touches: Touch[] = [];
  for (const a of texts) {
    touches.push(touchOfKey(a), touchOfPrefix(a), touchOfCollection(a), touchOfMembers(a));
    for (const b of texts) {
      touches.push(touchOfBlindChange(a, b), touchOfField(a, b), touchOfDocument(a, b));
      touches.push(touchOfTerm(a, b, 'number', a.length), touchOfTerm(a, b, 'number', -1.5));
      for (const c of texts) {
        touches.push(touchOfDocumentField(a, b, c), touchOfTerm(a, b, 'term', c), touchOfTerm(a, b, 'words', c));
      }
    }
  }
  // Of 16,000 names chance gives 0.03 pairs the same hash.
  t.is(new Set(touches).size, touches.length);
});

test('a purchase touches the book and searches in its stock, and no search for a topic', (t) => {
  const purchase = transact([
    { type: 'add', target: book, field: 'stock', amount: -1, min: 0, max: null },
    put({ revision: 0, terms: [], changed: [] }, 'o-1', 'orders'),
  ]);
  t.deepEqual(
    expectTouches(purchase),
    sorted([
      touchOfDocument('books', '9'),
      touchOfBlindChange('books', 'stock'),
      touchOfField('books', 'stock'),
      touchOfDocumentField('books', '9', 'stock'),
      touchOfDocument('orders', 'o-1'),
      touchOfMembers('orders'),
      touchOfTerm('orders', 'price', 'number', 15),
      touchOfTerm('orders', 'topic', 'term', 'systems'),
    ]),
  );
});

test('a change that states what was there touches the old and the new terms of what changes', (t) => {
  const terms = [
    { field: 'price', kind: 'number', terms: [12] },
    { field: 'topic', kind: 'term', terms: ['nature', 'systems'] },
  ] as const;
  t.deepEqual(
    expectTouches(transact([put({ revision: 5, terms, changed: ['price', 'note'] })])),
    sorted([
      touchOfDocument('books', '9'),
      touchOfField('books', 'price'),
      touchOfDocumentField('books', '9', 'price'),
      touchOfField('books', 'note'),
      touchOfDocumentField('books', '9', 'note'),
      touchOfTerm('books', 'price', 'number', 12),
      touchOfTerm('books', 'price', 'number', 15),
    ]),
  );
});

test('what does not state what was there touches every search of the collection', (t) => {
  const expected = sorted([touchOfDocument('books', '9'), touchOfCollection('books')]);
  t.deepEqual(expectTouches(transact([put(null)])), expected);
  t.deepEqual(expectTouches(transact([{ type: 'delete', target: book, known: null }])), expected);
  const tick: Command = { type: 'tick', stampMs: 1, forgotten: [], expired: [{ target: book, modRevision: index(1) }] };
  t.deepEqual(expectTouches(tick), expected);
  const scalar: Operation = {
    type: 'patch',
    target: book,
    json: Buffer.from('1'),
    basis: { definition: index(1), terms: [] },
  };
  t.deepEqual(expectTouches(transact([scalar])), expected);
});

test('a deletion that states what was there touches its terms, and changes no field', (t) => {
  const terms = [{ field: 'topic', kind: 'term', terms: ['nature'] }] as const;
  const deletion = (revision: number) =>
    transact([{ type: 'delete', target: book, known: { revision, terms: revision === 0 ? [] : terms, changed: [] } }]);
  t.deepEqual(
    expectTouches(deletion(4)),
    sorted([touchOfDocument('books', '9'), touchOfMembers('books'), touchOfTerm('books', 'topic', 'term', 'nature')]),
  );
  t.deepEqual(expectTouches(deletion(0)), [touchOfDocument('books', '9')]);
});

test('a patch touches the fields that it names, and never which documents there are: it makes none', (t) => {
  const patch: Operation = {
    type: 'patch',
    target: book,
    json: Buffer.from('{"a":1,"b":null}'),
    basis: { definition: index(1), terms: [{ field: 'a', kind: 'number', terms: [1] }] },
  };
  t.deepEqual(
    expectTouches(transact([patch])),
    sorted([
      touchOfDocument('books', '9'),
      ...['a', 'b'].flatMap((field) => [
        touchOfField('books', field),
        touchOfBlindChange('books', field),
        touchOfDocumentField('books', '9', field),
      ]),
    ]),
  );
});

test('both branches touch what they write, reads nothing', (t) => {
  const key: Target = { type: 'key', key: 'a/k' };
  const write: Operation = { type: 'put', key: 'b/k', value: json, contentType: '', ttlMs: null };
  const range: Operation = { type: 'range', prefix: 'c/', after: null, limit: 1, keysOnly: true };
  const command = transact(
    [write, { type: 'get', target: book }, range],
    [],
    [{ type: 'delete', target: key, known: null }],
  );
  t.deepEqual(
    expectTouches(command),
    sorted([touchOfKey('a/k'), touchOfPrefix('a/'), touchOfKey('b/k'), touchOfPrefix('b/')]),
  );
});

test('what cannot list what it deletes touches everything', (t) => {
  t.is(touchesOf(transact([], [], [{ type: 'deleteRange', prefix: 'a/' }])), 'everything');
  t.is(touchesOf({ type: 'define', stamp, name: 'books', definition: null, replaces: null }), 'everything');
});

test('a definition touches every search of its collection, a chunk of a build nothing', (t) => {
  const definition = { idField: 'id', indexes: [] };
  t.deepEqual(touchesOf({ type: 'define', stamp, name: 'books', definition, replaces: null }), [
    touchOfCollection('books'),
  ]);
  const documents = [{ id: '9', modRevision: index(1), terms: ['a'] }];
  for (const to of ['9', null]) {
    t.deepEqual(
      touchesOf({ type: 'build', collection: index(1), index: indexNumber(index(2), 0), from: null, to, documents }),
      [],
    );
  }
});

test('more touches than are told one by one become those of collections, or everything', (t) => {
  const changed = Array.from({ length: 60 }, (_, nth) => `f${nth}`);
  const puts = (count: number) =>
    Array.from({ length: count }, (_, nth) => put({ revision: 1, terms: [], changed }, `${nth}`));
  t.is(expectTouches(transact(puts(2))).length, 2 + 3 * 60);
  t.deepEqual(
    expectTouches(transact(puts(4))),
    sorted([touchOfCollection('books'), ...['0', '1', '2', '3'].map((id) => touchOfDocument('books', id))]),
  );
  const expired = (count: number, target: (nth: number) => Target): Command => ({
    type: 'tick',
    stampMs: 1,
    forgotten: [],
    expired: Array.from({ length: count }, (_, nth) => ({ target: target(nth), modRevision: index(1) })),
  });
  const keys = (count: number) => expired(count, (nth) => ({ type: 'key', key: `sessions/${nth}` }));
  t.is(expectTouches(keys(255)).length, touchesMax);
  t.is(touchesOf(keys(256)), 'everything');
  const documents = (count: number) => expired(count, (nth) => ({ ...book, id: `${nth}` }));
  t.is(expectTouches(documents(255)).length, touchesMax);
  t.is(touchesOf(documents(256)), 'everything');
});
