/** Reads LevelDB's numbers, front to back. */

/** Thrown by a cursor, and never past `readLevelBytes`. */
class MalformedLevelBytesError extends Error {
  override readonly name = 'MalformedLevelBytesError';
}

/** Total: null where the bytes do not hold what `read` asks for. */
export function readLevelBytes<T>(bytes: Uint8Array, read: (cursor: LevelCursor) => T): T | null {
  try {
    return read(new LevelCursor(bytes));
  } catch (error) {
    if (error instanceof MalformedLevelBytesError) return null;
    throw error;
  }
}

export class LevelCursor {
  readonly #bytes: Uint8Array;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#offset;
  }

  /** Little-endian, one to four bytes long. */
  uint(length: number): number {
    return this.take(length).reduceRight((value, byte) => value * 256 + byte, 0);
  }

  /**
   * A safe integer of seven bits a byte, the lowest first. As LevelDB writes it: a longer one, with a zero at its end, is
   * as good to LevelDB, but a bit has turned in it.
   */
  varint(): number {
    let value = 0;
    for (let unit = 1; Number.isSafeInteger(value); unit *= 128) {
      const byte = this.uint(1);
      value += (byte & 127) * unit;
      if (byte === 0 && unit > 1) break;
      if (byte < 128 && Number.isSafeInteger(value)) return value;
    }
    return this.fail();
  }

  /** A view. */
  take(length: number): Uint8Array {
    if (length > this.left) return this.fail();
    this.#offset += length;
    return this.#bytes.subarray(this.#offset - length, this.#offset);
  }

  fail(): never {
    throw new MalformedLevelBytesError();
  }
}
