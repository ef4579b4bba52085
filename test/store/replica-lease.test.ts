/** A replica, a gateway's client and its follower in one process, and the leases between them. */
import test from 'ava';
import { Coherence } from '../../src/gateway/coherence.ts';
import { noPrecondition } from '../../src/store/command.ts';
import type { RefusalCause } from '../../src/store/invalidation.ts';
import { connectStoreClient } from '../../src/store/store-client.ts';
import { systemClock, systemRandom } from '../../src/system-clock.ts';
import { waitFor } from '../cluster/wait.ts';
import { lineage, openSite } from './replica-site.ts';

test('a gateway that confirms nothing keeps writes waiting for one lease, then gets none, and gets one again', async (t) => {
  t.timeout(120_000);
  const { cluster, gateway, start } = await openSite(t, ['r1']);
  await start('r1');
  const client = connectStoreClient({
    ...{ endpoint: gateway.endpoint, cluster, clock: systemClock, random: systemRandom },
    observer: { onAttempt() {} },
  });
  t.teardown(() => client.close());
  const coherence = new Coherence({ lineage, onAdvance() {} });
  let [grants, requests, confirms] = [0, 0, true];
  const refusals: { readonly cause: RefusalCause; readonly forMs: number }[] = [];
  const stream = client.follow({
    begin: (streamId) => coherence.follow(streamId),
    receive(message) {
      const receipt = coherence.receive(message);
      if (confirms) stream.confirm({ term: coherence.term, through: coherence.processed });
      return receipt;
    },
    granted() {
      grants += 1;
    },
    refused: (refusal) => void refusals.push(refusal),
  });
  /** Whether the next answer is a grant. There is none before what was told under the last one is confirmed. */
  async function asked(): Promise<boolean> {
    const [before, refused] = [grants, refusals.length];
    const isAnswered = () => {
      if (confirms) stream.confirm({ term: coherence.term, through: coherence.processed });
      stream.renew(++requests);
      return grants > before || refusals.length > refused;
    };
    await waitFor(isAnswered, { description: 'an answer to a request for a lease' });
    return grants > before;
  }
  async function write(): Promise<void> {
    const put = { type: 'put', key: 'k', value: Buffer.from('v'), contentType: 'text/plain' } as const;
    const outcome = await client.write({ ...put, precondition: noPrecondition }, 30_000);
    t.is(outcome.type, 'done');
  }

  await write();
  t.true(await asked());
  await write();
  t.true(await asked(), 'whoever confirms is granted another one');

  confirms = false;
  const isRefused = async () => {
    if (!(await asked())) return true;
    await write();
    // So that the replica answers if it blamed nobody.
    stream.confirm({ term: coherence.term, through: coherence.processed });
    return false;
  };
  // While this process stands still the replica in it blames nobody.
  await waitFor(isRefused, { description: 'a refusal', timeoutMs: 60_000 });
  t.is(refusals[0]?.cause, 'silent');
  t.true((refusals[0]?.forMs ?? 0) <= 1000);

  confirms = true;
  await waitFor(asked, { description: 'a grant after the exclusion' });
  await write();
  t.true(grants >= 3);
});
