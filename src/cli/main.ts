/** From the words of a command line to a command that runs, and from how it ended to an exit code. */
import { parseArgs } from 'node:util';
import { ConfigError, flagName, type OptionTable, settingsOf, UsageError, valuesOf } from '../config.ts';
import { StartError } from '../store/errors.ts';
import { version } from '../version.ts';
import type { Command, CommandLine, Terminal } from './command.ts';
import { EndedAs, exitCodes, Failure } from './failure.ts';
import { commandHelp, overview, usageLine } from './help.ts';
import { nearest } from './nearest.ts';

/** Loaded one at a time: `bazar get` should not wait for what `bazar dev` needs. */
export const commands: Readonly<Record<string, () => Promise<{ readonly command: Command }>>> = {
  dev: () => import('./dev.ts'),
  init: () => import('./init.ts'),
  replica: () => import('./replica.ts'),
  gateway: () => import('./gateway.ts'),
  config: () => import('./config.ts'),
  status: () => import('./status.ts'),
  metrics: () => import('./metrics.ts'),
  get: () => import('./get.ts'),
  put: () => import('./put.ts'),
  del: () => import('./del.ts'),
  list: () => import('./list.ts'),
  watch: () => import('./watch.ts'),
  txn: () => import('./txn.ts'),
  lock: () => import('./lock.ts'),
  hash: () => import('./hash.ts'),
  purge: () => import('./purge.ts'),
  token: () => import('./token.ts'),
  import: () => import('./import.ts'),
  export: () => import('./export.ts'),
};

/** Never rejects: whatever happened is on stderr, and in the exit code. */
export async function main(words: readonly string[], terminal: Terminal): Promise<number> {
  try {
    await dispatch(words, terminal);
    return exitCodes.ok;
  } catch (error) {
    if (error instanceof EndedAs) return error.exitCode;
    terminal.stderr.write(`bazar: ${error instanceof Error ? explain(error) : String(error)}\n`);
    if (error instanceof Failure) return error.exitCode;
    return error instanceof UsageError ? exitCodes.usage : exitCodes.error;
  }
}

/** What was foreseen is one line; anything else is a defect, and its stack is wanted. */
function explain(error: Error): string {
  const foreseen = error instanceof Failure || error instanceof ConfigError || error instanceof StartError;
  return foreseen ? error.message : (error.stack ?? error.message);
}

async function dispatch([first, ...rest]: readonly string[], terminal: Terminal): Promise<void> {
  if (first === '--version') return void terminal.stdout.write(`bazar ${version}\n`);
  if (first === '--help' || first === '-h' || (first === 'help' && rest.length === 0)) {
    const all = await Promise.all(Object.values(commands).map((load) => load()));
    return void terminal.stdout.write(overview(all.map(({ command }) => command)));
  }
  if (first === undefined) throw new UsageError(`expected a command\n${commandUsage}`);
  if (first === 'help') return dispatch([...rest, '--help'], terminal);
  const command = await loadCommand(first);
  if (rest.slice(0, rest.includes('--') ? rest.indexOf('--') : undefined).some(isHelp)) {
    return void terminal.stdout.write(commandHelp(command));
  }
  const { own, commandLine } = parted(command, rest);
  await command.run(inputOf(command, own, terminal.environment), terminal, commandLine);
}

/** A command line behind the first `--` is not ours to understand. */
function parted(
  command: Command,
  words: readonly string[],
): { readonly own: readonly string[]; readonly commandLine: CommandLine | null } {
  if (command.takesCommandLine !== true) return { own: words, commandLine: null };
  const end = words.indexOf('--');
  const [file, ...rest] = end === -1 ? [] : words.slice(end + 1);
  if (file === undefined) {
    throw new UsageError(`expected a command behind "--"\nUsage: ${usageLine(command)}`);
  }
  return { own: words.slice(0, end), commandLine: { file, arguments: rest } };
}

const isHelp = (word: string): boolean => word === '--help' || word === '-h';

export async function loadCommand(name: string): Promise<Command> {
  const load = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (load === undefined) {
    throw new UsageError(
      `unknown command ${JSON.stringify(name)}${suggestion(name, Object.keys(commands))}\n${commandUsage}`,
    );
  }
  return (await load()).command;
}

const commandUsage = `Usage: bazar ${Object.keys(commands).join('|')} [arguments] [options]`;

type Input = Parameters<Command['run']>[0];

function inputOf(command: Command, words: readonly string[], environment: NodeJS.ProcessEnv): Input {
  try {
    const given = parseWords(command, words);
    const positions = settingsOf(command.arguments, given.positions, {});
    const options = settingsOf(command.options, given.flags, environment);
    return { ...argumentValues(command.arguments, positions), ...valuesOf(command.options, options) };
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(`${error.message}\nUsage: ${usageLine(command)}`);
  }
}

function argumentValues(table: OptionTable, positions: ReturnType<typeof settingsOf>): Input {
  const missing = positions.find(({ name, text }) => table[name]?.required && text === null);
  if (missing !== undefined) throw new UsageError(`expected ${table[missing.name]?.placeholder}`);
  const given = positions.map((position) => ({ ...position, source: 'argument' as const }));
  return valuesOf(table, given);
}

/** The words sorted into flags and positions, by name; what is not declared is an error. */
export function parseWords(
  command: Pick<Command, 'arguments' | 'options'>,
  words: readonly string[],
): { readonly flags: ReadonlyMap<string, string>; readonly positions: ReadonlyMap<string, string> } {
  const names = new Map(Object.keys(command.options).map((name) => [flagName(name), name]));
  const types = [...names].map(([flag, name]) => {
    return [flag, { type: command.options[name]?.placeholder === null ? 'boolean' : 'string' }] as const;
  });
  // Not strict: the errors here name what was meant.
  const { tokens } = parseArgs({
    args: [...words],
    options: Object.fromEntries(types),
    allowPositionals: true,
    strict: false,
    tokens: true,
  });
  const flags = new Map<string, string>();
  const positionsLeft = Object.keys(command.arguments);
  const positions = new Map<string, string>();
  for (const token of tokens) {
    if (token.kind === 'positional') {
      const name = positionsLeft.shift();
      if (name === undefined) throw new UsageError(`unexpected argument ${JSON.stringify(token.value)}`);
      positions.set(name, token.value);
    } else if (token.kind === 'option') {
      const name = names.get(token.name);
      if (name === undefined) {
        throw new UsageError(`unknown option ${token.rawName}${suggestion(token.name, [...names.keys()], '--')}`);
      }
      const option = command.options[name];
      const text = flagText(token, option?.placeholder ?? null);
      const before = option?.separator === undefined ? undefined : flags.get(name);
      flags.set(name, before === undefined ? text : `${before}${option?.separator}${text}`);
    }
  }
  return { flags, positions };
}

function flagText(
  token: { readonly rawName: string; readonly value?: string | undefined; readonly inlineValue?: boolean | undefined },
  placeholder: string | null,
): string {
  if (placeholder === null) {
    if (token.value !== undefined) throw new UsageError(`${token.rawName} takes no value`);
    return 'true';
  }
  const looksLikeFlag = !token.inlineValue && token.value !== '-' && token.value?.startsWith('-');
  if (token.value === undefined || looksLikeFlag) {
    throw new UsageError(`${token.rawName} needs a value: ${token.rawName} ${placeholder}`);
  }
  return token.value;
}

function suggestion(word: string, candidates: readonly string[], prefix = ''): string {
  const candidate = nearest(word, candidates);
  return candidate === null ? '' : `; did you mean ${prefix}${candidate}?`;
}
