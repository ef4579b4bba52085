/** What the benchmarks can be told on the command line. */
import { parseArgs } from 'node:util';

/** What is wrong with the command line: for the person who wrote it, without a stack. */
export class FlagError extends Error {}

/** The flags with their defaults; of those that are not given the default is taken. Throws FlagError. */
export function readFlags<Name extends string>(
  args: readonly string[],
  defaults: Readonly<Record<Name, string>>,
): Readonly<Record<Name, string>> {
  const names = Object.keys(defaults) as Name[];
  const options = Object.fromEntries(names.map((name) => [name, { type: 'string' }] as const));
  const parse = () => {
    try {
      return parseArgs({ args: [...args], options }).values;
    } catch (error) {
      const expected = names.map((name) => `--${name} ${defaults[name]}`).join(', ');
      throw new FlagError(`${error instanceof Error ? error.message : error}; there are: ${expected}`);
    }
  };
  const given = Object.entries(parse()).filter((pair): pair is [string, string] => typeof pair[1] === 'string');
  return { ...defaults, ...Object.fromEntries(given) };
}

/** A whole number from 1 on. Throws FlagError. */
export function countOf(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) {
    throw new FlagError(`--${name}: expected whole numbers from 1 on, got ${JSON.stringify(text)}`);
  }
  return value;
}

/** Such as `1,16,64`. */
export function countsOf(name: string, text: string): readonly number[] {
  return text.split(',').map((count) => countOf(name, count));
}

/** For the person who waits. */
export function progress(text: string): void {
  process.stderr.write(`${text}\n`);
}
