/** A replica or gateway as a child process of `bazar dev`. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Child } from './supervisor.ts';

/** Compiled where this file is. */
const cli = fileURLToPath(new URL(`../../cli${path.extname(import.meta.filename)}`, import.meta.url));

/**
 * Its output goes to `onOutput`. The channel between the two processes carries nothing: it closes when the parent is
 * gone, however it went, and the child ends then.
 */
export function startChild(words: readonly string[], onOutput: (chunk: Buffer) => void): Child {
  const child = spawn(process.execPath, [cli, ...words], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    // In a session of its own: Ctrl-C is for the parent, which then stops its children once and in good order.
    detached: true,
    env: withoutSettings(process.env),
  });
  child.stdout?.on('data', onOutput);
  child.stderr?.on('data', onOutput);
  const { promise: exit, resolve } = Promise.withResolvers<string>();
  child.once('error', (error) => resolve(error.message));
  // After the last of its output, which says why it ended.
  child.once('close', (code, signal) => resolve(signal ?? `code ${code}`));
  return { pid: child.pid ?? null, kill: (signal) => void child.kill(signal), exit };
}

/** What is set for `bazar dev` is not meant for its children, which are told everything by flags. */
function withoutSettings(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith('BAZAR_')));
}
