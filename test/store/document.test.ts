import test from 'ava';
import { InvariantError } from '../../src/raft/assert.ts';
import { index } from '../../src/raft/types.ts';
import { type CollectionIndex, indexNumber } from '../../src/store/collection.ts';
import { DamagedRowError } from '../../src/store/damage.ts';
import {
  documentOf,
  fieldTermsOf,
  readDocument,
  type StoredDocument,
  sealDocument,
  withFieldTerms,
} from '../../src/store/document.ts';
import { documentKey } from '../../src/store/keys.ts';
import { readRevisions } from '../../src/store/kv.ts';
import { openRow } from '../../src/store/row.ts';
import type { IndexKind } from '../../src/store/transaction.ts';

const number = (place: number) => indexNumber(index(9), place);
const defined = (place: number, field: string, kind: IndexKind): CollectionIndex => ({
  number: number(place),
  field,
  kind,
  state: { type: 'ready' },
});

const stored: StoredDocument = {
  createRevision: index(3),
  modRevision: index(5),
  version: 2,
  expiresAtMs: null,
  terms: [
    { index: number(0), terms: ['', 'a\u0000', 'ß'.repeat(128), '😀'] },
    { index: number(1), terms: [-1.5, 0, 1e300] },
  ],
  json: Buffer.from('{"id":"1"}'),
};

const body = (document: StoredDocument): Buffer => {
  const row = sealDocument(index(7), '1', document);
  return openRow(row.key, row.value).body;
};

test('a document is read as it was written, with and without an end', (t) => {
  for (const document of [
    stored,
    { ...stored, expiresAtMs: 1_700_000_000_123 },
    { ...stored, expiresAtMs: 0, terms: [] },
    { ...stored, terms: [], json: Buffer.alloc(0) },
  ]) {
    t.deepEqual(readDocument(body(document)), document);
    t.like(readRevisions(body(document)), { createRevision: 3, modRevision: 5, version: 2 });
  }
  t.deepEqual(Buffer.from(sealDocument(index(7), '1', stored).key), documentKey(index(7), '1'));
});

test('the row of a document is compact, and does not change from one version to the next', (t) => {
  const small = { ...stored, expiresAtMs: 7, terms: [{ index: number(1), terms: ['a'] }], json: Buffer.from('{}') };
  const revisions = '000000000000000300000000000000050000000000000002';
  t.is(body(small).toString('hex'), `${revisions}810000000000000007000000000000012100010001617b7d`);
  t.is(body({ ...small, expiresAtMs: null, terms: [] }).toString('hex'), `${revisions}007b7d`);
});

test('a row that is cut short anywhere before its JSON is damage', (t) => {
  const whole = body({ ...stored, expiresAtMs: 5 });
  const jsonStart = whole.length - stored.json.length;
  for (let length = 0; length < jsonStart; length += 1) {
    t.throws(() => readDocument(whole.subarray(0, length)), { instanceOf: DamagedRowError }, `${length}`);
  }
});

test('texts and numbers do not stand in one index', (t) => {
  const mixed = { ...stored, terms: [{ index: number(0), terms: ['a', 1] }] };
  t.throws(() => body(mixed), { instanceOf: InvariantError });
  t.throws(() => body({ ...stored, terms: [{ index: number(0), terms: [] }] }), { instanceOf: InvariantError });
});

test('what is handed out has the JSON only if it was asked for', (t) => {
  const expected = { id: '1', createRevision: 3, modRevision: 5, version: 2, expiresAtMs: null };
  t.deepEqual(documentOf('1', stored, false) as object, expected);
  t.deepEqual(documentOf('1', stored, true) as object, { ...expected, json: stored.json });
});

test('stored terms go by field and kind, those of an index that is gone go nowhere', (t) => {
  const indexes = [defined(1, 'price', 'number'), defined(2, 'title', 'words')];
  t.deepEqual(fieldTermsOf(stored.terms, indexes), [{ field: 'price', kind: 'number', terms: [-1.5, 0, 1e300] }]);
});

test('stated terms replace those of their fields, the others stay', (t) => {
  const indexes = [defined(2, 'title', 'words'), defined(1, 'price', 'number'), defined(0, 'title', 'term')];
  const patched = withFieldTerms(
    stored.terms,
    [
      { field: 'title', kind: 'term', terms: ['new'] },
      { field: 'title', kind: 'words', terms: ['new'] },
      { field: 'other', kind: 'term', terms: ['x'] },
    ],
    indexes,
  );
  t.deepEqual(patched, [
    { index: number(0), terms: ['new'] },
    { index: number(1), terms: [-1.5, 0, 1e300] },
    { index: number(2), terms: ['new'] },
  ]);
  const cleared = withFieldTerms(patched, [{ field: 'price', kind: 'number', terms: [] }], indexes.slice(0, 2));
  t.deepEqual(cleared, [{ index: number(2), terms: ['new'] }], 'what has no term left, or no index, is not there');
});
