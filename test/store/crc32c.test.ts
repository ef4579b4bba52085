import test from 'ava';
import { crc32c, maskedCrc } from '../../src/store/crc32c.ts';
import { createRandom } from './random.ts';

/** Those of RFC 3720, B.4, and the usual check value. */
const vectors: readonly (readonly [Uint8Array, number])[] = [
  [Buffer.alloc(0), 0],
  [Buffer.from('123456789'), 0xe3069283],
  [Buffer.alloc(32), 0x8a9136aa],
  [Buffer.alloc(32, 255), 0x62a8ab43],
  [Uint8Array.from({ length: 32 }, (_, at) => at), 0x46dd794e],
  [Uint8Array.from({ length: 32 }, (_, at) => 31 - at), 0x113fdb5c],
];

test('the known sums', (t) => {
  for (const [bytes, crc] of vectors) t.is(crc32c(bytes), crc);
});

test('in pieces, at any offset: the sum of the whole', (t) => {
  const random = createRandom(1);
  const bytes = Uint8Array.from({ length: 100 }, () => random.below(256));
  for (let from = 0; from < 9; from++) {
    const whole = crc32c(bytes.slice(from));
    for (let cut = from; cut <= bytes.length; cut++) {
      t.is(crc32c(bytes.subarray(cut), crc32c(bytes.subarray(from, cut))), whole, `${from} ${cut}`);
    }
  }
});

test('masked as LevelDB does it: turned by 15 bits, and a number added', (t) => {
  t.is(maskedCrc(0), 0xa282ead8);
  t.is(maskedCrc(0x8000), 0xa282ead9);
  t.is(maskedCrc(0x7fff), (0xfffe0000 + 0xa282ead8) % 2 ** 32);
});
