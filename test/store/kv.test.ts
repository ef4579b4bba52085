import test from 'ava';
import { index } from '../../src/raft/types.ts';
import { noPrecondition, type Precondition } from '../../src/store/command.ts';
import {
  evaluate,
  preconditionHolds,
  type Revisions,
  readExpiresAtMs,
  readKeyValue,
  readRevisions,
  sealValue,
  type Write,
} from '../../src/store/kv.ts';
import { openRow } from '../../src/store/row.ts';

const stamp = { session: index(1), sequence: 1, lowestUnanswered: 1 };
const put = (precondition: Precondition = noPrecondition): Write => ({
  type: 'put',
  stamp,
  key: 'k',
  value: Buffer.from('v'),
  contentType: 'text/plain',
  precondition,
});
const erase = (precondition: Precondition = noPrecondition): Write => ({
  type: 'delete',
  stamp,
  key: 'k',
  precondition,
});
const existing: Revisions = { createRevision: index(3), modRevision: index(5), version: 2 };

test('a first put creates version 1, at its own revision', (t) => {
  t.deepEqual(evaluate(put(), null, index(9)), {
    result: { type: 'put', revision: index(9), version: 1, created: true },
    next: {
      createRevision: index(9),
      modRevision: index(9),
      version: 1,
      contentType: 'text/plain',
      value: Buffer.from('v'),
    },
  });
});

test('another put counts the version up and keeps createRevision', (t) => {
  const { result, next } = evaluate(put(), existing, index(9));
  t.deepEqual(result, { type: 'put', revision: index(9), version: 3, created: false });
  t.like(next, { createRevision: 3, modRevision: 9, version: 3 });
});

test('a delete leaves nothing; of nothing it is notFound, and changes nothing', (t) => {
  t.deepEqual(evaluate(erase(), existing, index(9)), { result: { type: 'deleted', revision: index(9) }, next: null });
  t.deepEqual(evaluate(erase(), null, index(9)), { result: { type: 'notFound' }, next: undefined });
});

test('a failed precondition changes nothing and names the current revision', (t) => {
  for (const write of [put, erase]) {
    t.deepEqual(evaluate(write({ ifMatch: [4], ifNoneMatch: null }), existing, index(9)), {
      result: { type: 'preconditionFailed', revision: 5 },
      next: undefined,
    });
    t.deepEqual(evaluate(write({ ifMatch: '*', ifNoneMatch: null }), null, index(9)), {
      result: { type: 'preconditionFailed', revision: 0 },
      next: undefined,
    });
  }
});

test('RFC 9110 section 13.1: every combination of If-Match and If-None-Match', (t) => {
  const table: readonly [
    Precondition['ifMatch'],
    Precondition['ifNoneMatch'],
    ofExisting: boolean,
    ofNothing: boolean,
  ][] = [
    [null, null, true, true],
    ['*', null, true, false],
    [[5], null, true, false],
    [[4, 5], null, true, false],
    [[4], null, false, false],
    [[0], null, false, false],
    [[], null, false, false],
    [null, '*', false, true],
    [null, [5], false, true],
    [null, [4], true, true],
    [null, [0], true, true],
    [null, [], true, true],
    [[5], [5], false, false],
    [[5], [4], true, false],
    [[4], [4], false, false],
    ['*', '*', false, false],
  ];
  for (const [ifMatch, ifNoneMatch, ofExisting, ofNothing] of table) {
    const precondition = { ifMatch, ifNoneMatch };
    t.is(preconditionHolds(precondition, existing), ofExisting, `${JSON.stringify(precondition)} of a key`);
    t.is(preconditionHolds(precondition, null), ofNothing, `${JSON.stringify(precondition)} of nothing`);
  }
});

test('the bytes of a value row are as written down', (t) => {
  const { key, value } = sealValue('k', { ...existing, contentType: 'a/b', value: Buffer.from('xyz') });
  t.is(Buffer.from(key).toString('hex'), '6b6b');
  t.is(
    Buffer.from(value).toString('hex'),
    [
      '01',
      '0000000000000003',
      '0000000000000005',
      '0000000000000002',
      '0003',
      '612f62',
      '78797a',
      'e83f0f9be852b2f5',
    ].join(''),
  );
});

test('a value row reads back, with and without its value', (t) => {
  for (const value of [Buffer.alloc(0), Buffer.from('xyz')]) {
    const sealed = sealValue('k', { ...existing, contentType: '', value });
    const { body } = openRow(sealed.key, sealed.value);
    const head = { key: 'k', ...existing, contentType: '', sizeBytes: value.length };
    t.deepEqual(readKeyValue('k', body, false), head);
    t.deepEqual(readKeyValue('k', body, true), { ...head, value });
  }
});

test('a value that ends by itself says when; the rows of all others are as they were', (t) => {
  const stored = {
    createRevision: index(3),
    modRevision: index(5),
    version: 2,
    contentType: 'text/plain',
    value: Buffer.from('v'),
  };
  const bodyOf = (row: ReturnType<typeof sealValue>) => openRow(row.key, row.value).body;
  const plain = bodyOf(sealValue('k', stored));
  const revisions = '000000000000000300000000000000050000000000000002';
  t.is(plain.toString('hex'), `${revisions}000a${Buffer.from('text/plainv').toString('hex')}`);
  t.is(readExpiresAtMs(plain), null);
  t.false('expiresAtMs' in readKeyValue('k', plain, true));
  for (const expiresAtMs of [0, 1_700_000_000_123]) {
    const body = bodyOf(sealValue('k', { ...stored, expiresAtMs }));
    t.is(readExpiresAtMs(body), expiresAtMs);
    t.like(readRevisions(body), { createRevision: 3, modRevision: 5, version: 2 });
    t.deepEqual(readKeyValue('k', body, true), { key: 'k', ...stored, expiresAtMs, sizeBytes: 1 });
  }
  const longest = bodyOf(sealValue('k', { ...stored, contentType: 'x'.repeat(256), expiresAtMs: 1 }));
  t.like(readKeyValue('k', longest, true), { contentType: 'x'.repeat(256), sizeBytes: 1 });
});
