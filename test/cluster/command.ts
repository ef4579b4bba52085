import { execFile } from 'node:child_process';
import { repository } from './child.ts';
import { machinePath } from './machine.ts';

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly input?: string;
  /** 60,000 by default. */
  readonly timeoutMs?: number;
  readonly directory?: string;
  readonly environment?: NodeJS.ProcessEnv;
}

/** Runs a command to its end. A code other than 0 is a value; a command that cannot run, or takes too long, an error. */
export function runCommand(command: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const [file, ...args] = command;
  if (file === undefined) throw new Error('a command needs at least a file to run');
  return new Promise((resolve, reject) => {
    const child = execFile(
      file,
      args,
      {
        cwd: options.directory ?? repository,
        env: { ...process.env, PATH: machinePath, ...options.environment },
        timeout: options.timeoutMs ?? 60_000,
        killSignal: 'SIGKILL',
        maxBuffer: 256 * 1024 * 1024,
      },
      (error, stdout, stderr) => {
        if (error === null) resolve({ code: 0, stdout, stderr });
        else if (typeof error.code === 'number') resolve({ code: error.code, stdout, stderr });
        else reject(new Error(`${command.join(' ')} did not end: ${error.message}\n${stdout}${stderr}`));
      },
    );
    // A command may end without having read its input: its code says whether that is well.
    child.stdin?.on('error', () => {});
    child.stdin?.end(options.input);
  });
}

/** As runCommand, for commands that must succeed; gives what it printed. */
export async function mustRun(command: readonly string[], options: CommandOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await runCommand(command, options);
  if (code !== 0) throw new Error(`${command.join(' ')} ended with code ${code}: ${stderr.trim() || stdout.trim()}`);
  return stdout;
}
