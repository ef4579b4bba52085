import test from 'ava';
import type { Write, WriteOutcome } from '../../src/store/client-types.ts';
import { ClientWriter } from '../../src/store/client-writer.ts';
import { type CommandResult, noPrecondition } from '../../src/store/command.ts';
import type { WriteReply } from '../../src/store/protocol.ts';
import { FakeLink } from './fake-link.ts';
import { ManualClock } from './manual-clock.ts';

const put = (key: string): Write => ({
  type: 'put',
  key,
  value: Buffer.from('v'),
  contentType: 'text/plain',
  precondition: noPrecondition,
});

const putDone = (revision: number): WriteReply => ({
  type: 'done',
  result: { type: 'put', revision: revision as never, version: 1, created: true },
});

const expired: WriteReply = { type: 'done', result: { type: 'sessionExpired' } };

function setUp() {
  const clock = new ManualClock();
  const r1 = new FakeLink('r1', [10, 20]);
  const r2 = new FakeLink('r2', [30]);
  let leader: FakeLink | null = r1;
  const refusals: string[] = [];
  const writer = new ClientWriter({
    clock,
    leaderLink: () => leader,
    onNotLeader: (replica, hint) => {
      refusals.push(`${replica}→${hint}`);
      if (hint === 'r2') lead(r2);
    },
  });
  function lead(link: FakeLink | null): void {
    leader = link;
    writer.leaderChanged();
  }
  function write(key: string, timeoutMs = 5000): { outcome: WriteOutcome | null; promise: Promise<void> } {
    const call: { outcome: WriteOutcome | null; promise: Promise<void> } = {
      outcome: null,
      promise: Promise.resolve(),
    };
    call.promise = writer.write(put(key), timeoutMs).then((outcome) => {
      call.outcome = outcome;
    });
    return call;
  }
  return { clock, r1, r2, lead, writer, write, refusals };
}

const stampOf = (sent: ReturnType<FakeLink['take']>, position = 0) => {
  const command = sent.commands[position];
  return command !== undefined && 'stamp' in command ? command.stamp : null;
};

test('a write is sent to the leader under a session and answered with its result', async (t) => {
  const { clock, r1, write } = setUp();
  const call = write('a');
  await clock.settle();
  const sent = r1.take();
  t.deepEqual(stampOf(sent) as unknown, { session: 10, sequence: 1, lowestUnanswered: 1 });
  sent.answer({ type: 'write', replies: [putDone(11)] });
  await clock.settle();
  const result: CommandResult = { type: 'put', revision: 11 as never, version: 1, created: true };
  t.deepEqual(call.outcome, { type: 'done', result: result as never, replica: 'r1' });
});

test('writes that arrive together travel together, and each has its own answer', async (t) => {
  const { clock, r1, write } = setUp();
  const calls = ['a', 'b', 'c'].map((key) => write(key));
  await clock.settle();
  const sent = r1.take();
  t.is(sent.commands.length, 3);
  t.is(r1.sent.length, 0);
  sent.answer({ type: 'write', replies: [putDone(11), { type: 'overloaded' }, putDone(12)] });
  await clock.settle();
  t.deepEqual(
    calls.map(({ outcome }) => outcome?.type),
    ['done', 'overloaded', 'done'],
  );
});

test('a lost answer is asked for again under the same session and sequence', async (t) => {
  const { clock, r1, write } = setUp();
  const call = write('a');
  await clock.settle();
  const first = r1.take();
  first.answer({ type: 'lost' });
  await clock.advance(100);
  const second = r1.take();
  t.deepEqual(stampOf(second), stampOf(first));
  second.answer({ type: 'write', replies: [putDone(11)] });
  await clock.settle();
  t.is(call.outcome?.type, 'done');
});

test('a refusal by a follower leads to the leader it names', async (t) => {
  const { clock, r1, r2, write, refusals } = setUp();
  const call = write('a');
  await clock.settle();
  r1.take().answer({ type: 'write', replies: [{ type: 'notLeader', leader: 'r2' }] });
  await clock.advance(100);
  t.deepEqual(refusals, ['r1→r2']);
  r2.take().answer({ type: 'write', replies: [putDone(11)] });
  await clock.settle();
  t.like(call.outcome, { type: 'done', replica: 'r2' });
});

test('a new leader is asked at once, without waiting for the old one', async (t) => {
  const { clock, r1, r2, lead, write } = setUp();
  const call = write('a');
  await clock.settle();
  const old = r1.take();
  lead(r2);
  await clock.settle();
  const sent = r2.take();
  t.deepEqual(stampOf(sent), stampOf(old));
  sent.answer({ type: 'write', replies: [putDone(11)] });
  await clock.settle();
  t.like(call.outcome, { type: 'done', replica: 'r2' });
});

test('a write that is answered while it waits for the new leader is not sent again', async (t) => {
  const { clock, r1, r2, lead, write } = setUp();
  const call = write('a');
  await clock.settle();
  const first = r1.take();
  lead(r2);
  first.answer({ type: 'write', replies: [putDone(11)] });
  await clock.settle();
  t.is(call.outcome?.type, 'done');
  t.is(r2.sent.length, 0);
});

test('a late answer of the old leader still counts if it is a result', async (t) => {
  const { clock, r1, r2, lead, write } = setUp();
  const call = write('a');
  await clock.settle();
  const old = r1.take();
  lead(r2);
  await clock.settle();
  r2.take();
  old.answer({ type: 'write', replies: [putDone(11)] });
  await clock.settle();
  t.like(call.outcome, { type: 'done', replica: 'r1' });
});

test('a late refusal of the old leader does not end the attempt at the new one', async (t) => {
  const { clock, r1, r2, lead, write } = setUp();
  const call = write('a');
  await clock.settle();
  const old = r1.take();
  lead(r2);
  await clock.settle();
  const sent = r2.take();
  old.answer({ type: 'write', replies: [{ type: 'notLeader', leader: null }] });
  await clock.advance(1000);
  t.is(r2.sent.length, 0, 'it was not sent twice to the new leader');
  sent.answer({ type: 'write', replies: [putDone(11)] });
  await clock.settle();
  t.is(call.outcome?.type, 'done');
});

test('without a leader until the deadline the write was not applied', async (t) => {
  const { clock, lead, write } = setUp();
  lead(null);
  const call = write('a', 1000);
  await clock.advance(999);
  t.is(call.outcome, null);
  await clock.advance(1);
  t.deepEqual(call.outcome, { type: 'noLeader' });
});

test('refused before append at every attempt, the write was not applied', async (t) => {
  const { clock, r1, write } = setUp();
  const call = write('a', 100);
  await clock.settle();
  for (let attempt = 0; attempt < 4; attempt++) {
    r1.take().answer({ type: 'write', replies: [{ type: 'notLeader', leader: null }] });
    await clock.advance(20);
  }
  r1.take().answer({ type: 'notSent' });
  await clock.advance(20);
  t.deepEqual(call.outcome, { type: 'noLeader' });
});

test('unanswered at the deadline the outcome is unknown', async (t) => {
  const { clock, r1, write } = setUp();
  const call = write('a', 1000);
  await clock.settle();
  r1.take();
  await clock.advance(1000);
  t.deepEqual(call.outcome, { type: 'unknown' });
});

test('one attempt that may have been appended makes the outcome unknown, whatever came later', async (t) => {
  const { clock, r1, write } = setUp();
  const call = write('a', 100);
  await clock.settle();
  r1.take().answer({ type: 'write', replies: [{ type: 'unknown' }] });
  await clock.advance(50);
  r1.take().answer({ type: 'write', replies: [{ type: 'notLeader', leader: null }] });
  await clock.advance(50);
  t.deepEqual(call.outcome, { type: 'unknown' });
});

test('an overloaded leader refuses a fresh write at once, and one that may be appended is tried again', async (t) => {
  const { clock, r1, write } = setUp();
  const fresh = write('a');
  await clock.settle();
  r1.take().answer({ type: 'write', replies: [{ type: 'overloaded' }] });
  await clock.settle();
  t.deepEqual(fresh.outcome, { type: 'overloaded' });

  const lost = write('b');
  await clock.settle();
  r1.take().answer({ type: 'lost' });
  await clock.advance(50);
  r1.take().answer({ type: 'write', replies: [{ type: 'overloaded' }] });
  await clock.advance(50);
  t.is(lost.outcome, null);
  r1.take().answer({ type: 'write', replies: [putDone(12)] });
  await clock.settle();
  t.is(lost.outcome?.type, 'done');
});

test('an expired session is opened anew for a write that cannot have been appended before', async (t) => {
  const { clock, r1, write } = setUp();
  const call = write('a');
  await clock.settle();
  r1.take().answer({ type: 'write', replies: [expired] });
  await clock.advance(100);
  const again = r1.take();
  t.like(stampOf(again), { session: 20, sequence: 1 });
  again.answer({ type: 'write', replies: [putDone(30)] });
  await clock.settle();
  t.is(call.outcome?.type, 'done');
});

test('an expired session leaves the outcome unknown if an earlier attempt may have been appended', async (t) => {
  const { clock, r1, write } = setUp();
  const call = write('a');
  await clock.settle();
  r1.take().answer({ type: 'lost' });
  await clock.advance(50);
  r1.take().answer({ type: 'write', replies: [expired] });
  await clock.settle();
  t.deepEqual(call.outcome, { type: 'unknown' });
});

test('the lowest unanswered sequence moves past what was answered or given up', async (t) => {
  const { clock, r1, write } = setUp();
  write('a', 100);
  const second = write('b', 60_000);
  await clock.settle();
  const both = r1.take();
  t.like(stampOf(both, 1), { sequence: 2, lowestUnanswered: 1 });
  await clock.advance(100);
  write('c');
  await clock.settle();
  t.like(stampOf(r1.take()), { sequence: 3, lowestUnanswered: 2 });
  both.answer({ type: 'write', replies: [putDone(11), putDone(12)] });
  await clock.settle();
  t.is(second.outcome?.type, 'done');
  write('d');
  await clock.settle();
  t.like(stampOf(r1.take()), { sequence: 4, lowestUnanswered: 3 });
});

test('closing answers what is open, as unknown only where it was sent', async (t) => {
  const { clock, r1, lead, writer, write } = setUp();
  const sent = write('a');
  await clock.settle();
  r1.take();
  lead(null);
  const queued = write('b');
  await clock.settle();
  writer.close();
  await Promise.all([sent.promise, queued.promise]);
  t.deepEqual([sent.outcome?.type, queued.outcome?.type], ['unknown', 'noLeader']);
});

test('a write that is no well-formed command fails alone', async (t) => {
  const { clock, r1, writer, write } = setUp();
  const wrong = writer.write({ ...put('a'), contentType: 'text/plain\t' } as Write, 5000);
  const right = write('b');
  await clock.settle();
  t.like(await wrong, { type: 'invalid' });
  const sent = r1.take();
  t.is(sent.commands.length, 1);
  sent.answer({ type: 'write', replies: [putDone(11)] });
  await clock.settle();
  t.is(right.outcome?.type, 'done');
});

test('without room for a session fresh writes are refused at once, with the reason', async (t) => {
  const clock = new ManualClock();
  const link = new FakeLink('r1');
  const writer = new ClientWriter({ clock, leaderLink: () => link, onNotLeader: () => {} });
  const outcome = writer.write(put('a'), 5000);
  await clock.settle();
  link.take().answer({ type: 'write', replies: [{ type: 'diskFull' }] });
  t.deepEqual(await outcome, { type: 'diskFull' });
});

test('writes that pile up behind one that is stuck stay in the window of the session table', async (t) => {
  const { clock, r1, write, writer, lead } = setUp();
  void write('stuck');
  await clock.settle();
  const stuck = r1.take();
  t.is(stuck.commands.length, 1);
  let furthest = 0;
  const answerAll = async () => {
    for (await clock.settle(); r1.sent.length > 0; await clock.settle()) {
      const sent = r1.take();
      for (const position of sent.commands.keys()) {
        const stamp = stampOf(sent, position);
        furthest = Math.max(furthest, (stamp?.sequence ?? 0) - (stamp?.lowestUnanswered ?? 0));
      }
      sent.answer({ type: 'write', replies: sent.commands.map(() => putDone(11)) });
    }
  };
  for (let round = 0; round < 3; round++) {
    lead(null);
    for (let count = 0; count < 29_000; count++) void writer.write(put('k'), 5000);
    lead(r1);
    await answerAll();
  }
  t.true(furthest < 65_536, `${furthest} behind the lowest unanswered one`);
});

test('writes that ended while nobody led leave their room', async (t) => {
  const { clock, r1, writer, lead } = setUp();
  lead(null);
  for (let second = 0; second < 3; second++) {
    for (let count = 0; count < 30_000; count++) void writer.write(put('k'), 1000);
    await clock.advance(1001);
  }
  const next = writer.write(put('k'), 5000);
  lead(r1);
  await clock.settle();
  const sent = r1.take();
  t.is(sent.commands.length, 1);
  sent.answer({ type: 'write', replies: [putDone(11)] });
  t.is((await next).type, 'done');
});

test('a full disk is called that, however many writes it has refused', async (t) => {
  const clock = new ManualClock();
  const link = new FakeLink('r1');
  const writer = new ClientWriter({ clock, leaderLink: () => link, onNotLeader: () => {} });
  const types = new Set<string>();
  for (let round = 0; round < 3; round++) {
    const outcomes = Array.from({ length: 30_000 }, () => writer.write(put('a'), 5000));
    await clock.settle();
    link.take().answer({ type: 'write', replies: [{ type: 'diskFull' }] });
    for (const { type } of await Promise.all(outcomes)) types.add(type);
    await clock.advance(20);
  }
  t.deepEqual([...types], ['diskFull']);
});
