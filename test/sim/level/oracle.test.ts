import test from 'ava';
import type { Index } from '../../../src/raft/types.ts';
import { noPrecondition } from '../../../src/store/command.ts';
import { encodeCommand } from '../../../src/store/command-codec.ts';
import { commandOf, fingerprint } from './command.ts';
import { Mismatch } from './mismatch.ts';
import { type Damaged, Oracle, type Truth } from './oracle.ts';
import type { Found, FoundEntry, ItemSeen, LifeLine, NamedCommand, Served } from './protocol.ts';

const openSession: NamedCommand = { type: 'openSession' };
const [first, second] = [put(1, 'a'), put(2, 'b')];
const noop: FoundEntry = { term: 1, fingerprint: null };
const log: readonly FoundEntry[] = [noop, entry(openSession), entry(first), entry(second)];
const items = [item('a', 3, first), item('b', 4, second)];

/** The session, then two puts, the second of them not answered. */
const firstLife: readonly LifeLine[] = [
  { type: 'opening' },
  found([]),
  { type: 'served', term: 1, revision: 1, items: [], stateDigest: 'd0' },
  { type: 'asked', attempt: 0, command: openSession },
  answered(0, { type: 'sessionOpened', session: 2 as Index }, 2),
  { type: 'asked', attempt: 1, command: first },
  { type: 'asked', attempt: 2, command: second },
  answered(1, { type: 'put', revision: 3 as Index, version: 1, created: true }, 3),
];

function put(sequence: number, key: string): Extract<NamedCommand, { type: 'put' }> {
  const stamp = { session: 2 as Index, sequence, lowestUnanswered: 1 };
  const value = { type: 'text', seed: `value of ${key}`, bytes: 10 } as const;
  return { type: 'put', stamp, key, value, contentType: '', precondition: noPrecondition };
}

function entry(command: NamedCommand): FoundEntry {
  return { term: 1, fingerprint: fingerprint(encodeCommand(commandOf(command))) };
}

function item(key: string, revision: number, write: NamedCommand): ItemSeen {
  const command = commandOf(write);
  const value = command.type === 'put' ? command.value : new Uint8Array();
  const revisions = { createRevision: revision, modRevision: revision, version: 1 };
  return { key, ...revisions, contentType: '', sizeBytes: value.length, valueFingerprint: fingerprint(value) };
}

function found(entries: readonly FoundEntry[], more: Partial<Found> = {}): Found {
  return { type: 'found', currentTerm: 1, votedFor: 'r1', claim: null, entries, notes: [], ...more };
}

function served(more: Partial<Served> = {}): Served {
  return { type: 'served', term: 2, revision: 5, items, stateDigest: 'd1', ...more };
}

function answered(
  attempt: number,
  result: Extract<Extract<LifeLine, { type: 'answered' }>['reply'], { type: 'done' }>['result'],
  commitIndex: number,
): LifeLine {
  return { type: 'answered', attempt, reply: { type: 'done', result }, commitIndex };
}

const truth: Truth = { found: found(log), served: served() };
const damagedLog: Damaged = { part: 'log', truth };
const damagedState: Damaged = { part: 'state', truth };

/** What it says of a life after the first one; null: nothing is wrong. */
function complaint(lines: readonly LifeLine[], damaged: Damaged | null = null, before = firstLife): string | null {
  const oracle = new Oracle();
  try {
    oracle.live(before, null);
    oracle.live(lines, damaged);
    return null;
  } catch (error) {
    if (error instanceof Mismatch) return error.message;
    throw error;
  }
}

test('what was answered is there, what was not may be there or not', (t) => {
  t.is(complaint([found(log), served()]), null);
  t.is(complaint([found(log.slice(0, 3)), served({ revision: 4, items: items.slice(0, 1) })]), null);
});

test('an acknowledged entry is missing', (t) => {
  t.regex(complaint([found(log.slice(0, 2))]) ?? '', /log ends at 2, 3 was committed/);
  t.regex(complaint([found([noop, entry(openSession), entry(second)])]) ?? '', /put a .* was answered/);
});

test('an entry came twice, or from nowhere', (t) => {
  t.regex(complaint([found([...log, entry(second)])]) ?? '', /sent 1 times, the log has it 2 times/);
  t.regex(complaint([found([...log, entry(put(3, 'c'))])]) ?? '', /entry 5 holds bytes that nobody sent/);
});

test('an entry that was found once is another one now', (t) => {
  const later = [{ type: 'opening' } as const, found(log), served()];
  t.is(complaint([found([...log, { ...noop, term: 2 }], { currentTerm: 2 })], null, [...firstLife, ...later]), null);
  const changed = [noop, entry(openSession), entry(first), { ...entry(second), term: 2 }, { ...noop, term: 2 }];
  t.regex(
    complaint([found(changed, { currentTerm: 2 })], null, [...firstLife, ...later]) ?? '',
    /entry 4 is not what it was/,
  );
});

test('an answer is not what the log says', (t) => {
  const wrong = answered(2, { type: 'put', revision: 4 as Index, version: 2, created: false }, 4);
  t.regex(complaint([found(log)], null, [...firstLife, wrong]) ?? '', /put b .* was answered .*"version":2/);
});

test('a wrong item, one too many or one too few is served', (t) => {
  const [a, b] = items as [ItemSeen, ItemSeen];
  const says = (wrong: readonly ItemSeen[]) => complaint([found(log), served({ items: wrong })]) ?? '';
  t.regex(says([a, { ...b, valueFingerprint: '0' }]), /it serves .*"valueFingerprint":"0"/);
  t.regex(says([{ ...a, modRevision: 4 }, b]), /it serves/);
  t.regex(says([a]), /it serves undefined/);
  t.regex(says([a, b, { ...b, key: 'c' }]), /it serves 3 keys, the log says 2/);
});

test('a read is not what the log says at its revision', (t) => {
  const read = (revision: number) => ({ type: 'read', key: 'a', revision, item: null }) as const;
  t.is(complaint([found(log)], null, [...firstLife, read(2)]), null);
  t.regex(complaint([found(log)], null, [...firstLife, read(3)]) ?? '', /at revision 3 it answered null/);
});

test('it complains of damage where there is none, or its term falls', (t) => {
  const notes = [{ level: 'warn', message: 'the log was damaged, recovering' }] as const;
  t.regex(complaint([found(log, { notes })]) ?? '', /complains of an undamaged log/);
  const claim = { term: 1, index: 4 };
  t.regex(complaint([found(log.slice(0, 3), { claim })]) ?? '', /RECOVERING although/);
  t.regex(complaint([found(log.slice(0, 3), { claim })], damagedState) ?? '', /RECOVERING although/);
  t.regex(complaint([found(log, { currentTerm: 0 })]) ?? '', /term 0 comes after term 1/);
});

test('a damaged log: all of it, or RECOVERING with a claim that covers what was acknowledged', (t) => {
  const recovering = (kept: number, claim: Found['claim']) =>
    complaint([found(log.slice(0, kept), { claim })], damagedLog) ?? '';
  t.is(complaint([found(log), served()], damagedLog), null);
  t.is(complaint([found(log.slice(0, 3)), served({ revision: 4, items: items.slice(0, 1) })], damagedLog), null);
  t.is(recovering(1, { term: 1, index: 4 }), '');
  t.is(recovering(0, { term: 1, index: 3 }), '');
  t.regex(complaint([found(log.slice(0, 2))], damagedLog) ?? '', /believes in a log that ends at 2/);
  t.regex(recovering(1, { term: 1, index: 2 }), /but \(1, 3\) was committed/);
  t.regex(recovering(1, { term: 1, index: 5 }), /but the log ended at \(1, 4\)/);
  t.regex(recovering(3, { term: 1, index: 3 }), /reaches the claim/);
  const claim = { term: 1, index: 4 };
  t.regex(complaint([found([entry(first)], { claim })], damagedLog) ?? '', /entry 1 is not what it was/);
});

test('a damaged state: sessions count, although no client sees them', (t) => {
  t.is(complaint([found(log), served()], damagedState), null);
  t.regex(complaint([found(log), served({ stateDigest: 'd2' })], damagedState) ?? '', /the state sums up to d2/);
});
