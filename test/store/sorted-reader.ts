/** Rows in memory, in order, for reads by the thousand. */
import type { KeyRange, KeyValueReader } from '../../src/store/disk.ts';
import type { SealedRow } from '../../src/store/row.ts';

export class SortedReader implements KeyValueReader {
  readonly #rows: readonly SealedRow[];
  /** How many rows were handed out by iterations, and how many by key. */
  iterated = 0;
  got = 0;
  /** The row at this key stands in a damaged block: it is left out, and an iteration over it that runs to its own end says so. */
  damaged: Uint8Array | null = null;

  constructor(rows: readonly SealedRow[]) {
    this.#rows = rows.toSorted((a, b) => Buffer.compare(a.key, b.key));
  }

  get(key: Uint8Array): Uint8Array | undefined {
    this.got += 1;
    const row = this.#rows[this.#position(key)];
    return row !== undefined && Buffer.compare(row.key, key) === 0 ? row.value : undefined;
  }

  async *iterate({ gte, lt, reverse, limit }: KeyRange): AsyncGenerator<readonly [Uint8Array, Uint8Array], void> {
    const [start, end] = [this.#position(gte), this.#position(lt)];
    let left = limit ?? Number.POSITIVE_INFINITY;
    let skipped = false;
    for (let nth = start; nth < end; nth += 1) {
      if (left === 0) return;
      const { key, value } = this.#rows[reverse ? start + end - 1 - nth : nth] as SealedRow;
      if (this.damaged !== null && Buffer.compare(key, this.damaged) === 0) {
        skipped = true;
        continue;
      }
      left -= 1;
      this.iterated += 1;
      yield [key, value];
    }
    if (skipped && left > 0) throw Object.assign(new Error('a block is damaged'), { code: 'LEVEL_CORRUPTION' });
  }

  /** Of the first row that is not before the key. */
  #position(key: Uint8Array): number {
    let low = 0;
    let high = this.#rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (Buffer.compare(this.#rows[middle]?.key ?? key, key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
