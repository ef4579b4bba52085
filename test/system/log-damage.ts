/** What can happen to the files of a LevelDB directory while nobody has it open. */
import { open, readdir, rm, stat, truncate } from 'node:fs/promises';
import path from 'node:path';

export interface Damage {
  readonly name: string;
  inflict(directory: string): Promise<void>;
}

const pageBytes = 4096;

export const damages: readonly Damage[] = [
  {
    name: 'one bit flipped in the newest log file',
    inflict: async (directory) => {
      const file = await newestLog(directory);
      const offset = Math.floor((await stat(file)).size / 3);
      await overwrite(file, offset, (byte) => byte ^ 0x10, 1);
    },
  },
  {
    name: 'the newest log file cut in half',
    inflict: async (directory) => {
      const file = await newestLog(directory);
      await truncate(file, Math.floor((await stat(file)).size / 2));
    },
  },
  {
    name: 'a page of zeros in the newest log file',
    inflict: async (directory) => {
      const file = await newestLog(directory);
      const page = Math.floor((await stat(file)).size / 2 / pageBytes);
      await overwrite(file, page * pageBytes, () => 0, pageBytes);
    },
  },
  {
    name: 'the manifest without its last 10 bytes',
    inflict: async (directory) => {
      const file = await manifest(directory);
      await truncate(file, (await stat(file)).size - 10);
    },
  },
  {
    name: 'the manifest cut in half',
    inflict: async (directory) => {
      const file = await manifest(directory);
      await truncate(file, Math.floor((await stat(file)).size / 2));
    },
  },
  {
    name: 'the newest log file deleted',
    inflict: async (directory) => await rm(await newestLog(directory)),
  },
  {
    name: 'CURRENT deleted',
    inflict: async (directory) => await rm(path.join(directory, 'CURRENT')),
  },
];

async function newestLog(directory: string): Promise<string> {
  return await last(directory, /^\d+\.log$/);
}

async function manifest(directory: string): Promise<string> {
  return await last(directory, /^MANIFEST-\d+$/);
}

async function last(directory: string, name: RegExp): Promise<string> {
  const newest = (await readdir(directory))
    .filter((file) => name.test(file))
    .sort()
    .at(-1);
  if (newest === undefined) throw new Error(`${directory} holds no file like ${name}`);
  return path.join(directory, newest);
}

async function overwrite(
  file: string,
  offset: number,
  change: (byte: number) => number,
  lengthBytes: number,
): Promise<void> {
  const handle = await open(file, 'r+');
  try {
    const { buffer } = await handle.read(Buffer.alloc(lengthBytes), 0, lengthBytes, offset);
    await handle.write(buffer.map(change), 0, lengthBytes, offset);
  } finally {
    await handle.close();
  }
}
