/** The command that runs under a lock: in a process group of its own, so that it ends with all that it has started. */
import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { CommandLine } from '../command.ts';
import { Failure } from '../failure.ts';

export interface Child {
  /** As a shell tells it: the code, or 128 and the number of the signal that ended it. Throws Failure if it cannot be run. */
  readonly ended: Promise<number>;
  /** To it and all that it has started. */
  signal(signal: NodeJS.Signals): void;
}

export function startChild({ file, arguments: words }: CommandLine, environment: NodeJS.ProcessEnv): Child {
  const child = spawn(file, words, { env: environment, stdio: 'inherit', detached: true });
  return {
    ended: endOf(child, file),
    signal(signal) {
      if (child.pid === undefined) return;
      try {
        process.kill(-child.pid, signal);
      } catch (error) {
        // All of them have ended.
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      }
    },
  };
}

function endOf(child: ChildProcess, file: string): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', (error: NodeJS.ErrnoException) => {
      const why = error.code === 'ENOENT' ? 'there is no such program' : error.message;
      reject(new Failure(`cannot run ${file}: ${why}`));
    });
    child.once('exit', (code, signal) => {
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}
