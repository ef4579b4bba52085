import test from 'ava';
import { Rounds } from '../../src/gateway/rounds.ts';

test('one question at a time: who asks while it is under way shares the next', async (t) => {
  const open: ((answer: number) => void)[] = [];
  const rounds = new Rounds(() => new Promise<number>((resolve) => open.push(resolve)));
  const settled = () => new Promise(setImmediate);
  const [first, second] = [rounds.join(), rounds.join()];
  await settled();
  const [third, fourth] = [rounds.join(), rounds.join()];
  await settled();
  t.is(open.length, 1);
  open[0]?.(1);
  t.deepEqual(await Promise.all([first, second]), [1, 1]);
  await settled();
  t.is(open.length, 2);
  open[1]?.(2);
  t.deepEqual(await Promise.all([third, fourth]), [2, 2]);
  const fifth = rounds.join();
  await settled();
  open[2]?.(3);
  t.is(await fifth, 3);
});

test('a question that fails is answered with its failure, and the next is asked all the same', async (t) => {
  const answers = [Promise.reject(new Error('first')), Promise.resolve('second')];
  const rounds = new Rounds(() => answers.shift() ?? Promise.resolve('more'));
  await t.throwsAsync(rounds.join(), { message: 'first' });
  t.is(await rounds.join(), 'second');
});
