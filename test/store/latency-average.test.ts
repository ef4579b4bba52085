import test from 'ava';
import { LatencyAverage } from '../../src/store/latency-average.ts';
import { ManualClock } from './manual-clock.ts';

test('what was measured longer ago weighs less, however many measurements there were', async (t) => {
  const clock = new ManualClock();
  const average = new LatencyAverage(clock);
  t.is(average.ms, null);
  average.add(100);
  t.is(average.ms, 100);
  for (let nth = 0; nth < 1000; nth++) average.add(0);
  t.is(average.ms, 100);
  await clock.advance(5000);
  average.add(0);
  t.is(Math.round(average.ms ?? 0), 37);
  await clock.advance(50_000);
  average.add(8);
  t.is(Math.round(average.ms ?? 0), 8);
  average.restart();
  t.is(average.ms, null);
});
