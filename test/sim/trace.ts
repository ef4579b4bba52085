/** A hash of everything that happened, in order: equal hashes mean equal runs. */
import { crc32 } from 'node:zlib';

export class Trace {
  #low = 0x811c9dc5;
  #high = 0x01000193;
  readonly #number = new Float64Array(1);
  readonly #halves = new Uint32Array(this.#number.buffer);

  /** Any number, whole or not. */
  mix(value: number): void {
    this.#number[0] = value;
    this.#mixHalf(this.#halves[0] ?? 0);
    this.#mixHalf(this.#halves[1] ?? 0);
  }

  mixBytes(bytes: Uint8Array | string): void {
    this.#mixHalf(crc32(bytes));
    this.#mixHalf(bytes.length);
  }

  /** 16 hex digits. */
  get hash(): string {
    return hex(this.#high) + hex(this.#low);
  }

  #mixHalf(bits: number): void {
    this.#low = Math.imul(this.#low ^ bits, 0x01000193) >>> 0;
    const mixed = Math.imul(this.#high ^ this.#low ^ (bits >>> 16), 0x85ebca6b);
    this.#high = (mixed ^ (mixed >>> 15)) >>> 0;
  }
}

function hex(bits: number): string {
  return bits.toString(16).padStart(8, '0');
}
