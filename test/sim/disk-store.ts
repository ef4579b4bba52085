/** A database as one life of a process has it open. */
import type { KeyRange, KeyValueReader, KeyValueStore, WriteOperation } from '../../src/store/disk.ts';
import type { DiskChance } from './disk-chance.ts';
import { type Change, type Database, unreadable } from './disk-database.ts';
import { diskError } from './disk-errors.ts';
import { DiskHandle } from './disk-handle.ts';
import type { DiskQueue, DiskWrite } from './disk-queue.ts';
import { type RowsView, rowName, type Value } from './disk-rows.ts';
import type { Life } from './life.ts';

type KeyValue = readonly [key: Uint8Array, value: Uint8Array];

/** Rows are fetched in pages, as from LevelDB. */
const pageRowsMax = 64;
/** LevelDB shows a batch to readers before the process hears that it is written. */
const seenEarlyProbability = 0.1;

export class SimStore implements KeyValueStore {
  readonly #queue: DiskQueue;
  readonly #chance: DiskChance;
  readonly #life: Life;
  readonly #database: Database;
  readonly #handle: DiskHandle;
  /** A sync failed: LevelDB writes nothing more. */
  #poisoned = false;

  constructor(queue: DiskQueue, chance: DiskChance, life: Life, database: Database) {
    this.#queue = queue;
    this.#chance = chance;
    this.#life = life;
    this.#database = database;
    this.#handle = new DiskHandle(
      () => diskError('LEVEL_DATABASE_NOT_OPEN', 'Database is not open'),
      () =>
        queue.read(life, () => {
          database.holder = null;
        }),
    );
  }

  get(key: Uint8Array): Uint8Array | undefined {
    this.#handle.check();
    return this.#database.get(rowName(key));
  }

  async *iterate(range: KeyRange): AsyncGenerator<KeyValue, void> {
    this.#handle.check();
    const view = this.#database.view();
    try {
      yield* this.#iterate(view, range, () => this.#handle.isOpen);
    } finally {
      view.close();
    }
  }

  snapshot(): KeyValueReader & { close(): void } {
    this.#handle.check();
    const view = this.#database.view();
    let isOpen = true;
    return {
      get: (key) => {
        this.#handle.check();
        if (!isOpen) throw diskError('LEVEL_SNAPSHOT_NOT_OPEN', 'Snapshot is not open');
        const name = rowName(key);
        if (this.#database.isUnreadable(name)) throw unreadable();
        return view.get(name);
      },
      iterate: (range) => this.#iterate(view, range, () => isOpen && this.#handle.isOpen),
      close: () => {
        isOpen = false;
        view.close();
      },
    };
  }

  batch(operations: readonly WriteOperation[], { sync }: { readonly sync: boolean }): Promise<void> {
    return this.#handle.use(async () => {
      const write = this.#write(operations.map(changeOf), sync);
      await (sync ? this.#queue.write(this.#life, write) : this.#queue.writeUnsynced(this.#life, write));
      if (this.#chance.random.chance(seenEarlyProbability)) await this.#queue.moment(this.#life);
    });
  }

  close(): Promise<void> {
    return this.#handle.close();
  }

  #write(changes: readonly Change[], sync: boolean): DiskWrite<void> {
    return {
      needsRoom: true,
      complete: () => {
        if (this.#poisoned) throw diskError('EIO', 'Input/output error');
        this.#database.write(changes, sync, this.#chance);
      },
      interrupt: () => {
        if (this.#poisoned) return;
        if (this.#chance.outcome('batch in flight at a crash', ['lost', 'kept']) === 'kept') {
          this.#database.write(changes, sync, this.#chance);
        }
      },
      fail: (code) => {
        if (this.#poisoned) return;
        if (code === 'ENOSPC') {
          this.#database.tear();
        } else {
          this.#database.doubt(changes);
          this.#poisoned = true;
        }
      },
    };
  }

  /** Leaves out what cannot be read, and says so only at its own end, not where the limit ends it. */
  async *#iterate(
    view: RowsView,
    { gte, lt, reverse = false, limit = Number.POSITIVE_INFINITY }: KeyRange,
    isOpen: () => boolean,
  ): AsyncGenerator<KeyValue, void> {
    await this.#queue.read(this.#life, () => {});
    let from = rowName(gte);
    let end = rowName(lt);
    let left = limit;
    let skipped = false;
    while (left > 0) {
      if (!isOpen()) throw diskError('LEVEL_ITERATOR_NOT_OPEN', 'Iterator is not open');
      const rowsMax = Math.min(pageRowsMax, left);
      const page = view.page(from, end, reverse, rowsMax);
      const readable = page.filter(([name]) => !this.#database.isUnreadable(name));
      skipped ||= readable.length < page.length;
      const isLast = page.length < rowsMax;
      if (isLast && skipped) throw unreadable();
      left -= readable.length;
      for (const [name, value] of readable) yield [Buffer.from(name, 'latin1'), value];
      if (isLast) return;
      const last = page.at(-1)?.[0] ?? end;
      if (reverse) end = last;
      else from = `${last}\0`;
    }
  }
}

/** LevelDB copies what it is given at once. */
function changeOf(operation: WriteOperation): Change {
  const after: Value | undefined = operation.type === 'put' ? Buffer.from(operation.value) : undefined;
  return { name: rowName(operation.key), after, before: undefined };
}
