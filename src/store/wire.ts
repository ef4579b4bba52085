/**
 * The byte form that messages between processes share:
 *
 *   version u8 = 1 · headBytes u32 big-endian · head (MessagePack, arrays only) · tail (byte strings, back to back)
 *
 * Commands and values travel in the tail, their lengths in the head: written once, and copied once when read.
 */
import { Packr } from 'msgpackr';
import { rpcBytesMax } from './rpc.ts';

const version = 1;
const headFrom = 5;

// Without records, or it writes an extension that only the same instance can read.
const packr = new Packr({ useRecords: false });

export function encodeWire(head: readonly unknown[], tail: readonly Uint8Array[] = []): Uint8Array {
  const packed = packr.pack(head);
  const tailFrom = headFrom + packed.length;
  const bytes = Buffer.allocUnsafe(tail.reduce((total, part) => total + part.length, tailFrom));
  bytes[0] = version;
  bytes.writeUInt32BE(packed.length, 1);
  bytes.set(packed, headFrom);
  let offset = tailFrom;
  for (const part of tail) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}

/**
 * Total: null for whatever `read` does not accept, or leaves unread. Nothing that is returned shares `bytes`. What comes from
 * outside is at most a frame.
 */
export function decodeWire<T>(
  bytes: Uint8Array,
  read: (head: unknown, tail: Tail) => T,
  bytesMax: number = rpcBytesMax,
): T | null {
  if (bytes.length < headFrom || bytes.length > bytesMax || bytes[0] !== version) return null;
  const tailFrom = headFrom + new DataView(bytes.buffer, bytes.byteOffset).getUint32(1);
  if (tailFrom > bytes.length) return null;
  try {
    const head: unknown = packr.unpack(bytes.subarray(headFrom, tailFrom));
    const tail = new Tail(new Uint8Array(bytes.subarray(tailFrom)));
    const value = read(head, tail);
    return tail.left === 0 ? value : null;
  } catch {
    // Whatever is wrong with bytes from outside, from a wrong length to nesting without end, has this one answer.
    return null;
  }
}

/** Hands out the tail front to back, as views of one copy. */
export class Tail {
  readonly #bytes: Uint8Array;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#offset;
  }

  take(length: unknown): Uint8Array {
    const end = this.#offset + natural(length);
    if (end > this.#bytes.length) throw new MalformedError();
    const part = this.#bytes.subarray(this.#offset, end);
    this.#offset = end;
    return part;
  }
}

/** Thrown by the readers below, and never past decodeWire. */
export class MalformedError extends Error {
  override readonly name = 'MalformedError';
}

export function list(value: unknown, lengthMax: number): readonly unknown[] {
  if (!Array.isArray(value) || value.length > lengthMax) throw new MalformedError();
  return value;
}

/** A list of exactly so many fields. */
export function tuple(value: unknown, length: number): readonly unknown[] {
  if (!Array.isArray(value) || value.length !== length) throw new MalformedError();
  return value;
}

/** A safe integer from 0, which has no sign. */
export function natural(value: unknown): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0 || Object.is(value, -0)) throw new MalformedError();
  return value as number;
}

/** `lengthMax` in UTF-16 units. */
export function text(value: unknown, lengthMax: number): string {
  if (typeof value !== 'string' || value.length > lengthMax) throw new MalformedError();
  return value;
}

export function flag(value: unknown): boolean {
  if (typeof value !== 'boolean') throw new MalformedError();
  return value;
}

export function orNull<T>(value: unknown, read: (value: unknown) => T): T | null {
  return value === null ? null : read(value);
}

/** The choice at this position: choices are only ever added, at the end. */
export function choice<T>(value: unknown, choices: readonly T[]): T {
  const chosen = choices[natural(value)];
  if (chosen === undefined) throw new MalformedError();
  return chosen;
}
