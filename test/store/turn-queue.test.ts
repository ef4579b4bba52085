import test from 'ava';
import { TurnQueue } from '../../src/store/turn-queue.ts';
import { createRandom } from './random.ts';

test('what is wanted is taken in order, what was given up is not counted, whatever happens in which order', (t) => {
  const random = createRandom(1);
  const wanted = new Set<number>();
  const queue = new TurnQueue<number>((item) => wanted.has(item));
  /** Those that are in the queue and wanted, in order. */
  let expected: number[] = [];
  for (let step = 0; step < 20_000; step++) {
    const choice = random.below(20);
    if (choice < 9) {
      queue.push(step);
      wanted.add(step);
      expected.push(step);
    } else if (choice < 19 && expected.length > 0) {
      const item = random.pick(expected);
      wanted.delete(item);
      queue.gaveUp();
      expected = expected.filter((each) => each !== item);
    } else {
      const countMax = random.below(30);
      t.deepEqual(queue.take(countMax), expected.slice(0, countMax));
      expected = expected.slice(countMax);
    }
    t.is(queue.length, expected.length);
  }
});

test('what was given up is not kept, though nothing is taken', (t) => {
  const wanted = new Set<object>();
  let asked = 0;
  const queue = new TurnQueue<object>((item) => {
    asked += 1;
    return wanted.has(item);
  });
  for (let nth = 0; nth < 10_000; nth++) {
    const item = {};
    wanted.add(item);
    queue.push(item);
    wanted.delete(item);
    queue.gaveUp();
  }
  t.is(queue.length, 0);
  t.is(asked, 10_000, 'each was looked at once, alone');
});
