import { open } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { index, type LogBatch, term } from '../../src/raft/types.ts';
import type { Disk, FixedFile } from '../../src/store/disk.ts';
import { levelDisk } from '../../src/store/disk-level.ts';
import type { LogHead } from '../../src/store/log-head.ts';
import { readRecord } from '../../src/store/log-record.ts';
import { emptyLog } from '../../src/store/log-summary.ts';
import { decodeSlot, encodeSlot, slotBytes, Witness } from '../../src/store/witness.ts';
import { batch, command, commands, entryId, plain, scratch } from './log-fixture.ts';
import { createRandom } from './random.ts';

const pageBytes = 4096;

function encoded(generation: number, logBatch: LogBatch): { bytes: Buffer; head: LogHead } {
  return encodeSlot(Buffer.alloc(slotBytes), generation, logBatch, emptyLog);
}

test('a slot is read as it was written', (t) => {
  const entries = [command(2, 1, 'ü'), { ...entryId(2, 2), type: 'noop' as const }, command(3, 3)];
  const hardState = { currentTerm: term(3), votedFor: 'r2', claim: entryId(2, 9) };
  const { bytes, head } = encoded(7, { hardState, truncateFrom: index(1), entries });
  t.is(bytes.length, pageBytes, 'only the pages in use');
  t.deepEqual({ ...head, chainHash: '' }, { generation: 7, hardState, last: entryId(3, 3), chainHash: '' });
  const slot = decodeSlot(bytes);
  t.deepEqual(slot?.head, head);
  t.is(slot?.truncateFrom, index(1));
  t.is(slot?.previous, emptyLog.chainHash);
  const records = slot?.records.map((record) => readRecord(record)).filter((record) => record.type === 'record') ?? [];
  t.deepEqual(plain(records.map(({ entry }) => entry)), plain(entries));
  t.is(records.at(-1)?.chainHash, head.chainHash);
});

test('a slot without entries, vote, claim or truncation', (t) => {
  const hardState = { currentTerm: term(0), votedFor: null, claim: null };
  const { bytes, head } = encoded(1, { hardState, truncateFrom: null, entries: [] });
  t.deepEqual(decodeSlot(bytes), { head, truncateFrom: null, previous: emptyLog.chainHash, records: [] });
});

test('a slot that was never written is none', (t) => {
  t.is(decodeSlot(Buffer.alloc(slotBytes)), null);
});

test('a slot torn at any page, over an older slot or over nothing, is none', (t) => {
  const older = Buffer.alloc(slotBytes);
  encodeSlot(older, 4, batch(commands(1, 1, 400, 60)), emptyLog);
  const { bytes } = encoded(6, batch(commands(2, 1, 500, 50)));
  const pages = bytes.length / pageBytes;
  t.true(pages > 8);
  for (const beneath of [older, Buffer.alloc(slotBytes)]) {
    for (let torn = 1; torn < pages; torn++) {
      const front = Buffer.from(beneath);
      bytes.copy(front, 0, 0, torn * pageBytes);
      t.is(decodeSlot(front), null, `the first ${torn} pages`);
      const back = Buffer.from(beneath);
      bytes.copy(back, torn * pageBytes, torn * pageBytes);
      const found = decodeSlot(back);
      t.true(found === null || found.head.generation === 4, `without the first ${torn} pages`);
    }
  }
});

test('a slot with any bit turned is none', (t) => {
  const { bytes } = encoded(3, batch(commands(1, 1, 30)));
  const usedBytes = 9 + bytes.readUInt32BE(5);
  for (let bit = 0; bit < usedBytes * 8; bit++) {
    const damaged = Buffer.from(bytes);
    damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    t.is(decodeSlot(damaged), null, `bit ${bit}`);
  }
});

test('garbage is no slot', (t) => {
  const random = createRandom(7);
  for (let round = 0; round < 200; round++) {
    const garbage = Buffer.from(Array.from({ length: pageBytes }, () => random.below(256)));
    garbage[0] = 1;
    t.is(decodeSlot(garbage), null);
  }
});

test('writes alternate, and the newest slot is never the one that is overwritten', async (t) => {
  const path = join(await scratch(t), 'witness');
  const write = async (generation: number) => {
    const witness = await Witness.open(levelDisk, path, { create: generation === 1 });
    await witness.write(encoded(generation, batch([])).bytes);
    await witness.close();
    const reopened = await Witness.open(levelDisk, path, { create: false });
    await reopened.close();
    return reopened.slots.map(({ head }) => head.generation);
  };
  t.deepEqual(await write(1), [1]);
  t.deepEqual(await write(2), [2, 1]);
  t.deepEqual(await write(3), [3, 2]);
  // Generations may skip numbers: parity does not say where the newest one stands.
  t.deepEqual(await write(5), [5, 3]);
  t.deepEqual(await write(6), [6, 5]);
});

test('a sector that cannot be read is a slot that is none', async (t) => {
  const path = join(await scratch(t), 'witness');
  const witness = await Witness.open(levelDisk, path, { create: true });
  await witness.write(encoded(1, batch([])).bytes);
  await witness.write(encoded(2, batch([])).bytes);
  await witness.close();
  const disk: Disk = {
    ...levelDisk,
    async openFixedFile(file, sizeBytes, options): Promise<FixedFile> {
      const real = await levelDisk.openFixedFile(file, sizeBytes, options);
      return {
        ...real,
        async read(offset, length) {
          if (offset === slotBytes) throw Object.assign(new Error('i/o error'), { code: 'EIO' });
          return real.read(offset, length);
        },
      };
    },
  };
  const reopened = await Witness.open(disk, path, { create: false });
  t.deepEqual(
    reopened.slots.map(({ head }) => head.generation),
    [1],
  );
  await reopened.close();
});

test('a witness that is missing or has another size is an error', async (t) => {
  const path = join(await scratch(t), 'witness');
  await t.throwsAsync(Witness.open(levelDisk, path, { create: false }), { code: 'ENOENT' });
  const file = await open(path, 'w');
  await file.write('short');
  await file.close();
  await t.throwsAsync(Witness.open(levelDisk, path, { create: false }), { code: 'fileSize' });
});
