import { type HttpAnswer, json, writeOutcome } from '../cluster/http-client.ts';
import { clusterFor, systemTest } from './system-test.ts';

systemTest('with one of three replicas down, writes and reads go on', [], async (t) => {
  const cluster = await clusterFor(t);
  const client = cluster.client();
  await cluster.kill(await cluster.someLeader());
  t.is(await writeOutcome(client.put('survivor', 'value')), 'acknowledged');
  const alive = cluster.replicas.filter((id) => cluster.isRunning(id));
  t.is(alive.length, 2);
  for (const replica of alive) {
    const answer = await client.get('survivor', { query: `replica=${replica}` });
    t.is(answer.body.toString(), 'value', replica);
  }
});

systemTest(
  'without a quorum nothing is acknowledged, nothing is half-done, and service resumes by itself',
  [],
  async (t) => {
    const cluster = await clusterFor(t);
    const client = cluster.client();
    t.is(await writeOutcome(client.put('before', 'value')), 'acknowledged');
    const leader = await cluster.someLeader();
    const followers = cluster.replicas.filter((id) => id !== leader);

    // Followers that are paused take nothing in: these writes reach the leader's log, and no further.
    for (const id of followers) cluster.pause(id);
    const inFlight = inParallel((key) => client.put(`in-flight/${key}`, key, { query: 'timeout=3s' }));
    await Promise.all(followers.map((id) => cluster.kill(id)));
    const unknown = new Set<string>();
    for (const [key, answer] of await inFlight) {
      // What still waited for its turn in the gateway was never sent.
      const { outcome } = json<{ outcome: string }>(answer);
      t.is(outcome, answer.status === 504 ? 'unknown' : 'not_applied', `${answer.status}`);
      if (outcome === 'unknown') unknown.add(key);
    }
    t.true(unknown.size > 0);

    t.is(await cluster.leader(), null, 'a leader without a quorum steps down');
    const begunAfter = await inParallel((key) => client.put(`begun-after/${key}`, key, { query: 'timeout=1s' }));
    for (const [, answer] of begunAfter) {
      t.is(answer.status, 503);
      t.is(json<{ outcome: string }>(answer).outcome, 'not_applied');
      t.truthy(answer.headers['retry-after']);
    }
    const read = await client.get('before', { query: 'timeout=1s' });
    t.true(read.status === 503 || read.status === 504, `a read without a quorum was answered ${read.status}`);

    const returnedAt = performance.now();
    await Promise.all(followers.map((id) => cluster.start(id)));
    t.is(await writeOutcome(client.put('after', 'value', { query: 'timeout=10s' })), 'acknowledged');
    t.log(`first write acknowledged ${(performance.now() - returnedAt).toFixed(0)} ms after the replicas were started`);
    await cluster.agreement();
    const applied = new Set<string>();
    for (const replica of cluster.replicas) {
      const query = `replica=${replica}`;
      t.is((await client.get('before', { query })).body.toString(), 'value');
      for (const key of keys) {
        t.is((await client.get(`begun-after/${key}`, { query })).status, 404, 'said not to be applied');
        const answer = await client.get(`in-flight/${key}`, { query });
        if (answer.status === 200) applied.add(key);
        t.is(answer.status, applied.has(key) ? 200 : 404, 'a write is on all replicas or on none');
        t.true(answer.status === 404 || (unknown.has(key) && answer.body.toString() === key));
      }
    }
    t.log(`of ${unknown.size} writes of unknown outcome ${applied.size} turned out to be applied`);
  },
);

const keys = Array.from({ length: 20 }, (_, number) => `${number}`);

async function inParallel(
  write: (key: string) => Promise<HttpAnswer>,
): Promise<readonly (readonly [string, HttpAnswer])[]> {
  return await Promise.all(keys.map(async (key) => [key, await write(key)] as const));
}
