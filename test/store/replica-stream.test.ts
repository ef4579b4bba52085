/** Replicas, a gateway's client and its follower in one process: the real log, disk and network. */
import test, { type ExecutionContext } from 'ava';
import type { ClusterFile } from '../../src/cluster-file.ts';
import { Coherence, type Receipt } from '../../src/gateway/coherence.ts';
import { type Index, index, term } from '../../src/raft/types.ts';
import { noPrecondition } from '../../src/store/command.ts';
import type { Follow } from '../../src/store/invalidation.ts';
import { decodeLeaderEvent, encodeGatewayEvent } from '../../src/store/invalidation-codec.ts';
import { decodeStoreReply, encodeStoreRequest } from '../../src/store/protocol-codec.ts';
import type { Replica } from '../../src/store/replica.ts';
import { connectStoreClient } from '../../src/store/store-client.ts';
import { touchOfKey, touchOfPrefix } from '../../src/store/touch.ts';
import { systemClock, systemRandom } from '../../src/system-clock.ts';
import { waitFor } from '../cluster/wait.ts';
import { lineage, openSite } from './replica-site.ts';
import type { TestEndpoint } from './rpc-fixture.ts';

/** Three replicas that run, and a gateway that follows whoever leads. */
async function given(t: ExecutionContext) {
  t.timeout(120_000);
  const { cluster, gateway, start } = await openSite(t, ['r1', 'r2', 'r3']);
  const replicas = new Map<string, Replica>();
  for (const { id } of cluster.replicas) replicas.set(id, await start(id));
  const client = connectStoreClient({
    endpoint: gateway.endpoint,
    cluster,
    clock: systemClock,
    random: systemRandom,
    observer: { onAttempt() {} },
  });
  t.teardown(() => client.close());
  const coherence = new Coherence({ lineage, onAdvance() {} });
  const receipts: Receipt[] = [];
  const stream = client.follow({
    begin: (streamId) => coherence.follow(streamId),
    receive(message) {
      const receipt = coherence.receive(message);
      receipts.push(receipt);
      return receipt;
    },
    granted() {},
    refused() {},
  });

  /** The index that wrote it. */
  async function write(key: string): Promise<Index> {
    const put = { type: 'put', key, value: Buffer.from(key), contentType: 'text/plain' } as const;
    const outcome = await client.write({ ...put, precondition: noPrecondition }, 30_000);
    if (outcome.type !== 'done' || outcome.result.type !== 'put') throw new Error(`not written: ${outcome.type}`);
    return outcome.result.revision;
  }

  /** As a hit waits: an index that the leader confirms now, and then the published position. */
  async function catchUp(): Promise<void> {
    const confirmed = await waitFor(() => client.readIndex(1000), { description: 'a read index' });
    const hasCome = () => {
      if (coherence.published >= confirmed) return true;
      stream.behind();
      return false;
    };
    await waitFor(hasCome, { description: `position ${confirmed}`, detail: () => coherence.published });
  }

  const stopLeader = async (): Promise<void> => {
    const leader = await waitFor(() => client.leader(), { description: 'a leader' });
    await replicas.get(leader)?.close();
  };
  return { coherence, receipts, write, catchUp, stopLeader };
}

test.serial('whoever has come to an index that was confirmed after a write has heard of that write', async (t) => {
  const { coherence, receipts, write, catchUp } = await given(t);
  for (let round = 0; round < 5; round++) {
    const keys = [`shelf/${round}`, 'shelf/top', 'desk', 'shelf/deep/box'];
    const indexes = await Promise.all(keys.map(write));
    await catchUp();
    for (const [nth, key] of keys.entries()) {
      const at = indexes[nth] as number;
      t.false(coherence.admits(at - 1, [touchOfKey(key)]), `a copy of ${key} from before entry ${at}`);
      t.true(coherence.admits(at, [touchOfKey(key)]), `a copy of ${key} from entry ${at}`);
    }
    const last = Math.max(...keys.map((key, nth) => (key.startsWith('shelf/') ? (indexes[nth] as number) : 0)));
    t.false(coherence.admits(last - 1, [touchOfPrefix('shelf/')]));
    t.true(coherence.admits(last, [touchOfPrefix('shelf/')]));
  }
  t.true(coherence.admits(0, [touchOfKey('never written')]));
  t.deepEqual(new Set(receipts), new Set(['processed']));
});

test.serial('a follower goes on with the next leader where it stood, and keeps what was not touched', async (t) => {
  const { coherence, receipts, write, catchUp, stopLeader } = await given(t);
  const kept = await write('kept');
  const before = await write('changed');
  await catchUp();
  await stopLeader();
  const after = await write('changed');
  await catchUp();
  t.true(after > before);
  t.false(coherence.admits(after - 1, [touchOfKey('changed')]));
  t.true(coherence.admits(kept, [touchOfKey('kept')]));
  t.false(receipts.includes('gap'), 'the new leader has in memory what follows');
});

test.serial('a gateway is told that a replica does not lead; what another replica says is left to Raft', async (t) => {
  const { cluster, gateway, endpoints, start } = await openSite(t, ['r1', 'r2']);
  await start('r1');
  const [{ publicKey, rpc }] = cluster.replicas as [ClusterFile['replicas'][number]];
  const follow: Follow = { type: 'follow', lineage, streamId: 's', nth: 1, term: term(0), published: index(0) };
  const connectFrom = async ({ endpoint }: TestEndpoint) => {
    const heard: unknown[] = [];
    const onEvent = (bytes: Uint8Array) => void heard.push(decodeLeaderEvent(bytes));
    const ignored = { onConnect() {}, onDisconnect() {}, onPing() {} };
    const connection = endpoint.connect({ publicKey, address: () => rpc }, { ...ignored, onEvent });
    await waitFor(() => connection.connected, { description: 'the connection' });
    connection.event(encodeGatewayEvent(follow));
    // What was said before it comes before the answer.
    const answer = await connection.request(encodeStoreRequest({ type: 'status' }), 20_000);
    t.is(answer.type === 'answer' ? decodeStoreReply(answer.bytes)?.type : answer.type, 'status');
    return heard;
  };
  t.deepEqual(await connectFrom(gateway), [{ type: 'ended', streamId: 's' }]);
  t.deepEqual(await connectFrom(endpoints.get('r2') as TestEndpoint), []);
});
