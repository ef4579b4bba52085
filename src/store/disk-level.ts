/** The real disk: LevelDB through `level`, files through node:fs. */
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Level } from 'level';
import type { Disk, FixedFile, KeyRange, KeyValueReader, KeyValueStore, LockResult, WriteOperation } from './disk.ts';
import { errorCode, StoreError } from './errors.ts';
import { takeProcessLock } from './process-lock.ts';
import { checkTables } from './table-check.ts';

type Database = Level<Uint8Array, Uint8Array>;
type Snapshot = ReturnType<Database['snapshot']>;

/**
 * The databases this process has open. LevelDB's own lock belongs to the process, and a second open that fails
 * drops it: then another process could open the database too. So the second open must not reach LevelDB.
 */
const openPaths = new Set<string>();

/** Rows are fetched from LevelDB in pages of about this size. */
const pageRowsMax = 1000;
const pageBytes = 256 * 1024;

export const levelDisk: Disk = {
  openKeyValueStore,
  openFixedFile,

  async makeDirectory(path) {
    const first = await mkdir(path, { recursive: true });
    if (first === undefined) return;
    for (let made = path; made !== dirname(first); made = dirname(made)) await syncDirectory(dirname(made));
  },

  async list(path) {
    try {
      return (await readdir(path)).sort();
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return [];
      throw error;
    }
  },

  async readFile(path) {
    try {
      return await readFile(path);
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return undefined;
      throw error;
    }
  },

  async writeFile(path, bytes) {
    const draft = `${path}.tmp`;
    await using file = await open(draft, 'w');
    await file.writeFile(bytes);
    await file.sync();
    await rename(draft, path);
    await syncDirectory(dirname(path));
  },

  async rename(from, to) {
    await rename(from, to);
    await syncDirectory(dirname(to));
    if (dirname(from) !== dirname(to)) await syncDirectory(dirname(from));
  },

  async remove(path) {
    await rm(path, { recursive: true, force: true });
    await syncDirectory(dirname(path));
  },

  async lock(path): Promise<LockResult> {
    return takeProcessLock(await canonical(path));
  },
};

async function openKeyValueStore(path: string, options: { createIfMissing: boolean }): Promise<KeyValueStore> {
  // LevelDB would make the directory even if it then refuses to create a database in it.
  if (!options.createIfMissing) await stat(path);
  const guard = await canonical(path);
  if (openPaths.has(guard)) {
    throw Object.assign(new Error(`${path} is already open in this process`), { code: 'LEVEL_LOCKED' });
  }
  openPaths.add(guard);
  try {
    await checkTables(path).catch(async (error: unknown) => {
      await checkNotHeld(path);
      throw error;
    });
    const database: Database = new Level(path, { keyEncoding: 'view', valueEncoding: 'view', compression: true });
    await database.open(options);
    await syncDirectory(path);
    return new LevelStore(database, () => openPaths.delete(guard));
  } catch (error) {
    openPaths.delete(guard);
    throw levelError(error);
  }
}

/**
 * What is damaged may be repaired, but not under another process. LevelDB takes its lock before it reads anything, and
 * refuses then, as it is told to. Throws LEVEL_LOCKED, and whatever else kept LevelDB from the lock: nobody knows then
 * whose it is.
 */
async function checkNotHeld(path: string): Promise<void> {
  const database = new Level(path);
  try {
    await database.open({ createIfMissing: false, errorIfExists: true });
  } catch (error) {
    const reason = levelError(error);
    if (!(reason instanceof Error && reason.message.endsWith('exists (error_if_exists is true)'))) throw reason;
  } finally {
    await database.close();
  }
}

class LevelReader implements KeyValueReader {
  readonly #database: Database;
  readonly #options: { readonly snapshot?: Snapshot };

  constructor(database: Database, options: { readonly snapshot?: Snapshot } = {}) {
    this.#database = database;
    this.#options = options;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    try {
      return this.#database.getSync(key, this.#options);
    } catch (error) {
      throw levelError(error);
    }
  }

  async *iterate(range: KeyRange): AsyncGenerator<readonly [Uint8Array, Uint8Array], void> {
    const iterator = this.#database.iterator({ ...range, ...this.#options, highWaterMarkBytes: pageBytes });
    let left = range.limit ?? Number.POSITIVE_INFINITY;
    try {
      // Not a row further than the limit: damage behind it would fail the whole page.
      while (left > 0) {
        const page = await iterator.nextv(Math.min(pageRowsMax, left));
        if (page.length === 0) return;
        left -= page.length;
        yield* page;
      }
    } catch (error) {
      throw levelError(error);
    } finally {
      await iterator.close();
    }
  }
}

class LevelStore extends LevelReader implements KeyValueStore {
  readonly #database: Database;
  readonly #onClose: () => void;

  constructor(database: Database, onClose: () => void) {
    super(database);
    this.#database = database;
    this.#onClose = onClose;
  }

  async batch(operations: readonly WriteOperation[], options: { readonly sync: boolean }): Promise<void> {
    // A chained batch costs half of what an array of operations does: nothing is cloned per operation.
    const batch = this.#database.batch();
    for (const operation of operations) {
      if (operation.type === 'put') batch.put(operation.key, operation.value);
      else batch.del(operation.key);
    }
    try {
      await batch.write(options);
    } catch (error) {
      throw levelError(error);
    }
  }

  snapshot(): KeyValueReader & { close(): void } {
    const snapshot = this.#database.snapshot();
    const reader = new LevelReader(this.#database, { snapshot });
    return Object.assign(reader, { close: () => void snapshot.close() });
  }

  async close(): Promise<void> {
    await this.#database.close();
    this.#onClose();
  }
}

async function openFixedFile(path: string, sizeBytes: number, options: { create: boolean }): Promise<FixedFile> {
  if (options.create) await fillWithZeros(path, sizeBytes);
  // O_DSYNC makes each write durable by itself, as write and fdatasync would, in one turn of the thread pool.
  const file = await open(path, constants.O_RDWR | constants.O_DSYNC);
  const { size } = await file.stat();
  if (size !== sizeBytes) {
    await file.close();
    throw new StoreError('fileSize', `${path} has ${size} bytes, expected ${sizeBytes}`);
  }
  // What a killed process had begun to write may be in memory only: nobody may rely on it before it is on the disk.
  await file.datasync();
  return {
    write: (offset, bytes) => writeFully(file, bytes, offset),
    async read(offset, length) {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, offset);
      if (bytesRead !== length) throw new StoreError('fileSize', `${path} ended at ${offset + bytesRead} bytes`);
      return buffer;
    },
    close: () => file.close(),
  };
}

/** Unless it has bytes already. Zeros, not a hole: the blocks are allocated now. */
async function fillWithZeros(path: string, sizeBytes: number): Promise<void> {
  await using file = await open(path, 'a');
  const { size } = await file.stat();
  if (size > 0) return;
  await file.writeFile(Buffer.alloc(sizeBytes));
  await file.sync();
  await syncDirectory(dirname(path));
}

async function writeFully(file: FileHandle, bytes: Uint8Array, offset: number): Promise<void> {
  for (let written = 0; written < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, written, bytes.length - written, offset + written);
    written += bytesWritten;
  }
}

async function syncDirectory(path: string): Promise<void> {
  await using directory = await open(path, 'r');
  await directory.sync();
}

/** One name for one place, whether or not it exists yet. */
async function canonical(path: string): Promise<string> {
  return join(await realpath(dirname(path)), basename(path));
}

/** LevelDB tells what the system said only in words. */
const systemCodes: ReadonlyMap<string, string> = new Map([
  ['No such file or directory', 'ENOENT'],
  ['does not exist (create_if_missing is false)', 'ENOENT'],
  ['No space left on device', 'ENOSPC'],
  ['Disk quota exceeded', 'EDQUOT'],
  ['Input/output error', 'EIO'],
  ['Invalid argument', 'EINVAL'],
  ['Permission denied', 'EACCES'],
  ['Operation not permitted', 'EPERM'],
  ['Read-only file system', 'EROFS'],
  ['Too many open files', 'EMFILE'],
  ['Too many open files in system', 'ENFILE'],
  ['Cannot allocate memory', 'ENOMEM'],
]);

/** The error LevelDB had, with the system's code where there is one. */
function levelError(error: unknown): unknown {
  const reason = errorCode(error) === 'LEVEL_DATABASE_NOT_OPEN' && error instanceof Error && error.cause;
  const inner = reason instanceof Error ? reason : error;
  if (!(inner instanceof Error) || errorCode(inner) === 'LEVEL_LOCKED') return inner;
  for (const [words, code] of systemCodes) {
    if (inner.message.endsWith(words)) return Object.assign(new Error(inner.message, { cause: inner }), { code });
  }
  return inner;
}
