/** What a batch leaves the log at: stands in LevelDB's meta row and in the witness. */
import { crc32 } from 'node:zlib';
import { invariant } from '../raft/assert.ts';
import { atLeastAsUpToDate, type EntryId, type HardState, index, term } from '../raft/types.ts';
import { type ChainHash, chainHashBytes } from './log-record.ts';
import { readUint64, writeUint64 } from './uint64.ts';

export interface LogHead {
  /** Counts the batches of one data directory. */
  readonly generation: number;
  readonly hardState: HardState;
  readonly last: EntryId;
  readonly chainHash: ChainHash;
}

/** A claim that the log's end has reached says nothing any more. */
export function openClaim(claim: EntryId | null, last: EntryId): EntryId | null {
  return claim === null || atLeastAsUpToDate(last, claim) ? null : claim;
}

const fixedBytes = 6 * 8 + chainHashBytes + 1;
const votedForBytesMax = 255;

export const headBytesMax: number = fixedBytes + votedForBytesMax;

export function headBytes(hardState: HardState): number {
  return fixedBytes + Buffer.byteLength(hardState.votedFor ?? '');
}

/**
 * generation u64 · current term u64 · last term u64 · last index u64 · claim term u64 · claim index u64 · chain hash ·
 * length u8 and UTF-8 of votedFor. No claim is (0, 0), no vote is an empty one. Returns the offset behind it.
 */
export function writeHead(target: Buffer, offset: number, head: LogHead): number {
  const { currentTerm, votedFor, claim } = head.hardState;
  const votedForBytes = Buffer.byteLength(votedFor ?? '');
  invariant(votedForBytes <= votedForBytesMax, `a replica id is at most ${votedForBytesMax} bytes, got ${votedFor}`);
  let at = offset;
  for (const value of [
    head.generation,
    currentTerm,
    head.last.term,
    head.last.index,
    claim?.term ?? 0,
    claim?.index ?? 0,
  ]) {
    at = writeUint64(target, value, at);
  }
  at += target.write(head.chainHash, at, 'latin1');
  at = target.writeUInt8(votedForBytes, at);
  return at + target.write(votedFor ?? '', at);
}

export function readHead(bytes: Buffer, offset: number): { readonly head: LogHead; readonly end: number } {
  const number = (position: number) => readUint64(bytes, offset + position * 8);
  const entryId = (position: number): EntryId => ({
    term: term(number(position)),
    index: index(number(position + 1)),
  });
  const claim = entryId(4);
  const votedForFrom = offset + 6 * 8 + chainHashBytes + 1;
  const end = votedForFrom + bytes.readUInt8(votedForFrom - 1);
  return {
    head: {
      generation: number(0),
      hardState: {
        currentTerm: term(number(1)),
        votedFor: end === votedForFrom ? null : bytes.toString('utf8', votedForFrom, end),
        claim: claim.index === 0 ? null : claim,
      },
      last: entryId(2),
      chainHash: bytes.toString('latin1', offset + 6 * 8, offset + 6 * 8 + chainHashBytes),
    },
    end,
  };
}

const version = 1;
const prefixBytes = 5;

/** The meta row: version u8 = 1 · crc32 u32 over what follows · head. */
export function encodeMeta(head: LogHead): Buffer {
  const bytes = Buffer.allocUnsafe(prefixBytes + headBytes(head.hardState));
  bytes[0] = version;
  writeHead(bytes, prefixBytes, head);
  bytes.writeUInt32BE(crc32(bytes.subarray(prefixBytes)), 1);
  return bytes;
}

/** Null if it is not what was written. */
export function decodeMeta(bytes: Uint8Array): LogHead | null {
  const meta = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (meta.length < prefixBytes || meta[0] !== version) return null;
  return crc32(meta.subarray(prefixBytes)) === meta.readUInt32BE(1) ? readHead(meta, prefixBytes).head : null;
}
