import type { Cluster } from '../cluster/cluster.ts';
import { type HttpClient, writeOutcome } from '../cluster/http-client.ts';
import { namespaces } from './requirements.ts';
import { clusterFor, repetitions, summary, systemTest } from './system-test.ts';

const faults = repetitions('FAULTS', 5, 20);

systemTest('a leader cut off from its peers acknowledges nothing and serves nothing stale', namespaces, async (t) => {
  const cluster = await clusterFor(t, { gateways: 2, namespaces: true });
  const [minority, majority] = [cluster.client('g1'), cluster.client('g2')];
  const leader = await cluster.someLeader();
  await majority.put('number', '0');

  let newest = 0;
  let cut = false;
  let enough = false;
  const reads: { readonly number: number | null; readonly newestBefore: number; readonly duringCut: boolean }[] = [];
  const read = async (query: string) => {
    while (!enough) {
      const [newestBefore, duringCut] = [newest, cut];
      const answer = await minority.get('number', { query: `timeout=500ms${query}` });
      reads.push({ number: answer.status === 200 ? Number(answer.body.toString()) : null, newestBefore, duringCut });
    }
  };
  const outcomes = { acknowledged: 0, not_applied: 0, unknown: 0 };
  const refused: string[] = [];
  const write = async (writer: number) => {
    for (let number = 0; !enough; number += 1) {
      const [key, duringCut] = [`minority/${writer}/${number}`, cut];
      const outcome = await writeOutcome(minority.put(key, 'value', { query: 'timeout=500ms' }));
      if (outcome === 'not_applied') refused.push(key);
      if (duringCut) outcomes[outcome] += 1;
    }
  };
  const besieged = Promise.all([read(''), read(`&replica=${leader}`), ...[1, 2, 3, 4].map(write)]);
  try {
    const others = cluster.replicas.filter((replica) => replica !== leader);
    await cluster.partition([leader, 'g1'], [...others, 'g2']);
    cut = true;
    for (let number = 1; number <= 500; number += 1) {
      t.is(await writeOutcome(majority.put('number', `${number}`, { query: 'timeout=10s' })), 'acknowledged');
      newest = number;
    }
    const enoughSeen = () => {
      const writes = Object.values(outcomes).reduce((sum, count) => sum + count, 0);
      return writes >= 10 && reads.filter(({ duringCut }) => duringCut).length >= 10;
    };
    await cluster.waitFor(enoughSeen, { description: 'enough reads and writes on the side of the old leader' });
  } finally {
    enough = true;
    await besieged;
  }

  const { acknowledged, not_applied, unknown } = outcomes;
  const answered = reads.filter(({ number, duringCut }) => duringCut && number !== null);
  const stale = reads.filter(({ number, newestBefore }) => number !== null && number < newestBefore);
  t.log(
    `reads of ${leader} during the cut: ${answered.length} answered; of all ${reads.length} reads ${stale.length} stale`,
  );
  t.log(`writes to ${leader} during the cut: ${acknowledged} acknowledged, ${not_applied} refused, ${unknown} unknown`);
  t.deepEqual(stale.slice(0, 3), []);
  t.is(acknowledged, 0);

  await cluster.heal();
  await cluster.agreement();
  for (const replica of cluster.replicas) {
    const query = `replica=${replica}`;
    t.is((await majority.get('number', { query })).body.toString(), '500');
    for (const key of refused)
      t.is((await majority.get(key, { query })).status, 404, `${key} was said not to be applied`);
  }
  t.is(await writeOutcome(minority.put('healed', 'value', { query: 'timeout=10s' })), 'acknowledged');
});

systemTest(
  `${faults} times the leader is cut off, and ${faults} times killed: the way to the next write`,
  namespaces,
  async (t) => {
    const cluster = await clusterFor(t, { namespaces: true });
    const client = cluster.client();
    const afterCut: number[] = [];
    const afterKill: number[] = [];
    for (let fault = 0; fault < faults; fault += 1) {
      const isolated = await settled(cluster);
      afterCut.push(await untilAcknowledged(client, `cut/${fault}`, () => cluster.isolate(isolated, { from: 'all' })));
      await cluster.heal();
      const victim = await settled(cluster);
      afterKill.push(await untilAcknowledged(client, `kill/${fault}`, () => cluster.kill(victim)));
      await cluster.start(victim);
    }
    await settled(cluster);
    for (let fault = 0; fault < faults; fault += 1) {
      t.is((await client.get(`cut/${fault}`)).body.toString(), 'value');
      t.is((await client.get(`kill/${fault}`)).body.toString(), 'value');
    }
    t.log(`from cut to the next acknowledged write: ${summary(afterCut)}`);
    t.log(`from SIGKILL to the next acknowledged write: ${summary(afterKill)}`);
  },
);

/** Waits until all replicas are level, so that every fault meets a whole cluster; gives the leader. */
async function settled(cluster: Cluster): Promise<string> {
  await cluster.agreement();
  return await cluster.someLeader();
}

/** The time in milliseconds from the fault's beginning to the answer to a write that began after it. */
async function untilAcknowledged(client: HttpClient, key: string, fault: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  await fault();
  const outcome = await writeOutcome(client.put(key, 'value', { query: 'timeout=10s' }));
  if (outcome !== 'acknowledged') throw new Error(`the write of ${key} ended as ${outcome} within 10 s`);
  return performance.now() - startedAt;
}
