import { cp, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { levelDisk } from '../../src/store/disk-level.ts';
import { entryKey } from '../../src/store/log-rows.ts';
import { faultDisk, type WriteKind } from './fault-disk.ts';
import { batch, commands, entryId, openLog, plain, readAll, scratch, withLog } from './log-fixture.ts';

/** What does not arrive any more. */
type Lost = readonly WriteKind[];

const database: Lost = ['batch'];
const witness: Lost = ['fixedFile'];
const crashes = [database, witness, [...database, ...witness]];

const lastBatches: readonly { readonly name: string; readonly lost: Lost }[] = [
  { name: 'in both', lost: [] },
  { name: 'in the database alone', lost: witness },
  { name: 'in the witness alone', lost: database },
];

for (const { name, lost } of lastBatches) {
  test(`the last batch is ${name}: starts that crash on the way make no damage and lose nothing`, async (t) => {
    for (const first of crashes) {
      for (const second of crashes) {
        const path = await scratch(t);
        await crashWhileAppending(path, lost);
        await crashWhileOpening(path, first);
        await crashWhileOpening(path, second);
        await withLog(path, async ({ store, warnings }) => {
          t.deepEqual(warnings, [], `${first}, then ${second}`);
          t.is(store.state.hardState.claim, null);
          t.deepEqual(plain(await readAll(store)), plain(commands(1, 1, 20)));
        });
      }
    }
  });
}

test('a boot id is not used again, wherever the start before was cut off', async (t) => {
  const path = await scratch(t);
  let { bootId } = await withLog(path, async ({ store }) => store.state);
  for (const lost of crashes) {
    await crashWhileOpening(path, lost);
    const next = await withLog(path, async ({ store }) => store.state.bootId);
    t.true(next > bootId);
    bootId = next;
  }
});

test('a boot id is not used again after a repair under an older witness, wherever that start was cut off', async (t) => {
  for (const lost of crashes) {
    const path = await scratch(t);
    const older = join(await scratch(t), 'witness');
    await withLog(path, ({ store }) => store.append(batch(commands(1, 1, 20))));
    await cp(join(path, 'witness'), older);
    let bootId = 0;
    for (let life = 0; life < 5; life++) bootId = await withLog(path, async ({ store }) => store.state.bootId);
    await cp(older, join(path, 'witness'));
    await crashWhileOpening(path, lost);
    await withLog(path, async ({ store }) => {
      t.true(store.state.bootId > bootId, `${lost}: ${store.state.bootId} after ${bootId}`);
      t.deepEqual(plain(await readAll(store)), plain(commands(1, 1, 20)));
    });
  }
});

test('a repair that is cut off between its renames keeps what it had verified', async (t) => {
  const path = await scratch(t);
  await withLog(path, ({ store }) => store.append(batch(commands(1, 1, 20))));
  const log = join(path, 'log');
  const damaged = await levelDisk.openKeyValueStore(log, { createIfMissing: false });
  await damaged.batch([{ type: 'delete', key: entryKey(15) }], { sync: true });
  await damaged.close();
  let renames = 0;
  const disk = faultDisk(async (kind) => {
    if (kind === 'rename' && ++renames === 2) throw new Error('crashed');
  });
  await t.throwsAsync(openLog(path, disk), { message: 'crashed' });
  t.false((await readdir(path)).includes('log'));
  await withLog(path, async ({ store }) => {
    t.deepEqual(plain(await readAll(store)), plain(commands(1, 1, 14)));
    t.deepEqual(store.state.hardState.claim, entryId(1, 20));
  });
});

async function crashWhileAppending(path: string, lost: Lost): Promise<void> {
  let crashed = false;
  const log = await openLog(
    path,
    faultDisk(async (kind) => {
      if (crashed && lost.includes(kind)) throw new Error('crashed');
    }),
  );
  await log.store.append(batch(commands(1, 1, 10)));
  crashed = true;
  await log.store.append(batch(commands(1, 11, 20))).catch(() => {});
  await log.close();
}

async function crashWhileOpening(path: string, lost: Lost): Promise<void> {
  const disk = faultDisk(async (kind) => {
    if (lost.includes(kind)) throw new Error('crashed');
  });
  await openLog(path, disk).then(
    ({ close }) => close(),
    () => {},
  );
}
