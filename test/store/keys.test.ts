import test from 'ava';
import { index } from '../../src/raft/types.ts';
import {
  allDocumentRows,
  allIndexRows,
  allValueRows,
  appliedKey,
  batchKey,
  batchRows,
  collectionKey,
  collectionRows,
  documentKey,
  documentRows,
  expiryKey,
  expiryRows,
  expiryRowsUntil,
  idempotencyEndKey,
  idempotencyEndRows,
  idempotencyEndRowsUntil,
  idempotencyKey,
  idempotencyRows,
  idOfDocument,
  type KeyBounds,
  type Mortal,
  nameOfCollection,
  readExpiryKey,
  readIdempotencyEndKey,
  resultsKey,
  resultsRows,
  sessionKey,
  sessionRows,
  successor,
  valueKey,
} from '../../src/store/keys.ts';

const within = (key: Uint8Array, { gte, lt }: KeyBounds) =>
  Buffer.compare(key, gte) >= 0 && Buffer.compare(key, lt) < 0;

const ids = ['1', '10', '2', 'a', 'a\u0000', 'é', '\uffff', '😀'];

test('each kind of row has bounds that hold all of its rows, and no other', (t) => {
  const kinds: readonly (readonly [KeyBounds | null, readonly Buffer[]])[] = [
    [null, [appliedKey]],
    [batchRows, [batchKey(0), batchKey(Number.MAX_SAFE_INTEGER)]],
    [collectionRows, [collectionKey('books'), collectionKey('😀')]],
    [allDocumentRows, [documentKey(index(1), 'a'), documentKey(index(2 ** 40), '😀')]],
    [expiryRows, [expiryKey(0, { type: 'key', key: 'a' })]],
    [allIndexRows, [Buffer.from('i…')]],
    [allValueRows, [valueKey('a')]],
    [idempotencyEndRows, [idempotencyEndKey(5, 'x')]],
    [idempotencyRows, [idempotencyKey('x')]],
    [resultsRows, [resultsKey(1, 2)]],
    [sessionRows, [sessionKey(1)]],
  ];
  for (const [bounds] of kinds) {
    if (bounds === null) continue;
    for (const [other, keys] of kinds) {
      for (const key of keys) t.is(within(key, bounds), bounds === other, `${bounds.gte} ${key}`);
    }
  }
});

test('the first key after a prefix carries', (t) => {
  t.deepEqual(successor(Buffer.from([0x64, 0x00])), Buffer.from([0x64, 0x01]));
  t.deepEqual(successor(Buffer.from([0x64, 0x01, 0xff, 0xff])), Buffer.from([0x64, 0x02]));
});

test('documents stand by collection, then by id in UTF-8, and give their id back', (t) => {
  const keys = ids.map((id) => documentKey(index(255), id));
  t.deepEqual(keys.toSorted(Buffer.compare), keys, 'ids in the order of UTF-8');
  t.deepEqual(keys.map(idOfDocument), ids);
  for (const [position, id] of ids.entries()) {
    const bounds = documentRows(index(255), id);
    t.deepEqual(
      ids.filter((_, other) => within(keys[other] as Buffer, bounds)),
      ids.slice(position + 1),
      `after ${id}`,
    );
  }
  t.true(keys.every((key) => within(key, documentRows(index(255), null))));
  t.false(keys.some((key) => within(key, documentRows(index(254), null))));
  t.false(keys.some((key) => within(key, documentRows(index(256), null))));
  t.is(nameOfCollection(collectionKey('bücher')), 'bücher');
});

test('what expires stands by time, whatever it is', (t) => {
  const mortals: readonly Mortal[] = [
    { type: 'document', collection: index(2), id: 'é' },
    { type: 'document', collection: index(300), id: 'a' },
    { type: 'key', key: 'a/b' },
    { type: 'key', key: 'd' },
  ];
  const times = [0, 255, 256, 1_700_000_000_000];
  const keys = times.flatMap((atMs) => mortals.map((mortal) => expiryKey(atMs, mortal)));
  t.deepEqual(keys.toSorted(Buffer.compare), keys);
  t.deepEqual(
    keys.map(readExpiryKey),
    times.flatMap((atMs) => mortals.map((mortal) => ({ atMs, mortal }))),
  );
  for (const untilMs of [0, 254, 255, 256, 1_700_000_000_000]) {
    const due = keys.filter((key) => within(key, expiryRowsUntil(untilMs)));
    t.is(due.length, times.filter((atMs) => atMs <= untilMs).length * mortals.length, `${untilMs}`);
  }
});

test('idempotency records stand by key, and by the time they are kept until', (t) => {
  const keys = [1, 255, 256].flatMap((atMs) => ['a', 'b'].map((key) => idempotencyEndKey(atMs, key)));
  t.deepEqual(keys.toSorted(Buffer.compare), keys);
  t.deepEqual(readIdempotencyEndKey(idempotencyEndKey(256, 'order-7')), { atMs: 256, key: 'order-7' });
  t.is(keys.filter((key) => within(key, idempotencyEndRowsUntil(255))).length, 4);
  t.true(within(idempotencyKey('~'), idempotencyRows));
});
