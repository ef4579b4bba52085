/** What can be said of how a gateway reads: to `bazar gateway`, and to `bazar dev`, which hands it on. */
import { byteSize, flagName, fromEnvironment, type Option, oneOf, optional, withDefault } from '../config.ts';
import { cachePolicies } from '../gateway/cache/policy.ts';
import { cacheTtl } from '../gateway/cache/ttl.ts';
import { coherenceModes } from '../gateway/reader.ts';
import { balancePolicies } from '../store/read-policy.ts';

export const readOptions = fromEnvironment({
  coherence: withDefault(
    oneOf('MODE', coherenceModes),
    'lease',
    'How cached reads are known to be current: lease, validate (asks the leader each time), or off, which keeps nothing.',
  ),
  cachePolicy: withDefault(oneOf('POLICY', cachePolicies), 'sieve', 'What is evicted first: sieve, lru or ttl.'),
  cacheBytes: withDefault(
    byteSize,
    '256MiB',
    'How much is kept in memory, keys and headers included; 0 keeps nothing.',
  ),
  cacheTtl: optional(cacheTtl, 'How long answers are kept at most, on top of being current: search=1h,info=30m.'),
  balance: withDefault(
    oneOf('POLICY', balancePolicies),
    'p2c',
    `How gateways spread reads over the replicas: ${balancePolicies.join(', ')}.`,
  ),
});

type ReadOption = keyof typeof readOptions;

/** The same, checked as there, and kept as they are written; null where nothing is said and nothing is the default. */
export const writtenReadOptions = Object.fromEntries(
  Object.entries(readOptions).map(([name, option]) => [name, asWritten(option)]),
) as Readonly<Record<ReadOption, Option<string | null>>>;

/** The flags that say the same to a gateway. */
export function readFlags(written: Readonly<Record<ReadOption, string | null>>): readonly string[] {
  return (Object.keys(readOptions) as ReadOption[]).flatMap((name) => {
    const text = written[name];
    return text === null ? [] : [`--${flagName(name)}`, text];
  });
}

/** Checked as the option is, and kept as it is written. */
export function asWritten(option: Option<unknown>): Option<string | null> {
  return {
    ...option,
    absent: null,
    parse(text) {
      option.parse(text);
      return text;
    },
  };
}
