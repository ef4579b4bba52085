/**
 * Commands as bytes: what log entries hold, and what clients send. Integers are big-endian.
 *
 *   version u8 = 1 · type u8
 *   1 openSession   nothing more
 *   2 put           stamp · precondition · key · contentType · value (to the end)
 *   3 delete        stamp · precondition · key
 *
 *   stamp           session u64 · sequence u64 · lowestUnanswered u64
 *   precondition    ifMatch · ifNoneMatch, each: count u8 (255 none, 254 any value, else 0 to 64) · count × revision u64
 *   key             length u16 · UTF-8
 *   contentType     length u16 · ASCII
 *
 * Equal commands have equal bytes. Do not change what version 1 means: it is on disks.
 */
import { isUtf8 } from 'node:buffer';
import { invariant } from '../raft/assert.ts';
import type { Index } from '../raft/types.ts';
import {
  type Command,
  contentTypeProblem,
  keyProblem,
  limits,
  type Precondition,
  type RevisionMatch,
  type SessionStamp,
} from './command.ts';
import { readUint64, writeUint64 } from './uint64.ts';

const version = 1;
const openSessionType = 1;
const putType = 2;
const deleteType = 3;

const headerBytes = 2;
const stampBytes = 24;
const noMatch = 255;
const anyMatch = 254;

/** The caller has checked key, content type and limits: an InvariantError otherwise. */
export function encodeCommand(command: Command): Uint8Array {
  if (command.type === 'openSession') return Buffer.of(version, openSessionType);
  const { key, stamp, precondition } = command;
  const problem = keyProblem(key) ?? (command.type === 'put' ? contentTypeProblem(command.contentType) : null);
  invariant(problem === null, `a command to encode has a sound key and content type: ${problem}`);
  invariant(isStamp(stamp), `a command to encode has a sound stamp: ${JSON.stringify(stamp)}`);
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

/** Null if the bytes are no command within the limits. The value is a view of `bytes`, not a copy. */
export function decodeCommand(bytes: Uint8Array): Command | null {
  const reader = new Reader(bytes);
  if (reader.uint8() !== version) return null;
  const command = readBody(reader);
  return reader.failed || reader.left > 0 ? null : command;
}

function readBody(reader: Reader): Command | null {
  const type = reader.uint8();
  if (type === openSessionType) return { type: 'openSession' };
  if (type !== putType && type !== deleteType) return null;
  const stamp = { session: reader.uint53() as Index, sequence: reader.uint53(), lowestUnanswered: reader.uint53() };
  const precondition = { ifMatch: reader.revisionMatch(), ifNoneMatch: reader.revisionMatch() };
  const key = reader.key();
  if (!isStamp(stamp)) return null;
  if (type === deleteType) return { type: 'delete', stamp, key, precondition };
  const contentType = reader.contentType();
  const value = reader.rest();
  return value.length > limits.valueBytesMax ? null : { type: 'put', stamp, key, value, contentType, precondition };
}

function isStamp({ session, sequence, lowestUnanswered }: SessionStamp): boolean {
  return session >= 1 && lowestUnanswered >= 1 && lowestUnanswered <= sequence;
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

/** Reads untrusted bytes front to back; after a failure every answer is empty and `failed` stays set. */
class Reader {
  failed = false;
  readonly #bytes: Buffer;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get left(): number {
    return this.#bytes.length - this.#offset;
  }

  uint8(): number {
    const offset = this.#take(1);
    return this.failed ? 0 : (this.#bytes[offset] ?? 0);
  }

  uint53(): number {
    const offset = this.#take(8);
    const value = this.failed ? 0 : readUint64(this.#bytes, offset);
    if (value > Number.MAX_SAFE_INTEGER) this.failed = true;
    return value;
  }

  revisionMatch(): RevisionMatch | null {
    const count = this.uint8();
    if (count === noMatch) return null;
    if (count === anyMatch) return '*';
    if (count > limits.revisionsInPreconditionMax) this.failed = true;
    const revisions: number[] = [];
    while (!this.failed && revisions.length < count) revisions.push(this.uint53());
    return revisions;
  }

  key(): string {
    const bytes = this.#lengthPrefixed(limits.keyBytesMax);
    if (bytes.length === 0 || !isUtf8(bytes)) this.failed = true;
    return bytes.toString();
  }

  contentType(): string {
    const bytes = this.#lengthPrefixed(limits.contentTypeBytesMax);
    const contentType = bytes.toString('latin1');
    if (contentTypeProblem(contentType) !== null) this.failed = true;
    return contentType;
  }

  rest(): Uint8Array {
    return this.#bytes.subarray(this.#take(this.left));
  }

  #lengthPrefixed(lengthMax: number): Buffer {
    const lengthOffset = this.#take(2);
    const length = this.failed ? 0 : this.#bytes.readUInt16BE(lengthOffset);
    if (length > lengthMax) this.failed = true;
    const start = this.#take(length);
    return this.#bytes.subarray(start, this.#offset);
  }

  /** Returns where the next `length` bytes begin. */
  #take(length: number): number {
    const start = this.#offset;
    if (length > this.left) this.failed = true;
    if (!this.failed) this.#offset += length;
    return start;
  }
}
