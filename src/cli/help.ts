/** Help pages, generated from the declarations of the commands. */
import { environmentName, flagName, type Option, type OptionTable } from '../config.ts';
import type { Command } from './command.ts';

/** `bazar put KEY [VALUE] [options]`. */
export function usageLine(command: Command): string {
  const positions = Object.values(command.arguments).map(({ placeholder, required }) =>
    required ? placeholder : `[${placeholder}]`,
  );
  const behind = command.takesCommandLine === true ? ['--', 'COMMAND', '[ARGUMENT…]'] : [];
  return ['bazar', command.name, ...positions, '[options]', ...behind].join(' ');
}

export function commandHelp(command: Command): string {
  const positions = Object.values(command.arguments).map((option) => [option.placeholder ?? '', option.description]);
  const rows = [...optionRows(command.options), ['-h, --help', 'Show this page.']];
  return [
    `Usage: ${usageLine(command)}`,
    '',
    command.summary,
    ...(command.details === undefined ? [] : ['', command.details]),
    '',
    ...(positions.length === 0 ? [] : ['Arguments:', table(positions), '']),
    'Options:',
    table(rows),
    '',
  ].join('\n');
}

export function overview(commands: readonly Command[]): string {
  return [
    'Usage: bazar COMMAND [arguments] [options]',
    '',
    'Commands:',
    table(commands.map((command) => [command.name, command.summary])),
    '',
    '"bazar COMMAND --help" says more; "bazar --version" prints the version.',
    'Exit codes: 0 ok, 1 error, 2 usage, 3 not found, 4 precondition failed, 5 unavailable.',
    '',
  ].join('\n');
}

function optionRows(options: OptionTable): string[][] {
  return Object.entries(options).map(([name, option]) => [
    `--${flagName(name)}${option.placeholder === null ? '' : ` ${option.placeholder}`}`,
    describe(option, option.environment ? environmentName(name) : null),
  ]);
}

function describe(option: Option<unknown>, variable: string | null = null): string {
  const notes = [
    option.required ? 'required' : null,
    !option.defaultText ? null : `default ${option.defaultText}`,
    variable,
  ].filter((note) => note !== null);
  return notes.length === 0 ? option.description : `${option.description} (${notes.join('; ')})`;
}

function table(rows: readonly (readonly string[])[]): string {
  const width = Math.max(...rows.map(([first = '']) => first.length));
  return rows.map(([first = '', second = '']) => `  ${first.padEnd(width)}  ${second}`).join('\n');
}
