import test from 'ava';
import { exitCodes, Failure } from '../../src/cli/failure.ts';
import { type ClaimOptions, claim } from '../../src/cli/lock/claim.ts';
import { ManualClock } from '../store/manual-clock.ts';
import { FakeLock } from './fake-lock.ts';

const ttlMs = 9000;

function claiming(lock: FakeLock, clock: ManualClock, more: Partial<ClaimOptions> = {}) {
  const interrupted = new AbortController().signal;
  return claim({ lock, holder: 'me', ttlMs, waitMs: 60_000, clock, interrupted, ...more });
}

test('a lock that is free is taken, and its token is the revision at which it was', async (t) => {
  const lock = new FakeLock('me');
  t.deepEqual(await claiming(lock, new ManualClock()), { token: 11, aliveSince: 0 });
  t.deepEqual(lock.asked, ['create']);
});

test('one that is held is waited for by a watch, and taken when it is free', async (t) => {
  const lock = new FakeLock('me');
  const clock = new ManualClock();
  lock.take('another');
  const claimed = claiming(lock, clock);
  await clock.advance(5000);
  t.deepEqual(lock.asked, ['create', 'look', 'wait']);
  lock.free();
  t.deepEqual(await claimed, { token: 13, aliveSince: 5000 });
});

test('one whose answer was lost is ours, and its life counts from when it was asked for', async (t) => {
  const lock = new FakeLock('me');
  const clock = new ManualClock();
  lock.fates.push('lost');
  lock.onWrite = () => clock.advance(1000);
  t.deepEqual(await claiming(lock, clock), { token: 11, aliveSince: 0 });
  t.deepEqual(lock.asked, ['create', 'look']);
});

test('one whose request was dropped is asked for again after a pause', async (t) => {
  const lock = new FakeLock('me');
  const clock = new ManualClock();
  lock.fates.push('dropped');
  const claimed = claiming(lock, clock);
  await clock.advance(1000);
  t.is((await claimed).token, 11);
  t.deepEqual(lock.asked, ['create', 'look', 'create']);
});

test('what is half over when its answer comes is given back, not used', async (t) => {
  const lock = new FakeLock('me');
  const clock = new ManualClock();
  let slow = true;
  lock.onWrite = async () => {
    if (slow) clock.stall(ttlMs / 2);
    slow = false;
  };
  const claimed = claiming(lock, clock);
  await clock.advance(2000);
  const { token, aliveSince } = await claimed;
  t.is(token, 13);
  t.true(aliveSince >= ttlMs / 2);
  t.deepEqual(lock.asked, ['create', 'remove', 'create']);
});

test('without patience it is tried once, and who holds it is told', async (t) => {
  const lock = new FakeLock('me');
  lock.take('another');
  const error = await t.throwsAsync(claiming(lock, new ManualClock(), { waitMs: 0 }), { instanceOf: Failure });
  t.is(error.exitCode, exitCodes.precondition);
  t.is(error.message, 'locks/x is held by process 7 on host of another');
  t.deepEqual(lock.asked, ['create', 'look']);
});

test('a lock that nobody can say anything about is given up when the time is over', async (t) => {
  const lock = new FakeLock('me');
  const clock = new ManualClock();
  for (let count = 0; count < 1000; count++) lock.fates.push('dropped');
  const claimed = t.throwsAsync(claiming(lock, clock), { instanceOf: Failure });
  await clock.advance(61_000);
  const error = await claimed;
  t.is(error.exitCode, exitCodes.unavailable);
  t.is(error.message, 'no answer; gave up after 60000 ms');
  // Ever less often, since it does not help.
  t.true(lock.asked.filter((each) => each === 'create').length < 140, `${lock.asked.length}`);
});

test('who is interrupted while waiting does not take it', async (t) => {
  const lock = new FakeLock('me');
  lock.take('another');
  const interruption = new AbortController();
  const claimed = t.throwsAsync(claiming(lock, new ManualClock(), { interrupted: interruption.signal }), {
    message: 'interrupted',
  });
  await new Promise(setImmediate);
  interruption.abort();
  lock.free();
  await claimed;
  t.is(lock.item, null);
});
