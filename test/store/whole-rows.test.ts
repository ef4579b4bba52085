import test from 'ava';
import { index } from '../../src/raft/types.ts';
import { valueKey, valueRows } from '../../src/store/keys.ts';
import { sealValue } from '../../src/store/kv.ts';
import { wholeRows } from '../../src/store/whole-rows.ts';
import { SortedReader } from './sorted-reader.ts';

const names = Array.from({ length: 30 }, (_, at) => `k${`${at}`.padStart(2, '0')}`);
const revisions = { createRevision: index(1), modRevision: index(1), version: 1 };
const reader = () =>
  new SortedReader(names.map((key) => sealValue(key, { ...revisions, contentType: '', value: new Uint8Array() })));
const bounds = valueRows('k', null) ?? { gte: Buffer.alloc(0), lt: Buffer.alloc(0) };

async function keysOf(
  from: SortedReader,
  stopAfter: number,
  soon: number,
  reverse: boolean,
): Promise<readonly string[]> {
  const keys: string[] = [];
  for await (const [key] of wholeRows(from, bounds, { soon, reverse })) {
    keys.push(Buffer.from(key).toString().slice(1));
    if (keys.length === stopAfter) break;
  }
  return keys;
}

test('the rows are those of the range, in either direction, however many are fetched at first', async (t) => {
  for (const reverse of [false, true]) {
    const expected = reverse ? names.toReversed() : names;
    for (const soon of [1, 2, 29, 30, 31, 100]) {
      for (const stopAfter of [1, 2, 15, 29, 30, 31]) {
        t.deepEqual(
          await keysOf(reader(), stopAfter, soon, reverse),
          expected.slice(0, stopAfter),
          `${soon} ${stopAfter}`,
        );
      }
    }
  }
});

test('a row that was left out is noticed if the iteration went past it, wherever it stops', async (t) => {
  for (const reverse of [false, true]) {
    const order = reverse ? names.toReversed() : names;
    for (const soon of [1, 5, 100]) {
      for (const [position, damaged] of order.entries()) {
        for (const stopAfter of [1, 4, 5, 6, 20, 100]) {
          const damagedReader = reader();
          damagedReader.damaged = valueKey(damaged);
          const reading = keysOf(damagedReader, stopAfter, soon, reverse);
          if (position < stopAfter)
            await t.throwsAsync(reading, { code: 'LEVEL_CORRUPTION' }, `${damaged} ${stopAfter}`);
          else t.deepEqual(await reading, order.slice(0, stopAfter));
        }
      }
    }
  }
});

test('few rows are read where few are wanted', async (t) => {
  const few = reader();
  await keysOf(few, 3, 4, false);
  t.true(few.iterated <= 6, `${few.iterated}`);
});
