import test from 'ava';
import { CoherenceJudge } from './coherence-judge.ts';

test('a read that begins after the answer to a write and shows what was before is a violation', (t) => {
  const judge = new CoherenceJudge();
  judge.acknowledged('a', judge.writes('a'));
  const second = judge.writes('a');
  const meanwhile = judge.reads('a');
  judge.acknowledged('a', second);
  judge.answered(meanwhile, 1, 'g1');
  t.deepEqual(judge.violations, [], 'it began before the answer');
  judge.answered(judge.reads('a'), 2, 'g1');
  judge.answered(judge.reads('a'), 1, 'g2');
  t.deepEqual(judge.violations, ['a was 2, then g2 answered 1']);
});

test('what one reader has seen the next one must see, though the write is not answered', (t) => {
  const judge = new CoherenceJudge();
  judge.writes('a');
  const together = judge.reads('a');
  judge.answered(judge.reads('a'), 1, 'g1');
  judge.answered(together, 0, 'g2');
  t.deepEqual(judge.violations, []);
  judge.answered(judge.reads('a'), 0, 'g2');
  t.deepEqual(judge.violations, ['a was 1, then g2 answered 0']);
});

test('a number that nobody wrote is a violation, and binds nobody', (t) => {
  const judge = new CoherenceJudge();
  judge.acknowledged('a', judge.writes('a'));
  judge.answered(judge.reads('a'), 2, 'g1');
  judge.answered(judge.reads('a'), Number.NaN, 'g1');
  judge.answered(judge.reads('a'), 1, 'g1');
  t.deepEqual(judge.violations, [
    'g1 answered 2 for a, and 1 was the last to be written',
    'g1 answered NaN for a, and 1 was the last to be written',
  ]);
});

test('each key is judged by itself, and of many violations the first are kept', (t) => {
  const judge = new CoherenceJudge();
  judge.acknowledged('a', judge.writes('a'));
  judge.answered(judge.reads('b'), 0, 'g1');
  t.deepEqual(judge.violations, []);
  for (let time = 0; time < 100; time += 1) judge.answered(judge.reads('a'), 0, 'g1');
  t.is(judge.violations.length, 10);
});
