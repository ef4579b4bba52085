/** The command line of a partition run. */
import { parseWords } from '../../src/cli/main.ts';
import {
  flag,
  flagName,
  integer,
  type Kind,
  type OptionTable,
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

const options = {
  minutes: withDefault(decimal('N', 0.1, 600), '10', 'How long faults are injected.'),
  shapes: withDefault(someOf<Shape>('SHAPES', shapes), 'all', `Of the cuts, any of ${shapes.join(', ')}.`),
  faults: withDefault(someOf<FaultKind>('FAULTS', faultKinds), 'all', `Any of ${faultKinds.join(', ')}.`),
  replicas: withDefault(integer('N', 3, 9), '5', 'Fewer than three have no majority that could go on.'),
  gateways: withDefault(integer('N', 1, 9), '2', 'Clients spread over all of them.'),
  seed: optional(
    integer('N', 0, 2 ** 32 - 1),
    'The same seed plans the same faults; drawn by lot and printed if absent.',
  ),
  out: optional(path('DIR'), 'Where the report goes; a fresh temporary directory if absent.'),
  help: flag('Show this page.'),
} satisfies OptionTable;

export type Options = Omit<Values<typeof options>, 'help'>;

/** Throws UsageError. `help` stands alone: nothing else that was given matters. */
export function parseOptions(words: readonly string[]): Options | 'help' {
  const { flags } = parseWords({ arguments: {}, options }, words);
  if (flags.has('help')) return 'help';
  return valuesOf(options, settingsOf(options, flags, {}));
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
