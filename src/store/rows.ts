/**
 * The rows of state/ as evaluation sees them: as they will be once everything that was evaluated is written. A batch that
 * gathers and the one that is on its way to the disk stand before what the disk holds.
 */
import { noChecksum } from './digest.ts';
import type { KeyValueReader } from './disk.ts';
import { openRow, type SealedRow } from './row.ts';

/** One kind of row: what it is called, where it stands, what it holds. */
export interface Table<Id, Value> {
  /** Begins with a letter that no other table has. */
  name(id: Id): string;
  rowKey(id: Id): Buffer;
  seal(id: Id, value: Value): SealedRow;
  /** Throws DamagedRowError. */
  open(id: Id, body: Buffer): Value;
}

/** What a row becomes. */
interface RowChange {
  readonly table: Table<unknown, unknown>;
  readonly id: unknown;
  /** Null: it is no more. */
  readonly value: unknown;
  /** Until the batch is encoded that of the row it replaces, then that of its own. */
  checksum: bigint;
}

interface Found<Value> {
  readonly value: Value | null;
  readonly checksum: bigint;
}

export type RowChanges = Map<string, RowChange>;

/** Of one entry: it reads a row, holds its change against it and replaces it. One that changes thousands reads them again. */
const rememberedMax = 64;

const nothing: Found<never> = { value: null, checksum: noChecksum };

export class StateRows {
  readonly #store: Pick<KeyValueReader, 'get'>;
  readonly #readFailure: (cause: unknown) => unknown;
  #pending: RowChanges = new Map();
  #writing: RowChanges | null = null;
  /** What the entry that is evaluated has read off the disk. */
  readonly #remembered = new Map<string, Found<unknown>>();

  /** `readFailure` makes of what a row's reading threw what is thrown on. */
  constructor(store: Pick<KeyValueReader, 'get'>, readFailure: (cause: unknown) => unknown) {
    this.#store = store;
    this.#readFailure = readFailure;
  }

  /** What was read is read anew from now on: it may have been written since. */
  beginEntry(): void {
    this.#remembered.clear();
  }

  get<Id, Value>(table: Table<Id, Value>, id: Id): Value | null {
    return this.#find(table, id).value;
  }

  set<Id, Value>(table: Table<Id, Value>, id: Id, value: Value | null): void {
    const { checksum } = this.#find(table, id);
    // Under a table's name stand its own ids and values alone.
    this.#pending.set(table.name(id), { table: table as Table<unknown, unknown>, id, value, checksum });
  }

  /** What has changed since the last call, to be written; `written` is to be called before the next one. */
  take(): RowChanges {
    const changes = this.#pending;
    this.#writing = changes;
    this.#pending = new Map();
    return changes;
  }

  /** The store holds what was taken last. */
  written(): void {
    this.#writing = null;
  }

  #find<Id, Value>(table: Table<Id, Value>, id: Id): Found<Value> {
    const name = table.name(id);
    const found = this.#pending.get(name) ?? this.#writing?.get(name) ?? this.#remembered.get(name);
    if (found !== undefined) return found as Found<Value>;
    const read = this.#read(table, id);
    if (this.#remembered.size < rememberedMax) this.#remembered.set(name, read);
    return read;
  }

  #read<Id, Value>(table: Table<Id, Value>, id: Id): Found<Value> {
    try {
      const rowKey = table.rowKey(id);
      const row = this.#store.get(rowKey);
      if (row === undefined) return nothing;
      const { body, checksum } = openRow(rowKey, row);
      return { value: table.open(id, body), checksum };
    } catch (error) {
      throw this.#readFailure(error);
    }
  }
}

/** Hands over each changed row once: what it becomes, and the checksum of what it replaces. */
export function encodeChanges(
  changes: RowChanges,
  write: (key: Buffer, row: SealedRow | null, previousChecksum: bigint) => void,
): void {
  for (const change of changes.values()) {
    const { table, id, value, checksum } = change;
    const row = value === null ? null : table.seal(id, value);
    if (row === null && checksum === noChecksum) continue;
    write(table.rowKey(id), row, checksum);
    change.checksum = row?.checksum ?? noChecksum;
  }
}
