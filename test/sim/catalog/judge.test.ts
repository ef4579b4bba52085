import test from 'ava';
import { type Entry, index, term } from '../../../src/raft/types.ts';
import type { Command } from '../../../src/store/command.ts';
import { encodeCommand } from '../../../src/store/command-codec.ts';
import type { Operation } from '../../../src/store/transaction.ts';
import type { Change } from '../../../src/store/watch.ts';
import { type CatalogRun, judgeCatalog } from './judge.ts';
import type { CatalogOperation, CatalogOutcome } from './operation.ts';
import { transactionOf, type WriteOf } from './writes.ts';

const stamp = (sequence: number) => ({ session: index(1), sequence, lowestUnanswered: 1 });

function logOf(...commands: readonly Command[]): readonly Entry[] {
  return [{ type: 'openSession' } as const, ...commands].map((command, place) => {
    return { index: index(place + 1), term: term(1), type: 'command', command: encodeCommand(command) };
  });
}

const put = (key: string, ttlMs: number | null = null): Operation => {
  return { type: 'put', key, value: Buffer.from('v'), contentType: 'text/plain', ttlMs };
};
const write = transactionOf(1, { then: [put('lock/1')] }, true) as Extract<WriteOf, { type: 'transaction' }>;
const mortal = transactionOf(2, { then: [put('lock/2', 500)] }, false) as Extract<WriteOf, { type: 'transaction' }>;

function asked(write_: WriteOf, invokedAt: number, outcome: CatalogOutcome): CatalogOperation {
  const of = { number: invokedAt, client: 'c', invokedAt, returnedAt: invokedAt + 5 };
  return { ...of, asked: { type: 'write', write: write_ }, outcome };
}

function done(revision: number, replayed = false): CatalogOutcome {
  const results = [{ type: 'written', version: 1, created: true }] as const;
  return {
    type: 'result',
    result: { type: 'transaction', revision: index(revision), succeeded: true, results, replayed },
  };
}

function got(revision: number, key: string, modRevision: number | null, isLeased = false): CatalogOutcome {
  const value = Buffer.from('v');
  const revisions = { createRevision: modRevision ?? 0, modRevision: modRevision ?? 0, version: 1 };
  const item = modRevision === null ? null : { key, ...revisions, contentType: 'text/plain', sizeBytes: 1, value };
  return { type: 'answer', answer: { type: 'get', revision: index(revision), item }, isLeased, isHit: isLeased };
}

function read(key: string, invokedAt: number, outcome: CatalogOutcome): CatalogOperation {
  const of = { number: invokedAt, client: 'r', invokedAt, returnedAt: invokedAt + 5 };
  return { ...of, asked: { type: 'query', query: { type: 'get', key, withValue: true } }, outcome };
}

function findings(run: Partial<CatalogRun>): readonly string[] {
  const nothing = { operations: [], watches: [], snapshots: [], appliedAtMs: new Map(), fastestRate: 1 };
  return judgeCatalog({ log: [], ...nothing, ...run }).map(({ checker, message }) => `${checker}: ${message}`);
}

const once = logOf({ ...write, stamp: stamp(1) });
const again = logOf({ ...write, stamp: stamp(1) }, { ...write, stamp: stamp(2) });

test('what is told as it was done is well', (t) => {
  const operations = [
    asked(write, 10, done(2)),
    asked(write, 20, done(2, true)),
    asked(write, 25, { type: 'unknown' }),
    read('lock/1', 30, got(3, 'lock/1', 2)),
    read('lock/1', 40, got(2, 'lock/1', 2, true)),
    read('none', 50, got(3, 'none', null)),
  ];
  t.deepEqual(findings({ log: again, operations }), []);
});

test('a request that is carried out twice, or told twice as new, is found', (t) => {
  const twice = logOf(
    { ...write, idempotency: null, stamp: stamp(1) },
    { ...write, idempotency: null, stamp: stamp(2) },
  );
  t.regex(findings({ log: twice, operations: [asked(write, 10, { type: 'unknown' })] }).join('\n'), /at 2 and 3/);
  const operations = [asked(write, 10, done(2)), asked(write, 20, done(2))];
  t.regex(findings({ log: again, operations }).join('\n'), /answered 2 times, 2 times as new/);
});

test('what was said not to be done, or was never asked for, is found in the log', (t) => {
  t.regex(findings({ log: once, operations: [asked(write, 10, { type: 'notApplied' })] }).join('\n'), /said not to be/);
  t.regex(findings({ log: once }).join('\n'), /nobody asked/);
});

test('an answer that the log does not give is found, and one that is too old', (t) => {
  const first = asked(write, 10, done(2));
  const wrong = [first, read('lock/1', 30, got(2, 'lock/1', null))];
  t.regex(findings({ log: once, operations: wrong }).join('\n'), /catalog replay: r asked/);
  const old = [first, read('lock/1', 30, got(1, 'lock/1', null))];
  t.regex(findings({ log: once, operations: old }).join('\n'), /catalog order: query|catalog order: get/);
  const leased = [first, read('lock/1', 30, got(1, 'lock/1', null, true))];
  t.regex(findings({ log: once, operations: leased }).join('\n'), /from memory under a lease/);
  const beyond = [first, read('lock/1', 30, got(9, 'lock/1', 2))];
  t.regex(findings({ log: once, operations: beyond }).join('\n'), /at revision 9, where the log ends at 2/);
});

test('a change that a watch is not told, or told twice, is found', (t) => {
  const item = {
    key: 'lock/1',
    createRevision: 2,
    modRevision: 2,
    version: 1,
    contentType: 'text/plain',
    sizeBytes: 1,
  };
  const subject = { type: 'key', key: 'lock/1' } as const;
  const change: Change = {
    ...{ revision: index(2), place: 0, count: 1, type: 'put', subject },
    item: { ...item, value: Buffer.from('v') },
  };
  const operations = [asked(write, 10, done(2))];
  const told = (...changes: Change[]) => {
    const watch = { id: 'w', watched: null, changes, through: 2, skip: 0, heard: [] };
    return findings({ log: once, operations, watches: [watch] });
  };
  t.deepEqual(told(change), []);
  t.regex(told().join('\n'), /event 1 is none/);
  t.regex(told(change, change).join('\n'), /event 2 is .*by the log none/s);
});

test('what ends before its time is found', (t) => {
  const target = { type: 'key', key: 'lock/2' } as const;
  const log = logOf(
    { type: 'tick', stampMs: 1000, expired: [], forgotten: [] },
    { ...mortal, stamp: stamp(1) },
    { type: 'tick', stampMs: 1500, expired: [{ target, modRevision: index(3) }], forgotten: [] },
  );
  const operations = [asked(mortal, 10, { type: 'unknown' })];
  t.deepEqual(findings({ log, operations, appliedAtMs: new Map([[4, 520]]) }), []);
  t.regex(findings({ log, operations, appliedAtMs: new Map([[4, 300]]) }).join('\n'), /to stand for 500 ms/);
});
