import test from 'ava';
import { table } from '../../bench/markdown.ts';

test('a table has a line for its header, one of dashes, and one for each row', (t) => {
  t.is(
    table(
      ['', 'ms'],
      [
        ['a', '1'],
        ['b', '2'],
      ],
    ),
    '|  | ms |\n| --- | --- |\n| a | 1 |\n| b | 2 |',
  );
  t.throws(() => table(['', 'ms'], [['a']]), { message: /1 cells under 2 columns/ });
});
