import { cp, rm } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { type Cluster, logTails, startCluster } from '../cluster/cluster.ts';
import { writeOutcome } from '../cluster/http-client.ts';
import { findLoadErrors, type Load, startLoad } from '../cluster/load.ts';
import { damages } from './log-damage.ts';
import { clusterFor, systemTest } from './system-test.ts';

const prefix = 'load/';
const valueBytes = 8192;
/** LevelDB goes on to a new log file, and notes so in its manifest, every 4 MiB: here twice. */
const writes = (10 * 1024 * 1024) / valueBytes;

for (const damage of damages) {
  systemTest(`damage to one log: ${damage.name}`, [], async (t) => {
    const { cluster, load } = await restored(t);
    for (const id of ['r1', 'r3', 'g1']) await cluster.start(id);
    await cluster.someLeader();
    const before = cluster.log('r2').length;
    await damage.inflict(logDirectory(cluster, 'r2'));
    await cluster.start('r2');
    await cluster.agreement(60_000);
    t.regex(cluster.log('r2').slice(before), /"level":"warn".*recovering/i, 'the damage is reported');
    t.is((await cluster.status('r2'))?.state, 'normal');
    await checkAll(t, cluster, load);
  });
}

for (const damage of damages) {
  systemTest(`damage to two logs of three, and never a wrong answer: ${damage.name}`, [], async (t) => {
    const { cluster, load } = await restored(t);
    const client = cluster.client();
    await cluster.start('g1');
    for (const id of ['r1', 'r2']) await damage.inflict(logDirectory(cluster, id));
    await cluster.start('r1');
    await cluster.start('r2');
    for (const id of ['r1', 'r2']) {
      const explained = async () => (await cluster.status(id))?.message;
      const message = await cluster.waitFor(explained, { description: `${id} to say what is missing` });
      t.log(message);
      t.regex(message, new RegExp(`${id} holds up to \\d+ and had reached \\d+`));
    }
    t.is(await cluster.leader(), null);
    // What is sent over a connection that is dead, and not known to be, has an unknown outcome.
    await cluster.waitFor(() => seesHealthy(cluster, ['r1', 'r2']), { description: 'the gateway to see who is there' });
    t.is(await writeOutcome(client.put('meanwhile', 'value', { query: 'timeout=1s' })), 'not_applied');
    const [someKey = ''] = load.acknowledged;
    for (const replica of ['r1', 'r2']) {
      const answer = await client.get(someKey, { query: `replica=${replica}&timeout=1s` });
      t.is(answer.status, 503, 'no answer is better than a wrong one');
    }

    await cluster.start('r3');
    await cluster.agreement(60_000);
    await checkAll(t, cluster, load);
    t.is((await client.get('meanwhile')).status, 404);
  });
}

systemTest('a wiped directory under an old id is refused, and the others go on', [], async (t) => {
  const cluster = await clusterFor(t);
  const client = cluster.client();
  t.is(await writeOutcome(client.put('before', 'value')), 'acknowledged');
  await cluster.agreement();
  await cluster.kill('r1');
  await rm(cluster.dataDirectory('r1'), { recursive: true });
  cluster.launch('r1');
  await cluster.expectEnd('r1');
  t.regex(cluster.log('r1'), /r1 lost its data: remove it and add a replacement under a new id/);
  t.is(await writeOutcome(client.put('after', 'value')), 'acknowledged');
  t.is((await client.get('before')).body.toString(), 'value');
});

interface LoadedCluster {
  readonly cluster: Cluster;
  /** What it has acknowledged. */
  readonly load: Load;
}

let loading: Promise<LoadedCluster> | null = null;

test.after.always(async () => {
  const loaded = await loading?.catch(() => null);
  await loaded?.cluster.close();
});

/** A cluster none of whose members runs, and whose disks are as they were when all were killed, for each test anew. */
async function restored(t: ExecutionContext): Promise<LoadedCluster> {
  loading ??= loadAndKill();
  const loaded = await loading;
  const { cluster } = loaded;
  for (const id of cluster.replicas) {
    await rm(cluster.dataDirectory(id), { recursive: true, force: true });
    await cp(keptDirectory(cluster, id), cluster.dataDirectory(id), { recursive: true });
  }
  t.teardown(async () => {
    if (!t.passed) t.log(logTails(cluster));
    await killAll(cluster);
  });
  return loaded;
}

/** Writes several LevelDB files. */
async function loadAndKill(): Promise<LoadedCluster> {
  const cluster = await startCluster();
  try {
    await using load = startLoad({ client: cluster.client(), prefix, valueBytes });
    await cluster.waitFor(() => load.acknowledged.size >= writes, {
      description: 'enough writes',
      timeoutMs: 60_000,
    });
    await load.stop();
    await cluster.agreement();
    await killAll(cluster);
    for (const id of cluster.replicas) {
      await cp(cluster.dataDirectory(id), keptDirectory(cluster, id), { recursive: true });
    }
    return { cluster, load };
  } catch (error) {
    await cluster.close().catch(() => {});
    throw error;
  }
}

async function killAll(cluster: Cluster): Promise<void> {
  const running = [...cluster.replicas, ...cluster.gateways].filter((id) => cluster.isRunning(id));
  await Promise.all(running.map((id) => cluster.kill(id)));
}

function keptDirectory(cluster: Cluster, id: string): string {
  return path.join(cluster.directory, 'kept', id);
}

async function seesHealthy(cluster: Cluster, ids: readonly string[]): Promise<boolean> {
  const answer = await fetch(`${cluster.url('g1')}/v1/cluster`);
  const { replicas } = (await answer.json()) as { replicas: readonly { id: string; healthy: boolean }[] };
  return replicas.every(({ id, healthy }) => healthy === ids.includes(id));
}

async function checkAll(t: ExecutionContext, cluster: Cluster, load: Load): Promise<void> {
  for (const replica of cluster.replicas) {
    t.deepEqual(await findLoadErrors(load, { client: cluster.client(), prefix, replica }), []);
  }
  t.log(`${load.acknowledged.size} acknowledged writes are on each replica`);
}

function logDirectory(cluster: Cluster, id: string): string {
  return path.join(cluster.dataDirectory(id), 'log');
}
