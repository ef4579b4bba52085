/**
 * Where bytes are written to. What has a byte form tells it twice: to one sink that counts, then to one that fills
 * exactly so many bytes. Integers are big-endian.
 */
import { writeUint64 } from './uint64.ts';

export interface ByteSink {
  uint8(value: number): void;
  uint16(value: number): void;
  /** A safe integer from 0. */
  uint53(value: number): void;
  /** Finite; -0 is written as 0, so that equal numbers have equal bytes. */
  float64(value: number): void;
  /** Length u16 · UTF-8. */
  text(text: string): void;
  /** Length u32 · the bytes. */
  bytes(bytes: Uint8Array): void;
  /** The bytes alone, whose length is known to whoever reads them. */
  raw(bytes: Uint8Array): void;
}

export type WriteBytes = (sink: ByteSink) => void;

/** The caller has checked every range: a RangeError otherwise. */
export function toBytes(write: WriteBytes): Buffer {
  const filler = new ByteFiller(byteCount(write));
  write(filler);
  return filler.buffer;
}

export function byteCount(write: WriteBytes): number {
  const counter = new ByteCounter();
  write(counter);
  return counter.count;
}

export function writeList<T>(sink: ByteSink, items: readonly T[], write: (sink: ByteSink, item: T) => void): void {
  sink.uint16(items.length);
  for (const item of items) write(sink, item);
}

/** One byte that says whether anything follows. */
export function writeOption<T>(sink: ByteSink, value: T | null, write: (sink: ByteSink, value: T) => void): void {
  sink.uint8(value === null ? 0 : 1);
  if (value !== null) write(sink, value);
}

export function writeFlag(sink: ByteSink, flag: boolean): void {
  sink.uint8(flag ? 1 : 0);
}

export function writeText(sink: ByteSink, text: string): void {
  sink.text(text);
}

export function writeUint53(sink: ByteSink, value: number): void {
  sink.uint53(value);
}

export function writeFloat64(sink: ByteSink, value: number): void {
  sink.float64(value);
}

class ByteCounter implements ByteSink {
  count = 0;

  uint8(): void {
    this.count += 1;
  }

  uint16(): void {
    this.count += 2;
  }

  uint53(): void {
    this.count += 8;
  }

  float64(): void {
    this.count += 8;
  }

  text(text: string): void {
    this.count += 2 + Buffer.byteLength(text);
  }

  bytes(bytes: Uint8Array): void {
    this.count += 4 + bytes.length;
  }

  raw(bytes: Uint8Array): void {
    this.count += bytes.length;
  }
}

class ByteFiller implements ByteSink {
  readonly buffer: Buffer;
  #offset = 0;

  constructor(bytes: number) {
    this.buffer = Buffer.allocUnsafe(bytes);
  }

  uint8(value: number): void {
    this.#offset = this.buffer.writeUInt8(value, this.#offset);
  }

  uint16(value: number): void {
    this.#offset = this.buffer.writeUInt16BE(value, this.#offset);
  }

  uint53(value: number): void {
    this.#offset = writeUint64(this.buffer, value, this.#offset);
  }

  float64(value: number): void {
    this.#offset = this.buffer.writeDoubleBE(value + 0, this.#offset);
  }

  text(text: string): void {
    const length = this.buffer.write(text, this.#offset + 2);
    this.uint16(length);
    this.#offset += length;
  }

  bytes(bytes: Uint8Array): void {
    this.#offset = this.buffer.writeUInt32BE(bytes.length, this.#offset);
    this.raw(bytes);
  }

  raw(bytes: Uint8Array): void {
    this.buffer.set(bytes, this.#offset);
    this.#offset += bytes.length;
  }
}
