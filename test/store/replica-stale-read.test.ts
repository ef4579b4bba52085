/** Stale reads of three replicas that run: the real log, disk and network. */
import test from 'ava';
import { type Index, index } from '../../src/raft/types.ts';
import type { ReadOptions } from '../../src/store/client-types.ts';
import { noPrecondition } from '../../src/store/command.ts';
import type { Replica } from '../../src/store/replica.ts';
import { connectStoreClient } from '../../src/store/store-client.ts';
import { systemClock, systemRandom } from '../../src/system-clock.ts';
import { waitFor } from '../cluster/wait.ts';
import { openSite } from './replica-site.ts';

const ids = ['r1', 'r2', 'r3'];

test('every replica shows a write to whoever names its revision, says how old that is, and goes on alone', async (t) => {
  t.timeout(120_000);
  const { cluster, gateway, start } = await openSite(t, ids);
  const replicas = new Map<string, Replica>();
  for (const id of ids) replicas.set(id, await start(id));
  const client = connectStoreClient({
    endpoint: gateway.endpoint,
    cluster,
    clock: systemClock,
    random: systemRandom,
    observer: { onAttempt() {} },
  });
  t.teardown(() => client.close());

  async function write(value: string): Promise<Index> {
    const put = { type: 'put', key: 'k', value: Buffer.from(value), contentType: 'text/plain' } as const;
    const outcome = await client.write({ ...put, precondition: noPrecondition }, 30_000);
    if (outcome.type !== 'done' || outcome.result.type !== 'put') throw new Error(`not written: ${outcome.type}`);
    return outcome.result.revision;
  }
  async function readStale(replica: string, options: Partial<ReadOptions> = {}) {
    const query = { type: 'get', key: 'k', withValue: true } as const;
    const stale = { timeoutMs: 30_000, consistency: 'stale', replica, ...options } as const;
    const outcome = await client.read(query, stale);
    if (outcome.type !== 'done' || outcome.result.type !== 'get') return null;
    return { value: Buffer.from(outcome.result.item?.value ?? []).toString(), staleMs: outcome.staleMs ?? null };
  }

  for (let round = 0; round < 5; round++) {
    const minRevision = await write(`v${round}`);
    for (const replica of ids) t.is((await readStale(replica, { minRevision }))?.value, `v${round}`, replica);
  }
  for (const replica of ids) {
    // The first to ask may be told that it is not known yet.
    const known = () => readStale(replica).then((answer) => answer?.staleMs ?? null);
    t.true((await waitFor(known, { description: 'an age' })) >= 0, replica);
  }
  t.is(await readStale('r1', { minRevision: index(1_000_000), timeoutMs: 300 }), null);

  for (const id of ['r2', 'r3']) await replicas.get(id)?.close();
  const old = async () => {
    const answer = await readStale('r1');
    return answer?.value === 'v4' && answer.staleMs !== null && answer.staleMs > 1500;
  };
  t.true(await waitFor(old, { description: 'an age that grows while nobody leads' }));

  await replicas.get('r1')?.close();
  await start('r1');
  const [first, second] = [await readStale('r1'), await readStale('r1')];
  t.deepEqual(
    [first, second],
    [
      { value: 'v4', staleMs: null },
      { value: 'v4', staleMs: null },
    ],
  );
});
