import test from 'ava';
import { countOf, countsOf, FlagError, readFlags } from '../../bench/flags.ts';

test('flags have defaults, and unknown ones are refused with those there are', (t) => {
  const defaults = { runs: '5', keys: '100,1' };
  t.deepEqual({ ...readFlags(['--runs', '2'], defaults) }, { runs: '2', keys: '100,1' });
  const error = t.throws(() => readFlags(['--run', '2'], defaults), { instanceOf: FlagError });
  t.regex(error.message, /--run'?.*there are: --runs 5, --keys 100,1/s);
});

test('counts are whole numbers from 1 on', (t) => {
  t.is(countOf('runs', '12'), 12);
  t.deepEqual(countsOf('keys', '100,1'), [100, 1]);
  for (const text of ['0', '-1', '1.5', 'x', '', '1,,2']) {
    t.throws(() => countsOf('runs', text), { instanceOf: FlagError, message: /--runs: expected whole numbers/ }, text);
  }
});
