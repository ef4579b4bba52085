/**
 * The rows of log/ as a reader of its own sees them: it shares no code with the product, so that a mistake made in
 * writing is not made again in reading.
 */
import { hash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { type Entry, type EntryId, type Index, index, type ReplicaId, type Term, term } from '../../src/raft/types.ts';

const crcFrom = 1;
const bodyFrom = 5;

/** version u8 · crc u32 · type u8 · term u64 · index u64 · previous 8 bytes · payload */
export interface EntryRow {
  readonly entry: Entry;
  /** The chain hash of the entry before. */
  readonly previous: string;
  readonly chainHash: string;
}

/** version u8 · crc u32 · generation u64 · term u64 · last (u64, u64) · claim (u64, u64) · chain hash · length u8 · vote */
export interface MetaRow {
  readonly currentTerm: Term;
  readonly votedFor: ReplicaId | null;
  readonly claim: EntryId | null;
}

export const metaRowKey: Uint8Array = Buffer.from('m');
/** Of the entry that the first one follows. */
export const firstPrevious: string = '\0'.repeat(8);

const entryKeys: Uint8Array[] = [];

export function entryRowKey(at: number): Uint8Array {
  const known = entryKeys[at];
  if (known !== undefined) return known;
  const key = Buffer.alloc(9, 'e');
  key.writeBigUInt64BE(BigInt(at), 1);
  entryKeys[at] = key;
  return key;
}

/** Null if it is not what could have been written. */
export function readEntryRow(bytes: Uint8Array): EntryRow | null {
  const row = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (row.length < 30 || !isSound(row)) return null;
  const id = { term: term(uint64(row, 6)), index: index(uint64(row, 14)) };
  const entry = entryOf(row[bodyFrom], id, row.subarray(30));
  if (entry === null) return null;
  const chainHash = hash('sha256', row.subarray(bodyFrom), 'binary').slice(0, 8);
  return { entry, previous: row.toString('latin1', 22, 30), chainHash };
}

/** Null if it is not what could have been written. */
export function readMetaRow(bytes: Uint8Array): MetaRow | null {
  const row = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (row.length < 62 || !isSound(row)) return null;
  const claim = { term: term(uint64(row, 37)), index: index(uint64(row, 45)) };
  const votedFor = row.toString('utf8', 62, 62 + (row[61] ?? 0));
  return {
    currentTerm: term(uint64(row, 13)),
    votedFor: votedFor === '' ? null : votedFor,
    claim: claim.index === 0 ? null : claim,
  };
}

function isSound(row: Buffer): boolean {
  return row[0] === 1 && crc32(row.subarray(bodyFrom)) === row.readUInt32BE(crcFrom);
}

function entryOf(type: number | undefined, id: { term: Term; index: Index }, payload: Buffer): Entry | null {
  switch (type) {
    case 0:
      return payload.length === 0 ? { type: 'noop', ...id } : null;
    case 1:
      return { type: 'command', ...id, command: payload };
    case 2:
      return { type: 'configuration', ...id, configuration: JSON.parse(payload.toString()) };
    default:
      return null;
  }
}

function uint64(row: Buffer, offset: number): number {
  return Number(row.readBigUInt64BE(offset));
}
