import test from 'ava';
import { ElapsedClock } from '../../src/raft/elapsed-clock.ts';

function setUp() {
  const times = { now: 100, wall: 5000 };
  const elapsed = new ElapsedClock({ now: () => times.now, wallNow: () => times.wall });
  const pass = (ms: number, wallMs = ms) => {
    times.now += ms;
    times.wall += wallMs;
    return elapsed.now();
  };
  return { pass };
}

test('while both clocks go on it goes with them', (t) => {
  const { pass } = setUp();
  t.deepEqual([pass(0), pass(10), pass(20)], [100, 110, 130]);
});

test('a sleep, in which the wall clock alone goes on, has passed', (t) => {
  const { pass } = setUp();
  t.deepEqual([pass(10, 1010), pass(10), pass(0, 500)], [1110, 1120, 1620]);
});

test('a wall clock that is set back takes nothing back, and the next sleep counts as a whole', (t) => {
  const { pass } = setUp();
  t.deepEqual([pass(10, -4000), pass(10), pass(10, 310)], [110, 120, 430]);
});

test('what one clock shows in whole milliseconds does not add up', (t) => {
  const { pass } = setUp();
  let last = 0;
  for (let turn = 0; turn < 1000; turn += 1) last = pass(1, turn % 2 === 0 ? 0 : 2);
  t.true(Math.abs(last - 1100) <= 2, `${last}`);
});
