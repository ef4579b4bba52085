import test from 'ava';
import type { KeyValueReader, KeyValueStore, WriteOperation } from '../../src/store/disk.ts';
import { DiskWorld, outcomesOver } from './disk-fixture.ts';

const path = '/db';
const put = (key: string, value: string): WriteOperation => ({
  type: 'put',
  key: Buffer.from(key),
  value: Buffer.from(value),
});
const del = (key: string): WriteOperation => ({ type: 'delete', key: Buffer.from(key) });
const at = (nth: number) => `k${String(nth).padStart(3, '0')}`;
const sync = { sync: true };

function text(reader: KeyValueReader, key: string): string | undefined {
  const value = reader.get(Buffer.from(key));
  return value === undefined ? undefined : Buffer.from(value).toString();
}

async function keysOf(reader: KeyValueReader, options: { reverse?: boolean; limit?: number } = {}) {
  const keys: string[] = [];
  for await (const [key] of reader.iterate({ gte: Buffer.from('a'), lt: Buffer.from('z'), ...options })) {
    keys.push(Buffer.from(key).toString());
  }
  return keys;
}

async function rowsWith(reader: KeyValueReader, letter: string): Promise<readonly string[]> {
  const keys: string[] = [];
  const range = { gte: Buffer.from(letter), lt: Buffer.from(`${letter}\xff`, 'latin1') };
  for await (const [key] of reader.iterate(range)) keys.push(Buffer.from(key).toString());
  return keys;
}

const open = (world: DiskWorld, createIfMissing = false): Promise<KeyValueStore> =>
  world.until(world.disk.openKeyValueStore(path, { createIfMissing }));

/** A database of `count` batches with a row each. */
async function filled(world: DiskWorld, count: number, { sync: synced } = sync): Promise<KeyValueStore> {
  const store = await open(world, true);
  for (let nth = 0; nth < count; nth++) await world.until(store.batch([put(at(nth), `v${nth}`)], { sync: synced }));
  return store;
}

async function keysAfterReopen(world: DiskWorld): Promise<readonly string[]> {
  return world.until(keysOf(await open(world)));
}

test('rows are read in the order of their keys, both ways, up to a limit, in pages', async (t) => {
  const world = new DiskWorld(1);
  const store = await open(world, true);
  const names = Array.from({ length: 300 }, (_, nth) => at(nth));
  const shuffled = names.toSorted((a, b) => ((Number(a.slice(1)) * 7919) % 300) - ((Number(b.slice(1)) * 7919) % 300));
  await world.until(
    store.batch(
      shuffled.map((name) => put(name, name)),
      sync,
    ),
  );
  t.deepEqual(await world.until(keysOf(store)), names);
  t.deepEqual(await world.until(keysOf(store, { reverse: true })), names.toReversed());
  t.deepEqual(await world.until(keysOf(store, { limit: 70 })), names.slice(0, 70));
  await world.until(store.batch([del(at(0)), del(at(299)), put('kz', '')], sync));
  t.deepEqual(await world.until(keysOf(store)), [...names.slice(1, 299), 'kz']);
});

test('a snapshot and an iteration under way see no later batch', async (t) => {
  const world = new DiskWorld(2);
  const store = await filled(world, 200);
  const snapshot = store.snapshot();
  const iterating = store.iterate({ gte: Buffer.from('a'), lt: Buffer.from('z') })[Symbol.asyncIterator]();
  const first = await world.until(iterating.next());
  t.is(Buffer.from(first.value?.[0]).toString(), at(0));
  await world.until(store.batch([del(at(100)), put(at(150), 'new'), put('k150a', 'added')], sync));
  t.is(text(store, at(150)), 'new');
  t.is(text(snapshot, at(150)), 'v150');
  t.is(text(snapshot, at(100)), 'v100');
  t.is(text(snapshot, 'k150a'), undefined);
  const before = Array.from({ length: 200 }, (_, nth) => at(nth));
  t.deepEqual(await world.until(keysOf(snapshot)), before);
  t.deepEqual(await world.until(keysOf(snapshot, { reverse: true, limit: 60 })), before.toReversed().slice(0, 60));
  const rest: string[] = [];
  for (let next = await iterating.next(); !next.done; next = await iterating.next()) {
    rest.push(Buffer.from(next.value[0]).toString());
  }
  t.deepEqual(rest, before.slice(1));
  snapshot.close();
  t.throws(() => snapshot.get(Buffer.from('a')), { code: 'LEVEL_SNAPSHOT_NOT_OPEN' });
});

test('a batch takes virtual time, and takes its rows as they were when it was asked for', async (t) => {
  const world = new DiskWorld(3);
  const store = await open(world, true);
  const value = Buffer.from('right');
  const before = world.kernel.now;
  const writing = store.batch([{ type: 'put', key: Buffer.from('k'), value }], sync);
  value.fill('x');
  t.is(text(store, 'k'), undefined);
  await world.until(writing);
  t.true(world.kernel.now > before);
  t.is(text(store, 'k'), 'right');
});

test('a batch can be read a moment before it resolves; not always', async (t) => {
  const seen = await outcomesOver(60, async (world) => {
    const store = await open(world, true);
    let resolved = false;
    const writing = store.batch([put('k', 'v')], sync).then(() => {
      resolved = true;
    });
    let early = false;
    await world.kernel.run(world.kernel.now + 1000, () => {
      early ||= !resolved && text(store, 'k') !== undefined;
      return resolved;
    });
    await writing;
    return String(early);
  });
  t.deepEqual(seen, ['false', 'true']);
});

test('what was synced survives every crash; a batch in flight is there or not, whole', async (t) => {
  for (const kind of ['process', 'power'] as const) {
    const seen = await outcomesOver(40, async (world) => {
      const store = await filled(world, 10);
      void store.batch([put('x', '1'), put('y', '2'), del(at(3))], sync);
      world.crashAndRestart(kind);
      const keys = await keysAfterReopen(world);
      return `${keys.filter((key) => key.startsWith('k')).length} ${keys.filter((key) => !key.startsWith('k')).join('')}`;
    });
    t.deepEqual(seen, ['10 ', '9 xy'], kind);
  }
});

test('what was not synced survives the end of its process, and a power loss takes some of it', async (t) => {
  const unsynced = { sync: false };
  const afterKill = await outcomesOver(20, async (world) => {
    await filled(world, 30, unsynced);
    world.crashAndRestart('process');
    return String((await keysAfterReopen(world)).length);
  });
  t.deepEqual(afterKill, ['30']);
  let holes = 0;
  const left = await outcomesOver(200, async (world) => {
    await filled(world, 30, unsynced);
    world.crashAndRestart('power');
    const keys = await keysAfterReopen(world);
    if (keys.some((key, nth) => key !== at(nth))) holes++;
    return String(keys.length);
  });
  t.true(left.length > 15, 'any number of them');
  t.true(holes > 0 && holes < 100, `a hole where the log was rotated, else a beginning: ${holes}`);
});

test('a sync reaches what came before it, but for what stands in an older segment', async (t) => {
  const missing = { none: 0, some: 0 };
  for (let seed = 1; seed <= 300; seed++) {
    const world = new DiskWorld(seed);
    const store = await filled(world, 15, { sync: false });
    await world.until(store.batch([put('last', '')], sync));
    t.is(world.simDisk.durableRow(path, Buffer.from('last'))?.length, 0);
    const promised = Array.from({ length: 15 }, (_, nth) => at(nth)).filter(
      (key) => world.simDisk.durableRow(path, Buffer.from(key)) !== undefined,
    );
    world.crashAndRestart('power');
    const keys = await keysAfterReopen(world);
    t.true(keys.includes('last'));
    t.deepEqual(
      promised.filter((key) => !keys.includes(key)),
      [],
    );
    if (keys.length === 16) missing.none++;
    else missing.some++;
  }
  t.true(missing.some > 3 && missing.none > 200, JSON.stringify(missing));
});

test('durable rows are those that any crash leaves', async (t) => {
  const world = new DiskWorld(4);
  const store = await open(world, true);
  const durable = (key: string) => world.simDisk.durableRow(path, Buffer.from(key))?.toString();
  await world.until(store.batch([put('a', '1')], sync));
  await world.until(store.batch([put('a', '2'), put('b', '2')], { sync: false }));
  t.is(text(store, 'a'), '2');
  t.is(durable('a'), '1');
  t.is(durable('b'), undefined);
  await world.until(store.batch([put('c', '3')], sync));
  t.is(durable('c'), '3');
  t.is(durable('a'), '2');
});

test('behind a record that a full disk tore, batches are read until the database is opened again', async (t) => {
  const seen = await outcomesOver(60, async (world) => {
    const store = await filled(world, 5);
    world.simDisk.failWrites('ENOSPC', 1);
    await t.throwsAsync(world.until(store.batch([put('x', '')], sync)), { code: 'ENOSPC' });
    world.simDisk.heal();
    for (const key of ['l1', 'l2', 'l3']) await world.until(store.batch([put(key, '')], sync));
    t.is(text(store, 'l3'), '');
    t.is(text(store, 'x'), undefined);
    world.restart();
    return (await keysAfterReopen(world)).filter((key) => !key.startsWith('k')).join(' ');
  });
  t.true(seen.includes('') && seen.includes('l2 l3') && seen.includes('l3'), seen.join(', '));
  t.true(seen.every((left) => ['', 'l3', 'l2 l3', 'l1 l2 l3'].includes(left)));
});

test('after a failed sync nothing more is written, and the batch is there or not', async (t) => {
  const seen = await outcomesOver(30, async (world) => {
    const store = await filled(world, 5);
    world.simDisk.failWrites('EIO', 1);
    await t.throwsAsync(world.until(store.batch([put('x', '')], sync)), { code: 'EIO' });
    await t.throwsAsync(world.until(store.batch([put('y', '')], sync)), { code: 'EIO' });
    t.is(text(store, at(4)), 'v4');
    world.restart();
    const keys = await keysAfterReopen(world);
    t.false(keys.includes('y'));
    return String(keys.includes('x'));
  });
  t.deepEqual(seen, ['false', 'true']);
});

test('a disk is failing until the last write that is to fail has failed, or its process has ended', async (t) => {
  const world = new DiskWorld(1);
  const store = await open(world, true);
  world.simDisk.failWrites('EIO', 1);
  t.is(world.simDisk.failing, 'EIO');
  const failing = store.batch([put('a', 'b')], sync);
  t.is(world.simDisk.failing, 'EIO');
  await t.throwsAsync(world.until(failing), { code: 'EIO' });
  t.is(world.simDisk.failing, null);
  world.restart();
  const again = await open(world);
  world.simDisk.failWrites('EIO', 1);
  void again.batch([put('a', 'b')], sync);
  t.is(world.simDisk.failing, 'EIO');
  world.crash('process');
  t.is(world.simDisk.failing, null);
});

test('a database is open once, until it is closed or the life that has it ends', async (t) => {
  const world = new DiskWorld(5);
  const store = await filled(world, 1);
  await t.throwsAsync(open(world), { code: 'LEVEL_LOCKED' });
  const other = world.simDisk.attach(world.kernel.startLife('other', 1));
  await t.throwsAsync(world.until(other.openKeyValueStore(path, { createIfMissing: false })), { code: 'LEVEL_LOCKED' });
  const writing = store.batch([put('x', '')], sync);
  await world.until(store.close());
  await writing;
  t.throws(() => store.get(Buffer.from('a')), { code: 'LEVEL_DATABASE_NOT_OPEN' });
  await t.throwsAsync(store.batch([], sync), { code: 'LEVEL_DATABASE_NOT_OPEN' });
  await open(world);
  world.restart();
  t.deepEqual(await keysAfterReopen(world), [at(0), 'x']);
});

test('a database that is missing is made only where that is asked for', async (t) => {
  const world = new DiskWorld(6);
  await t.throwsAsync(open(world), { code: 'ENOENT' });
  t.deepEqual(await world.until(world.disk.list('/db')), []);
  await t.throwsAsync(world.until(world.disk.openKeyValueStore('/no/db', { createIfMissing: true })), {
    code: 'ENOENT',
  });
});

test('the making and the removing of a database can be cut short anywhere', async (t) => {
  const reopened = async (world: DiskWorld) => {
    world.crashAndRestart('process');
    try {
      return String((await keysAfterReopen(world)).length);
    } catch (error) {
      const there = (await world.until(world.disk.list(path))).length > 0;
      return `${there} ${error instanceof Error && 'code' in error && error.code}`;
    }
  };
  const made = await outcomesOver(40, (world) => {
    void world.disk.openKeyValueStore(path, { createIfMissing: true });
    return reopened(world);
  });
  t.deepEqual(made, ['0', 'false ENOENT', 'true ENOENT']);
  const removed = await outcomesOver(80, async (world) => {
    const store = await filled(world, 3);
    await world.until(store.close());
    void world.disk.remove(path);
    return reopened(world);
  });
  t.deepEqual(
    removed.filter((left) => !['1', '2'].includes(left)),
    ['0', '3', 'false ENOENT', 'true ENOENT', 'true LEVEL_CORRUPTION'],
  );
});

test('a database keeps its rows when it is renamed', async (t) => {
  const world = new DiskWorld(10);
  const store = await filled(world, 3);
  await world.until(store.close());
  await world.until(world.disk.rename(path, '/moved'));
  t.deepEqual(await world.until(world.disk.list(path)), []);
  t.true((await world.until(world.disk.list('/moved'))).includes('CURRENT'));
  const moved = await world.until(world.disk.openKeyValueStore('/moved', { createIfMissing: false }));
  t.is((await world.until(keysOf(moved))).length, 3);
});

test('a slow disk is slow, and a stuck one stands still until it is healed', async (t) => {
  const world = new DiskWorld(12);
  const store = await filled(world, 1);
  const timed = async (work: () => Promise<unknown>) => {
    const before = world.kernel.now;
    await world.until(work());
    return world.kernel.now - before;
  };
  const write = () => store.batch([put('x', '')], sync);
  t.true((await timed(write)) < 20);
  world.simDisk.slowDown(500);
  t.true((await timed(write)) >= 500);
  world.simDisk.heal();
  world.simDisk.stall(5000);
  t.true((await timed(write)) >= 5000);
  t.true((await timed(write)) < 20);
  world.simDisk.stall(5000);
  const stuck = write();
  await world.pass(1000);
  world.simDisk.heal();
  t.true((await timed(() => stuck)) < 20);
});

test('a crash at a write comes in its place, when it is done, or when its process has heard of it', async (t) => {
  for (const [moment, outcomes] of [
    ['before', ['k000,unheard', 'k000,second,unheard']],
    ['after', ['k000,second,unheard']],
    ['heard', ['k000,second,heard']],
  ] as const) {
    const seen = await outcomesOver(30, async (world) => {
      const store = await filled(world, 1);
      let heard = 'unheard';
      let crashed = false;
      world.simDisk.atWrite(2, moment, () => {
        crashed = true;
        if (moment !== 'heard') world.crash('process');
      });
      await world.until(store.batch([], sync));
      t.false(crashed, 'the first write is not the second');
      void store.batch([put('second', '')], sync).then(() => {
        heard = 'heard';
      });
      await world.pass(1000);
      t.true(crashed);
      if (moment === 'heard') world.crash('process');
      world.restart();
      return `${(await keysAfterReopen(world)).join()},${heard}`;
    });
    t.deepEqual(seen, [...outcomes].sort());
  }
});

test('reads do not count as writes, and a crash that was taken back does not come', async (t) => {
  const world = new DiskWorld(14);
  const store = await filled(world, 1);
  let crashes = 0;
  const takeBack = world.simDisk.atWrite(2, 'heard', () => void crashes++);
  await world.until(keysOf(store));
  await world.until(store.batch([], sync));
  t.is(crashes, 0);
  t.true(takeBack());
  t.false(takeBack());
  await world.until(store.batch([], sync));
  t.is(crashes, 0);
});

test('of a process that has ended nothing reaches the disk any more', async (t) => {
  const seen = await outcomesOver(20, async (world) => {
    const store = await filled(world, 1);
    world.crash('process');
    void store.batch([put('late', '')], sync);
    world.restart();
    return (await keysAfterReopen(world)).join();
  });
  t.deepEqual(seen, [at(0)]);
});

test('an iterator leaves out what cannot be read, and says so only at its own end', async (t) => {
  const world = new DiskWorld(13);
  await world.until(world.disk.makeDirectory('/data'));
  const store = await world.until(world.disk.openKeyValueStore('/data/log', { createIfMissing: true }));
  for (let nth = 0; nth < 40; nth++) await world.until(store.batch([put(at(nth), 'v')], sync));
  world.restart();
  t.regex(world.simDisk.damage('log', 'unreadableTable') ?? '', /cannot be read/);
  const damaged = await world.until(world.disk.openKeyValueStore('/data/log', { createIfMissing: false }));
  const readable = Array.from({ length: 40 }, (_, nth) => at(nth)).filter((key) => {
    try {
      return text(damaged, key) === 'v';
    } catch (error) {
      t.like(error, { code: 'LEVEL_CORRUPTION' });
      return false;
    }
  });
  t.true(readable.length < 40);
  t.deepEqual(await world.until(keysOf(damaged, { limit: readable.length })), readable);
  await t.throwsAsync(world.until(keysOf(damaged)), { code: 'LEVEL_CORRUPTION' });
  const lost = Array.from({ length: 40 }, (_, nth) => at(nth)).find((key) => !readable.includes(key)) ?? '';
  await world.until(damaged.batch([put(lost, 'new')], sync));
  t.is(text(damaged, lost), 'new');
});

test('a bit turns in keys as in values, in the first letter too, and in the newest of what the database is for', async (t) => {
  const seen = await outcomesOver(200, async (world) => {
    await world.until(world.disk.makeDirectory('/data'));
    const store = await world.until(world.disk.openKeyValueStore('/data/log', { createIfMissing: true }));
    for (let nth = 0; nth < 5; nth++) {
      await world.until(store.batch([put(`e${at(nth)}`, 'value'), put('meta', `${nth}`)], sync));
    }
    world.restart();
    t.regex(world.simDisk.damage('log', 'rot') ?? '', /a bit turned/);
    const damaged = await world.until(world.disk.openKeyValueStore('/data/log', { createIfMissing: false }));
    if (text(damaged, 'meta') !== '4') return 'meta row';
    const nth = Array.from({ length: 5 }, (_, each) => each).find((each) => text(damaged, `e${at(each)}`) !== 'value');
    const which = nth === 4 ? 'newest' : 'older';
    if (text(damaged, `e${at(nth ?? 0)}`) !== undefined) return `${which}: value`;
    const { length } = await world.until(rowsWith(damaged, 'e'));
    return `${which}: ${length === 5 ? 'key' : 'letter'}`;
  });
  t.deepEqual(seen, [
    'meta row',
    ...['newest', 'older'].flatMap((which) => [`${which}: key`, `${which}: letter`, `${which}: value`]),
  ]);
});

test('a tail that is lost is often the newest batch, or reaches back to what was deleted', async (t) => {
  const lost = await outcomesOver(160, async (world) => {
    await world.until(world.disk.makeDirectory('/data'));
    const store = await world.until(world.disk.openKeyValueStore('/data/log', { createIfMissing: true }));
    for (let nth = 0; nth < 40; nth++) {
      await world.until(store.batch([put(at(nth), ''), ...(nth === 25 ? [del(at(7))] : [])], sync));
    }
    world.restart();
    world.simDisk.damage('log', 'lostTail');
    const damaged = await world.until(world.disk.openKeyValueStore('/data/log', { createIfMissing: false }));
    const isBack = text(damaged, at(7)) !== undefined;
    const last =
      Array.from({ length: 40 }, (_, nth) => nth).findLast((nth) => text(damaged, at(nth)) !== undefined) ?? 0;
    return `${39 - last} lost${isBack ? ', what was deleted is back' : ''}`;
  });
  t.deepEqual(lost, [
    '1 lost',
    '15 lost, what was deleted is back',
    ...Array.from({ length: 7 }, (_, nth) => `${nth + 2} lost`),
  ]);
});

test('the same seed gives the same run', async (t) => {
  const run = async (seed: number) => {
    const world = new DiskWorld(seed);
    const store = await filled(world, 20, { sync: false });
    void store.batch([put('x', '')], sync);
    world.crashAndRestart('power');
    const keys = await keysAfterReopen(world);
    return `${world.kernel.trace.hash} ${keys}`;
  };
  t.is(await run(1), await run(1));
  t.not(await run(1), await run(2));
});
