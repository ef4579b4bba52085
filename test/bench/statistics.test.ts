import test from 'ava';
import { median, medianOf, quantile, summarise } from '../../bench/statistics.ts';

test('a median is the middle, or lies between the two in the middle', (t) => {
  t.is(median([3, 1, 2]), 2);
  t.is(median([4, 1, 2, 3]), 2.5);
  t.is(
    medianOf([{ ms: 5 }, { ms: 1 }, { ms: 9 }], ({ ms }) => ms),
    5,
  );
  t.throws(() => median([]), { message: /needs a sample/ });
});

test('a quantile is one of the samples', (t) => {
  const samples = Array.from({ length: 101 }, (_, number) => 100 - number);
  t.is(quantile(samples, 0), 0);
  t.is(quantile(samples, 0.5), 50);
  t.is(quantile(samples, 0.99), 99);
  t.is(quantile(samples, 1), 100);
  t.throws(() => quantile([], 0.5), { message: /needs a sample/ });
});

test('a summary has the mean and the deviation of the whole population', (t) => {
  const { mean, deviation, minimum, p50, maximum } = summarise([2, 4, 4, 4, 5, 5, 7, 9]);
  t.deepEqual({ mean, deviation, minimum, p50, maximum }, { mean: 5, deviation: 2, minimum: 2, p50: 4, maximum: 9 });
});
