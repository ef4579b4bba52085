/** What a decoder makes of bytes that no encoder has written. */
import test from 'ava';
import { createRandom } from './random.ts';

export interface Codec {
  /** Of what it encodes. */
  readonly title: string;
  readonly encoded: readonly Uint8Array[];
  readonly decode: (bytes: Uint8Array) => unknown;
  /** Decodes, encodes and decodes once more. */
  readonly again: (bytes: Uint8Array) => unknown;
}

export function testMalformed({ title, encoded, decode, again }: Codec): void {
  test(`every truncation and every longer ${title} is malformed`, (t) => {
    for (const bytes of encoded) {
      for (let length = 0; length < bytes.length; length++) t.is(decode(bytes.subarray(0, length)), null);
      t.is(decode(Buffer.concat([bytes, Buffer.of(0)])), null);
    }
  });

  test(`a ${title} with flipped bytes is malformed, or is read as another`, (t) => {
    const random = createRandom(99);
    let malformed = 0;
    for (let round = 0; round < 5000; round++) {
      const bytes = Buffer.from(random.pick(encoded));
      for (let flips = 1 + random.below(3); flips > 0; flips--) bytes[random.below(bytes.length)] = random.below(256);
      const decoded = decode(bytes);
      if (decoded === null) malformed++;
      else t.deepEqual(again(bytes), decoded);
    }
    t.true(malformed > 500 && malformed < 4990, `${malformed} of 5000 were malformed`);
  });
}
