/** A child process whose output is kept. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { machinePath } from './machine.ts';

export const repository = fileURLToPath(new URL('../../', import.meta.url));

export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Child {
  readonly pid: number;
  readonly process: ChildProcess;
  readonly ended: Promise<Ending>;
  /** Null while it runs. */
  ending(): Ending | null;
  /** Sends the signal and waits for the end. */
  end(signal: NodeJS.Signals): Promise<Ending>;
  /** What it has printed, on stdout and stderr. */
  output(): string;
}

export interface ChildOptions {
  /** Output is appended to this file. */
  readonly logFile: string;
  readonly environment?: NodeJS.ProcessEnv;
  readonly directory?: string;
}

export function startChild(command: readonly string[], options: ChildOptions): Child {
  const [file, ...args] = command;
  if (file === undefined) throw new Error('a command needs at least a file to run');
  const log = openSync(options.logFile, 'a');
  const child = spawn(file, args, {
    cwd: options.directory ?? repository,
    env: { ...process.env, PATH: machinePath, ...options.environment },
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  let ending: Ending | null = null;
  const ended = new Promise<Ending>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      ending = { code, signal };
      resolve(ending);
    });
  });
  if (child.pid === undefined) throw new Error(`${file} could not be started`);
  return {
    pid: child.pid,
    process: child,
    ended,
    ending: () => ending,
    async end(signal) {
      child.kill(signal);
      return await ended;
    },
    output: () => readFileSync(options.logFile, 'utf8'),
  };
}

/** The command line that runs `bazar` from this repository with the Node that runs the tests. */
export function bazarCommand(...args: readonly string[]): readonly string[] {
  return [process.execPath, `${repository}src/cli.ts`, ...args];
}
