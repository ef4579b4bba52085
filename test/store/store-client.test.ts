import test from 'ava';
import { index, term } from '../../src/raft/types.ts';
import type { Follower, StoreClientObserver } from '../../src/store/client-types.ts';
import { noPrecondition } from '../../src/store/command.ts';
import { decodeGatewayEvent, encodeEnded } from '../../src/store/invalidation-codec.ts';
import type { ReplicaStatus, StoreReply } from '../../src/store/protocol.ts';
import {
  decodeStoreRequest,
  encodeStatus,
  encodeStoreReply,
  encodeStoreRequest,
} from '../../src/store/protocol-codec.ts';
import type { BalancePolicy } from '../../src/store/read-policy.ts';
import type { RpcAnswer, RpcConnectionEvents, RpcEndpoint } from '../../src/store/rpc.ts';
import { connectStoreClient } from '../../src/store/store-client.ts';
import { ManualClock } from './manual-clock.ts';

const ids = ['r1', 'r2', 'r3'];

const status = (id: string, leader: string | null, inTerm = 2): ReplicaStatus => ({
  id,
  clusterId: 'c',
  bootId: 1,
  role: id === leader ? 'leader' : 'follower',
  state: 'normal',
  term: term(inTerm),
  leader,
  firstIndex: index(1),
  lastIndex: index(9),
  commitIndex: index(9),
  publishIndex: index(9),
  appliedIndex: index(9),
  claimIndex: null,
  leaderChanges: 1,
  stateDigest: '00',
  message: null,
});

type Attempt = Parameters<StoreClientObserver['onAttempt']>[0];

/** A client of three replicas that answer every request as the test says. */
function setUp(given: {
  readonly leader: string | null;
  readonly answer: () => StoreReply | 'lost';
  readonly balance?: BalancePolicy;
}) {
  const clock = new ManualClock();
  const asked: string[] = [];
  const attempts: Attempt[] = [];
  const events = new Map<string, RpcConnectionEvents>();
  /** What was sent without being asked, and to whom. */
  const said: { readonly to: string; readonly bytes: Uint8Array }[] = [];
  const closed: string[] = [];
  const endpoint: RpcEndpoint = {
    listen: async () => {},
    close: async () => {},
    connect({ publicKey }, heard) {
      // The second one to a replica is that of the stream.
      const name = events.has(publicKey) ? `${publicKey} again` : publicKey;
      events.set(name, heard);
      return {
        connected: true,
        congested: false,
        event: (bytes) => void said.push({ to: name, bytes }),
        close: async () => void closed.push(name),
        async request(bytes, timeoutMs): Promise<RpcAnswer> {
          asked.push(`${publicKey} ${decodeStoreRequest(bytes)?.type} ${timeoutMs}`);
          const reply = given.answer();
          return reply === 'lost' ? { type: 'lost' } : { type: 'answer', bytes: encodeStoreReply(reply) };
        },
      };
    },
  };
  const client = connectStoreClient({
    endpoint,
    cluster: {
      clusterId: 'c',
      replicas: ids.map((id) => ({ id, publicKey: id, rpc: `${id}:1`, http: `${id}:2` })),
      gateways: [],
    },
    clock,
    random: { next: () => 0 },
    balance: given.balance,
    observer: { onAttempt: (attempt) => attempts.push(attempt) },
  });
  const ping = (id: string, leader: string | null, inTerm = 2) =>
    events.get(id)?.onPing(encodeStatus(status(id, leader, inTerm)), 1);
  for (const id of ids) ping(id, given.leader);
  return { client, clock, asked, attempts, events, said, closed, ping };
}

test('a read index is asked of the leader, and counted as an attempt of its own kind', async (t) => {
  const { client, clock, asked, attempts } = setUp({
    leader: 'r2',
    answer: () => ({ type: 'readIndex', index: index(9) }),
  });
  const answers = Promise.all([client.readIndex(100), client.readIndex(50)]);
  await clock.settle();
  t.deepEqual(await answers, [index(9), index(9)]);
  t.deepEqual(asked, ['r2 readIndex 100']);
  const [sentBytes, receivedBytes] = [
    encodeStoreRequest({ type: 'readIndex', timeoutMs: 100 }).byteLength,
    encodeStoreReply({ type: 'readIndex', index: index(9) }).byteLength,
  ];
  t.deepEqual(attempts, [
    { replica: 'r2', operation: 'readIndex', outcome: 'ok', count: 1, seconds: 0, sentBytes, receivedBytes },
  ]);
});

test('a read index that the leader cannot name is refused, one that is lost has failed, and both are null', async (t) => {
  const answers: (StoreReply | 'lost')[] = [{ type: 'readIndex', index: null }, 'lost', { type: 'error', reason: 'x' }];
  const { client, clock, attempts } = setUp({ leader: 'r2', answer: () => answers.shift() ?? 'lost' });
  for (let nth = 0; nth < 3; nth++) {
    const answer = client.readIndex(100);
    await clock.settle();
    t.is(await answer, null);
  }
  t.deepEqual(
    attempts.map(({ outcome }) => outcome),
    ['refused', 'failed', 'failed'],
  );
});

test('without a leader, and of a client that is closed, a read index is null and nobody is asked', async (t) => {
  const { client, clock, asked } = setUp({ leader: null, answer: () => 'lost' });
  const answer = client.readIndex(100);
  await clock.settle();
  t.is(await answer, null);
  await client.close();
  t.is(await client.readIndex(100), null);
  t.deepEqual(asked, []);
});

function setUpFollower() {
  const begun: string[] = [];
  const follower: Follower = {
    begin(streamId) {
      begun.push(streamId);
      return { term: 1, published: 4 };
    },
    receive: () => 'processed',
    granted() {},
    refused() {},
  };
  return { begun, follower };
}

test('a follower gets a stream of the leader that is known, and of each new one, over a connection of its own', async (t) => {
  const { client, clock, events, said, closed, ping } = setUp({ leader: 'r2', answer: () => 'lost' });
  const { begun, follower } = setUpFollower();
  client.follow(follower);
  events.get('r2 again')?.onConnect();
  ping('r1', 'r1', 3);
  events.get('r1 again')?.onConnect();
  const follow = { type: 'follow', lineage: 'c', term: 1, published: 4 };
  t.deepEqual(
    said.map(({ to, bytes }) => ({ to, ...decodeGatewayEvent(bytes) })) as unknown,
    ['r2 again', 'r1 again'].map((to, at) => ({ to, ...follow, nth: at + 1, streamId: begun[at] })),
  );
  t.deepEqual(closed, ['r2 again']);
  events.get('r1 again')?.onEvent?.(encodeEnded(begun[1] ?? ''));
  await clock.advance(50);
  t.is(begun.length, 3);
  await client.close();
  t.deepEqual(closed.toSorted(), ['r1', 'r1 again', 'r2', 'r2 again', 'r3']);
});

test('a follower that came before any leader is known waits for one', (t) => {
  const { client, events, ping } = setUp({ leader: null, answer: () => 'lost' });
  client.follow(setUpFollower().follower);
  t.deepEqual([...events.keys()], ids);
  ping('r1', 'r3');
  t.deepEqual([...events.keys()], [...ids, 'r3 again']);
});

test('a replica that refuses a write because another one leads sends the stream there, too', async (t) => {
  const { client, clock, events } = setUp({
    leader: 'r2',
    answer: () => ({ type: 'write', replies: [{ type: 'notLeader', leader: 'r3' }] }),
  });
  client.follow(setUpFollower().follower);
  void client.write({ type: 'delete', key: 'a', precondition: noPrecondition }, 100);
  await clock.settle();
  t.true(events.has('r3 again'));
});

test('reads are spread by the policy that was asked for, which is p2c unless said', async (t) => {
  const answer = (): StoreReply => {
    return { type: 'read', replies: [{ type: 'done', result: { type: 'get', revision: index(9), item: null } }] };
  };
  t.is(setUp({ leader: 'r2', answer }).client.balance().policy, 'p2c');
  const { client, clock, asked } = setUp({ leader: 'r2', answer, balance: 'round_robin' });
  for (let nth = 0; nth < 6; nth++) {
    void client.read({ type: 'get', key: 'a', withValue: true }, { timeoutMs: 500 });
    await clock.settle();
  }
  t.deepEqual(
    asked,
    ['r1', 'r2', 'r3', 'r1', 'r2', 'r3'].map((id) => `${id} read 1000`),
  );
  t.deepEqual(
    client.balance().replicas.map(({ id, latencyMs }) => [id, latencyMs]),
    ids.map((id) => [id, 0]),
  );
});

test('a stale read is asked for as one, and says how old its answer may be', async (t) => {
  const { client, clock, asked } = setUp({
    leader: null,
    answer: () => ({
      type: 'read',
      replies: [{ type: 'done', result: { type: 'get', revision: index(9), item: null } }],
      ageMs: 12,
    }),
  });
  const get = { type: 'get', key: 'a', withValue: true } as const;
  const stale = client.read(get, { timeoutMs: 70, replica: 'r2', consistency: 'stale' });
  await clock.settle();
  t.like(await stale, { type: 'done', replica: 'r2', staleMs: 12 });
  const linearizable = client.read(get, { timeoutMs: 70, replica: 'r2', consistency: 'linearizable' });
  await clock.settle();
  t.false('staleMs' in (await linearizable));
  t.deepEqual(asked, ['r2 read 1000', 'r2 read 70']);
  await client.close();
});
