import test from 'ava';
import { unsnappy } from '../../src/store/snappy.ts';
import { createRandom } from './random.ts';

const sizeMax = 1000;

function plain(hex: string): string | null {
  const bytes = unsnappy(Buffer.from(hex.replaceAll(' ', ''), 'hex'), sizeMax);
  return bytes === null ? null : Buffer.from(bytes).toString('latin1');
}

const abcd = '61626364';

test('every element of the format', (t) => {
  t.is(plain('00'), '');
  t.is(plain(`04 0c ${abcd}`), 'abcd');
  t.is(plain(`08 0c ${abcd} 01 04`), 'abcdabcd', 'copy with a distance of one byte and three bits');
  t.is(plain(`0b 0c ${abcd} 1a 0200`), 'abcdcdcdcdc', 'copy of two bytes of distance, which reaches into itself');
  t.is(plain(`06 0c ${abcd} 07 03000000`), 'abcdbc', 'copy of four bytes of distance');
  t.is(plain(`ac02 f0 ff ${'78'.repeat(256)} ae 0100`), 'x'.repeat(300), 'a literal with its length in one byte');
  t.is(plain(`ac02 f4 2b01 ${'78'.repeat(300)}`), 'x'.repeat(300), 'in two');
  t.is(plain(`ac02 fc 2b010000 ${'78'.repeat(300)}`), 'x'.repeat(300), 'in four');
  t.is(plain(`ac02 f4 ff00 ${'61'.repeat(256)} ad 0001`), null, 'one byte more than it says');
});

test('garbage has one answer', (t) => {
  for (const [garbage, why] of [
    ['', 'nothing'],
    ['ff', 'a length without an end'],
    ['ffffffffffffffffffffffff00', 'a length beyond all numbers'],
    [`03 0c ${abcd}`, 'longer than it says'],
    [`05 0c ${abcd}`, 'shorter than it says'],
    ['04 0c 6162', 'a literal cut short'],
    ['04 f4 ff', 'the length of a literal cut short'],
    ['04 fc ffffffff 61', 'a literal beyond the end'],
    ['04 01', 'a copy cut short'],
    [`08 0c ${abcd} 01 00`, 'a copy from where it stands'],
    [`08 0c ${abcd} 01 05`, 'a copy from before the beginning'],
    ['e907', 'more than is allowed'],
    ['ffffffff0f 0061', 'much more than is allowed'],
  ] as const) {
    t.is(plain(garbage), null, why);
  }
});

test('any bytes: an answer, never an exception', (t) => {
  const random = createRandom(1);
  let read = 0;
  for (let round = 0; round < 20_000; round++) {
    const bytes = Uint8Array.from({ length: random.below(12) }, () => random.below(random.below(2) === 0 ? 16 : 256));
    if ((unsnappy(bytes, sizeMax)?.length ?? 0) > 0) read++;
  }
  t.true(read > 0, 'some of it happens to be right');
});
