import { findLoadErrors, startLoad } from '../cluster/load.ts';
import { pause } from '../cluster/wait.ts';
import { clusterFor, repetitions, systemTest } from './system-test.ts';

const kills = repetitions('KILLS', 24, 200);

systemTest(`${kills} SIGKILLs of a replica under load lose nothing and are no damage`, [], async (t) => {
  const cluster = await clusterFor(t);
  const prefix = 'kill/';
  await using load = startLoad({ client: cluster.client(), prefix });
  for (let kill = 0; kill < kills; kill += 1) {
    const victim = cluster.replicas[kill % cluster.replicas.length] ?? '';
    // Anywhere between two batches, and within one.
    await pause(Math.random() * 200);
    await cluster.kill(victim);
    await cluster.start(victim);
    const caughtUp = async () => {
      const [own, leader] = [await cluster.status(victim), await cluster.leader()];
      t.not(own?.state, 'recovering', `${victim} after kill ${kill + 1}`);
      const leading = leader === null ? null : await cluster.status(leader);
      return own !== null && leading !== null && own.appliedIndex >= leading.commitIndex - 1000;
    };
    await cluster.waitFor(caughtUp, { description: `${victim} to catch up after kill ${kill + 1}` });
  }
  await load.stop();
  await cluster.agreement();
  for (const replica of cluster.replicas) {
    t.deepEqual(await findLoadErrors(load, { client: cluster.client(), prefix, replica }), []);
    t.false(/recovering/i.test(cluster.log(replica)), `${replica} took a kill for damage`);
  }
  const { acknowledged, notApplied, unknown } = load;
  t.log(
    `${kills} kills, ${acknowledged.size} writes acknowledged, ${notApplied.size} refused, ${unknown.size} unknown`,
  );
  t.true(acknowledged.size > kills);
});
