/**
 * One log entry on disk, the same bytes in LevelDB and in the witness:
 *
 *   version u8 = 1 · crc32 u32 · type u8 · term u64 · index u64 · previous 8 bytes · payload
 *
 * Numbers are big-endian. The CRC covers everything behind it. `previous` is the chain hash of the entry before, eight
 * zero bytes for the first. An entry's chain hash is the first 8 bytes of SHA-256 over type to payload, so it stands
 * for the entry and all before it. A later version of the record must keep those hashed bytes as they are: the hashes
 * of replicas of both versions are compared.
 */
import { hash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { type Configuration, type Entry, type Index, index, type Term, term } from '../raft/types.ts';
import { readUint64, writeUint64 } from './uint64.ts';

/** Eight bytes, one per character (latin1): compared with `===`. */
export type ChainHash = string;

export const chainHashBytes = 8;
export const chainHashBeforeTheLog: ChainHash = '\0'.repeat(chainHashBytes);

const version = 1;
const hashedFrom = 5;
const previousFrom = hashedFrom + 1 + 8 + 8;
export const recordHeaderBytes: number = previousFrom + chainHashBytes;

const types = ['noop', 'command', 'configuration'] as const satisfies readonly Entry['type'][];

const noPayload = new Uint8Array(0);

export function payloadOf(entry: Entry): Uint8Array {
  switch (entry.type) {
    case 'noop':
      return noPayload;
    case 'command':
      return entry.command;
    case 'configuration':
      return encodeConfiguration(entry.configuration);
  }
}

/** Returns the offset behind the record and the entry's chain hash. */
export function writeRecord(
  target: Buffer,
  offset: number,
  entry: Entry,
  payload: Uint8Array,
  previous: ChainHash,
): { readonly end: number; readonly chainHash: ChainHash } {
  const end = offset + recordHeaderBytes + payload.length;
  target[offset] = version;
  target[offset + hashedFrom] = types.indexOf(entry.type);
  writeUint64(target, entry.term, offset + hashedFrom + 1);
  writeUint64(target, entry.index, offset + hashedFrom + 9);
  target.write(previous, offset + previousFrom, 'latin1');
  target.set(payload, offset + recordHeaderBytes);
  const hashed = target.subarray(offset + hashedFrom, end);
  target.writeUInt32BE(crc32(hashed), offset + 1);
  return { end, chainHash: chainHashOf(hashed) };
}

export interface LogRecord {
  readonly type: 'record';
  readonly entry: Entry;
  readonly previous: ChainHash;
  readonly chainHash: ChainHash;
  readonly payloadBytes: number;
  /** The record itself. */
  readonly bytes: Uint8Array;
}

/** Why bytes cannot be what was written. */
export interface Flaw {
  readonly type: 'flaw';
  readonly reason: string;
}

/** The entry of a command keeps a view of `bytes`. */
export function readRecord(bytes: Uint8Array): LogRecord | Flaw {
  if (bytes.length < recordHeaderBytes) return flaw(`a record of ${bytes.length} bytes is too short`);
  const record = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (record[0] !== version) return flaw(`record version ${record[0]} is not known`);
  const hashed = record.subarray(hashedFrom);
  if (crc32(hashed) !== record.readUInt32BE(1)) return flaw('the CRC of a record is wrong');
  const type = types[record[hashedFrom] ?? types.length];
  if (type === undefined) return flaw(`entry type ${record[hashedFrom]} is not known`);
  const payload = record.subarray(recordHeaderBytes);
  return {
    type: 'record',
    entry: entryOf(type, term(readUint64(record, hashedFrom + 1)), index(readUint64(record, hashedFrom + 9)), payload),
    previous: record.toString('latin1', previousFrom, recordHeaderBytes),
    chainHash: chainHashOf(hashed),
    payloadBytes: payload.length,
    bytes,
  };
}

function entryOf(type: Entry['type'], term: Term, index: Index, payload: Buffer): Entry {
  switch (type) {
    case 'noop':
      return { type, term, index };
    case 'command':
      return { type, term, index, command: payload };
    case 'configuration':
      return { type, term, index, configuration: JSON.parse(payload.toString()) as Configuration };
  }
}

function chainHashOf(hashed: Buffer): ChainHash {
  return hash('sha256', hashed, 'binary').slice(0, chainHashBytes);
}

export function flaw(reason: string): Flaw {
  return { type: 'flaw', reason };
}

/** Field by field: the bytes are hashed, and must not depend on how the object was made. */
function encodeConfiguration(configuration: Configuration): Uint8Array {
  const { voters, votersOutgoing, learners, members, gateways } = configuration;
  return Buffer.from(
    JSON.stringify({
      voters,
      votersOutgoing,
      learners,
      members: members.map(({ id, uuid, publicKey, rpc, http }) => ({ id, uuid, publicKey, rpc, http })),
      gateways: gateways.map(({ id, publicKey, http }) => ({ id, publicKey, http })),
    }),
  );
}
