import test from 'ava';
import { Zipf } from '../../bench/zipf.ts';
import { SeededRandom } from '../raft/seeded-random.ts';

test('the first rank is drawn twice as often as the second, and ten times as often as the tenth', (t) => {
  const random = new SeededRandom(1);
  const zipf = new Zipf(10, 1);
  const counts = new Map<number, number>();
  for (let draw = 0; draw < 100_000; draw += 1) {
    const rank = zipf.draw(random.next());
    counts.set(rank, (counts.get(rank) ?? 0) + 1);
  }
  t.deepEqual(
    [...counts.keys()].sort((a, b) => a - b),
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
  );
  const times = (rank: number) => (counts.get(1) ?? 0) / (counts.get(rank) ?? 0);
  t.true(Math.abs(times(2) - 2) < 0.1, `${times(2)}`);
  t.true(Math.abs(times(10) - 10) < 0.5, `${times(10)}`);
});

test('the first ranks have their share, all have all, and the edges are drawn', (t) => {
  const zipf = new Zipf(2, 1);
  t.is(zipf.shareOfFirst(1), 2 / 3);
  t.is(zipf.shareOfFirst(2), 1);
  t.is(zipf.draw(0), 1);
  t.is(zipf.draw(1 - Number.EPSILON), 2);
});
