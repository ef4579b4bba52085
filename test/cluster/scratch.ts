/** Temporary directories, and the end of what earlier, killed runs left behind. */
import { mkdir, readdir, readFile, readlink, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { isAbandoned, ownedName } from './owner.ts';

export async function scratchDirectory(): Promise<string> {
  const directory = path.join(os.tmpdir(), ownedName());
  await mkdir(directory);
  return directory;
}

/** Ends the processes that run in abandoned directories, and removes these. */
export async function sweepScratch(): Promise<void> {
  for (const name of await readdir(os.tmpdir())) {
    if (!isAbandoned(name)) continue;
    const directory = path.join(os.tmpdir(), name);
    for (const pid of await processesOf(directory)) process.kill(pid, 'SIGKILL');
    await rm(directory, { recursive: true, force: true });
  }
}

/** Processes of this user that name the directory, or something in it, on their command line or as their own. */
async function processesOf(directory: string): Promise<readonly number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const found: number[] = [];
  for (const pid of pids) {
    try {
      const words = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0');
      const places = [...words, await readlink(`/proc/${pid}/cwd`)];
      if (places.some((place) => place === directory || place.startsWith(`${directory}/`))) found.push(pid);
    } catch {
      // It has ended meanwhile, or is another user's.
    }
  }
  return found;
}
