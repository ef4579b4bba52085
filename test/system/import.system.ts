import type { ExecutionContext } from 'ava';
import { bazarCommand } from '../cluster/child.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { runCommand } from '../cluster/command.ts';
import { type Books, books } from './books.ts';
import { findDifferences } from './read-back.ts';
import { clusterFor, systemTest } from './system-test.ts';

systemTest('ten thousand books are imported while the leader is killed three times, and all survive', [], async (t) => {
  const cluster = await clusterFor(t);
  const library = await books(cluster.directory);
  const startedAt = performance.now();
  const importing = importBooks(cluster, library);
  for (const share of [0.2, 0.45, 0.7]) {
    const victim = await cluster.waitFor(() => leaderBeyond(cluster, share * library.values.size), {
      description: `${share * 100} % of the books to be in`,
      timeoutMs: 60_000,
    });
    await cluster.kill(victim);
    await cluster.start(victim);
  }
  const imported = await importing;
  t.is(imported.code, 0, imported.stderr);
  t.log(`imported in ${((performance.now() - startedAt) / 1000).toFixed(1)} s, three leaders killed meanwhile`);
  await readBack(t, cluster, library, 'after the import');

  await Promise.all([...cluster.replicas, ...cluster.gateways].map((id) => cluster.kill(id)));
  await Promise.all([...cluster.replicas, ...cluster.gateways].map((id) => cluster.start(id)));
  await cluster.someLeader();
  await readBack(t, cluster, library, 'after all were killed at once');
});

systemTest('a replica that was down for a whole import catches up and answers the same', [], async (t) => {
  const cluster = await clusterFor(t);
  const library = await books(cluster.directory);
  await cluster.kill('r3');
  const imported = await importBooks(cluster, library);
  t.is(imported.code, 0, imported.stderr);
  const returnedAt = performance.now();
  await cluster.start('r3');
  await cluster.agreement();
  t.log(`caught up ${(performance.now() - returnedAt).toFixed(0)} ms after it was started`);
  await readBack(t, cluster, library, 'after the return');
});

function importBooks(cluster: Cluster, { file }: Books) {
  const flags = ['--prefix', 'books/', '--key', 'book_id', '--url', cluster.url('g1')];
  // With few requests in flight it lasts long enough to be disturbed; the folder of the books may not be ours to write.
  const pace = ['--concurrency', '16', '--progress-file', `${cluster.directory}/import`];
  return runCommand(bazarCommand('import', file, ...flags, ...pace), { timeoutMs: 300_000 });
}

/** The leader, once it has committed more than so many entries. */
async function leaderBeyond(cluster: Cluster, entries: number): Promise<string | null> {
  const leader = await cluster.leader();
  if (leader === null) return null;
  const status = await cluster.status(leader);
  return status !== null && status.commitIndex > entries ? leader : null;
}

async function readBack(t: ExecutionContext, cluster: Cluster, library: Books, when: string): Promise<void> {
  t.is(library.values.size, 10_000);
  await cluster.agreement();
  for (const replica of cluster.replicas) {
    t.deepEqual(await findDifferences(cluster.client(), library.values, replica), [], when);
  }
  t.log(`${library.values.size} books read from each of ${cluster.replicas.join(', ')} ${when}`);
}
