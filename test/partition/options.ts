/** The command line of a partition run. */
import { parseWords } from '../../src/cli/main.ts';
import {
  flag,
  flagName,
  integer,
  type Kind,
  type OptionTable,
  oneOf,
  optional,
  path,
  settingsOf,
  UsageError,
  type Values,
  valuesOf,
  withDefault,
} from '../../src/config.ts';
import { type FaultKind, faultKinds } from './round.ts';
import { type Shape, shapes } from './shapes.ts';
import type { WorkloadOptions } from './workload.ts';

const workloads = ['mixed', 'zipf'] as const;
const zipfDefaults = { keys: 1000, writeShare: 0.05 };

const options = {
  minutes: withDefault(decimal('N', 0.1, 600), '10', 'How long faults are injected.'),
  shapes: withDefault(someOf<Shape>('SHAPES', shapes), 'all', `Of the cuts, any of ${shapes.join(', ')}.`),
  faults: withDefault(someOf<FaultKind>('FAULTS', faultKinds), 'all', `Any of ${faultKinds.join(', ')}.`),
  replicas: withDefault(integer('N', 3, 9), '5', 'Fewer than three have no majority that could go on.'),
  gateways: withDefault(integer('N', 1, 9), '2', 'Clients spread over all of them; some ask one after the other.'),
  workload: withDefault(oneOf('NAME', workloads), 'mixed', 'What clients do: mixed or zipf, as below.'),
  keys: optional(integer('N', 10, 10_000), `Of zipf; ${zipfDefaults.keys} if absent.`),
  writes: optional(
    percent('PERCENT', 1, 90),
    `Of zipf: how many operations write; ${100 * zipfDefaults.writeShare}% if absent.`,
  ),
  rate: withDefault(integer('N', 200, 5000), '1000', 'Operations that clients begin in a second, at most.'),
  hitsMin: withDefault(
    percent('PERCENT', 0, 100),
    '0%',
    'Fails if gateways answer fewer of the reads from their caches.',
  ),
  seed: optional(
    integer('N', 0, 2 ** 32 - 1),
    'The same seed plans the same faults; drawn by lot and printed if absent.',
  ),
  out: optional(path('DIR'), 'Where the report goes; a fresh temporary directory if absent.'),
  help: flag('Show this page.'),
} satisfies OptionTable;

export interface Options extends Omit<Values<typeof options>, 'help' | 'workload' | 'keys' | 'writes'> {
  readonly workload: WorkloadOptions;
}

/** Throws UsageError. `help` stands alone: nothing else that was given matters. */
export function parseOptions(words: readonly string[]): Options | 'help' {
  const { flags } = parseWords({ arguments: {}, options }, words);
  if (flags.has('help')) return 'help';
  const { help: _, workload, keys, writes, ...others } = valuesOf(options, settingsOf(options, flags, {}));
  return { ...others, workload: workloadOf(workload, keys, writes) };
}

function workloadOf(type: WorkloadOptions['type'], keys: number | null, writeShare: number | null): WorkloadOptions {
  if (type === 'zipf') {
    return { type, keys: keys ?? zipfDefaults.keys, writeShare: writeShare ?? zipfDefaults.writeShare };
  }
  const given = keys !== null ? '--keys' : writeShare !== null ? '--writes' : null;
  if (given === null) return { type };
  throw new UsageError(
    `${given} is an option of the workload zipf, not of mixed; add --workload zipf, or leave it out`,
  );
}

export function helpPage(): string {
  const rows = Object.entries<OptionTable[string]>(options).map(([name, option]) => ({
    written: `--${flagName(name)}${option.placeholder === null ? '' : ` ${option.placeholder}`}`,
    meaning: option.defaultText === null ? option.description : `${option.description} (default ${option.defaultText})`,
  }));
  const width = Math.max(...rows.map(({ written }) => written.length));
  return [
    'Usage: npm run test:partition -- [options]',
    '',
    'Runs a cluster of real processes under load, cuts its network, kills and pauses its members, and checks that what',
    'its clients saw is linearizable. Cuts need Linux, root, ip and nft; --faults kill,pause needs none of them.',
    '',
    ...rows.map(({ written, meaning }) => `  ${written.padEnd(width)}  ${meaning}`),
    '',
    'Workloads:',
    '  mixed  Small teams of clients share few keys for a while: every kind of request, every second one a write.',
    '  zipf   Gets, some lists and few writes of the same keys all the time, drawn by the law of Zipf with exponent 0.99.',
    '',
    'Exit codes: 0 passed, 1 failed, 2 usage or something is missing, 130 interrupted.',
    '',
  ].join('\n');
}

function decimal(placeholder: string, min: number, max: number): Kind<number> {
  return {
    placeholder,
    parse(value) {
      const number = Number(value);
      if (!/^\d+(\.\d+)?$/.test(value) || number < min || number > max) {
        throw new UsageError(`expected a number from ${min} to ${max}`);
      }
      return number;
    },
  };
}

/** `5%`; a share of 1 from here on. */
function percent(placeholder: string, min: number, max: number): Kind<number> {
  return {
    placeholder,
    parse(value) {
      const number = Number(value.slice(0, -1));
      if (!/^\d+(\.\d+)?%$/.test(value) || number < min || number > max) {
        throw new UsageError(`expected a percentage from ${min}% to ${max}%, such as 5%`);
      }
      return number / 100;
    },
  };
}

/** `all`, or a list with commas. */
function someOf<Choice extends string>(placeholder: string, choices: readonly Choice[]): Kind<readonly Choice[]> {
  return {
    placeholder,
    parse(value) {
      if (value === 'all') return choices;
      const words = new Set(value.split(','));
      const chosen = choices.filter((choice) => words.has(choice));
      if (chosen.length !== words.size) throw new UsageError(`expected all, or some of ${choices.join(',')}`);
      return chosen;
    },
  };
}
