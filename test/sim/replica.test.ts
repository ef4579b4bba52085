/** When a replica may stop by itself, and when that is a failure of the run. */
import test from 'ava';
import { raftConstants } from '../../src/raft/constants.ts';
import { StartError, StoreError } from '../../src/store/errors.ts';
import { type DatabasePart, SimDisk } from './disk.ts';
import { generatePlan } from './plan.ts';
import { SafetyViolation } from './raft-oracle.ts';
import type { SimReplica } from './replica.ts';
import { World } from './world.ts';

/** A calm cluster that has been at work for a while, and one of its replicas. */
async function calmWorld(): Promise<{ readonly world: World; readonly replica: SimReplica }> {
  const world = new World({ ...generatePlan(1), replicas: 3, faults: [] });
  world.start();
  await world.kernel.run(3000);
  const [replica] = world.replicas;
  if (replica === undefined) throw new Error('a world has a replica');
  return { world, replica };
}

test('a replica whose directory is gone refuses to start for good', async (t) => {
  const { world, replica } = await calmWorld();
  replica.crash('process');
  replica.disk.wipe();
  world.noteDamage(replica.id);
  replica.lose();
  replica.start();
  await world.kernel.run(6000);
  t.regex(replica.refused ?? '', /lost its data/);
});

test('a replica from which no promise was taken must not refuse to start for good', async (t) => {
  const { world, replica } = await calmWorld();
  replica.crash('process');
  replica.disk.damageWitness('both', 'zeros');
  world.noteDamage(replica.id);
  replica.start();
  await t.throwsAsync(world.kernel.run(6000), { instanceOf: StartError, code: 'replicaLost' });
});

test('a replica whose disk fails ends, and is started again', async (t) => {
  const { world, replica } = await calmWorld();
  const before = replica.life;
  replica.excuse();
  replica.disk.failWrites('EIO', 1);
  await world.kernel.run(5000);
  t.true(before?.dead);
  replica.disk.heal();
  await world.kernel.run(8000);
  t.is(replica.state?.claim, null);
});

test('what was found at one start is no excuse in the life that follows', async (t) => {
  const { world, replica } = await calmWorld();
  replica.excuse();
  replica.crash('process');
  replica.start();
  await world.kernel.run(4000);
  replica.disk.failWrites('EIO', 1);
  await t.throwsAsync(world.kernel.run(6000), { instanceOf: StoreError });
});

for (const part of ['log', 'state'] as const satisfies DatabasePart[]) {
  test(`a replica whose disk nothing has harmed must not take its ${part} for damaged`, async (t) => {
    const { world, replica } = await calmWorld();
    replica.crash('process');
    SimDisk.prototype.damage.call(replica.disk, part, 'missingTable');
    world.noteDamage(replica.id);
    replica.start();
    await t.throwsAsync(world.kernel.run(6000), {
      instanceOf: SafetyViolation,
      message: new RegExp(`^a sound disk is taken for sound: ${replica.id} says “the ${part} `),
    });
  });

  test(`a replica whose ${part} was harmed may say so, once`, async (t) => {
    const { world, replica } = await calmWorld();
    replica.crash('process');
    replica.disk.damage(part, 'missingTable');
    world.noteDamage(replica.id);
    t.true(replica.disk.isHarmed(part));
    replica.start();
    await t.notThrowsAsync(world.kernel.run(6000));
    t.is(replica.state?.claim, null);
    t.false(replica.disk.isHarmed(part));
  });
}

test('a replica that has all its entries again must not claim to have lost them', async (t) => {
  const { world, replica } = await calmWorld();
  const others = world.replicas.filter(({ id }) => id !== replica.id);
  replica.crash('process');
  replica.disk.damage('log', 'missingTable');
  world.noteDamage(replica.id);
  for (const { id } of others) world.network.block(id, replica.id);
  replica.start();
  await world.kernel.run(4000);
  t.true(replica.isRecovering);
  replica.crash('power');
  replica.start();
  await world.kernel.run(5000);
  t.true(replica.isRecovering, 'it still lacks what it lacked');
  const image = replica.disk.image();
  for (const { id } of others) world.network.unblock(id, replica.id);
  await world.kernel.run(8000);
  t.false(replica.isRecovering);
  replica.crash('process');
  SimDisk.prototype.restore.call(replica.disk, 'log and witness', image);
  world.noteDamage(replica.id);
  replica.start();
  await t.throwsAsync(world.kernel.run(9000), {
    instanceOf: SafetyViolation,
    message: /^a sound disk is taken for sound: r1 claims to have lost entries/,
  });
});

test('the older slot of the witness says nothing that the log does not, the newest one may', async (t) => {
  const { replica } = await calmWorld();
  replica.crash('process');
  replica.disk.damageWitness('older', 'zeros');
  t.false(replica.disk.isHarmed('log'));
  replica.disk.damageWitness('both', 'zeros');
  t.true(replica.disk.isHarmed('log'));
});

test('writes that fail pass for damage only where the log is opened', async (t) => {
  const { world, replica } = await calmWorld();
  replica.excuse();
  replica.disk.failWrites('EIO', 1);
  t.false(replica.disk.isHarmed('log'));
  replica.crash('process');
  replica.start();
  await world.kernel.run(world.kernel.now);
  t.true(replica.disk.isHarmed('log'));
});

test('failures that are used up excuse no later start, and no life after it', async (t) => {
  const { world, replica } = await calmWorld();
  replica.excuse();
  replica.disk.failWrites('EIO', 1);
  await world.kernel.run(5000);
  replica.crash('process');
  replica.start();
  await world.kernel.run(world.kernel.now);
  t.false(replica.disk.isHarmed('log'));
  await world.kernel.run(6000);
  replica.disk.failWrites('EIO', 1);
  await t.throwsAsync(world.kernel.run(8000), { instanceOf: StoreError });
});

test('the constants of a plan reach the core', async (t) => {
  const world = new World({ ...generatePlan(1), replicas: 3, faults: [], raft: { inflightMessagesMax: 3 } });
  world.start();
  await world.kernel.run(3000);
  t.deepEqual(
    world.replicas.map(({ state }) => state?.constants),
    world.replicas.map(() => ({ ...raftConstants, inflightMessagesMax: 3 })),
  );
});
