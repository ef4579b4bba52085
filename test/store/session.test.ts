import test from 'ava';
import { index } from '../../src/raft/types.ts';
import type { WriteResult } from '../../src/store/kv.ts';
import { openRow } from '../../src/store/row.ts';
import { type SavedBlock, type SavedSession, Sessions, sessionLimits } from '../../src/store/session.ts';
import { createRandom } from './random.ts';

const first = index(1);
const stampOf = (sequence: number, lowestUnanswered: number, session = first) => ({
  session,
  sequence,
  lowestUnanswered,
});
const done = (revision: number): WriteResult => ({ type: 'deleted', revision: index(revision) });

function opened(): Sessions {
  const sessions = new Sessions();
  sessions.open(first);
  return sessions;
}

/** The rows a state would hold, followed through every change. */
class Rows {
  readonly rows = new Map<string, { readonly value: Uint8Array; readonly checksum: bigint }>();

  take(sessions: Sessions): void {
    sessions.takeChanges((key, row, previousChecksum) => {
      const name = key.toString('hex');
      if ((this.rows.get(name)?.checksum ?? 0n) !== previousChecksum) throw new Error(`${name}: wrong checksum before`);
      if (row === null) this.rows.delete(name);
      else this.rows.set(name, row);
    });
  }

  reload(): Sessions {
    const saved: SavedSession[] = [];
    const blocks: SavedBlock[] = [];
    for (const [name, { value }] of this.rows) {
      const key = Buffer.from(name, 'hex');
      const row = openRow(key, value);
      const session = index(Number(key.readBigUInt64BE(1)));
      if (key.toString('latin1', 0, 1) === 's') saved.push({ id: session, row });
      else blocks.push({ session, number: Number(key.readBigUInt64BE(9)), row });
    }
    return Sessions.load(saved, blocks);
  }
}

test('a write is executed once; again it is answered with its first result, whatever the order of arrival', (t) => {
  const sessions = opened();
  for (const sequence of [3, 1, 2]) {
    t.deepEqual(sessions.admit(stampOf(sequence, 1), index(10)), { type: 'execute' });
    sessions.keep(stampOf(sequence, 1), done(sequence));
  }
  for (const sequence of [1, 2, 3]) {
    t.deepEqual(sessions.admit(stampOf(sequence, 1), index(11)), { type: 'answered', result: done(sequence) });
  }
});

test('a write of an unknown session has expired', (t) => {
  t.deepEqual(new Sessions().admit(stampOf(1, 1), index(2)), { type: 'expired' });
  t.deepEqual(opened().admit(stampOf(1, 1, index(9)), index(10)), { type: 'expired' });
});

test('below the highest lowestUnanswered seen everything has expired, kept result or not', (t) => {
  const sessions = opened();
  sessions.admit(stampOf(1, 1), index(2));
  sessions.keep(stampOf(1, 1), done(2));
  t.deepEqual(sessions.admit(stampOf(5, 3), index(3)), { type: 'execute' });
  sessions.keep(stampOf(5, 3), done(3));
  t.deepEqual(sessions.admit(stampOf(1, 1), index(4)), { type: 'expired' });
  t.deepEqual(sessions.admit(stampOf(2, 1), index(5)), { type: 'expired' });
  t.deepEqual(sessions.admit(stampOf(3, 1), index(6)), { type: 'execute' });
});

test('the window ends 65,536 sequences above the lowest unanswered', (t) => {
  const sessions = opened();
  t.deepEqual(sessions.admit(stampOf(sessionLimits.windowMax, 1), index(2)), { type: 'execute' });
  t.deepEqual(sessions.admit(stampOf(sessionLimits.windowMax + 1, 1), index(3)), { type: 'expired' });
  t.deepEqual(sessions.admit(stampOf(sessionLimits.windowMax + 1, 2), index(4)), { type: 'execute' });
});

test('a lowestUnanswered far away forgets all and costs no more', (t) => {
  const sessions = opened();
  const rows = new Rows();
  for (const sequence of [1, 64, 65_000, 65_536]) {
    sessions.admit(stampOf(sequence, 1), index(2));
    sessions.keep(stampOf(sequence, 1), done(sequence));
  }
  rows.take(sessions);
  t.is(rows.rows.size, 1 + 4);
  const far = Number.MAX_SAFE_INTEGER - 5;
  t.deepEqual(sessions.admit(stampOf(far, far), index(3)), { type: 'execute' });
  rows.take(sessions);
  t.is(rows.rows.size, 1);
});

test('one session too many drops the one used least recently, by log index', (t) => {
  const sessions = new Sessions();
  for (let nth = 1; nth <= sessionLimits.sessionsMax; nth += 1) sessions.open(index(nth));
  sessions.admit(stampOf(1, 1), index(20_000));
  sessions.open(index(20_001));
  t.is(sessions.size, sessionLimits.sessionsMax);
  t.deepEqual(sessions.admit(stampOf(1, 1), index(20_002)), { type: 'execute' });
  t.deepEqual(sessions.admit(stampOf(1, 1, index(2)), index(20_003)), { type: 'expired' });
  t.deepEqual(sessions.admit(stampOf(1, 1, index(3)), index(20_004)), { type: 'execute' });
});

test('a dropped session leaves no rows behind', (t) => {
  const sessions = opened();
  const rows = new Rows();
  for (const sequence of [1, 70, 200]) {
    sessions.admit(stampOf(sequence, 1), index(2));
    sessions.keep(stampOf(sequence, 1), done(2));
  }
  rows.take(sessions);
  // One block goes with the lowest unanswered, in the same batch in which the session itself goes.
  sessions.admit(stampOf(201, 70), index(3));
  for (let nth = 10; nth < 10 + sessionLimits.sessionsMax; nth += 1) sessions.open(index(nth));
  rows.take(sessions);
  t.is(rows.rows.size, sessionLimits.sessionsMax);
});

test('kept results are bounded over all sessions: those used least recently go', (t) => {
  const sessions = new Sessions();
  const full = sessionLimits.resultsMax / sessionLimits.windowMax;
  for (let nth = 1; nth <= full + 1; nth += 1) {
    sessions.open(index(nth));
    for (let sequence = 1; sequence <= sessionLimits.windowMax; sequence += 1) {
      sessions.keep(stampOf(sequence, 1, index(nth)), done(nth));
    }
  }
  t.is(sessions.size, full);
  t.deepEqual(sessions.admit(stampOf(1, 1), index(100)), { type: 'expired' });
  t.deepEqual(sessions.admit(stampOf(1, 1, index(2)), index(101)), { type: 'answered', result: done(2) });
});

test('every kind of result survives being written and loaded, and so does the order of use', (t) => {
  const results: readonly WriteResult[] = [
    { type: 'put', revision: index(2 ** 40), version: 2 ** 33, created: false },
    { type: 'put', revision: index(7), version: 1, created: true },
    { type: 'deleted', revision: index(8) },
    { type: 'notFound' },
    { type: 'preconditionFailed', revision: 0 },
    { type: 'preconditionFailed', revision: 9 },
  ];
  const sessions = opened();
  sessions.open(index(2));
  for (const [nth, result] of results.entries()) {
    sessions.admit(stampOf(nth * 50 + 1, 1), index(10 + nth));
    sessions.keep(stampOf(nth * 50 + 1, 1), result);
  }
  const rows = new Rows();
  rows.take(sessions);
  const again = rows.reload();
  for (const [nth, result] of results.entries()) {
    t.deepEqual(again.admit(stampOf(nth * 50 + 1, 1), index(20 + nth)), { type: 'answered', result });
  }
  for (let nth = 100; nth < 99 + sessionLimits.sessionsMax; nth += 1) again.open(index(nth));
  t.deepEqual(again.admit(stampOf(1, 1, index(2)), index(20_000)), { type: 'expired' });
  t.like(again.admit(stampOf(1, 1), index(20_001)), { type: 'answered' });
});

test('results of a session that is missing are damage', (t) => {
  const sessions = opened();
  sessions.keep(stampOf(1, 1), done(2));
  const rows = new Rows();
  rows.take(sessions);
  for (const name of rows.rows.keys()) if (name.startsWith('73')) rows.rows.delete(name);
  t.throws(() => rows.reload(), { name: 'DamagedRowError' });
});

test('the rows depend on the writes alone, not on when they were taken or reloaded', (t) => {
  for (let seed = 1; seed <= 20; seed += 1) {
    const random = createRandom(seed);
    const [often, once] = [new Rows(), new Rows()];
    let reloaded = opened();
    const steady = opened();
    let lowest = 1;
    for (let at = 2; at < 600; at += 1) {
      if (random.below(3) === 0) lowest += random.below(random.below(10) === 0 ? 500 : 20);
      const stamp = stampOf(lowest + random.below(200), lowest);
      const admission = steady.admit(stamp, index(at));
      t.deepEqual(reloaded.admit(stamp, index(at)), admission);
      if (admission.type === 'execute') for (const each of [steady, reloaded]) each.keep(stamp, done(at));
      if (random.below(4) > 0) continue;
      often.take(reloaded);
      if (random.below(3) === 0) reloaded = often.reload();
    }
    often.take(reloaded);
    once.take(steady);
    const inOrder = (rows: Rows) => [...rows.rows].toSorted(([a], [b]) => (a < b ? -1 : 1));
    t.deepEqual(inOrder(often), inOrder(once), `seed ${seed}`);
  }
});
