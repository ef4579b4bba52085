/** A disk in memory, whose batches can be held back or made to fail. Databases and small files only. */
import { setImmediate as immediate } from 'node:timers/promises';
import { invariant } from '../../src/raft/assert.ts';
import type { Disk, KeyRange, KeyValueReader, KeyValueStore, WriteOperation } from '../../src/store/disk.ts';

type Rows = Map<string, Uint8Array>;

/** Latin-1 strings compare as their bytes do. */
const nameOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');

class MemoryReader implements KeyValueReader {
  protected rows: Rows;

  constructor(rows: Rows) {
    this.rows = rows;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.rows.get(nameOf(key));
  }

  async *iterate({ gte, lt, reverse, limit }: KeyRange): AsyncGenerator<readonly [Uint8Array, Uint8Array], void> {
    const names = [...this.rows.keys()].filter((name) => name >= nameOf(gte) && name < nameOf(lt)).sort();
    if (reverse) names.reverse();
    for (const name of names.slice(0, limit)) {
      await Promise.resolve();
      yield [Buffer.from(name, 'latin1'), this.rows.get(name) as Uint8Array];
    }
  }
}

export class MemoryStore extends MemoryReader implements KeyValueStore {
  readonly batches: (readonly WriteOperation[])[] = [];
  readonly syncs: boolean[] = [];
  openSnapshots = 0;
  /** The next batches reject with this. */
  failure: Error | null = null;
  #gate: PromiseWithResolvers<void> | null = null;
  #heldRows: 'hidden' | 'visible' = 'hidden';

  /** Batches do not resolve until `release`; their rows can be read before that, or not. */
  hold(rows: 'hidden' | 'visible'): void {
    this.#gate = Promise.withResolvers<void>();
    this.#heldRows = rows;
  }

  release(): void {
    this.#gate?.resolve();
    this.#gate = null;
  }

  async batch(operations: readonly WriteOperation[], { sync }: { readonly sync: boolean }): Promise<void> {
    if (this.failure !== null) throw this.failure;
    this.batches.push(operations);
    this.syncs.push(sync);
    // As on a real disk, a batch takes a turn of the loop at least.
    await immediate();
    const gate = this.#gate?.promise;
    if (this.#heldRows === 'hidden') await gate;
    for (const operation of operations) {
      if (operation.type === 'put') this.rows.set(nameOf(operation.key), Buffer.from(operation.value));
      else this.rows.delete(nameOf(operation.key));
    }
    await gate;
  }

  snapshot(): KeyValueReader & { close(): void } {
    this.openSnapshots += 1;
    const close = () => {
      this.openSnapshots -= 1;
    };
    return Object.assign(new MemoryReader(new Map(this.rows)), { close });
  }

  async close(): Promise<void> {}

  copy(): MemoryStore {
    return new MemoryStore(new Map(this.rows));
  }

  /** Turns one bit of a row. */
  rot(key: Uint8Array, byteFromEnd: number): void {
    const row = this.rows.get(nameOf(key));
    invariant(row !== undefined, 'there is a row to rot');
    const position = row.length - 1 - byteFromEnd;
    row[position] = (row[position] ?? 0) ^ 1;
  }

  /** As if a batch had never reached the disk. */
  lose(key: Uint8Array): void {
    invariant(this.rows.delete(nameOf(key)), 'there is a row to lose');
  }

  /** As if a bit of its key had turned. */
  moveRow(from: Uint8Array, to: Uint8Array): void {
    const row = this.rows.get(nameOf(from));
    invariant(row !== undefined, 'there is a row to move');
    this.rows.delete(nameOf(from));
    this.rows.set(nameOf(to), row);
  }

  /** All rows whose keys begin with one of these letters, as text, in order. */
  dump(letters: string): readonly string[] {
    return [...this.rows]
      .filter(([name]) => letters.includes(name.charAt(0)))
      .map(([name, row]) => `${Buffer.from(name, 'latin1').toString('hex')}=${Buffer.from(row).toString('hex')}`)
      .sort();
  }
}

export class MemoryDisk implements Disk {
  readonly stores = new Map<string, MemoryStore>();
  readonly files = new Map<string, Uint8Array>();

  async openKeyValueStore(path: string, { createIfMissing }: { readonly createIfMissing: boolean }) {
    const known = this.stores.get(path);
    if (known !== undefined) return known;
    if (!createIfMissing) throw Object.assign(new Error(`${path} does not exist`), { code: 'ENOENT' });
    const store = new MemoryStore(new Map());
    this.stores.set(path, store);
    return store;
  }

  /** What is written from now on by those who have the database open is lost. */
  crash(path: string): void {
    const store = this.stores.get(path);
    invariant(store !== undefined, `${path} is there to crash`);
    this.stores.set(path, store.copy());
  }

  openFixedFile(): never {
    throw new Error('a memory disk has no fixed files');
  }

  lock(): never {
    throw new Error('a memory disk has no locks');
  }

  async makeDirectory(): Promise<void> {}

  async list(path: string): Promise<readonly string[]> {
    return this.stores.has(path) ? ['CURRENT'] : [];
  }

  async readFile(path: string): Promise<Uint8Array | undefined> {
    return this.files.get(path);
  }

  async writeFile(path: string, bytes: Uint8Array): Promise<void> {
    this.files.set(path, Buffer.from(bytes));
  }

  async rename(from: string, to: string): Promise<void> {
    const store = this.stores.get(from);
    invariant(store !== undefined, `${from} is there to be renamed`);
    this.stores.delete(from);
    this.stores.set(to, store);
  }

  async remove(path: string): Promise<void> {
    this.stores.delete(path);
    this.files.delete(path);
  }
}
