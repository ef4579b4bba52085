/**
 * The disk as the store sees it. Log store, state machine and identity are written against these interfaces;
 * `levelDisk` (disk-level.ts) is the real one, and a simulated one can lose, tear and rot what is on it.
 */

export type WriteOperation =
  | { readonly type: 'put'; readonly key: Uint8Array; readonly value: Uint8Array }
  | { readonly type: 'delete'; readonly key: Uint8Array };

/** Keys in [gte, lt), bytewise order. Always exact bounds: a seek over deleted keys is slow. */
export interface KeyRange {
  readonly gte: Uint8Array;
  readonly lt: Uint8Array;
  readonly reverse?: boolean;
  readonly limit?: number;
}

export interface KeyValueReader {
  get(key: Uint8Array): Uint8Array | undefined;
  /** May silently skip rows in a damaged block: callers check contiguity where they can. */
  iterate(range: KeyRange): AsyncIterable<readonly [key: Uint8Array, value: Uint8Array]>;
}

/** One ordered key-value database with one writer. */
export interface KeyValueStore extends KeyValueReader {
  /** Atomic. With `sync`, durable when it resolves. A rejection is final: the database must not be written again. */
  batch(operations: readonly WriteOperation[], options: { readonly sync: boolean }): Promise<void>;
  /** A consistent view; must be closed. */
  snapshot(): KeyValueReader & { close(): void };
  close(): Promise<void>;
}

/** A preallocated file of fixed size, written in place. */
export interface FixedFile {
  /** Durable (fdatasync) when it resolves. */
  write(offset: number, bytes: Uint8Array): Promise<void>;
  read(offset: number, length: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

export type LockResult =
  | { readonly type: 'taken'; release(): Promise<void> }
  /** By a living process, perhaps this one. */
  | { readonly type: 'held'; readonly pid: number };

/** All paths are absolute. Errors carry node's `code` (ENOENT, ENOSPC, EIO, …) or LevelDB's (LEVEL_CORRUPTION, …). */
export interface Disk {
  /** Rejects if the database is missing and `createIfMissing` is false, or if it is damaged or held by another.
   *  Without `createIfMissing` nothing is created. */
  openKeyValueStore(path: string, options: { readonly createIfMissing: boolean }): Promise<KeyValueStore>;
  /** Creates (filled with zeros and synced, its directory too) or opens; a file of another size is an error. */
  openFixedFile(path: string, sizeBytes: number, options: { readonly create: boolean }): Promise<FixedFile>;
  makeDirectory(path: string): Promise<void>;
  /** Names in a directory, sorted; empty if it does not exist. */
  list(path: string): Promise<readonly string[]>;
  readFile(path: string): Promise<Uint8Array | undefined>;
  /** Whole and durable or not at all: temporary file, fsync, rename, fsync of the directory. */
  writeFile(path: string, bytes: Uint8Array): Promise<void>;
  /** Durable: the directory is synced. */
  rename(from: string, to: string): Promise<void>;
  /** Recursive, durable; missing is fine. */
  remove(path: string): Promise<void>;
  /** A lock file that names its process; a dead process's is taken over. The directory must exist. */
  lock(path: string): Promise<LockResult>;
}
