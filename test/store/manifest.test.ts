import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { crc32c, maskedCrc } from '../../src/store/crc32c.ts';
import { isDamage } from '../../src/store/damage.ts';
import { levelDisk } from '../../src/store/disk-level.ts';
import { DamagedManifestError, liveTables } from '../../src/store/manifest.ts';
import { scratch } from './log-fixture.ts';

const blockBytes = 32 * 1024;

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (; value >= 128; value = Math.floor(value / 128)) bytes.push((value % 128) + 128);
  return Buffer.from([...bytes, value]);
}

const text = (bytes: Uint8Array) => Buffer.concat([varint(bytes.length), bytes]);
const comparator = (bytes: number) => Buffer.concat([varint(1), text(Buffer.alloc(bytes, 'c'))]);
const gone = (number: number) => Buffer.concat([varint(6), varint(0), varint(number)]);
const made = (number: number, sizeBytes: number) =>
  Buffer.concat([
    varint(7),
    varint(1),
    varint(number),
    varint(sizeBytes),
    text(Buffer.from('a.sequence')),
    text(Buffer.from('b.sequence')),
  ]);
const others = Buffer.concat([
  ...[2, 3, 4, 9].flatMap((tag) => [varint(tag), varint(2 ** 40)]),
  Buffer.concat([varint(5), varint(2), text(Buffer.from('key'))]),
]);

/** The records in fragments, as LevelDB's log_writer.cc cuts them. */
function manifest(records: readonly Uint8Array[]): Buffer {
  const parts: Buffer[] = [];
  let size = 0;
  const add = (part: Buffer) => {
    parts.push(part);
    size += part.length;
  };
  for (const record of records) {
    let left = record;
    for (let first = true; first || left.length > 0; first = false) {
      const room = blockBytes - (size % blockBytes);
      if (room < 7) add(Buffer.alloc(room));
      const bytes = left.subarray(0, blockBytes - (size % blockBytes) - 7);
      left = left.subarray(bytes.length);
      const type = left.length === 0 ? (first ? 1 : 4) : first ? 2 : 3;
      const fragment = Buffer.from([0, 0, 0, 0, bytes.length % 256, bytes.length >> 8, type, ...bytes]);
      fragment.writeUInt32LE(maskedCrc(crc32c(fragment.subarray(6))));
      add(fragment);
    }
  }
  return Buffer.concat(parts);
}

async function written(directory: string, bytes: Uint8Array) {
  await writeFile(join(directory, 'CURRENT'), 'MANIFEST-000007\n');
  await writeFile(join(directory, 'MANIFEST-000007'), bytes);
  return liveTables(directory);
}

test('the tables that came and did not go', async (t) => {
  const directory = await scratch(t);
  const move = Buffer.concat([gone(4), made(4, 2 ** 33)]);
  const records = [
    Buffer.concat([comparator(20), others, made(3, 100), made(4, 200)]),
    Buffer.concat([others, gone(3)]),
    move,
  ];
  t.deepEqual(await written(directory, manifest(records)), [{ number: 4, sizeBytes: 2 ** 33 }]);
});

test('records of any length across blocks', async (t) => {
  const directory = await scratch(t);
  // The next fragment stands at each of the last places of a block, and has it or the next one.
  for (let bytes = blockBytes - 40; bytes < blockBytes + 10; bytes++) {
    const records = [comparator(bytes), made(8, 80), comparator(3 * blockBytes), made(9, 90)];
    const tables = [
      { number: 8, sizeBytes: 80 },
      { number: 9, sizeBytes: 90 },
    ];
    t.deepEqual(await written(directory, manifest(records)), tables, `${bytes}`);
  }
});

test('where the manifest is cut or damaged, the list ends', async (t) => {
  const directory = await scratch(t);
  const bytes = manifest([made(1, 10), made(2, 20), made(3, 30)]);
  const third = bytes.length / 3;
  for (let length = 0; length <= bytes.length; length++) {
    t.is((await written(directory, bytes.subarray(0, length))).length, Math.floor(length / third));
  }
  for (let at = 0; at < bytes.length; at++) {
    const turned = Buffer.from(bytes);
    turned[at] = (turned[at] as number) ^ 16;
    t.is((await written(directory, turned)).length, Math.floor(at / third), `${at}`);
  }
  t.is(
    (await written(directory, manifest([made(1, 10), Buffer.from([77]), made(2, 20)]))).length,
    1,
    'a field that is unknown',
  );
});

test('where zeros reach to the end, the list ends; records behind them are damage, of which LevelDB would die', async (t) => {
  const directory = await scratch(t);
  const name = Buffer.concat([varint(1), text(Buffer.from('leveldb.BytewiseComparator'))]);
  const numbers = Buffer.concat([2, 3, 4].flatMap((tag) => [varint(tag), varint(90)]));
  const before = manifest([Buffer.concat([name, numbers, made(1, 10)])]);
  const zeros = Buffer.alloc(2 * blockBytes - before.length);
  for (const end of [1, 7, 100, blockBytes - before.length, zeros.length]) {
    t.deepEqual(await written(directory, Buffer.concat([before, zeros.subarray(0, end)])), [
      { number: 1, sizeBytes: 10 },
    ]);
  }
  // Table 1 went where the zeros are: LevelDB finds it in one level with table 2.
  const damaged = Buffer.concat([before, zeros, manifest([made(2, 20)])]);
  const error = await t.throwsAsync(written(directory, damaged), { instanceOf: DamagedManifestError });
  t.true(isDamage(error));
  t.true(
    error?.message.endsWith(
      `MANIFEST-000007 is damaged at byte ${before.length}: zeros, but more records from byte ${2 * blockBytes} on`,
    ),
    error?.message,
  );
  await t.throwsAsync(levelDisk.openKeyValueStore(directory, { createIfMissing: false }), {
    instanceOf: DamagedManifestError,
  });
});

test('a manifest that the system cannot read is named, and is not damage', async (t) => {
  const directory = await scratch(t);
  await mkdir(join(directory, 'MANIFEST-000007'));
  await writeFile(join(directory, 'CURRENT'), 'MANIFEST-000007\n');
  const error = await t.throwsAsync(liveTables(directory), { code: 'EISDIR' });
  t.true(error?.message.includes(join(directory, 'MANIFEST-000007')), error?.message);
  t.false(isDamage(error));
});

test('without a database there are no tables', async (t) => {
  const directory = await scratch(t);
  t.deepEqual(await liveTables(join(directory, 'nowhere')), []);
  t.deepEqual(await liveTables(directory), []);
  for (const current of ['', 'MANIFEST-000007', 'MANIFEST-000008\n', '../MANIFEST-000007\n']) {
    await writeFile(join(directory, 'CURRENT'), current);
    t.deepEqual(await liveTables(directory), []);
  }
});
