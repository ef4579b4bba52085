/** Where the list of what is hot is kept between two runs. */
import { open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { hotListBytesMax } from './hot-list.ts';

export interface HotFile {
  /** For log lines. */
  readonly path: string;
  /** Null if there is none. Rejects if it cannot be read, or is larger than a list can be. */
  read(): Promise<Buffer | null>;
  /** Whole or not at all, and durable. Rejects with what the disk says. */
  write(bytes: Buffer): Promise<void>;
}

export function hotFileAt(path: string): HotFile {
  return {
    path,
    async read() {
      try {
        const found = await stat(path);
        if (!found.isFile()) throw new Error('it is no file');
        if (found.size > hotListBytesMax) throw new Error(`it is larger than ${hotListBytesMax} bytes`);
        return await readFile(path);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
        throw error;
      }
    },
    async write(bytes) {
      const draft = `${path}.draft`;
      // A new file each time: keys are for nobody else's eyes, whoever made what may lie there.
      await rm(draft, { force: true });
      await writeAndSync(draft, bytes);
      await rename(draft, path);
      await syncDirectory(dirname(path));
    },
  };
}

async function writeAndSync(path: string, bytes: Buffer): Promise<void> {
  const handle = await open(path, 'wx', 0o600);
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
