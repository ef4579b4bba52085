/**
 * Iterations that may stop early. LevelDB leaves out what a damaged block held, and says so only when an iteration runs to its own
 * end: one that stopped early is read once more, to where it stopped.
 */
import { invariant } from '../raft/assert.ts';
import type { KeyRange, KeyValueReader } from './disk.ts';
import { behind, type KeyBounds } from './keys.ts';

type Row = readonly [key: Uint8Array, value: Uint8Array];

/**
 * The rows of a range of a snapshot, each of them: breaking off rejects if one before was left out, as running to the end
 * does. So many as `soon` are fetched at first, then as many as there are.
 */
export async function* wholeRows(
  reader: KeyValueReader,
  bounds: KeyBounds,
  { reverse = false, soon = 64 }: { readonly reverse?: boolean; readonly soon?: number } = {},
): AsyncGenerator<Row, void> {
  let rows = 0;
  /** The last row of which nothing has shown yet that all before it were there, and which one it is. */
  let unproved: { readonly key: Uint8Array; readonly rows: number } | null = null;
  try {
    for await (const row of reader.iterate({ ...bounds, reverse, limit: soon })) {
      rows += 1;
      unproved = { key: row[0], rows };
      yield row;
    }
    const fetched = unproved;
    unproved = null;
    if (fetched === null || rows < soon) return;
    const rest = reverse ? { ...bounds, lt: fetched.key } : { ...bounds, gte: behind(fetched.key) };
    unproved = fetched;
    for await (const row of reader.iterate({ ...rest, reverse })) {
      rows += 1;
      unproved = { key: row[0], rows };
      yield row;
    }
    unproved = fetched;
  } finally {
    if (unproved !== null) {
      const before = reverse ? { ...bounds, gte: behind(unproved.key) } : { ...bounds, lt: unproved.key };
      await checkNothingSkipped(reader, before, unproved.rows - 1);
    }
  }
}

/** A snapshot's range must hold as many rows as were seen in it. */
export async function checkNothingSkipped(reader: KeyValueReader, range: KeyRange, expected: number): Promise<void> {
  let seen = 0;
  for await (const _row of reader.iterate(range)) seen += 1;
  invariant(seen === expected, `a snapshot does not change: ${expected} rows, then ${seen}`);
}
