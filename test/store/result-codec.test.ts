import test from 'ava';
import { index } from '../../src/raft/types.ts';
import type { KeyValue } from '../../src/store/command.ts';
import { decodeResult, encodeResult } from '../../src/store/result-codec.ts';
import type { Document, KeptResult, OperationResult } from '../../src/store/transaction.ts';
import { createRandom } from './random.ts';

const revisions = { createRevision: 1, modRevision: 2, version: 3 };
const item: KeyValue = { key: 'k', ...revisions, contentType: 'a/b', sizeBytes: 4 };
const withValue: KeyValue = { ...item, sizeBytes: 1, expiresAtMs: 6, value: Buffer.from('v') };
const document: Document = { id: '9', ...revisions, expiresAtMs: null };
const withJson: Document = { ...document, expiresAtMs: 5, json: Buffer.from('{}') };

const operationResults: readonly OperationResult[] = [
  { type: 'key', item: null },
  { type: 'key', item: withValue },
  { type: 'document', document: null },
  { type: 'document', document: withJson },
  { type: 'document', document },
  { type: 'range', items: [item, withValue], more: true },
  { type: 'written', version: 1, created: true },
  { type: 'written', version: 2, created: false, sum: -1.5 },
  { type: 'deleted', count: 10_000 },
];

const done: KeptResult = { type: 'transaction', revision: index(8), succeeded: true, results: operationResults };
const failures: readonly KeptResult[] = [
  ...(
    [
      'noCollection',
      'definitionChanged',
      'revisionChanged',
      'termsDiffer',
      'notJson',
      'notANumber',
      'outOfBounds',
      'tooLarge',
      'notFound',
      'idChanged',
    ] as const
  ).map(
    (reason, operation) =>
      ({ type: 'transactionFailed', reason, branch: operation % 2 === 0 ? 'then' : 'otherwise', operation }) as const,
  ),
  { type: 'transactionFailed', reason: 'idempotencyMismatch' },
  { type: 'transactionFailed', reason: 'idempotencyFull' },
];

test('the bytes of a result are as written down', (t) => {
  const numbers = '000000000000000100000000000000020000000000000003';
  const k = `00016b ${numbers} 0003612f62`;
  const hex = `0100 0000000000000008 01 0009
    00 00
    00 01 ${k} 01 0000000000000006 01 00000001 76
    01 00
    01 01 000139 ${numbers} 01 0000000000000005 01 00000002 7b7d
    01 01 000139 ${numbers} 00 00
    02 0002 ${k} 00 00 0000000000000004 ${k} 01 0000000000000006 01 00000001 76 01
    03 0000000000000001 01 00
    03 0000000000000002 00 01 bff8000000000000
    04 0000000000002710`;
  t.is(Buffer.from(encodeResult(done)).toString('hex'), hex.replaceAll(/\s/g, ''));
  t.deepEqual(
    failures.map((failure) => Buffer.from(encodeResult(failure)).toString('hex')),
    [...Array.from({ length: 10 }, (_, nth) => `01010${nth}0${nth % 2}000${nth}`), '01010a', '01010b'],
  );
});

test('what is encoded decodes to the same result', (t) => {
  const large = Buffer.alloc(1024 * 1024, 7);
  const query: KeptResult = {
    type: 'transaction',
    revision: index(Number.MAX_SAFE_INTEGER),
    succeeded: false,
    results: [
      { type: 'range', items: Array(1000).fill(item), more: false },
      { type: 'key', item: { ...item, sizeBytes: large.length, value: large } },
      { type: 'document', document: { ...document, json: large } },
    ],
  };
  for (const result of [done, query, ...failures]) t.deepEqual(decodeResult(encodeResult(result)), result);
});

test('whether it was given before is left out', (t) => {
  const replayed = { ...done, replayed: true };
  t.deepEqual(encodeResult(replayed), encodeResult(done));
});

test('values are views of the bytes', (t) => {
  const bytes = encodeResult(done);
  const decoded = decodeResult(bytes);
  const result = decoded?.type === 'transaction' ? decoded.results[1] : undefined;
  t.is(result?.type === 'key' ? result.item?.value?.buffer : null, bytes.buffer);
});

test('every cut of a result is refused, and so is anything behind its end', (t) => {
  for (const result of [done, ...failures]) {
    const bytes = encodeResult(result);
    for (let length = 0; length < bytes.length; length += 1) t.is(decodeResult(bytes.subarray(0, length)), null);
    t.is(decodeResult(Buffer.concat([bytes, Buffer.of(0)])), null);
  }
});

test('a damaged result is refused, or is another one that encodes to the same bytes', (t) => {
  const random = createRandom(4);
  const samples = [done, done, ...failures].map(encodeResult);
  let decoded = 0;
  for (let round = 0; round < 20_000; round += 1) {
    const bytes = Buffer.from(random.pick(samples));
    for (let flips = random.below(3); flips >= 0; flips -= 1) bytes[random.below(bytes.length)] = random.below(256);
    const result = decodeResult(bytes);
    if (result === null) continue;
    decoded += 1;
    t.deepEqual(encodeResult(result), bytes);
  }
  t.true(decoded > 1000 && decoded < 19_000, `${decoded} of 20000 were results`);
});
