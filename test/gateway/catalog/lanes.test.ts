import { setImmediate as turn } from 'node:timers/promises';
import test from 'ava';
import { Gate, inLanes } from '../../../src/gateway/catalog/lanes.ts';

test('lanes take each item once, so many at a time', async (t) => {
  let open = 0;
  let most = 0;
  const done: number[] = [];
  await inLanes(3, [1, 2, 3, 4, 5, 6, 7], async (item) => {
    open += 1;
    most = Math.max(most, open);
    await turn();
    open -= 1;
    done.push(item);
  });
  t.deepEqual([most, done.toSorted()], [3, [1, 2, 3, 4, 5, 6, 7]]);
});

test('a gate lets in those who wait in their order, also behind one that fails', async (t) => {
  const gate = new Gate(2);
  const begun: number[] = [];
  let open = 0;
  const work = (nth: number) =>
    gate.during(async () => {
      begun.push(nth);
      open += 1;
      t.true(open <= 2);
      await turn();
      open -= 1;
      if (nth === 1) throw new Error('broken');
      return nth;
    });
  const settled = await Promise.allSettled([0, 1, 2, 3, 4].map(work));
  t.deepEqual(begun, [0, 1, 2, 3, 4]);
  t.deepEqual(
    settled.map((each) => (each.status === 'fulfilled' ? each.value : null)),
    [0, null, 2, 3, 4],
  );
  t.is(await work(5), 5);
});
