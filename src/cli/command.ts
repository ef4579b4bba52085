/** What a command of the command line is: a declaration, and a function of its checked values. */
import type { Readable, Writable } from 'node:stream';
import type { OptionTable, Values } from '../config.ts';

/** A standard stream of the process: where it leads decides how a command writes. */
export interface Output extends Writable {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** What a command may touch of its process. */
export interface Terminal {
  readonly stdin: Readable;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly environment: NodeJS.ProcessEnv;
  /** Aborted by the next Ctrl-C, SIGTERM or hang-up; while nobody has asked for one, these end the process at once. */
  readonly nextInterruption: () => AbortSignal;
  /** From now on a hang-up (SIGHUP) is for this listener, and no interruption. */
  readonly onHangUp: (listener: () => void) => void;
  /** From now on every signal by which others tell a process something is for this listener: none of them ends it. */
  readonly onSignal: (listener: (signal: NodeJS.Signals) => void) => void;
}

/** What stands behind `--`: another program and its arguments, as they are. */
export interface CommandLine {
  readonly file: string;
  readonly arguments: readonly string[];
}

export interface Command<Arguments extends OptionTable = OptionTable, Options extends OptionTable = OptionTable> {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** What help says beyond the summary and the options; lines of at most 100 characters. */
  readonly details?: string;
  /** By position. */
  readonly arguments: Arguments;
  readonly options: Options;
  /** It takes a command line behind `--`, and cannot do without. */
  readonly takesCommandLine?: true;
  /** Failures are thrown: Failure, ConfigError, EndedAs. `commandLine` is there if it takes one, and null otherwise. */
  run(input: Values<Arguments> & Values<Options>, terminal: Terminal, commandLine: CommandLine | null): Promise<void>;
}

/** Infers the types of a command's values from its tables. */
export function defineCommand<Arguments extends OptionTable, Options extends OptionTable>(
  command: Command<Arguments, Options>,
): Command<Arguments, Options> {
  return command;
}
