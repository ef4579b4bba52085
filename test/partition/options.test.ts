import test from 'ava';
import { UsageError } from '../../src/config.ts';
import { helpPage, type Options, parseOptions } from './options.ts';
import { shapes } from './shapes.ts';

function parsed(...words: readonly string[]): Options {
  const options = parseOptions(words);
  if (options === 'help') throw new Error('no help was asked for');
  return options;
}

test('all faults and shapes for ten minutes, unless told otherwise', (t) => {
  const { minutes, replicas, gateways, faults, seed, out } = parsed();
  t.deepEqual(
    { minutes, replicas, gateways, faults, seed, out },
    { minutes: 10, replicas: 5, gateways: 2, faults: ['cut', 'kill', 'pause'], seed: null, out: null },
  );
  t.deepEqual(parsed().shapes, shapes);
});

test('what is given counts', (t) => {
  const options = parsed('--minutes', '0.5', '--shapes', 'bridge,halves', '--faults=kill,pause', '--seed', '7');
  t.is(options.minutes, 0.5);
  t.deepEqual(options.shapes, ['halves', 'bridge']);
  t.deepEqual(options.faults, ['kill', 'pause']);
  t.is(options.seed, 7);
});

for (const [words, message] of [
  [['--minutes', '0'], /--minutes: expected a number from 0.1 to 600, got "0"/],
  [['--shapes', 'halves,quarters'], /--shapes: expected all, or some of halves,.*, got "halves,quarters"/],
  [['--faults', ''], /--faults: expected all/],
  [['--replicas', '2'], /--replicas: expected a whole number from 3 to 9/],
  [['--shape', 'halves'], /unknown option --shape; did you mean --shapes\?/],
  [['now'], /unexpected argument "now"/],
] as const) {
  test(`${words.join(' ')} is refused, and the reason said`, (t) => {
    t.throws(() => parseOptions(words), { instanceOf: UsageError, message });
  });
}

test('help names every option', (t) => {
  t.is(parseOptions(['--help']), 'help');
  for (const name of ['--minutes', '--shapes', '--faults', '--replicas', '--gateways', '--seed', '--out', '--help']) {
    t.true(helpPage().includes(name), name);
  }
});
