/** When a replica may stop by itself, and when that is a failure of the run. */
import test from 'ava';
import { StartError, StoreError } from '../../src/store/errors.ts';
import { generatePlan } from './plan.ts';
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
