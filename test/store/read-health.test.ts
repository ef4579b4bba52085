import test from 'ava';
import { ReadHealth } from '../../src/store/read-health.ts';
import { ManualClock } from './manual-clock.ts';

interface Replica {
  healthy: boolean;
}

function setUp(count: number) {
  const clock = new ManualClock();
  const replicas: Replica[] = Array.from({ length: count }, () => ({ healthy: true }));
  const health = new ReadHealth(clock, replicas);
  const replica = (nth: number): Replica => replicas[nth] as Replica;
  const fail = (nth: number, times: number) => {
    for (let time = 0; time < times; time++) health.failed(replica(nth), health.epoch(replica(nth)));
  };
  const succeed = (nth: number, times: number) => {
    for (let time = 0; time < times; time++) health.succeeded(replica(nth), health.epoch(replica(nth)));
  };
  const out = () => replicas.flatMap((each, nth) => (health.ejected(each) ? [nth] : []));
  return { clock, health, replica, fail, succeed, out };
}

test('a replica is out after exactly 3 failures in a row', (t) => {
  const { fail, succeed, out } = setUp(3);
  fail(0, 2);
  succeed(0, 1);
  fail(0, 2);
  t.deepEqual(out(), []);
  fail(0, 1);
  t.deepEqual(out(), [0]);
});

test('it is back after exactly 2 successes in a row, not before its time', async (t) => {
  const { clock, fail, succeed, out } = setUp(3);
  fail(0, 3);
  await clock.advance(999);
  succeed(0, 5);
  t.deepEqual(out(), [0]);
  fail(0, 1);
  await clock.advance(1);
  succeed(0, 1);
  fail(0, 1);
  succeed(0, 1);
  t.deepEqual(out(), [0]);
  succeed(0, 1);
  t.deepEqual(out(), []);
});

/** How long it is out, at most, in steps of 100 ms, when it serves throughout. */
async function outForMs({ clock, fail, succeed, out }: ReturnType<typeof setUp>): Promise<number> {
  fail(0, 3);
  for (let ms = 0; ; ms += 100) {
    succeed(0, 2);
    if (out().length === 0) return ms;
    await clock.advance(100);
  }
}

test('each ejection takes a second longer than the last one, up to 30, and is forgotten after 30 s in turn', async (t) => {
  const fixture = setUp(3);
  for (let nth = 1; nth <= 32; nth++) t.is(await outForMs(fixture), 1000 * Math.min(30, nth));
  await fixture.clock.advance(29_999);
  t.is(await outForMs(fixture), 30_000);
  await fixture.clock.advance(20 * 30_000);
  t.is(await outForMs(fixture), 11_000);
  await fixture.clock.advance(3_600_000);
  t.is(await outForMs(fixture), 1000);
  t.is(fixture.health.ejections(fixture.replica(0)), 35);
});

for (const [count, majority] of [
  [1, 1],
  [2, 2],
  [3, 2],
  [4, 3],
  [5, 3],
] as const) {
  test(`of ${count} at least ${majority} stay in turn, whatever they do, and have a small share instead`, (t) => {
    const { health, replica, fail, out } = setUp(count);
    for (let round = 0; round < 5; round++) {
      for (let nth = 0; nth < count; nth++) fail(nth, 1);
    }
    t.deepEqual(
      out(),
      Array.from({ length: count - majority }, (_, nth) => nth),
    );
    t.is(health.share(replica(count - 1)), 0.1);
  });
}

test('replicas that cannot be reached do not make up the majority', (t) => {
  const { replica, fail, out } = setUp(3);
  replica(2).healthy = false;
  fail(0, 10);
  t.deepEqual(out(), []);
  replica(2).healthy = true;
  fail(0, 1);
  t.deepEqual(out(), [0]);
});

test('one that is well again comes back before its time where another one has to go', async (t) => {
  const fixture = setUp(3);
  const { clock, fail, succeed, out } = fixture;
  for (let nth = 0; nth < 10; nth++) await outForMs(fixture);
  fail(0, 3);
  await clock.advance(1000);
  succeed(0, 2);
  fail(1, 4);
  t.deepEqual(out(), [0]);
  succeed(0, 1);
  t.deepEqual(out(), []);
  fail(1, 1);
  t.deepEqual(out(), [1]);
});

test('what was sent before it was out, or back, says nothing of it since', async (t) => {
  const { clock, health, replica, fail, succeed, out } = setUp(3);
  const before = health.epoch(replica(0));
  fail(0, 3);
  await clock.advance(1000);
  for (let nth = 0; nth < 3; nth++) health.succeeded(replica(0), before);
  t.deepEqual(out(), [0]);
  const meanwhile = health.epoch(replica(0));
  succeed(0, 2);
  for (let nth = 0; nth < 3; nth++) health.failed(replica(0), meanwhile);
  t.deepEqual(out(), []);
});

test('the share of one that is back grows from a tenth to all of it in 10 s', async (t) => {
  const { clock, health, replica, fail, succeed } = setUp(3);
  t.is(health.share(replica(0)), 1);
  fail(0, 3);
  await clock.advance(1000);
  succeed(0, 2);
  const shares: number[] = [];
  for (let second = 0; second <= 11; second++) {
    shares.push(health.share(replica(0)));
    await clock.advance(1000);
  }
  t.deepEqual(shares, [0.1, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1]);
});
