/**
 * Settings: each is declared once, with what it means and how it is written; help, environment variables, parsing and
 * `bazar config` all come from that declaration. A flag wins over the environment, the environment over the default.
 */
import { isAbsolute, resolve } from 'node:path';

/** Something a person handed in is wrong. One line: what was wrong, what was expected, what to do. */
export class ConfigError extends Error {
  override readonly name: string = 'ConfigError';
}

/** A wrong command line or environment variable. */
export class UsageError extends ConfigError {
  override readonly name = 'UsageError';
}

/** How a value is written. `parse` throws UsageError with what was expected; its caller names the setting. */
export interface Kind<Value> {
  /** Stands for the value in help: `FILE`; null for a switch, which is given without a value. */
  readonly placeholder: string | null;
  readonly parse: (text: string) => Value;
  /** Its values are never shown, not even where they are wrong. */
  readonly secret?: true;
  /** What joins the values of a flag that may be given several times; without it the last one counts. */
  readonly separator?: string;
}

export interface Option<Value> extends Kind<Value> {
  readonly description: string;
  readonly required: boolean;
  /** In the written form; null where there is none. */
  readonly defaultText: string | null;
  /** What an option without text and without default is. */
  readonly absent: Value | null;
  /** Whether it may come from `BAZAR_…`. */
  readonly environment: boolean;
}

/** By name in camelCase: `httpPort` is the flag `--http-port` and the variable `BAZAR_HTTP_PORT`. */
export type OptionTable = Readonly<Record<string, Option<unknown>>>;

export type Values<Table extends OptionTable> = {
  readonly [Name in keyof Table]: Table[Name] extends Option<infer Value> ? Value : never;
};

export function required<Value>(kind: Kind<Value>, description: string): Option<Value> {
  return { ...kind, description, required: true, defaultText: null, absent: null, environment: false };
}

export function optional<Value>(kind: Kind<Value>, description: string): Option<Value | null> {
  return { ...kind, description, required: false, defaultText: null, absent: null, environment: false };
}

export function withDefault<Value>(kind: Kind<Value>, defaultText: string, description: string): Option<Value> {
  return { ...kind, description, required: false, defaultText, absent: null, environment: false };
}

export function flag(description: string): Option<boolean> {
  return { ...boolean, description, required: false, defaultText: null, absent: false, environment: false };
}

/** The same options, also read from the environment. */
export function fromEnvironment<Table extends OptionTable>(table: Table): Table {
  return Object.fromEntries(
    Object.entries(table).map(([name, option]) => [name, { ...option, environment: true }]),
  ) as Table;
}

export const flagName = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

export const environmentName = (name: string): string => `BAZAR_${flagName(name).replaceAll('-', '_').toUpperCase()}`;

export type Source = 'flag' | 'argument' | 'environment' | 'default' | 'not set';

export interface Setting {
  readonly name: string;
  readonly text: string | null;
  readonly source: Source;
}

/** What is in force, before it is checked, in the order of the table. `flags` holds what was given, by name. */
export function settingsOf(
  table: OptionTable,
  flags: ReadonlyMap<string, string>,
  environment: NodeJS.ProcessEnv,
): readonly Setting[] {
  return Object.entries(table).map(([name, option]) => {
    const given = flags.get(name);
    if (given !== undefined) return { name, text: given, source: 'flag' };
    const variable = option.environment ? environment[environmentName(name)] : undefined;
    // As with most programs, an empty variable is one that is not set.
    if (variable !== undefined && variable !== '') return { name, text: variable, source: 'environment' };
    if (option.defaultText !== null) return { name, text: option.defaultText, source: 'default' };
    return { name, text: null, source: 'not set' };
  });
}

/** The checked values. Throws UsageError, naming the flag or variable at fault. */
export function valuesOf<Table extends OptionTable>(table: Table, settings: readonly Setting[]): Values<Table> {
  const values = settings.map((setting) => [
    setting.name,
    checkedValue(table[setting.name] as Option<unknown>, setting),
  ]);
  return Object.fromEntries(values) as Values<Table>;
}

function checkedValue(option: Option<unknown>, { name, text, source }: Setting): unknown {
  if (text === null) {
    if (!option.required) return option.absent;
    const or = option.environment ? ` or ${environmentName(name)}` : '';
    throw new UsageError(`--${flagName(name)} ${option.placeholder}${or} is required: ${option.description}`);
  }
  try {
    return option.parse(text);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const spelling = source === 'argument' ? option.placeholder : `--${flagName(name)}`;
    const where = source === 'environment' ? environmentName(name) : spelling;
    const got = option.secret ? '' : `, got ${JSON.stringify(text)}`;
    throw new UsageError(`${where}: ${error.message}${got}`);
  }
}

export function text(placeholder: string): Kind<string> {
  return {
    placeholder,
    parse(value) {
      if (value === '') throw new UsageError('expected at least one character');
      return value;
    },
  };
}

/** A file or directory, absolute from here on. */
export function path(placeholder: string): Kind<string> {
  const { parse } = text(placeholder);
  return { placeholder, parse: (value) => (isAbsolute(parse(value)) ? value : resolve(value)) };
}

/** What opens something: visible ASCII, so that it can be a header's. */
export function secret(placeholder: string): Kind<string> {
  return {
    placeholder,
    secret: true,
    parse(value) {
      if (!/^[!-~]+$/.test(value)) throw new UsageError('expected letters, digits and signs of ASCII, without spaces');
      return value;
    },
  };
}

export function integer(placeholder: string, min: number, max: number): Kind<number> {
  return {
    placeholder,
    parse(value) {
      const number = Number(value);
      if (!/^\d+$/.test(value) || number < min || number > max) {
        throw new UsageError(`expected a whole number from ${min} to ${max}`);
      }
      return number;
    },
  };
}

export const port: Kind<number> = integer('PORT', 1, 65535);

export function oneOf<const Choice extends string>(placeholder: string, choices: readonly Choice[]): Kind<Choice> {
  return {
    placeholder,
    parse(value) {
      const choice = choices.find((candidate) => candidate === value);
      if (choice === undefined) throw new UsageError(`expected one of ${choices.join(', ')}`);
      return choice;
    },
  };
}

const millisecondsIn = new Map([
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 24 * 3_600_000],
]);

/** `500ms`, `2s`, `1m`, `7d`; milliseconds from here on. */
function durationUpTo(days: number, maxText: string): Kind<number> {
  return {
    placeholder: 'DURATION',
    parse(value) {
      const [, amount, unit = ''] = /^(\d+)(ms|s|m|h|d)$/.exec(value) ?? [];
      const durationMs = Number(amount) * (millisecondsIn.get(unit) ?? 0);
      if (!(durationMs >= 1 && durationMs <= days * 24 * 3_600_000)) {
        throw new UsageError(`expected a duration such as 500ms, 2s or 1m, at most ${maxText}`);
      }
      return durationMs;
    },
  };
}

export const duration: Kind<number> = durationUpTo(1, '24h');

export const longDuration: Kind<number> = durationUpTo(365, '365d');

const bytesIn: Readonly<Record<string, number>> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };
const sizeBytesMax = 64 * 1024 ** 3;

/** `0`, `512KiB`, `256MiB`; bytes from here on. */
export const byteSize: Kind<number> = {
  placeholder: 'BYTES',
  parse(value) {
    const [, amount, unit = 'B'] = /^(\d+)(B|KiB|MiB|GiB)?$/.exec(value) ?? [];
    const bytes = Number(amount) * (bytesIn[unit] ?? 0);
    if (!(bytes >= 0 && bytes <= sizeBytesMax))
      throw new UsageError('expected a size such as 0, 512KiB or 256MiB, at most 64GiB');
    return bytes;
  },
};

export const httpUrl: Kind<URL> = {
  placeholder: 'URL',
  parse(value) {
    const url = URL.canParse(value) ? new URL(value) : null;
    if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
      throw new UsageError('expected a URL such as http://127.0.0.1:8080');
    }
    return url;
  },
};

const boolean: Kind<boolean> = {
  placeholder: null,
  parse(value) {
    if (value === 'true' || value === '1') return true;
    if (value === 'false' || value === '0') return false;
    throw new UsageError('expected true, false, 1 or 0');
  },
};
