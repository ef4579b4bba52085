import test from 'ava';
import { inShare, shareFor, shareOf } from './share.ts';

test('the shares of a list hold each item once, and are of one size', (t) => {
  const items = Array.from({ length: 157 }, (_, position) => position);
  const shares = [1, 2, 3, 4].map((nth) => inShare(items, { nth, of: 4 }));
  t.deepEqual(
    shares.map(({ length }) => length),
    [40, 39, 39, 39],
  );
  t.deepEqual(
    shares.flat().toSorted((a, b) => a - b),
    items,
  );
  t.deepEqual(shares[1]?.slice(0, 3), [1, 5, 9]);
  t.deepEqual(inShare(items, shareOf('1/1')), items);
});

test('a share is two numbers, the first no larger than the second', (t) => {
  t.deepEqual(shareOf('2/4'), { nth: 2, of: 4 });
  t.deepEqual(shareOf('157/157'), { nth: 157, of: 157 });
  for (const text of ['', '2', '0/4', '5/4', '1/0', '-1/4', '1.5/4', '1/4/4', 'one/four', '1/1000']) {
    t.throws(() => shareOf(text), { message: /^--share takes two whole numbers such as 2\/4/ }, text);
  }
});

test('a commit has one share, commits have all of them, and no commit has the first', (t) => {
  const commits = Array.from({ length: 64 }, (_, position) => `${(position * 7919).toString(16).padStart(8, '0')}ffff`);
  const shares = commits.map((commit) => shareFor(commit, 4).nth);
  t.deepEqual([...new Set(shares)].toSorted(), [1, 2, 3, 4]);
  t.deepEqual(shareFor('0000000644ba', 4), { nth: 3, of: 4 });
  t.deepEqual(shareFor(null, 4), { nth: 1, of: 4 });
  t.deepEqual(shareFor('', 4), { nth: 1, of: 4 });
});
