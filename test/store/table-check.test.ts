import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, cp, mkdir, open, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { index, term } from '../../src/raft/types.ts';
import { noPrecondition } from '../../src/store/command.ts';
import { encodeCommand } from '../../src/store/command-codec.ts';
import { isDamage } from '../../src/store/damage.ts';
import type { WriteOperation } from '../../src/store/disk.ts';
import { levelDisk } from '../../src/store/disk-level.ts';
import { LevelCursor } from '../../src/store/level-cursor.ts';
import { liveTables } from '../../src/store/manifest.ts';
import { openStateMachine } from '../../src/store/state-machine.ts';
import { checkTables, DamagedTableError } from '../../src/store/table-check.ts';
import { appendAll, commands, entryId, plain, readAll, scratch, withLog } from './log-fixture.ts';
import { machineOptions } from './one-machine.ts';
import { createRandom } from './random.ts';

interface Part {
  readonly offset: number;
  readonly sizeBytes: number;
}

const trailerBytes = 5;
const footerBytes = 48;
const filterName = 'filter.leveldb.BuiltinBloomFilter2';

/** Opened once more, it has all that was written in tables. */
async function database(path: string, rows: number, valueBytes: number): Promise<void> {
  const random = createRandom(1);
  const store = await levelDisk.openKeyValueStore(path, { createIfMissing: true });
  for (let from = 0; from < rows; from += 100) {
    const operations = Array.from({ length: Math.min(100, rows - from) }, (_, at): WriteOperation => {
      const value = Buffer.alloc(valueBytes, 'v');
      for (let byte = 0; byte < valueBytes / 2; byte++) value[byte] = random.below(256);
      return { type: 'put', key: Buffer.from(`key${`${(from + at) % 1000}`.padStart(9, '0')}.${from + at}`), value };
    });
    await store.batch(operations, { sync: false });
  }
  await store.close();
  await (await levelDisk.openKeyValueStore(path, { createIfMissing: false })).close();
}

async function tablesIn(directory: string): Promise<readonly string[]> {
  return (await readdir(directory)).filter((name) => name.endsWith('.ldb')).map((name) => join(directory, name));
}

async function largestTable(directory: string): Promise<string> {
  let largest = { path: '', size: 0 };
  for (const path of await tablesIn(directory)) {
    const { size } = await stat(path);
    if (size > largest.size) largest = { path, size };
  }
  return largest.path;
}

/** The parts of a table as it says itself, all but the footer with the trailer of their last block. */
function partsOf(table: Buffer) {
  const part = (cursor: LevelCursor): Part => ({ offset: cursor.varint(), sizeBytes: cursor.varint() + trailerBytes });
  const footer = { offset: table.length - footerBytes, sizeBytes: footerBytes };
  const handles = new LevelCursor(table.subarray(footer.offset));
  const metaindex = part(handles);
  const indexBlock = part(handles);
  const nameEnd = table.indexOf(filterName, metaindex.offset) + filterName.length;
  const filter = part(new LevelCursor(table.subarray(nameEnd)));
  return { data: { offset: 0, sizeBytes: filter.offset }, filter, metaindex, index: indexBlock, footer };
}

/** Turns a bit; the same again turns it back. */
async function turnBit(path: string, at: number, bit: number): Promise<void> {
  const file = await open(path, 'r+');
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, at);
  buffer[0] = (buffer[0] ?? 0) ^ (1 << bit);
  await file.write(buffer, 0, 1, at);
  await file.close();
}

async function checkFound(t: ExecutionContext, directory: string, table: string, what: string): Promise<string> {
  const error = await t.throwsAsync(checkTables(directory), { instanceOf: DamagedTableError }, what);
  t.true(isDamage(error));
  t.true(error?.message.startsWith(`${table} is damaged at byte `), error?.message);
  return error?.message ?? '';
}

test('many tables, all of them sound, with indexes that are compressed', async (t) => {
  const directory = join(await scratch(t), 'database');
  await database(directory, 10_000, 1000);
  const tables = await tablesIn(directory);
  t.true(tables.length >= 3, `${tables.length}`);
  t.deepEqual(
    (await liveTables(directory)).map(({ number }) => join(directory, `${`${number}`.padStart(6, '0')}.ldb`)).sort(),
    [...tables],
  );
  await t.notThrowsAsync(checkTables(directory));
  const compressed = [];
  for (const path of tables) {
    const table = await readFile(path);
    const { index: at } = partsOf(table);
    compressed.push(table[at.offset + at.sizeBytes - trailerBytes] === 1);
  }
  t.true(compressed.includes(true));
  for (const path of [tables[0], tables.at(-1)]) {
    const at = Math.floor((await stat(path ?? '')).size / 2);
    await turnBit(path ?? '', at, 3);
    await checkFound(t, directory, path ?? '', 'whichever table it is');
    await turnBit(path ?? '', at, 3);
  }
});

test('a block that is larger than what is read at once', async (t) => {
  const directory = join(await scratch(t), 'database');
  await database(directory, 3, 700_000);
  const table = await largestTable(directory);
  await t.notThrowsAsync(checkTables(directory));
  const { size } = await stat(table);
  for (let at = 50_000; at < size - 100_000; at += 250_000) {
    await turnBit(table, at, 7);
    await checkFound(t, directory, table, `byte ${at}`);
    await turnBit(table, at, 7);
  }
});

for (const part of ['data', 'filter', 'metaindex', 'index', 'footer'] as const) {
  test(`a bit turned in the ${part} of a table is found, wherever it is`, async (t) => {
    const directory = join(await scratch(t), 'database');
    await database(directory, 400, 100);
    const table = await largestTable(directory);
    const { offset, sizeBytes } = partsOf(await readFile(table))[part];
    t.true(sizeBytes > 0);
    const end = offset + sizeBytes;
    const step = Math.ceil(sizeBytes / 80);
    const places = Array.from({ length: Math.ceil(sizeBytes / step) }, (_, at) => offset + at * step);
    // The last block's type and checksum among them.
    for (let at = end - trailerBytes; at < end; at++) if (!places.includes(at)) places.push(at);
    for (const at of places) {
      await turnBit(table, at, at % 8);
      await checkFound(t, directory, table, `byte ${at}`);
      await turnBit(table, at, at % 8);
    }
    await t.notThrowsAsync(checkTables(directory));
  });
}

test('a bit that makes a number of the footer longer, though not another one, is found', async (t) => {
  const directory = join(await scratch(t), 'database');
  await database(directory, 10, 100);
  const table = await largestTable(directory);
  const sound = await readFile(table);
  for (let { offset } = partsOf(sound).footer; offset < sound.length; offset++) {
    const turned = Buffer.from(sound);
    turned[offset] = (turned[offset] as number) ^ 128;
    await writeFile(table, turned);
    await checkFound(t, directory, table, `byte ${offset}`);
  }
});

test('a table that is cut, emptied or overwritten is found, and says where', async (t) => {
  const directory = join(await scratch(t), 'database');
  await database(directory, 400, 100);
  const table = await largestTable(directory);
  const sound = await readFile(table);
  for (const length of [0, 1, footerBytes, sound.length >> 1, sound.length - 1]) {
    await truncate(table, length);
    t.regex(await checkFound(t, directory, table, `${length} bytes`), new RegExp(`at byte ${length}: the file ends`));
    await writeFile(table, sound);
  }
  await writeFile(table, Buffer.alloc(sound.length));
  t.regex(await checkFound(t, directory, table, 'zeros'), /the footer is wrong/);
  await writeFile(table, Buffer.from(sound).fill(0, 0, 4096));
  t.regex(await checkFound(t, directory, table, 'a page of zeros'), /at byte 0: wrong checksum/);
});

test('what no manifest names is not damage: half-written tables, and old ones', async (t) => {
  const directory = join(await scratch(t), 'database');
  await database(directory, 400, 100);
  const table = await largestTable(directory);
  const half = join(directory, '999990.ldb');
  await copyFile(table, half);
  await truncate(half, 1000);
  await writeFile(join(directory, '000001.ldb'), 'garbage');
  await writeFile(join(directory, '999991.ldb'), '');
  await t.notThrowsAsync(checkTables(directory));
  const store = await levelDisk.openKeyValueStore(directory, { createIfMissing: false });
  t.truthy(store.get(Buffer.from('key000000007.7')));
  await store.close();
  t.deepEqual(await tablesIn(directory), [table], 'LevelDB deletes them');
});

test('a table that is missing is left to LevelDB, which says so', async (t) => {
  const directory = join(await scratch(t), 'database');
  await database(directory, 400, 100);
  await rm(await largestTable(directory));
  await t.notThrowsAsync(checkTables(directory));
  const error = await t.throwsAsync(levelDisk.openKeyValueStore(directory, { createIfMissing: false }));
  t.true(isDamage(error));
});

test('a database with a damaged table is not opened, and can be once the table is sound again', async (t) => {
  const directory = join(await scratch(t), 'database');
  await database(directory, 400, 100);
  const table = await largestTable(directory);
  await turnBit(table, 100, 0);
  for (let start = 1; start <= 2; start++) {
    await t.throwsAsync(levelDisk.openKeyValueStore(directory, { createIfMissing: false }), {
      instanceOf: DamagedTableError,
    });
  }
  await turnBit(table, 100, 0);
  await (await levelDisk.openKeyValueStore(directory, { createIfMissing: false })).close();
});

test('a database that another process has open is that, not damaged: nobody repairs it under that process', async (t) => {
  const directory = join(await scratch(t), 'database');
  await database(directory, 400, 100);
  const program = `
    const { levelDisk } = await import(${JSON.stringify(import.meta.resolve('../../src/store/disk-level.ts'))});
    await levelDisk.openKeyValueStore(${JSON.stringify(directory)}, { createIfMissing: false });
    process.stdin.resume();
    console.log('opened');`;
  const holder = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.teardown(() => holder.kill('SIGKILL'));
  await once(holder.stdout, 'data');
  const table = await largestTable(directory);
  await turnBit(table, 100, 0);
  const before = await readdir(directory);
  for (let start = 1; start <= 2; start++) {
    await t.throwsAsync(levelDisk.openKeyValueStore(directory, { createIfMissing: false }), { code: 'LEVEL_LOCKED' });
  }
  t.deepEqual(
    (await readdir(directory)).filter((name) => !name.startsWith('LOG')),
    before.filter((name) => !name.startsWith('LOG')),
  );
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  await t.throwsAsync(levelDisk.openKeyValueStore(directory, { createIfMissing: false }), {
    instanceOf: DamagedTableError,
  });
});

test('a damaged database whose lock cannot be had is not damaged for now: it may be in use', async (t) => {
  const directory = join(await scratch(t), 'database');
  await database(directory, 10, 100);
  await turnBit(await largestTable(directory), 100, 0);
  const lock = join(directory, 'LOCK');
  await rm(lock);
  await mkdir(lock);
  const error = await t.throwsAsync(levelDisk.openKeyValueStore(directory, { createIfMissing: false }));
  t.true(error?.message.includes(lock), error?.message);
  t.false(isDamage(error));
  await rm(lock, { recursive: true });
  await t.throwsAsync(levelDisk.openKeyValueStore(directory, { createIfMissing: false }), {
    instanceOf: DamagedTableError,
  });
});

test('log/: wherever a bit turns in its table, the replica starts and is RECOVERING', async (t) => {
  const path = await scratch(t);
  const entries = commands(1, 1, 60, 100);
  await withLog(path, ({ store }) => appendAll(store, entries, 20));
  await withLog(path, async () => {});
  const table = await largestTable(join(path, 'log'));
  const sound = join(await scratch(t), 'sound');
  await levelDisk.rename(path, sound);
  const parts = partsOf(await readFile(join(sound, 'log', table.split('/').at(-1) ?? '')));
  // The sizes at the beginning of a block are what LevelDB stumbles over.
  for (const at of [0, 1, 2, 40, ...Object.values(parts).map(({ offset }) => offset + 1)]) {
    await rm(path, { recursive: true, force: true });
    await cp(sound, path, { recursive: true });
    await turnBit(table, at, 6);
    await withLog(path, async ({ store, warnings }) => {
      t.regex(warnings.join(), /recovering.*000\d+\.ldb is damaged at byte/, `byte ${at}`);
      t.deepEqual(store.state.hardState.claim, entryId(1, 60));
      await appendAll(store, entries, 20);
    });
    await withLog(path, async ({ store }) => {
      t.deepEqual(plain(await readAll(store)), plain(entries), 'as a leader sends it again');
    });
  }
});

test('state/: a bit turned in the filter of its table never hides a key, the state is built anew', async (t) => {
  const path = join(await scratch(t), 'state');
  const openState = (firstStart: boolean) => openStateMachine(levelDisk, path, { ...machineOptions, firstStart });
  const entry = (at: number, command: Uint8Array) =>
    ({ term: term(1), index: index(at), type: 'command', command }) as const;
  const put = encodeCommand({
    type: 'put',
    stamp: { session: index(1), sequence: 1, lowestUnanswered: 1 },
    key: 'key',
    value: Buffer.from('value'),
    contentType: 'text/plain',
    precondition: noPrecondition,
  });
  const fill = async (machine: Awaited<ReturnType<typeof openState>>) => {
    const chainHash = Buffer.from('12345678');
    await machine.apply([entry(1, encodeCommand({ type: 'openSession' })), entry(2, put)], chainHash).written;
  };
  const first = await openState(true);
  await fill(first);
  await first.close();
  await (await openState(false)).close();
  for (let at = 0; at < 4; at++) {
    const table = await largestTable(path);
    const { filter } = partsOf(await readFile(table));
    await turnBit(table, filter.offset + at, at);
    const rebuilt = await openState(false);
    t.is(rebuilt.applied.index, index(0), `byte ${at}`);
    await fill(rebuilt);
    await rebuilt.close();
    const whole = await openState(false);
    const found = await whole.query({ type: 'get', key: 'key', withValue: true });
    t.true(found.type === 'get' && found.item !== null);
    await whole.close();
  }
});
