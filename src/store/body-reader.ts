/** Reads the body of a row, front to back. */
import { DamagedRowError } from './damage.ts';
import { readUint64 } from './uint64.ts';

/** Total: throws DamagedRowError where the body does not hold what is asked for. */
export class BodyReader {
  readonly #body: Buffer;
  #offset = 0;

  constructor(body: Buffer) {
    this.#body = body;
  }

  uint8(): number {
    return this.#body.readUInt8(this.#take(1));
  }

  uint16(): number {
    return this.#body.readUInt16BE(this.#take(2));
  }

  /** A safe integer, 8 bytes long. */
  uint53(): number {
    const value = readUint64(this.#body, this.#take(8));
    return Number.isSafeInteger(value) ? value : this.fail(`holds the number ${value}`);
  }

  /** Never NaN or infinite. */
  float64(): number {
    const value = this.#body.readDoubleBE(this.#take(8));
    return Number.isFinite(value) ? value : this.fail(`holds the number ${value}`);
  }

  /** UTF-8, its length before it as u16. */
  text(): string {
    const length = this.uint16();
    const start = this.#take(length);
    return this.#body.toString('utf8', start, start + length);
  }

  /** A view of what is left. */
  rest(): Buffer {
    const start = this.#offset;
    this.#offset = this.#body.length;
    return this.#body.subarray(start);
  }

  end(): void {
    if (this.#offset !== this.#body.length) this.fail('goes on behind its end');
  }

  fail(what: string): never {
    throw new DamagedRowError(`a row of ${this.#body.length} bytes ${what}`);
  }

  #take(length: number): number {
    const start = this.#offset;
    if (start + length > this.#body.length) this.fail('is cut short');
    this.#offset = start + length;
    return start;
  }
}
