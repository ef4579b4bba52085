/**
 * Where everything stands in state/: one letter for the kind of row, then what tells rows of one kind apart.
 *
 *   a                         what was applied last
 *   b  to u64                 one written batch
 *   k  UTF-8 key              a value
 *   r  session u64 block u64  kept results of a session
 *   s  session u64            a session
 *
 * k, r and s are the replicated keyspace: equal on replicas with equal applied index. The rest is each replica's own.
 */
import { writeUint64 } from './uint64.ts';

type Letter = 'a' | 'b' | 'k' | 'r' | 's';

export interface KeyBounds {
  readonly gte: Buffer;
  readonly lt: Buffer;
}

export const appliedKey: Buffer = Buffer.from('a');

export function batchKey(to: number): Buffer {
  return numbered('b', to);
}

export function valueKey(key: string): Buffer {
  return Buffer.from(`k${key}`);
}

export function keyOfValue(row: Uint8Array): string {
  return Buffer.from(row.buffer, row.byteOffset + 1, row.byteLength - 1).toString();
}

export function resultsKey(session: number, block: number): Buffer {
  return numbered('r', session, block);
}

export function sessionKey(session: number): Buffer {
  return numbered('s', session);
}

export const batchRows: KeyBounds = rowsOf('b');
export const resultsRows: KeyBounds = rowsOf('r');
export const sessionRows: KeyBounds = rowsOf('s');
export const allValueRows: KeyBounds = rowsOf('k');

/** The values whose keys begin with `prefix` and stand after `after`; null if there can be none. */
export function valueRows(prefix: string, after: string | null): KeyBounds | null {
  const first = valueKey(prefix);
  const lt = successor(first);
  if (after === null) return { gte: first, lt };
  const next = Buffer.concat([valueKey(after), Buffer.of(0)]);
  if (Buffer.compare(next, lt) >= 0) return null;
  return { gte: Buffer.compare(next, first) > 0 ? next : first, lt };
}

function rowsOf(letter: Letter): KeyBounds {
  const gte = Buffer.from(letter);
  return { gte, lt: successor(gte) };
}

/** The first key after all that begin with `prefix`. UTF-8 and our letters never end in 0xff. */
function successor(prefix: Buffer): Buffer {
  const next = Buffer.from(prefix);
  const last = next.length - 1;
  next[last] = (next[last] ?? 0) + 1;
  return next;
}

function numbered(letter: Letter, ...numbers: readonly number[]): Buffer {
  const key = Buffer.allocUnsafe(1 + 8 * numbers.length);
  let offset = key.write(letter);
  for (const number of numbers) offset = writeUint64(key, number, offset);
  return key;
}
