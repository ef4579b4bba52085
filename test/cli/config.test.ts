import test from 'ava';
import { history } from '../../src/cli/replica-options.ts';
import {
  duration,
  flag,
  fromEnvironment,
  httpUrl,
  integer,
  type Kind,
  longDuration,
  oneOf,
  optional,
  port,
  required,
  settingsOf,
  text,
  UsageError,
  valuesOf,
  withDefault,
} from '../../src/config.ts';
import { historyBoundsDefault } from '../../src/store/history.ts';

const table = fromEnvironment({
  id: required(text('ID'), 'who'),
  httpPort: withDefault(port, '8080', 'where'),
  logLevel: optional(oneOf('LEVEL', ['info', 'warn']), 'what'),
  insecure: flag('open'),
});

const valuesFrom = (flags: Record<string, string>, environment: NodeJS.ProcessEnv) =>
  valuesOf(table, settingsOf(table, new Map(Object.entries(flags)), environment));

test('a flag wins over the environment, and the environment over the default', (t) => {
  const environment = { BAZAR_ID: 'r1', BAZAR_HTTP_PORT: '81' };
  t.is(valuesFrom({ httpPort: '82' }, environment).httpPort, 82);
  t.is(valuesFrom({}, environment).httpPort, 81);
  t.is(valuesFrom({ id: 'r1' }, {}).httpPort, 8080);
});

test('settings say where they come from', (t) => {
  const settings = settingsOf(table, new Map([['id', 'r1']]), { BAZAR_INSECURE: 'true' });
  t.deepEqual(
    settings.map(({ name, text, source }) => `${name} ${text} ${source}`),
    ['id r1 flag', 'httpPort 8080 default', 'logLevel null not set', 'insecure true environment'],
  );
});

test('an empty variable is one that is not set', (t) => {
  t.is(valuesFrom({ id: 'r1' }, { BAZAR_HTTP_PORT: '' }).httpPort, 8080);
});

test('what is not set is null, and a switch false', (t) => {
  const values = valuesFrom({ id: 'r1' }, {});
  t.is(values.logLevel, null);
  t.false(values.insecure);
});

test('an option reads the environment only where it says so', (t) => {
  const plain = { limit: optional(integer('N', 1, 9), 'how many') };
  t.is(valuesOf(plain, settingsOf(plain, new Map(), { BAZAR_LIMIT: '5' })).limit, null);
});

test('errors name the flag or the variable, what was expected and what was there', (t) => {
  const wrong: [Record<string, string>, NodeJS.ProcessEnv, string][] = [
    [{}, {}, '--id ID or BAZAR_ID is required: who'],
    [{ id: '' }, {}, '--id: expected at least one character, got ""'],
    [{ id: 'r1', httpPort: '0' }, {}, '--http-port: expected a whole number from 1 to 65535, got "0"'],
    [{ id: 'r1' }, { BAZAR_LOG_LEVEL: 'loud' }, 'BAZAR_LOG_LEVEL: expected one of info, warn, got "loud"'],
    [{ id: 'r1' }, { BAZAR_INSECURE: 'yes' }, 'BAZAR_INSECURE: expected true, false, 1 or 0, got "yes"'],
  ];
  for (const [flags, environment, message] of wrong) {
    t.throws(() => valuesFrom(flags, environment), { instanceOf: UsageError, message });
  }
});

const kinds: readonly [string, Kind<unknown>, readonly [string, unknown][], readonly string[]][] = [
  [
    'duration',
    duration,
    [
      ['500ms', 500],
      ['2s', 2000],
      ['1m', 60_000],
      ['24h', 86_400_000],
    ],
    ['0s', '2', 's', '1.5s', '-1s', '25h', '', '2 s'],
  ],
  [
    'long duration',
    longDuration,
    [
      ['1h', 3_600_000],
      ['365d', 365 * 86_400_000],
    ],
    ['366d', '1w', '0d'],
  ],
  [
    'how much history',
    history,
    [
      ['1h,100000', historyBoundsDefault],
      ['7d,1', { ...historyBoundsDefault, ageMsMax: 7 * 86_400_000, changesMax: 1 }],
    ],
    ['1h', '1h,', ',1', '1h,0', '1h,1e3', '1h,100000001', '0h,1', '1h,1,1', ''],
  ],
  [
    'whole number',
    integer('N', 1, 9),
    [
      ['1', 1],
      ['09', 9],
    ],
    ['0', '10', '1.0', '1e0', '0x1', '', ' 1', '-1'],
  ],
  ['URL', httpUrl, [['http://a:1', new URL('http://a:1')]], ['a:1', 'ftp://a', '', '/v1']],
];

for (const [name, kind, right, wrong] of kinds) {
  test(`${name}: what it takes and what it refuses`, (t) => {
    for (const [text, value] of right) t.deepEqual(kind.parse(text), value);
    for (const text of wrong) t.throws(() => kind.parse(text), { instanceOf: UsageError }, text);
  });
}
