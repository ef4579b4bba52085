import test from 'ava';
import { Warmer } from '../../../src/gateway/warm-up/warmer.ts';
import { ManualClock } from '../../store/manual-clock.ts';
import { FakeKept, keys } from './fake-kept.ts';

function setUp() {
  const clock = new ManualClock();
  const kept = new FakeKept();
  const stop = new AbortController();
  const progress: number[] = [];
  const onProgress = (left: number) => progress.push(left);
  const warmer = new Warmer({ kept, clock, signal: stop.signal, onProgress });
  return { clock, kept, stop, progress, warmer };
}

test('everything is fetched in its order, eight at a time', async (t) => {
  const { clock, kept, warmer } = setUp();
  kept.outcome = null;
  const questions = keys(20);
  const end = warmer.warm(questions);
  await clock.settle();
  t.is(kept.asked.length, 8);
  kept.finish('skipped');
  kept.finish('warmed');
  await clock.settle();
  t.is(kept.asked.length, 10);
  for (let finished = 2; finished < 20; finished += 1) {
    kept.finish('warmed');
    await clock.settle();
    t.true(kept.underWay.length <= 8);
  }
  t.is(await end, 'complete');
  t.deepEqual(
    kept.asked.map(({ question }) => question),
    questions,
  );
  t.deepEqual(warmer.counts, { warmed: 19, skipped: 1 });
});

test('while requests wait for replicas it pauses, and goes on when they do not', async (t) => {
  const { clock, kept, warmer } = setUp();
  kept.fetching = 1;
  const end = warmer.warm(keys(20));
  await clock.advance(99);
  t.is(kept.asked.length, 0);
  kept.fetching = 0;
  await clock.advance(20);
  t.is(kept.asked.length, 20);
  t.is(await end, 'complete');
});

test('where requests never cease it takes no more than eighty fetches in a second, and thirty seconds', async (t) => {
  const { clock, kept, warmer } = setUp();
  kept.fetching = 1;
  const end = warmer.warm(keys(10_000));
  await clock.advance(1000);
  t.true(kept.asked.length > 0 && kept.asked.length <= 80, `${kept.asked.length}`);
  await clock.advance(28_999);
  const before = kept.asked.length;
  t.true(before <= 2400, `${before}`);
  await clock.advance(1000);
  t.is(await end, 'outOfTime');
  t.is(kept.asked.length, before);
  t.deepEqual(warmer.counts, { warmed: before, skipped: 0 });
});

test('it says how far it is every five seconds', async (t) => {
  const { clock, kept, progress, warmer } = setUp();
  kept.fetching = 1;
  void warmer.warm(keys(10_000));
  await clock.advance(12_000);
  t.is(progress.length, 2);
  t.true((progress[0] ?? 0) > (progress[1] ?? 0) && (progress[1] ?? 0) > 9000);
});

test('a fetch that hangs ends with the time for all of them', async (t) => {
  const { clock, kept, warmer } = setUp();
  kept.outcome = null;
  void warmer.warm(keys(9));
  await clock.advance(27_000);
  kept.finish('skipped');
  await clock.settle();
  t.deepEqual([kept.asked[0]?.timeoutMs, kept.asked[8]?.timeoutMs], [5000, 3000]);
});

test('a full cache ends it', async (t) => {
  const { clock, kept, warmer } = setUp();
  kept.outcome = null;
  const end = warmer.warm(keys(100));
  await clock.settle();
  for (const outcome of ['warmed', 'full', 'full', 'warmed', 'skipped', 'full', 'full', 'full'] as const) {
    kept.finish(outcome);
  }
  t.is(await end, 'full');
  t.is(kept.asked.length, 8);
  t.deepEqual(warmer.counts, { warmed: 2, skipped: 6 });
});

test('while nobody leads it waits', async (t) => {
  const { clock, kept, warmer } = setUp();
  kept.canKeep = false;
  const end = warmer.warm(keys(1));
  await clock.advance(5000);
  t.is(kept.asked.length, 0);
  kept.canKeep = true;
  await clock.advance(20);
  t.is(await end, 'complete');
  t.is(kept.asked.length, 1);
});

test('it stops when it is told to, whatever hangs', async (t) => {
  const { clock, kept, stop, warmer } = setUp();
  kept.outcome = null;
  const end = warmer.warm(keys(100));
  await clock.settle();
  stop.abort();
  t.is(await end, 'stopped');
  kept.finish('warmed');
  await clock.settle();
  t.is(kept.asked.length, 8);
  t.is(await setUpStopped(), 'stopped');
});

async function setUpStopped() {
  const { stop, warmer } = setUp();
  stop.abort();
  return await warmer.warm(keys(1));
}
