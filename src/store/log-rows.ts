/**
 * The rows of log/: 'e' and the index as u64 for an entry's record, 'm' for the meta row.
 * Reading them back is always verifying: an iterator of LevelDB may skip a damaged block without a word.
 */
import type { Index } from '../raft/types.ts';
import type { KeyRange, KeyValueReader, WriteOperation } from './disk.ts';
import { StoreError } from './errors.ts';
import { encodeMeta, type LogHead } from './log-head.ts';
import { type ChainHash, chainHashBeforeTheLog, type Flaw, flaw, type LogRecord, readRecord } from './log-record.ts';
import { writeUint64 } from './uint64.ts';

const letterOfEntries = 'e'.charCodeAt(0);
const keyBytes = 9;

export const metaKey: Buffer = Buffer.from('m');
/** Behind every entry. */
const entriesEnd: Buffer = Buffer.from('f');

export function entryKey(at: number): Buffer {
  const key = Buffer.allocUnsafe(keyBytes);
  key[0] = letterOfEntries;
  writeUint64(key, at, 1);
  return key;
}

/** What a batch does to the database, given where the log ended before it: its records are the last of the log now. */
export function batchOperations(head: LogHead, records: readonly Buffer[], endBefore: Index): WriteOperation[] {
  const operations: WriteOperation[] = [];
  for (let at = head.last.index + 1; at <= endBefore; at++) operations.push({ type: 'delete', key: entryKey(at) });
  let at = head.last.index - records.length;
  for (const value of records) operations.push({ type: 'put', key: entryKey(++at), value });
  operations.push(metaOperation(head));
  return operations;
}

export function metaOperation(head: LogHead): WriteOperation {
  return { type: 'put', key: metaKey, value: encodeMeta(head) };
}

/**
 * The entries from `from` on, each verified against the one before, whose chain hash is `previous`.
 * Ends with the first flaw; else behind `to`, or without it where the entries end.
 */
export async function* verifiedRecords(
  reader: KeyValueReader,
  from: Index,
  to: Index | null,
  previous: ChainHash,
): AsyncGenerator<LogRecord | Flaw, void> {
  let next: number = from;
  let chainHash = previous;
  let term = 0;
  const range: KeyRange =
    to === null
      ? { gte: entryKey(from), lt: entriesEnd }
      : { gte: entryKey(from), lt: entryKey(to + 1), limit: to - from + 1 };
  for await (const [key, bytes] of reader.iterate(range)) {
    const record = readRecord(bytes);
    if (record.type === 'flaw') return yield flaw(`entry ${next}: ${record.reason}`);
    const { entry } = record;
    if (entry.index !== next) return yield flaw(`entry ${next} is missing: entry ${entry.index} is in its place`);
    // The record is whole, but nobody would find it again.
    if (Buffer.compare(key, entryKey(next)) !== 0) return yield flaw(`entry ${next} stands under another key`);
    if (entry.term < term || record.previous !== chainHash) {
      return yield flaw(`entry ${next} does not follow the one before`);
    }
    yield record;
    next++;
    chainHash = record.chainHash;
    term = entry.term;
  }
  if (to !== null && next <= to) yield flaw(`entry ${next} is missing`);
}

/** Throws StoreError (logDamaged) if the entry is missing or damaged. */
export function recordIn(reader: KeyValueReader, at: Index): LogRecord {
  const bytes = reader.get(entryKey(at));
  const record = bytes === undefined ? flaw('it is missing') : readRecord(bytes);
  if (record.type === 'flaw') throw new StoreError('logDamaged', `log entry ${at}: ${record.reason}`);
  if (record.entry.index !== at) {
    throw new StoreError('logDamaged', `log entry ${at}: entry ${record.entry.index} is in its place`);
  }
  return record;
}

/** Of an entry, or of 0. Throws as `recordIn`. */
export function chainHashIn(reader: KeyValueReader, at: Index): ChainHash {
  return at === 0 ? chainHashBeforeTheLog : recordIn(reader, at).chainHash;
}
