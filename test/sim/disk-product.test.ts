/** The product's own stores on the simulated disk: crashes at any point cost nothing, and no damage goes unnoticed. */
import test, { type ExecutionContext } from 'ava';
import { atLeastAsUpToDate, beforeTheLog, type EntryId } from '../../src/raft/types.ts';
import { errorCode } from '../../src/store/errors.ts';
import { type DamageKind, damageKinds, type WitnessDamage } from './disk.ts';
import { DiskWorld, directory, type OpenStores, openStores } from './disk-fixture.ts';
import { keys, plainEntries, readLog, useStores, WorkloadModel } from './disk-workload.ts';

const open = (world: DiskWorld): Promise<OpenStores> => world.until(openStores(world.disk, world.life));

/** Every value is that of the entry that wrote it last, up to what is applied. */
async function checkState(t: ExecutionContext, { machine }: OpenStores, model: WorkloadModel): Promise<void> {
  const { applied } = machine;
  const expected = model.stateAt(model.acknowledged.entries, applied.index);
  const sorted = [...expected.keys()].sort();
  // A page that ends at its limit first: what it leaves out, it has to notice by itself.
  for (const limit of [3, 100]) {
    const listed = await machine.query({ type: 'list', prefix: '', after: null, limit, keysOnly: true });
    t.deepEqual(listed.type === 'list' && listed.items.map(({ key }) => key), sorted.slice(0, limit));
  }
  for (const key of keys) {
    const result = await machine.query({ type: 'get', key, withValue: true });
    const item = result.type === 'get' ? result.item : null;
    const found = item && { value: Buffer.from(item.value ?? []).toString(), revision: item.modRevision };
    t.deepEqual(found, expected.get(key) ?? null);
  }
}

/** What was acknowledged is there, and at most the batch in flight besides. */
async function checkNothingLost(t: ExecutionContext, stores: OpenStores, model: WorkloadModel): Promise<void> {
  const { logStore, machine, warnings } = stores;
  t.deepEqual(warnings, [], 'a crash is no damage');
  const found = { entries: await readLog(stores), hardState: logStore.state.hardState };
  const matches = [model.acknowledged, model.inFlight ?? model.acknowledged].some(
    ({ entries, hardState }) =>
      plainEntries(entries).join() === plainEntries(found.entries).join() &&
      JSON.stringify(hardState) === JSON.stringify(found.hardState),
  );
  t.true(
    matches,
    `${plainEntries(found.entries).slice(-5)} and not ${plainEntries(model.acknowledged.entries).slice(-5)}`,
  );
  model.acknowledged = found;
  model.inFlight = null;
  const { applied } = machine;
  t.true(applied.index >= model.applied && applied.index <= model.committed, `${applied.index} is applied`);
  if (applied.index > 0) t.deepEqual(machine.appliedChainHash, Buffer.from(logStore.chainHash(applied.index)));
  await checkState(t, stores, model);
}

/** Some lives, each cut short at any point, at its start too; failing writes end some of them. */
async function crashOver(t: ExecutionContext, world: DiskWorld, lives: number): Promise<void> {
  const { random, simDisk, probes } = world;
  const model = new WorkloadModel();
  let lastBootId = -1;
  for (let life = 1; life <= lives; life++) {
    const isFull = random.chance(0.05);
    if (isFull) simDisk.failWrites('ENOSPC', random.integer(1, 3));
    let ended = false;
    const starting = openStores(world.disk, world.life);
    const whenToCrash = random.chance(0.4) ? random.between(0, 120) : 600_000;
    let stores: OpenStores | null = null;
    starting.then(
      (opened) => {
        stores = opened;
      },
      (error) => {
        ended = true;
        t.true(isFull, String(error));
      },
    );
    await world.kernel.run(world.kernel.now + whenToCrash, () => stores !== null || ended);
    simDisk.heal();
    if (stores === null) {
      probes.sometimes(ended ? 'start failed' : 'start cut short');
    } else {
      await world.until(checkNothingLost(t, stores, model));
      const { bootId } = (stores as OpenStores).logStore.state;
      t.true(bootId > lastBootId, 'no boot id is used twice');
      lastBootId = bootId;
      useStores(stores, model, random, Number.POSITIVE_INFINITY).catch((error) => {
        ended = true;
        t.true(['logWriteFailed', 'stateWriteFailed'].includes(errorCode(error) ?? ''), String(error));
      });
      await world.kernel.run(world.kernel.now + random.between(0, 100), () => ended);
      if (random.chance(0.2)) {
        simDisk.failWrites(random.pick(['ENOSPC', 'EIO']), random.integer(1, 3));
        await world.kernel.run(world.kernel.now + random.between(0, 60), () => ended);
        simDisk.heal();
        if (ended) probes.sometimes('write failed');
      }
    }
    world.crashAndRestart(random.pick(['process', 'power']));
  }
  const stores = await open(world);
  await world.until(checkNothingLost(t, stores, model));
  await world.until(stores.close());
}

test.serial(
  'crashes and failing writes at any point lose nothing that was acknowledged, and make no damage',
  async (t) => {
    const reached = new Map<string, number>();
    for (let seed = 1; seed <= 8; seed++) {
      const world = new DiskWorld(seed);
      await crashOver(t, world, 40);
      for (const [name, count] of world.probes.counts) reached.set(name, (reached.get(name) ?? 0) + count);
    }
    for (const name of [
      'start cut short',
      'start failed',
      'write failed',
      'disk: batch in flight at a crash: lost',
      'disk: batch in flight at a crash: kept',
      'disk: fixed file write cut short: torn',
      'disk: fixed file write cut short: zeros',
      'disk: fixed file write cut short: garbage',
      'disk: a batch whose sync failed: there',
      'disk: a batch whose sync failed: not there',
    ]) {
      t.true((reached.get(name) ?? 0) > 0, name);
    }
  },
);

test.serial('a first start can be cut short anywhere, again and again', async (t) => {
  for (let seed = 1; seed <= 60; seed++) {
    const world = new DiskWorld(seed);
    for (let crashes = world.random.integer(1, 3); crashes > 0; crashes--) {
      openStores(world.disk, world.life).catch((error) => t.fail(String(error)));
      await world.pass(world.random.between(20, 120));
      world.crashAndRestart(world.random.pick(['process', 'power']));
    }
    const { logStore, warnings } = await open(world);
    t.deepEqual(warnings, []);
    t.deepEqual(logStore.state.last, beforeTheLog);
  }
});

/** Closed in order, after some lives; what it holds is whole. */
async function filled(world: DiskWorld): Promise<WorkloadModel> {
  const model = new WorkloadModel();
  for (let life = 1; life <= 4; life++) {
    const stores = await open(world);
    await world.until(useStores(stores, model, world.random, 15));
    await world.until(stores.close());
    world.restart();
  }
  return model;
}

type Verdict = 'whole' | 'recovering' | 'all still here';

/** Nothing is lost without a claim to it, and nothing is there that was never written. */
async function judgeLog(t: ExecutionContext, world: DiskWorld, model: WorkloadModel): Promise<Verdict> {
  const { entries, hardState } = model.acknowledged;
  const written = [model.acknowledged, ...model.earlier].map((content) => plainEntries(content.entries));
  const end: EntryId = entries.at(-1) ?? beforeTheLog;
  const verdicts: Verdict[] = [];
  for (const start of ['first', 'second']) {
    const stores = await open(world);
    const { hardState: foundState, last } = stores.logStore.state;
    const found = plainEntries(await world.until(readLog(stores)));
    const isWhole = last.index === end.index && last.term === end.term;
    t.true(
      (isWhole ? written.slice(0, 1) : written).some((content) => found.every((entry, at) => content[at] === entry)),
      `${start} start: entries were put together anew`,
    );
    t.is(foundState.currentTerm, hardState.currentTerm);
    t.is(foundState.votedFor, hardState.votedFor);
    t.deepEqual(foundState.claim, isWhole ? null : { term: end.term, index: end.index });
    t.true(isWhole || !atLeastAsUpToDate(last, end), 'what is kept ends below the claim');
    verdicts.push(!isWhole ? 'recovering' : stores.warnings.length > 0 ? 'all still here' : 'whole');
    t.is(stores.warnings.length, start === 'first' && verdicts[0] !== 'whole' ? 1 : 0);
    await world.until(stores.close());
    world.restart();
  }
  return verdicts[0] ?? 'whole';
}

/** Healed by the witness, if it hits the last batch only. */
const mayBeHealed: readonly DamageKind[] = ['lostTail', 'lostNewestLog'];

for (const kind of damageKinds) {
  test.serial(`the log, ${kind}: noticed, or healed by the witness`, async (t) => {
    const verdicts = new Set<Verdict>();
    for (let seed = 1; seed <= 16; seed++) {
      const world = new DiskWorld(seed);
      const model = await filled(world);
      const words = world.simDisk.damage('log', kind);
      if (words === null) continue;
      verdicts.add(await judgeLog(t, world, model));
      t.true((world.probes.counts.get(`disk: damage: ${kind}`) ?? 0) === 1);
    }
    if (kind !== 'lostNewestLog') t.true(verdicts.has('recovering'), [...verdicts].join());
    if (!mayBeHealed.includes(kind)) t.false(verdicts.has('whole'));
  });

  test.serial(`the state, ${kind}: noticed and built anew, or as it was a while ago`, async (t) => {
    let noticed = 0;
    let done = 0;
    for (let seed = 1; seed <= 16; seed++) {
      const world = new DiskWorld(seed);
      const model = await filled(world);
      if (world.simDisk.damage('state', kind) === null) continue;
      done++;
      let stores = await open(world);
      if (stores.warnings.length > 0) noticed++;
      else {
        try {
          await world.until(checkState(t, stores, model));
        } catch (error) {
          t.is(errorCode(error), 'stateDamaged', String(error));
          noticed++;
          await world.until(stores.close());
          world.restart();
          stores = await open(world);
          t.true(stores.warnings.length > 0);
        }
      }
      // The log gives it what it lacks.
      await world.until(useStores(stores, model, world.random, 5));
      await world.until(stores.close());
      world.restart();
      stores = await open(world);
      t.deepEqual(stores.warnings, []);
      await world.until(checkState(t, stores, model));
    }
    t.true(done > 3);
    if (kind !== 'lostTail' && kind !== 'lostNewestLog') t.true(noticed > 0, `${noticed} of ${done}`);
  });
}

for (const how of ['rot', 'zeros', 'torn'] as const satisfies readonly WitnessDamage[]) {
  test.serial(`the witness, ${how}: one slot is enough, without both the replica is lost`, async (t) => {
    for (let seed = 1; seed <= 4; seed++) {
      for (const slot of ['newest', 'older'] as const) {
        const world = new DiskWorld(seed);
        const model = await filled(world);
        t.is(typeof world.simDisk.damageWitness(slot, how), 'string');
        t.is(await judgeLog(t, world, model), 'whole');
      }
      const world = new DiskWorld(seed);
      await filled(world);
      t.is(typeof world.simDisk.damageWitness('both', how), 'string');
      await t.throwsAsync(open(world), { code: 'replicaLost' });
      t.is(world.simDisk.damageWitness('newest', how), null, 'nothing is left to be damaged');
    }
  });
}

test.serial('an older copy of the log or of the witness is noticed; of the state it is an older state', async (t) => {
  for (let seed = 1; seed <= 4; seed++) {
    for (const part of ['log', 'witness', 'state', 'log and witness'] as const) {
      const world = new DiskWorld(seed);
      const model = await filled(world);
      const image = world.simDisk.image();
      const before = model.acknowledged.entries;
      const stores = await open(world);
      await world.until(useStores(stores, model, world.random, 20));
      await world.until(stores.close());
      world.restart();
      world.simDisk.restore(part, image);
      if (part === 'log and witness') {
        const old = await open(world);
        t.deepEqual(plainEntries(await world.until(readLog(old))), plainEntries(before));
        t.deepEqual(old.warnings, []);
        t.true(Number(old.machine.applied.index) > before.length, 'only the state tells');
      } else if (part === 'state') {
        const old = await open(world);
        t.deepEqual(old.warnings, []);
        t.true(old.machine.applied.index <= before.length);
        await world.until(checkState(t, old, model));
      } else {
        t.not(await judgeLog(t, world, model), 'whole');
      }
    }
  }
});

test.serial('a disk that was wiped is new', async (t) => {
  const world = new DiskWorld(1);
  await filled(world);
  world.simDisk.wipe();
  const stores = await open(world);
  t.deepEqual(stores.logStore.state.last, beforeTheLog);
  t.deepEqual(stores.warnings, []);
});

test.serial('rows of the log are durable when they are acknowledged', async (t) => {
  const world = new DiskWorld(1);
  const model = await filled(world);
  const key = Buffer.alloc(9);
  key.write('e');
  key.writeUInt32BE(model.acknowledged.entries.length, 5);
  t.true((world.simDisk.durableRow(`${directory}/log`, key)?.length ?? 0) > 0);
  key.writeUInt32BE(model.acknowledged.entries.length + 1, 5);
  t.is(world.simDisk.durableRow(`${directory}/log`, key), undefined);
});
