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

test('the workload is mixed, and gateways may miss as often as they like, unless told otherwise', (t) => {
  const { workload, rate, hitsMin } = parsed();
  t.deepEqual({ workload, rate, hitsMin }, { workload: { type: 'mixed' }, rate: 1000, hitsMin: 0 });
  t.deepEqual(parsed('--workload', 'zipf').workload, { type: 'zipf', keys: 1000, writeShare: 0.05 });
  const told = parsed('--workload', 'zipf', '--keys', '200', '--writes', '2.5%', '--rate', '2000', '--hits-min', '60%');
  t.deepEqual(told.workload, { type: 'zipf', keys: 200, writeShare: 0.025 });
  t.is(told.rate, 2000);
  t.is(told.hitsMin, 0.6);
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
  [['--workload', 'zip'], /--workload: expected one of mixed, zipf, got "zip"/],
  [['--workload', 'zipf', '--keys', '9'], /--keys: expected a whole number from 10 to 10000, got "9"/],
  [['--workload', 'zipf', '--writes', '5'], /--writes: expected a percentage from 1% to 90%, such as 5%, got "5"/],
  [['--keys', '100'], /--keys is an option of the workload zipf, not of mixed; add --workload zipf, or leave it out/],
  [['--workload', 'mixed', '--writes', '5%'], /--writes is an option of the workload zipf/],
  [['--hits-min', '101%'], /--hits-min: expected a percentage from 0% to 100%/],
  [['now'], /unexpected argument "now"/],
] as const) {
  test(`${words.join(' ')} is refused, and the reason said`, (t) => {
    t.throws(() => parseOptions(words), { instanceOf: UsageError, message });
  });
}

test('help names every option', (t) => {
  t.is(parseOptions(['--help']), 'help');
  const names = [
    'minutes',
    'shapes',
    'faults',
    'replicas',
    'gateways',
    'workload',
    'keys',
    'writes',
    'rate',
    'hits-min',
  ];
  for (const name of [...names, 'seed', 'out', 'help']) t.true(helpPage().includes(`--${name}`), name);
});
