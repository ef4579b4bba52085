/**
 * A file system that is soon full, for the processes that are started with its prefix. It is mounted in a namespace that
 * lives as long as its keeper, which lives as long as this process: nothing is left behind, however this one ends.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';

export interface SmallDisk extends AsyncDisposable {
  /** Words before the command line of what is to see it. */
  readonly prefix: readonly string[];
  resize(sizeMiB: number): Promise<void>;
}

/** Why there can be none here, or null. */
export function smallDiskLack(): string | null {
  if (process.platform !== 'linux') return 'not Linux';
  return process.getuid?.() === 0 ? null : 'not root';
}

const run = promisify(execFile);

/** `mountPoint` is a directory. */
export async function openSmallDisk(mountPoint: string, sizeMiB: number): Promise<SmallDisk> {
  const script = 'mount -t tmpfs -o "size=$2m" tmpfs "$1" && echo mounted && exec cat';
  const keeper = spawn(
    'unshare',
    ['--mount', '--propagation', 'private', 'sh', '-c', script, 'keeper', mountPoint, `${sizeMiB}`],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  const exited = once(keeper, 'exit');
  const mounted = await Promise.race([once(keeper.stdout, 'data').then(() => true), exited.then(() => false)]);
  if (!mounted) throw new Error(`no small disk could be mounted at ${mountPoint}`);
  const prefix = ['nsenter', '--mount', '--target', `${keeper.pid}`, '--'];
  return {
    prefix,
    async resize(newSizeMiB) {
      const [file = '', ...args] = [...prefix, 'mount', '-o', `remount,size=${newSizeMiB}m`, mountPoint];
      await run(file, args);
    },
    async [Symbol.asyncDispose]() {
      keeper.stdin.end();
      await exited;
    },
  };
}
