/**
 * Commands as bytes: what log entries hold, and what clients send. Integers are big-endian.
 *
 *   version u8 = 1 · type u8
 *   1 openSession   nothing more
 *   2 put           stamp · precondition · key · contentType · value (to the end)
 *   3 delete        stamp · precondition · key
 *   4 transaction · 5 tick · 6 define · 7 build: catalog-codec.ts
 *
 *   stamp           session u64 · sequence u64 · lowestUnanswered u64
 *   precondition    ifMatch · ifNoneMatch, each: count u8 (255 none, 254 any value, else 0 to 64) · count × revision u64
 *   key             length u16 · UTF-8
 *   contentType     length u16 · ASCII
 *
 * Equal commands have equal bytes. Do not change what version 1 means: it is on disks.
 */
import { invariant } from '../raft/assert.ts';
import { ByteReader } from './byte-reader.ts';
import { toBytes } from './byte-sink.ts';
import { isStamp, readCatalogCommand, readStamp, writeCatalogCommand } from './catalog-codec.ts';
import {
  type Command,
  contentTypeProblem,
  keyProblem,
  limits,
  type Precondition,
  type RevisionMatch,
  type SessionStamp,
} from './command.ts';
import { type CatalogCommand, catalogProblem } from './command-problem.ts';
import { transactionLimits } from './transaction.ts';
import { writeUint64 } from './uint64.ts';

const version = 1;
const openSessionType = 1;
const putType = 2;
const deleteType = 3;
const firstCatalogType = 4;
/** Positions are in the log: add at the end. */
const catalogTypes: readonly CatalogCommand['type'][] = ['transaction', 'tick', 'define', 'build', 'sweep'];

const headerBytes = 2;
const stampBytes = 24;
const noMatch = 255;
const anyMatch = 254;

/** The caller has checked names and limits: an InvariantError otherwise. */
export function encodeCommand(command: Command): Uint8Array {
  if (command.type === 'openSession') return Buffer.of(version, openSessionType);
  if (command.type === 'put' || command.type === 'delete') return encodeWrite(command);
  return encodeCatalogCommand(command);
}

function encodeCatalogCommand(command: CatalogCommand): Uint8Array {
  const found = catalogProblem(command);
  invariant(found === null, `a command to encode is sound: ${found?.path}: ${found?.problem}`);
  if ('stamp' in command) checkStamp(command.stamp);
  const type = firstCatalogType + catalogTypes.indexOf(command.type);
  const bytes = toBytes((sink) => {
    sink.uint8(version);
    sink.uint8(type);
    writeCatalogCommand(sink, command);
  });
  const { encodedBytesMax } = transactionLimits;
  invariant(bytes.length <= encodedBytesMax, `a command is at most ${encodedBytesMax} bytes, got ${bytes.length}`);
  return bytes;
}

function checkStamp(stamp: SessionStamp): void {
  invariant(isStamp(stamp), `a command to encode has a sound stamp: ${JSON.stringify(stamp)}`);
}

function encodeWrite(command: Extract<Command, { type: 'put' | 'delete' }>): Uint8Array {
  const { key, stamp, precondition } = command;
  const problem = keyProblem(key) ?? (command.type === 'put' ? contentTypeProblem(command.contentType) : null);
  invariant(problem === null, `a command to encode has a sound key and content type: ${problem}`);
  checkStamp(stamp);
  const keyBytes = Buffer.byteLength(key);
  const beforeContentType = headerBytes + stampBytes + preconditionBytes(precondition) + 2 + keyBytes;
  if (command.type === 'delete') {
    const bytes = Buffer.allocUnsafe(beforeContentType);
    writeCommon(bytes, deleteType, stamp, precondition, key, keyBytes);
    return bytes;
  }
  const { contentType, value } = command;
  invariant(value.length <= limits.valueBytesMax, `a value is at most ${limits.valueBytesMax} bytes`);
  const bytes = Buffer.allocUnsafe(beforeContentType + 2 + contentType.length + value.length);
  let offset = writeCommon(bytes, putType, stamp, precondition, key, keyBytes);
  offset = bytes.writeUInt16BE(contentType.length, offset);
  offset += bytes.write(contentType, offset, 'latin1');
  bytes.set(value, offset);
  return bytes;
}

/** Of the bytes of a command: whether it is a transaction, at the price of a look. */
export function isTransaction(bytes: Uint8Array): boolean {
  return bytes[1] === firstCatalogType;
}

/** Null if the bytes are no command within the limits. Values are views of `bytes`, not copies. */
export function decodeCommand(bytes: Uint8Array): Command | null {
  const reader = new ByteReader(bytes);
  if (reader.uint8() !== version) return null;
  const command = readBody(reader, bytes.length);
  return reader.done ? command : null;
}

function readBody(reader: ByteReader, bytesInAll: number): Command | null {
  const type = reader.uint8();
  if (type === openSessionType) return { type: 'openSession' };
  if (type === putType || type === deleteType) return readWrite(reader, type);
  const catalogType = catalogTypes[type - firstCatalogType];
  if (catalogType === undefined || bytesInAll > transactionLimits.encodedBytesMax) return null;
  const command = readCatalogCommand(reader, catalogType);
  return reader.done && catalogProblem(command) === null ? command : null;
}

function readWrite(reader: ByteReader, type: number): Command | null {
  const stamp = readStamp(reader);
  const precondition = { ifMatch: readRevisionMatch(reader), ifNoneMatch: readRevisionMatch(reader) };
  const key = reader.text(limits.keyBytesMax);
  if (key.length === 0) return null;
  if (type === deleteType) return { type: 'delete', stamp, key, precondition };
  const contentType = reader.text(limits.contentTypeBytesMax);
  if (contentTypeProblem(contentType) !== null) return null;
  const value = reader.rest();
  return value.length > limits.valueBytesMax ? null : { type: 'put', stamp, key, value, contentType, precondition };
}

function readRevisionMatch(reader: ByteReader): RevisionMatch | null {
  const count = reader.uint8();
  if (count === noMatch) return null;
  if (count === anyMatch) return '*';
  if (count > limits.revisionsInPreconditionMax) reader.fail();
  const revisions: number[] = [];
  while (!reader.failed && revisions.length < count) revisions.push(reader.uint53());
  return revisions;
}

function writeCommon(
  bytes: Buffer,
  type: number,
  stamp: SessionStamp,
  precondition: Precondition,
  key: string,
  keyBytes: number,
): number {
  bytes[0] = version;
  bytes[1] = type;
  let offset = writeUint64(bytes, stamp.session, headerBytes);
  offset = writeUint64(bytes, stamp.sequence, offset);
  offset = writeUint64(bytes, stamp.lowestUnanswered, offset);
  offset = writeRevisionMatch(bytes, precondition.ifMatch, offset);
  offset = writeRevisionMatch(bytes, precondition.ifNoneMatch, offset);
  offset = bytes.writeUInt16BE(keyBytes, offset);
  return offset + bytes.write(key, offset);
}

function preconditionBytes({ ifMatch, ifNoneMatch }: Precondition): number {
  return revisionMatchBytes(ifMatch) + revisionMatchBytes(ifNoneMatch);
}

function revisionMatchBytes(match: RevisionMatch | null): number {
  return match === null || match === '*' ? 1 : 1 + 8 * match.length;
}

function writeRevisionMatch(bytes: Buffer, match: RevisionMatch | null, offset: number): number {
  if (match === null) return bytes.writeUInt8(noMatch, offset);
  if (match === '*') return bytes.writeUInt8(anyMatch, offset);
  const max = limits.revisionsInPreconditionMax;
  invariant(match.length <= max, `a precondition names at most ${max} revisions`);
  let next = bytes.writeUInt8(match.length, offset);
  for (const revision of match) next = writeUint64(bytes, revision, next);
  return next;
}
