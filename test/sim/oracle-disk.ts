/** What one replica's disk would still hold after a crash now, read row by row. */
import type { Index, ReplicaId } from '../../src/raft/types.ts';
import type { KnownEntries, KnownEntry } from './oracle-entries.ts';
import { entryRowKey, type MetaRow, metaRowKey, readMetaRow } from './oracle-rows.ts';

export interface OracleDisk {
  /** The row of log/ that would survive a crash now. */
  durableLogRow(key: Uint8Array): Uint8Array | undefined;
}

export class DurableLog {
  readonly #id: ReplicaId;
  readonly #disk: OracleDisk;
  readonly #entries: KnownEntries;
  /** The first rows, each verified behind the one before; the entry at index i stands at i − 1. */
  readonly #verified: KnownEntry[] = [];

  constructor(id: ReplicaId, disk: OracleDisk, entries: KnownEntries) {
    this.#id = id;
    this.#disk = disk;
    this.#entries = entries;
  }

  /** Nothing that was verified is taken for granted any more. */
  forget(): void {
    this.#verified.length = 0;
  }

  /** The entry at this index, verified as all before it are; null if one of them is not there. */
  at(index: Index): KnownEntry | null {
    const verified = this.#verified;
    for (let last = verified.at(-1); last !== undefined && !this.#holds(last); last = verified.at(-1)) verified.pop();
    while (verified.length < index) {
      const row = this.#disk.durableLogRow(entryRowKey(verified.length + 1));
      if (row === undefined) return null;
      verified.push(this.#entries.ofRow(verified.at(-1) ?? this.#entries.root, row, this.#id));
    }
    const found = index === 0 ? this.#entries.root : verified[index - 1];
    return found !== undefined && (index === verified.length || this.#holds(found)) ? found : null;
  }

  get meta(): MetaRow | null {
    const row = this.#disk.durableLogRow(metaRowKey);
    return row === undefined ? null : readMetaRow(row);
  }

  #holds(known: KnownEntry): boolean {
    if (known.index === 0) return true;
    const row = this.#disk.durableLogRow(entryRowKey(known.index));
    return row !== undefined && known.row !== null && (row === known.row || known.row.compare(row) === 0);
  }
}
