import test from 'ava';
import { RetryBudget, retriesMin } from '../../src/store/retry-budget.ts';
import { ManualClock } from './manual-clock.ts';

function setUp() {
  const clock = new ManualClock();
  const budget = new RetryBudget(clock);
  const read = (count: number) => {
    for (let nth = 0; nth < count; nth++) budget.readBegan();
  };
  /** Retries that are granted before one is refused. */
  const takeAll = () => {
    let taken = 0;
    while (budget.take()) taken += 1;
    return taken;
  };
  return { clock, read, takeAll };
}

test('a full message may be sent again however few reads there were', (t) => {
  const { read, takeAll } = setUp();
  read(3);
  t.is(takeAll(), retriesMin);
});

test('a fifth of the reads of the last 10 s may be sent again', async (t) => {
  const { clock, read, takeAll } = setUp();
  for (let second = 0; second < 10; second++) {
    read(1000);
    if (second < 9) await clock.advance(1000);
  }
  t.is(takeAll(), 2000);
  read(50);
  t.is(takeAll(), 10);
});

test('reads and retries count for 10 s', async (t) => {
  const { clock, read, takeAll } = setUp();
  read(5000);
  t.is(takeAll(), 1000);
  await clock.advance(9999);
  t.is(takeAll(), 0);
  await clock.advance(1);
  t.is(takeAll(), retriesMin);
});
