import test from 'ava';
import { inTurns } from '../../bench/turns.ts';

test('all take turns, and who goes first changes', async (t) => {
  const turns: string[] = [];
  const samples = await inTurns(['a', 'b', 'c'], 3, async (name, round) => {
    turns.push(name);
    return round;
  });
  t.is(turns.join(''), 'abccbaabc');
  t.deepEqual(samples.get('b'), [1, 2, 3]);
});
