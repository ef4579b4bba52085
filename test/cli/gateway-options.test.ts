import test from 'ava';
import { readFlags, readOptions, writtenReadOptions } from '../../src/cli/gateway-options.ts';
import { settingsOf, UsageError, valuesOf } from '../../src/config.ts';

const written = (flags: Readonly<Record<string, string>>, environment = {}) =>
  valuesOf(writtenReadOptions, settingsOf(writtenReadOptions, new Map(Object.entries(flags)), environment));

/** What a gateway makes of the flags it is given. */
function understood(flags: readonly string[]) {
  const given = new Map<string, string>();
  for (let at = 0; at < flags.length; at += 2) {
    const name = (flags[at] as string).replace('--', '').replace(/-[a-z]/g, ([, letter]) => `${letter}`.toUpperCase());
    given.set(name, flags[at + 1] as string);
  }
  return valuesOf(readOptions, settingsOf(readOptions, given, {}));
}

test('what is said of reading is handed on as it was written', (t) => {
  const said = {
    coherence: 'validate',
    cachePolicy: 'lru',
    cacheBytes: '1GiB',
    cacheTtl: 'search=1h,info=30m',
    balance: 'round_robin',
  };
  const flags = readFlags(written(said));
  t.deepEqual(flags, [
    ...['--coherence', 'validate', '--cache-policy', 'lru', '--cache-bytes', '1GiB'],
    ...['--cache-ttl', 'search=1h,info=30m', '--balance', 'round_robin'],
  ]);
  t.deepEqual(understood(flags), {
    coherence: 'validate',
    cachePolicy: 'lru',
    cacheBytes: 1024 ** 3,
    cacheTtl: { searchMs: 3_600_000, infoMs: 1_800_000 },
    balance: 'round_robin',
  });
});

test('where nothing is said a gateway has its own defaults', (t) => {
  const { coherence, cacheTtl } = understood(readFlags(written({})));
  t.deepEqual([coherence, cacheTtl], ['lease', null]);
});

test('it may come from the environment, which the children do not see', (t) => {
  t.is(written({}, { BAZAR_COHERENCE: 'off' }).coherence, 'off');
});

for (const [name, text, message] of [
  ['coherence', 'strong', '--coherence: expected one of lease, validate, off, got "strong"'],
  ['cachePolicy', 'fifo', '--cache-policy: expected one of sieve, lru, ttl, got "fifo"'],
  ['cacheBytes', '1GB', '--cache-bytes: expected a size such as 0, 512KiB or 256MiB, at most 64GiB, got "1GB"'],
  ['cacheTtl', 'all=1h', '--cache-ttl: expected the classes search and info, found "all", got "all=1h"'],
] as const) {
  test(`${name} is checked before it is handed on`, (t) => {
    t.throws(() => written({ [name]: text }), { instanceOf: UsageError, message });
  });
}
