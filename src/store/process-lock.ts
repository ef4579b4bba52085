/**
 * A lock between processes: a file that names its owner, linked into place with its content, so that nobody ever reads
 * half of one. An owner is a pid and the time it started: pids are used again, in containers almost always. Between
 * containers it says nothing: each sees only its own processes. There LevelDB's lock keeps the second one out.
 */
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import type { LockResult } from './disk.ts';
import { errorCode } from './errors.ts';

interface Owner {
  readonly pid: number;
  /** Clock ticks since the machine started; null where /proc does not tell. */
  readonly startTicks: number | null;
}

/** A lock left by an earlier life of this very pid is told from one this life holds. */
const held = new Set<string>();

/** `path` must be the same for everyone who means the same lock: no symbolic links in it. */
export async function takeProcessLock(path: string): Promise<LockResult> {
  if (held.has(path)) return { type: 'held', pid: process.pid };
  held.add(path);
  try {
    const result = await takeFrom(path);
    if (result.type === 'held') held.delete(path);
    return result;
  } catch (error) {
    held.delete(path);
    throw error;
  }
}

async function takeFrom(path: string): Promise<LockResult> {
  const startTicks = (await processStatus(process.pid))?.startTicks ?? null;
  const own = JSON.stringify({ pid: process.pid, startTicks });
  // In two containers on one volume both may be process 1.
  const draft = `${path}.${process.pid}.${startTicks}`;
  const stale = `${draft}.stale`;
  await writeFile(draft, own);
  try {
    for (;;) {
      if (await linked(draft, path)) break;
      const found = await contentOf(path);
      if (found === undefined) continue;
      const pid = await livingOwner(found);
      if (pid !== null) return { type: 'held', pid };
      // Someone else may have taken the stale lock over since it was read: what is moved away must be what was judged.
      if (!(await moved(path, stale))) continue;
      if ((await contentOf(stale)) !== found) await linked(stale, path);
      await rm(stale, { force: true });
    }
  } finally {
    await rm(draft, { force: true });
  }
  return {
    type: 'taken',
    async release() {
      // Another container cannot tell that this process lives, and may have taken the lock over.
      if ((await contentOf(path)) === own) await rm(path, { force: true });
      held.delete(path);
    },
  };
}

/** False if the target exists. */
async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

/** False if it was not there. */
async function moved(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false;
    throw error;
  }
}

async function livingOwner(content: string): Promise<number | null> {
  const owner = parseOwner(content);
  if (owner === null) return null;
  // A pid alone cannot tell this process from an earlier one.
  if (owner.pid === process.pid && owner.startTicks === null) return null;
  const status = await processStatus(owner.pid);
  return status !== null && status.startTicks === owner.startTicks ? owner.pid : null;
}

/** Null for what no living process wrote: content is whole from the first moment, but a power cut may empty it. */
function parseOwner(content: string): Owner | null {
  try {
    const { pid, startTicks } = JSON.parse(content);
    return Number.isSafeInteger(pid) && pid > 0 ? { pid, startTicks } : null;
  } catch {
    return null;
  }
}

/** Null if it is gone, or a zombie. */
async function processStatus(pid: number): Promise<{ startTicks: number | null } | null> {
  const self = await contentOf('/proc/self/stat');
  if (self === undefined) return signalReaches(pid) ? { startTicks: null } : null;
  const stat = await contentOf(`/proc/${pid}/stat`);
  if (stat === undefined) return null;
  // proc(5): the command, field 2, may hold anything, so count from behind its last parenthesis.
  const [state, ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return state === 'Z' || state === 'X' ? null : { startTicks: Number(rest[18]) };
}

function signalReaches(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return errorCode(error) === 'EPERM';
  }
}

async function contentOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    // ESRCH: the process ended while its /proc file was read.
    const code = errorCode(error);
    if (code !== 'ENOENT' && code !== 'ESRCH') throw error;
    return undefined;
  }
}
