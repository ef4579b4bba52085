/**
 * The witness: what the last batches were, in a file of its own beside LevelDB, which can forget without a word.
 * Two slots, preallocated; a batch overwrites the slot that does not hold the newest one, so a write that is torn
 * costs only what nobody was told of.
 *
 *   slot:  version u8 = 1 · crc32 u32 over what follows · length u32 of what follows · head · truncateFrom u64 (0: none)
 *          · previous chain hash 8 bytes · count u32 · count × (length u32 · record)
 *
 * `previous` is the chain hash of the entry before the first record; without records, of the log's end.
 */
import { crc32 } from 'node:zlib';
import { invariant } from '../raft/assert.ts';
import { raftConstants } from '../raft/constants.ts';
import { entryOverheadBytes } from '../raft/log.ts';
import { type EntryId, type Index, index, type LogBatch } from '../raft/types.ts';
import type { Disk, FixedFile } from './disk.ts';
import { errorCode } from './errors.ts';
import { headBytes, headBytesMax, type LogHead, readHead, writeHead } from './log-head.ts';
import { type ChainHash, chainHashBytes, payloadOf, recordHeaderBytes, writeRecord } from './log-record.ts';
import { readUint64, writeUint64 } from './uint64.ts';

/** A page of the file cache, and at least a sector of any disk: a torn write stays within its slot. */
const pageBytes = 4096;
const version = 1;
const hashedFrom = 5;
const headFrom = hashedFrom + 4;
const recordLengthBytes = 4;
invariant(
  recordHeaderBytes + recordLengthBytes <= entryOverheadBytes,
  'what the core counts as a batch fits into a slot',
);

export const slotBytes: number = roundUp(
  headFrom +
    headBytesMax +
    8 +
    chainHashBytes +
    4 +
    raftConstants.batchBytesMax +
    raftConstants.entryBytesMax +
    entryOverheadBytes,
);

/** Where the log ends before a batch's entries: behind its truncation. */
export interface LogEnd {
  readonly last: EntryId;
  readonly chainHash: ChainHash;
}

export interface EncodedSlot {
  /** Whole pages of the buffer it was encoded into. */
  readonly bytes: Buffer;
  readonly head: LogHead;
  /** One for each entry, views of the same buffer. */
  readonly records: readonly Buffer[];
}

export interface WitnessSlot {
  readonly head: LogHead;
  readonly truncateFrom: Index | null;
  readonly previous: ChainHash;
  readonly records: readonly Buffer[];
}

/** `buffer` has `slotBytes` bytes. */
export function encodeSlot(buffer: Buffer, generation: number, batch: LogBatch, before: LogEnd): EncodedSlot {
  const records: Buffer[] = [];
  let { last, chainHash } = before;
  let at = headFrom + headBytes(batch.hardState);
  at = writeUint64(buffer, batch.truncateFrom ?? 0, at);
  at += buffer.write(before.chainHash, at, 'latin1');
  at = buffer.writeUInt32BE(batch.entries.length, at);
  for (const entry of batch.entries) {
    invariant(
      entry.index === last.index + 1 && entry.term >= last.term,
      `entry (${entry.term}, ${entry.index}) cannot follow (${last.term}, ${last.index})`,
    );
    const payload = payloadOf(entry);
    const recordBytes = recordHeaderBytes + payload.length;
    invariant(
      at + recordLengthBytes + recordBytes <= slotBytes,
      `a batch fits into a witness slot of ${slotBytes} bytes: entry ${entry.index}, of ${payload.length}, does not`,
    );
    const from = buffer.writeUInt32BE(recordBytes, at);
    const written = writeRecord(buffer, from, entry, payload, chainHash);
    records.push(buffer.subarray(from, written.end));
    at = written.end;
    chainHash = written.chainHash;
    last = entry;
  }
  const head: LogHead = {
    generation,
    hardState: batch.hardState,
    last: { term: last.term, index: last.index },
    chainHash,
  };
  writeHead(buffer, headFrom, head);
  buffer[0] = version;
  buffer.writeUInt32BE(at - headFrom, hashedFrom);
  buffer.writeUInt32BE(crc32(buffer.subarray(hashedFrom, at)), 1);
  return { bytes: buffer.subarray(0, roundUp(at)), head, records };
}

/** Null if it is not a whole slot: never written, torn, or damaged. */
export function decodeSlot(slot: Buffer): WitnessSlot | null {
  if (slot[0] !== version) return null;
  const end = slotEnd(slot);
  if (end > slot.length || crc32(slot.subarray(hashedFrom, end)) !== slot.readUInt32BE(1)) return null;
  const { head, end: headEnd } = readHead(slot, headFrom);
  const truncateFrom = readUint64(slot, headEnd);
  const previousFrom = headEnd + 8;
  const countFrom = previousFrom + chainHashBytes;
  const records: Buffer[] = [];
  let at = countFrom + 4;
  for (let left = slot.readUInt32BE(countFrom); left > 0; left--) {
    const from = at + recordLengthBytes;
    at = from + slot.readUInt32BE(at);
    records.push(slot.subarray(from, at));
  }
  return {
    head,
    truncateFrom: truncateFrom === 0 ? null : index(truncateFrom),
    previous: slot.toString('latin1', previousFrom, countFrom),
    records,
  };
}

export class Witness {
  /** The whole slots that were found, newest first. */
  readonly slots: readonly WitnessSlot[];
  readonly #file: FixedFile;
  /** The position, 0 or 1, of the slot that may be overwritten. */
  #next: number;

  private constructor(file: FixedFile, found: readonly (WitnessSlot | null)[]) {
    const generations = found.map((slot) => slot?.head.generation ?? -1);
    this.#file = file;
    this.#next = generations.indexOf(Math.min(...generations));
    this.slots = found.filter((slot) => slot !== null).sort((a, b) => b.head.generation - a.head.generation);
  }

  /** Without `create` rejects if the file is missing (ENOENT) or of another size (fileSize). */
  static async open(disk: Disk, path: string, options: { readonly create: boolean }): Promise<Witness> {
    const file = await disk.openFixedFile(path, 2 * slotBytes, options);
    try {
      return new Witness(file, [await readSlot(file, 0), await readSlot(file, 1)]);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Durable when it resolves. The bytes must stay as they are until then. */
  async write(bytes: Buffer): Promise<void> {
    await this.#file.write(this.#next * slotBytes, bytes);
    this.#next = 1 - this.#next;
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

/** As much of the slot as is written, most often a page. */
async function readSlot(file: FixedFile, position: number): Promise<WitnessSlot | null> {
  const read = async (bytes: number) => {
    const { buffer, byteOffset, byteLength } = await file.read(position * slotBytes, bytes);
    return Buffer.from(buffer, byteOffset, byteLength);
  };
  try {
    const page = await read(pageBytes);
    const end = slotEnd(page);
    return decodeSlot(end <= pageBytes ? page : await read(Math.min(roundUp(end), slotBytes)));
  } catch (error) {
    // A sector that cannot be read any more is a slot that is not whole.
    if (errorCode(error) === 'EIO') return null;
    throw error;
  }
}

/** Where the slot says that it ends. */
function slotEnd(slot: Buffer): number {
  return headFrom + slot.readUInt32BE(hashedFrom);
}

function roundUp(bytes: number): number {
  return Math.ceil(bytes / pageBytes) * pageBytes;
}
