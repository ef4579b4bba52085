/** Clusters that `bazar dev` runs, possibly below npm, as their dev.json describes them. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { waitFor } from './wait.ts';

interface DevFile {
  readonly pid: number;
  readonly replicas: readonly { readonly pid: number | null }[];
  readonly gateways: readonly { readonly pid: number | null }[];
}

/** Of all that dev has started and that runs now. */
export function devPids(dataDirectory: string): readonly number[] {
  const file = readDevFile(dataDirectory);
  return file === null ? [] : [...file.replicas, ...file.gateways].flatMap(({ pid }) => pid ?? []);
}

/** As Ctrl-C would; a signal to the npm that started it would not reach it. Resolves when all have ended. */
export async function interruptDev(dataDirectory: string): Promise<void> {
  const file = readDevFile(dataDirectory);
  if (file === null || !isAlive(file.pid)) return;
  process.kill(file.pid, 'SIGINT');
  await waitFor(() => !isAlive(file.pid), { description: `dev in ${dataDirectory} to end` });
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function readDevFile(dataDirectory: string): DevFile | null {
  const file = path.join(dataDirectory, 'dev.json');
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as DevFile) : null;
}
