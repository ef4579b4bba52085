import test from 'ava';
import { exitCodes, type Failure } from '../../src/cli/failure.ts';
import { KeepAlive, noticeMsOf, trustedMsOf } from '../../src/cli/lock/keep-alive.ts';
import { ManualClock } from '../store/manual-clock.ts';
import { FakeLock, type Fate, unavailable } from './fake-lock.ts';

const ttlMs = 9000;

async function keep(holder = 'me') {
  const clock = new ManualClock();
  const lock = new FakeLock(holder);
  const losses: Failure[] = [];
  const created = await lock.create();
  const token = created.type === 'done' ? created.revision : 0;
  lock.asked.length = 0;
  const claim = { token, aliveSince: clock.now() };
  const keepAlive = new KeepAlive({ lock, holder: 'me', ttlMs, clock, claim, onLost: (loss) => losses.push(loss) });
  return { clock, lock, losses, keepAlive };
}

test('it is renewed at each third of its lifetime, and removed at the end', async (t) => {
  const { clock, lock, losses, keepAlive } = await keep();
  await clock.advance(30_001);
  t.deepEqual(lock.asked, Array(10).fill('renew'));
  t.deepEqual(await keepAlive.release(), { type: 'released' });
  t.is(lock.item, null);
  t.deepEqual(losses, []);
  await clock.advance(60_000);
  t.is(lock.asked.length, 11);
});

test('a renewal whose answer was lost changes nothing: it is found again and renewed', async (t) => {
  const { clock, lock, losses, keepAlive } = await keep();
  lock.fates.push('lost');
  await clock.advance(3500);
  t.deepEqual(lock.asked, ['renew', 'renew', 'look', 'renew']);
  t.deepEqual(losses, []);
  lock.fates.push('lost');
  await clock.advance(3000);
  t.deepEqual(await keepAlive.release(), { type: 'released' });
  t.is(lock.item, null);
});

test('one that is removed right after a renewal whose answer was lost is removed all the same', async (t) => {
  const { clock, lock, keepAlive } = await keep();
  lock.fates.push('lost');
  await clock.advance(3001);
  t.deepEqual(await keepAlive.release(), { type: 'released' });
  t.deepEqual(lock.asked, ['renew', 'remove', 'look', 'remove']);
  t.is(lock.item, null);
});

for (const fate of ['lost', 'dropped'] satisfies Fate[]) {
  test(`without a word that it lives on it is lost before its time is over (${fate})`, async (t) => {
    const { clock, lock, losses } = await keep();
    for (let count = 0; count < 1000; count++) lock.fates.push(fate);
    // Once found again, it would be known to live.
    if (fate === 'lost') lock.look = () => Promise.reject(unavailable());
    const lastMs = trustedMsOf(ttlMs);
    await clock.advance(lastMs - 1);
    t.deepEqual(losses, []);
    await clock.advance(1);
    t.is(losses.length, 1);
    t.is(losses[0]?.exitCode, exitCodes.unavailable);
    // What is asked to end then has ended before somebody else can have the lock, as early as the cluster may think.
    t.true(lastMs + noticeMsOf(ttlMs) <= ttlMs * 0.99 - 100);
  });
}

test('one that somebody else has, or nobody, is lost at once', async (t) => {
  for (const happened of ['taken', 'gone']) {
    const { clock, lock, losses, keepAlive } = await keep();
    if (happened === 'taken') lock.take('another');
    else lock.free();
    await clock.advance(3001);
    t.is(losses[0]?.exitCode, exitCodes.precondition);
    t.is(
      losses[0]?.message,
      happened === 'taken'
        ? 'locks/x was lost: it is held by process 7 on host of another now'
        : 'locks/x was lost: it is not there any more',
    );
    const { item } = lock;
    t.deepEqual(await keepAlive.release(), { type: 'released' });
    t.is(lock.item, item, 'what is not ours stays');
  }
});

test('a lock that cannot be removed is told', async (t) => {
  const { lock, keepAlive } = await keep();
  lock.fates.push('dropped', 'dropped');
  t.like(await keepAlive.release(), { type: 'left', failure: { message: 'no answer' } });
});

test('a lock that was lost without a word is told at the end', async (t) => {
  const { lock, keepAlive } = await keep();
  lock.take('another');
  const { item } = lock;
  const message = 'locks/x was lost: it is held by process 7 on host of another now';
  t.like(await keepAlive.release(), { type: 'lost', failure: { message, exitCode: exitCodes.precondition } });
  t.is(lock.item, item);
});

test('a removal whose answer was lost is one', async (t) => {
  const { lock, keepAlive } = await keep();
  lock.fates.push('lost');
  t.deepEqual(await keepAlive.release(), { type: 'released' });
  t.is(lock.item, null);
});
