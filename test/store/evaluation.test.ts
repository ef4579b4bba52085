import test from 'ava';
import { type Index, index } from '../../src/raft/types.ts';
import { type Collection, type IndexNumber, indexNumber } from '../../src/store/collection.ts';
import type { StoredDocument } from '../../src/store/document.ts';
import { type Evaluated, evaluateTransaction, type TransactionView } from '../../src/store/evaluation.ts';
import { stringifyJson } from '../../src/store/json.ts';
import type { FieldTerms, Operation } from '../../src/store/transaction.ts';

const target = { type: 'document', collection: 'books', id: '9' } as const;
const number = (place: number): IndexNumber => indexNumber(index(2), place);

const books: Collection = {
  name: 'books',
  number: index(2),
  modRevision: index(2),
  idField: 'id',
  indexes: [
    { field: 'note', kind: 'words', number: number(0), state: { type: 'ready' } },
    { field: 'title', kind: 'words', number: number(1), state: { type: 'ready' } },
    { field: 'price', kind: 'number', number: number(2), state: { type: 'ready' } },
  ],
  documents: 1,
};

const words = (count: number) => Array.from({ length: count }, (_, nth) => `w${String(nth).padStart(4, '0')}`);

/** The book as it is stored, with so many words in two of its fields. */
function stored(noteWords: number, titleWords: number): StoredDocument {
  const terms = [
    { index: number(0), terms: words(noteWords) },
    { index: number(1), terms: words(titleWords) },
    // Of an index that is gone.
    { index: number(9), terms: words(500) },
  ].filter((list) => list.terms.length > 0);
  const json = stringifyJson({ id: '9', price: 1 });
  return { createRevision: 3 as Index, modRevision: 3 as Index, version: 1, expiresAtMs: null, terms, json };
}

const nothing: TransactionView = {
  timeMs: 0,
  value: () => null,
  collection: (name) => (name === books.name ? books : null),
  document: () => null,
  range: () => ({ items: [], more: false }),
  keysOf: () => [],
};

function carriedOut(then: readonly Operation[], view: TransactionView): Evaluated {
  return evaluateTransaction({ compares: [], then, otherwise: [] }, view, index(8));
}

const evaluated = (document: StoredDocument, operation: Operation) =>
  carriedOut([operation], { ...nothing, document: () => document });

function patch(terms: readonly FieldTerms[]): Operation {
  const json = stringifyJson(Object.fromEntries(terms.map(({ field }) => [field, 'as the terms say'])));
  return { type: 'patch', target, json, basis: { definition: index(2), terms } };
}

const title = (count: number): FieldTerms => ({ field: 'title', kind: 'words', terms: words(count) });
const note = (count: number): FieldTerms => ({ field: 'note', kind: 'words', terms: words(count) });
const tooLarge = { type: 'failed', reason: 'tooLarge', branch: 'then', operation: 0 } as const;

test('a patch that would leave a document more than 1,024 terms is refused, whatever fields it is of', (t) => {
  t.is(evaluated(stored(1000, 10), patch([title(24)])).type, 'done');
  t.deepEqual(evaluated(stored(1000, 10), patch([title(25)])), tooLarge);
  t.deepEqual(evaluated(stored(0, 0), patch([title(512), note(513)])), tooLarge);
  t.is(evaluated(stored(1000, 10), patch([title(30), note(900)])).type, 'done');
});

test('a sum that would give a document its 1,025th term is refused', (t) => {
  const add: Operation = { type: 'add', target, field: 'price', amount: 1, min: null, max: null };
  t.is(evaluated(stored(1000, 23), add).type, 'done');
  t.deepEqual(evaluated(stored(1000, 24), add), tooLarge);
});

test('a document to which a new index gave too many terms may be changed, if it gets no more', (t) => {
  t.is(evaluated(stored(1000, 900), patch([title(900)])).type, 'done');
  t.is(evaluated(stored(1000, 900), patch([title(0)])).type, 'done');
  t.deepEqual(evaluated(stored(1000, 900), patch([title(901)])), tooLarge);
});

test('the ranges that a branch deletes have 10,000 keys together at most', (t) => {
  const keysOf = (prefix: string) =>
    Array.from({ length: prefix === 'a' ? 6000 : 4000 }, (_, nth) => `${prefix}${nth}`);
  const ranges = (...prefixes: readonly string[]) =>
    carriedOut(
      prefixes.map((prefix) => ({ type: 'deleteRange', prefix })),
      { ...nothing, keysOf },
    );
  const done = ranges('a', 'b');
  t.is(done.type === 'done' && done.edits.length, 10_000);
  t.deepEqual(ranges('a', 'b', 'c'), { ...tooLarge, operation: 2 });
  t.deepEqual(carriedOut([{ type: 'deleteRange', prefix: 'a' }], { ...nothing, keysOf: () => null }), tooLarge);
});

test('a put that knows a document and sees other words in what is the same in it writes without knowing', (t) => {
  const before = stored(2, 2);
  const put = (seen: readonly FieldTerms[], fields: readonly string[], price: number): Operation => {
    const known = { revision: 3, terms: seen, changed: fields };
    const json = stringifyJson({ id: '9', price });
    const basis = { definition: index(2), terms: seen, known };
    return { type: 'putDocument', collection: 'books', id: '9', json, ttlMs: null, basis };
  };
  const termsDiffer = { type: 'failed', reason: 'termsDiffer', branch: 'then', operation: 0 } as const;
  t.is(evaluated(before, put([note(2), title(2)], ['price'], 2)).type, 'done');
  t.deepEqual(evaluated(before, put([note(2), title(3)], ['price'], 2)), termsDiffer);
  t.is(evaluated(before, put([note(2), title(3)], ['price', 'title'], 2)).type, 'done');
});

test('what a transaction may parse is bounded, and what it asks of one document is parsed once', (t) => {
  const note = 'n'.repeat(1024 * 1024 - 100);
  const large: StoredDocument = { ...stored(0, 0), json: stringifyJson({ id: '9', note }) };
  let reads = 0;
  const document = () => {
    reads += 1;
    return { ...large, json: Buffer.from(large.json) };
  };
  const compare = (id: string) =>
    ({ of: 'field', target: { ...target, id }, field: 'id', is: '=', scalar: '9' }) as const;
  const outcomeOf = (ids: readonly string[]) =>
    evaluateTransaction({ compares: ids.map(compare), then: [], otherwise: [] }, { ...nothing, document }, index(8));
  t.like(outcomeOf(Array.from({ length: 128 }, () => '9')), { type: 'done', succeeded: true });
  t.is(reads, 1);
  const many = (count: number) => Array.from({ length: count }, (_, nth) => `${nth}`);
  t.like(outcomeOf(many(16)), { type: 'done', succeeded: true });
  t.deepEqual(outcomeOf(many(17)), tooLarge);

  const put = (id: string): Operation => {
    const known = { revision: 3, terms: [], changed: ['note'] };
    const basis = { definition: index(2), terms: [], known };
    return { type: 'putDocument', collection: 'books', id, json: stringifyJson({ id: '9' }), ttlMs: null, basis };
  };
  const put17 = carriedOut(many(17).map(put), { ...nothing, document });
  t.deepEqual(
    put17,
    { type: 'failed', reason: 'termsDiffer', branch: 'then', operation: 16 },
    'it is written without knowing',
  );
});
