import test from 'ava';
import { commands, parseWords } from '../../src/cli/main.ts';
import { nearest } from '../../src/cli/nearest.ts';
import { flag, optional, required, text } from '../../src/config.ts';
import { bazar } from './terminal.ts';

const command = {
  arguments: { key: required(text('KEY'), ''), value: optional(text('VALUE'), '') },
  options: {
    dataFile: optional(text('FILE'), ''),
    noRestart: flag(''),
    split: optional({ ...text('PART'), separator: '+' }, ''),
  },
};

const words: readonly [readonly string[], Record<string, string>, Record<string, string>][] = [
  [['k'], {}, { key: 'k' }],
  [['k', 'v'], {}, { key: 'k', value: 'v' }],
  [['--data-file', 'f', 'k'], { dataFile: 'f' }, { key: 'k' }],
  [['k', '--data-file=f'], { dataFile: 'f' }, { key: 'k' }],
  [['--data-file', '-'], { dataFile: '-' }, {}],
  [['--data-file=--x'], { dataFile: '--x' }, {}],
  [['--no-restart', 'k'], { noRestart: 'true' }, { key: 'k' }],
  [['--data-file', 'a', '--data-file', 'b'], { dataFile: 'b' }, {}],
  [['--split', 'a', '--split=b'], { split: 'a+b' }, {}],
  [['--', '--no-restart', '-v'], {}, { key: '--no-restart', value: '-v' }],
];

for (const [given, flags, positions] of words) {
  test(`understands: ${given.join(' ')}`, (t) => {
    const parsed = parseWords(command, given);
    t.deepEqual(Object.fromEntries(parsed.flags), flags);
    t.deepEqual(Object.fromEntries(parsed.positions), positions);
  });
}

const wrongWords: readonly [readonly string[], string][] = [
  [['--data-fil', 'f'], 'unknown option --data-fil; did you mean --data-file?'],
  [['--quite-other'], 'unknown option --quite-other'],
  [['-x'], 'unknown option -x'],
  [['--data-file'], '--data-file needs a value: --data-file FILE'],
  [['--data-file', '--no-restart'], '--data-file needs a value: --data-file FILE'],
  [['--no-restart=true'], '--no-restart takes no value'],
  [['k', 'v', 'w'], 'unexpected argument "w"'],
];

for (const [given, message] of wrongWords) {
  test(`refuses: ${given.join(' ')}`, (t) => {
    t.throws(() => parseWords(command, given), { message });
  });
}

test('what is near is suggested, what is not is not', (t) => {
  t.is(nearest('improt', ['export', 'import', 'init']), 'import');
  t.is(nearest('lst', ['list', 'del']), 'list');
  t.is(nearest('frobnicate', ['list', 'del']), null);
});

test('an unknown command is a usage error with a suggestion', async (t) => {
  const { code, stderr } = await bazar(['statsu']);
  t.is(code, 2);
  t.regex(stderr, /^bazar: unknown command "statsu"; did you mean status\?\nUsage: bazar dev\|/);
  t.is((await bazar(['constructor'])).code, 2);
  t.is((await bazar([])).code, 2);
});

test('a usage error shows how the command is used', async (t) => {
  const missing = await bazar(['get']);
  t.is(missing.code, 2);
  t.is(missing.stderr, 'bazar: expected KEY\nUsage: bazar get KEY [options]\n');
});

for (const name of Object.keys(commands)) {
  test(`bazar ${name} has a help page with all of its options`, async (t) => {
    const load = commands[name];
    if (load === undefined) return t.fail();
    const { command } = await load();
    t.is(command.name, name);
    const help = await bazar([name, '--help']);
    t.is(help.code, 0);
    t.true(help.stdout.startsWith(`Usage: bazar ${name}`));
    for (const { description } of Object.values(command.options))
      t.true(help.stdout.includes(description), description);
    t.deepEqual(await bazar([name, '-h']), help);
    t.deepEqual(await bazar(['help', name]), help);
  });
}

test('the overview lists every command, and --version the version', async (t) => {
  const { stdout } = await bazar(['--help']);
  for (const name of Object.keys(commands)) t.regex(stdout, new RegExp(`^  ${name} `, 'm'));
  t.regex((await bazar(['--version'])).stdout, /^bazar \d+\.\d+\.\d+\n$/);
});

test('config checks what is set, and shows it on request', async (t) => {
  const environment = { BAZAR_ID: 'r1', BAZAR_DATA: '/data' };
  const shown = await bazar(['config', 'replica', '--print', '--http-port', '99'], { environment });
  t.is(shown.code, 0);
  t.regex(shown.stdout, /^replica\n {2}id +r1 +environment$/m);
  t.regex(shown.stdout, /^ {2}http-port +99 +flag$/m);
  t.regex(shown.stdout, /^ {2}log-level +info +default$/m);
  t.regex(shown.stdout, /^ {2}key +- +not set$/m);
  t.false(shown.stdout.includes('gateway\n'));
  const all = await bazar(['config', '--print'], { environment });
  for (const section of ['replica', 'gateway', 'dev', 'client']) t.regex(all.stdout, new RegExp(`^${section}$`, 'm'));
  t.regex(all.stdout, /^ {2}url +http:\/\/127\.0\.0\.1:8080 +default$/m);
  const silent = await bazar(['config'], { environment });
  t.deepEqual([silent.code, silent.stdout], [0, '']);
  const wrong = await bazar(['config'], { environment: { BAZAR_LOG_LEVEL: 'loud' } });
  t.is(wrong.code, 2);
  t.regex(wrong.stderr, /BAZAR_LOG_LEVEL: expected one of debug, info, warn, error, got "loud"/);
});

for (const [words, message] of [
  [['lock', '', '--', 'true'], /^bazar: NAME: expected the name of a lock \(.*\), got ""/],
  [['put', '', 'x'], /^bazar: KEY: expected at least one character, got ""/],
  [['put', 'k', 'x', '--timeout', ''], /^bazar: --timeout: expected /],
] as const) {
  test(`what is wrong with an argument is told by the name that help has for it: ${words.join(' ')}`, async (t) => {
    const { code, stderr } = await bazar(words);
    t.is(code, 2);
    t.regex(stderr, message);
  });
}
