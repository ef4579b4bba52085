import test from 'ava';
import { SeededRandom } from '../sim/random.ts';
import { Zipf } from './zipf.ts';

test('the more wanted is drawn more often, by the law of Zipf', (t) => {
  const [count, exponent, draws] = [1000, 0.99, 200_000];
  const zipf = new Zipf(count, exponent);
  const random = new SeededRandom(1);
  const drawn = new Float64Array(count);
  for (let draw = 0; draw < draws; draw += 1) {
    const rank = zipf.draw(random);
    drawn[rank] = (drawn[rank] ?? 0) + 1;
  }
  const weights = Array.from({ length: count }, (_, rank) => 1 / (rank + 1) ** exponent);
  const sum = weights.reduce((total, weight) => total + weight, 0);
  for (const rank of [0, 1, 9, 99]) {
    const expected = (draws * (weights[rank] ?? 0)) / sum;
    // Six standard deviations.
    t.true(Math.abs((drawn[rank] ?? 0) - expected) < 6 * Math.sqrt(expected), `rank ${rank}: ${drawn[rank]}`);
  }
  t.is(
    drawn.reduce((total, times) => total + times, 0),
    draws,
  );
});

test('of one thing, that one is drawn', (t) => {
  t.is(new Zipf(1, 0.99).draw(new SeededRandom(1)), 0);
});
