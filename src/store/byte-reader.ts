/** Reads what a ByteSink has written, from untrusted bytes. */
import { isUtf8 } from 'node:buffer';
import { readUint64 } from './uint64.ts';

const flags = [false, true] as const;

/** Front to back; after a failure every answer is empty and `failed` stays set. Byte strings are views, not copies. */
export class ByteReader {
  #failed = false;
  readonly #bytes: Buffer;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get failed(): boolean {
    return this.#failed;
  }

  get left(): number {
    return this.#bytes.length - this.#offset;
  }

  /** Everything was read, and nothing was wrong with it. */
  get done(): boolean {
    return !this.#failed && this.left === 0;
  }

  fail(): void {
    this.#failed = true;
  }

  uint8(): number {
    const offset = this.#take(1);
    return this.#failed ? 0 : (this.#bytes[offset] ?? 0);
  }

  uint16(): number {
    const offset = this.#take(2);
    return this.#failed ? 0 : this.#bytes.readUInt16BE(offset);
  }

  uint53(): number {
    const offset = this.#take(8);
    const value = this.#failed ? 0 : readUint64(this.#bytes, offset);
    if (value > Number.MAX_SAFE_INTEGER) this.fail();
    return value;
  }

  float64(): number {
    const offset = this.#take(8);
    const value = this.#failed ? 0 : this.#bytes.readDoubleBE(offset);
    if (!Number.isFinite(value) || Object.is(value, -0)) this.fail();
    return value;
  }

  flag(): boolean {
    return this.choice(flags);
  }

  /** The choice at this position: choices are only ever added, at the end. */
  choice<T>(choices: readonly [T, ...T[]]): T {
    const chosen = choices[this.uint8()];
    if (chosen === undefined) this.fail();
    return chosen ?? choices[0];
  }

  text(bytesMax: number): string {
    const length = this.uint16();
    if (length > bytesMax) this.fail();
    return this.#utf8(this.raw(length));
  }

  /** Written as bytes. */
  longText(bytesMax: number): string {
    return this.#utf8(this.bytes(bytesMax));
  }

  bytes(lengthMax: number): Buffer {
    const offset = this.#take(4);
    const length = this.#failed ? 0 : this.#bytes.readUInt32BE(offset);
    if (length > lengthMax) this.fail();
    return this.raw(length);
  }

  raw(length: number): Buffer {
    const start = this.#take(length);
    return this.#bytes.subarray(start, this.#offset);
  }

  rest(): Buffer {
    return this.raw(this.left);
  }

  list<T>(countMax: number, read: (reader: ByteReader) => T): readonly T[] {
    const count = this.uint16();
    if (count > countMax) this.fail();
    const items: T[] = [];
    while (!this.#failed && items.length < count) items.push(read(this));
    return items;
  }

  option<T>(read: (reader: ByteReader) => T): T | null {
    return this.flag() ? read(this) : null;
  }

  #utf8(bytes: Buffer): string {
    if (!isUtf8(bytes)) this.fail();
    return this.#failed ? '' : bytes.toString();
  }

  /** Returns where the next `length` bytes begin. */
  #take(length: number): number {
    const start = this.#offset;
    if (length > this.left) this.fail();
    if (!this.#failed) this.#offset += length;
    return start;
  }
}
