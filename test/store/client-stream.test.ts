import test from 'ava';
import { index, term } from '../../src/raft/types.ts';
import { ClientStream } from '../../src/store/client-stream.ts';
import type { GatewayEvent, Granted, Invalidations } from '../../src/store/invalidation.ts';
import {
  decodeGatewayEvent,
  encodeBatch,
  encodeEnded,
  encodeGranted,
  encodeInvalidations,
  encodeRefused,
} from '../../src/store/invalidation-codec.ts';
import type { RpcConnection, RpcConnectionEvents } from '../../src/store/rpc.ts';
import { ManualClock } from './manual-clock.ts';
import { createRandom } from './random.ts';
import { lineage } from './stream-fixture.ts';

/** A connection to a replica, and what was sent over it. */
class FakeConnection implements RpcConnection {
  readonly replica: string;
  readonly events: RpcConnectionEvents;
  readonly sent: Uint8Array[] = [];
  readonly congested = false;
  connected = false;
  closed = false;

  constructor(replica: string, events: RpcConnectionEvents) {
    this.replica = replica;
    this.events = events;
  }

  open(): void {
    this.connected = true;
    this.events.onConnect();
  }

  break(): void {
    this.connected = false;
    this.events.onDisconnect();
  }

  hear(bytes: Uint8Array): void {
    this.events.onEvent?.(bytes);
  }

  event(bytes: Uint8Array): void {
    if (this.connected) this.sent.push(bytes);
  }

  async request(): Promise<never> {
    throw new Error('a stream asks nothing');
  }

  async close(): Promise<void> {
    this.closed = true;
    this.connected = false;
  }

  /** What has begun since this was last called. */
  take() {
    return this.takeEvents().filter((event) => event.type === 'follow');
  }

  takeEvents(): readonly GatewayEvent[] {
    return this.sent.splice(0).map((bytes) => {
      const event = decodeGatewayEvent(bytes);
      if (event === null) throw new Error('not what a gateway sends');
      return event;
    });
  }

  /** The id of the only stream begun since this was last called. */
  takeId(): string {
    const [follow, ...more] = this.take();
    if (follow === undefined || more.length > 0) throw new Error('not one stream has begun');
    return follow.streamId;
  }
}

const replicaOf = (id: string) => ({ id, publicKey: `key of ${id}`, rpc: `${id}:1`, http: `${id}:2` });

function setUp() {
  const clock = new ManualClock();
  const random = createRandom(1);
  const connections: FakeConnection[] = [];
  const received: Invalidations[] = [];
  const begun: string[] = [];
  const granted: Granted[] = [];
  const refused: unknown[] = [];
  let begunAt = 0;
  const follower = {
    position: { term: 3, published: 7 },
    receipt: 'processed' as 'ignored' | 'processed' | 'gap',
    begin(streamId: string) {
      begun.push(streamId);
      begunAt = clock.now();
      return this.position;
    },
    receive(message: Invalidations) {
      received.push(message);
      return this.receipt;
    },
    granted(grant: Granted) {
      granted.push(grant);
    },
    refused(refusal: unknown) {
      refused.push(refusal);
    },
  };
  const stream = new ClientStream({
    lineage,
    endpoint: {
      connect({ publicKey, address }, events) {
        const connection = new FakeConnection(`${publicKey} at ${address()}`, events);
        connections.push(connection);
        return connection;
      },
    },
    clock,
    random: { next: () => random.below(2 ** 32) / 2 ** 32 },
    follower,
  });
  /** The newest connection. */
  const connection = (): FakeConnection => {
    const newest = connections.at(-1);
    if (newest === undefined) throw new Error('nobody was dialled');
    return newest;
  };
  /** How long it takes the stream to begin anew. */
  async function untilBegun(): Promise<number> {
    const since = clock.now();
    await clock.advance(2000);
    return begunAt - since;
  }
  return { clock, connections, connection, stream, follower, received, granted, refused, begun, untilBegun };
}

/** A stream that `r1` has been asked for. */
function given() {
  const world = setUp();
  world.stream.leaderChanged(replicaOf('r1'));
  const leader = world.connection();
  leader.open();
  return { ...world, leader, streamId: leader.takeId() };
}

function invalidations(streamId: string): Uint8Array {
  const touches = [{ index: index(9), touches: [5] }];
  const batch = { lineage, term: term(3), from: index(7), to: index(9), publishIndex: index(8), touches };
  return encodeInvalidations(streamId, encodeBatch(batch));
}

test('the leader is asked for a stream over a connection of its own, from where the follower stands', (t) => {
  const { stream, connections, connection, begun } = setUp();
  stream.leaderChanged(null);
  t.deepEqual(connections, [], 'nobody is known to lead');
  stream.leaderChanged(replicaOf('r1'));
  t.is(connection().replica, 'key of r1 at r1:1');
  t.deepEqual(begun, [], 'not before the connection stands');
  connection().open();
  const follows = connection().take();
  t.deepEqual(follows as unknown, [{ type: 'follow', lineage, streamId: begun[0], nth: 1, term: 3, published: 7 }]);
  t.regex(begun[0] ?? '', /^[0-9a-f]{12}$/);
});

test('what the leader says on this stream is handed on as it is, what comes on another one is dropped', async (t) => {
  const { leader, streamId, received, clock } = given();
  leader.hear(invalidations('another'));
  leader.hear(encodeEnded('another'));
  leader.hear(invalidations(streamId));
  const touches = [{ index: 9, touches: [5] }];
  const message = { type: 'invalidations', lineage, streamId, term: 3, from: 7, to: 9, publishIndex: 8, touches };
  t.deepEqual(received as unknown, [message]);
  await clock.advance(5000);
  t.deepEqual(leader.take(), []);
});

test('a stream whose connection broke begins anew over the next one, where the follower stands then', async (t) => {
  const { leader, connections, streamId, clock, follower, received } = given();
  follower.position = { term: 4, published: 12 };
  leader.break();
  await clock.advance(5000);
  leader.hear(invalidations(streamId));
  t.deepEqual(received, [], 'nothing is left of the old stream');
  leader.open();
  const [follow, ...more] = leader.take();
  t.deepEqual([follow?.term, follow?.published, more] as unknown, [4, 12, []]);
  t.not(follow?.streamId, streamId);
  t.is(connections.length, 1, 'it is the connection that dials again');
});

test('the stream goes to a new leader at once, and what the old one still says is dropped', (t) => {
  const { leader, connection, connections, streamId, stream, received } = given();
  stream.leaderChanged(replicaOf('r2'));
  t.true(leader.closed);
  t.is(connection().replica, 'key of r2 at r2:1');
  connection().open();
  const newId = connection().takeId();
  t.not(newId, streamId);
  leader.hear(invalidations(newId));
  leader.break();
  t.deepEqual(received, []);
  connection().hear(invalidations(newId));
  t.is(received.length, 1, 'the end of the old connection is not that of the new one');
  t.is(connections.length, 2);
});

test('the leader that is known already, or nobody, changes nothing', (t) => {
  const { leader, connections, stream } = given();
  stream.leaderChanged(replicaOf('r1'));
  stream.leaderChanged(null);
  stream.leaderChanged(replicaOf('r1'));
  t.false(leader.closed);
  t.is(connections.length, 1);
  t.deepEqual(leader.take(), []);
});

test('a stream that ended begins anew after 50 ms, then twice that, up to a second', async (t) => {
  const { leader, untilBegun, ...rest } = given();
  let { streamId } = rest;
  const waited: number[] = [];
  for (let nth = 0; nth < 7; nth++) {
    leader.hear(encodeEnded(streamId));
    waited.push(await untilBegun());
    streamId = leader.takeId();
  }
  t.deepEqual(waited, [50, 100, 200, 400, 800, 1000, 1000]);
});

for (const receipt of ['processed', 'gap'] as const) {
  test(`a message that is ${receipt === 'gap' ? 'processed after a gap' : 'processed'} makes the wait short again`, async (t) => {
    const { leader, untilBegun, follower, streamId } = given();
    leader.hear(encodeEnded(streamId));
    t.is(await untilBegun(), 50);
    const secondId = leader.takeId();
    follower.receipt = receipt;
    leader.hear(invalidations(secondId));
    leader.hear(encodeEnded(secondId));
    t.is(await untilBegun(), 50);
  });
}

test('a message that is ignored leaves the wait as long as it was', async (t) => {
  const { leader, untilBegun, follower, streamId } = given();
  follower.receipt = 'ignored';
  leader.hear(encodeEnded(streamId));
  await untilBegun();
  const secondId = leader.takeId();
  leader.hear(invalidations(secondId));
  leader.hear(encodeEnded(secondId));
  t.is(await untilBegun(), 100);
});

test('of a stream that ended nothing more is heard, and a new leader is not kept waiting by it', async (t) => {
  const { leader, connection, clock, stream, streamId, received } = given();
  leader.hear(encodeEnded(streamId));
  leader.hear(invalidations(streamId));
  t.deepEqual(received, []);
  stream.leaderChanged(replicaOf('r2'));
  connection().open();
  t.is(connection().take().length, 1);
  await clock.advance(5000);
  t.deepEqual(connection().take(), [], 'the wait for the old leader is over');
});

test('a new leader that is not ready yet is asked again as soon as any other', async (t) => {
  const { leader, connection, stream, untilBegun, streamId } = given();
  let id = streamId;
  for (let nth = 0; nth < 5; nth++) {
    leader.hear(encodeEnded(id));
    await untilBegun();
    id = leader.takeId();
  }
  stream.leaderChanged(replicaOf('r2'));
  connection().open();
  connection().hear(encodeEnded(connection().takeId()));
  t.is(await untilBegun(), 50);
});

test('a wait ends with its connection, and the next one begins the stream once', async (t) => {
  const { leader, clock, streamId } = given();
  leader.hear(encodeEnded(streamId));
  leader.break();
  await clock.advance(40);
  leader.open();
  await clock.advance(5000);
  t.is(leader.take().length, 1);
});

test('three messages in a row that are ignored, or cannot be read, end the stream', async (t) => {
  const { leader, clock, untilBegun, follower, streamId, received } = given();
  follower.receipt = 'ignored';
  leader.hear(invalidations(streamId));
  leader.hear(Buffer.from('of a later version'));
  follower.receipt = 'processed';
  leader.hear(invalidations(streamId));
  follower.receipt = 'ignored';
  leader.hear(invalidations(streamId));
  leader.hear(Buffer.from('of a later version'));
  await clock.advance(5000);
  t.deepEqual(leader.take(), [], 'two in a row do not');
  leader.hear(invalidations(streamId));
  leader.hear(invalidations(streamId));
  t.is(received.length, 4, 'it has ended');
  t.is(await untilBegun(), 50);
  const secondId = leader.takeId();
  for (let nth = 0; nth < 3; nth++) leader.hear(invalidations(secondId));
  t.is(await untilBegun(), 100, 'the next stream is counted anew');
});

test('what cannot be read while a stream is waited for does not prolong the wait', async (t) => {
  const { leader, untilBegun, streamId } = given();
  leader.hear(encodeEnded(streamId));
  for (let nth = 0; nth < 3; nth++) leader.hear(Buffer.from('of a later version'));
  t.is(await untilBegun(), 50);
});

test('whoever is behind gets a new stream when nothing has come for a second, and no sooner', async (t) => {
  const { leader, clock, stream, streamId } = given();
  stream.behind();
  await clock.advance(900);
  leader.hear(invalidations(streamId));
  await clock.advance(999);
  stream.behind();
  t.deepEqual(leader.take(), []);
  await clock.advance(1);
  stream.behind();
  stream.behind();
  const secondId = leader.takeId();
  t.not(secondId, streamId);
  await clock.advance(999);
  stream.behind();
  t.deepEqual(leader.take(), [], 'the new stream has its second, too');
  await clock.advance(1);
  stream.behind();
  t.not(leader.takeId(), secondId);
});

test('what comes late of an older stream is a sign of life: asking once more would only add to it', async (t) => {
  const { leader, clock, stream, streamId, received } = given();
  await clock.advance(1000);
  stream.behind();
  leader.takeId();
  await clock.advance(900);
  leader.hear(invalidations(streamId));
  await clock.advance(900);
  stream.behind();
  t.deepEqual(leader.take(), []);
  t.deepEqual(received, []);
});

test('while there is no connection, being behind changes nothing', async (t) => {
  const { leader, clock, stream, streamId, begun } = given();
  leader.break();
  await clock.advance(2000);
  stream.behind();
  t.deepEqual(begun, [streamId]);
});

test('a stream that is closed is over: no timer, no leader and no message brings it back', async (t) => {
  const { leader, connections, clock, stream, streamId, received } = given();
  leader.hear(encodeEnded(streamId));
  await stream.close();
  t.true(leader.closed);
  stream.leaderChanged(replicaOf('r2'));
  leader.events.onConnect();
  leader.hear(invalidations(streamId));
  stream.behind();
  await clock.advance(5000);
  stream.behind();
  t.is(connections.length, 1);
  t.deepEqual([leader.sent, received], [[], []]);
});

test('a stream that never found a leader can be closed', async (t) => {
  const { stream, connections } = setUp();
  await stream.close();
  t.deepEqual(connections, []);
});

test('a lease is asked for, and confirmed, over the stream that stands', async (t) => {
  const { stream, leader, streamId, granted, clock } = given();
  stream.renew(7);
  stream.confirm({ term: 4, through: 12 });
  stream.release();
  t.deepEqual(leader.takeEvents(), [
    { type: 'renew', streamId, request: 7 },
    { type: 'confirmed', streamId, term: term(4), through: index(12) },
    { type: 'released', streamId, request: 7 },
  ]);
  const grant = { type: 'granted', request: 7, term: term(4), index: index(12), leaseMs: 250 } as const;
  leader.hear(encodeGranted({ ...grant, streamId }));
  leader.hear(encodeGranted({ ...grant, streamId: 'another' }));
  t.deepEqual(granted, [{ ...grant, streamId }]);

  leader.hear(encodeEnded(streamId));
  stream.renew(8);
  stream.confirm({ term: 4, through: 13 });
  stream.release();
  t.deepEqual(leader.takeEvents(), [], 'nobody is there who would wait');
  await clock.advance(1000);
  t.deepEqual(
    leader.takeEvents().map(({ type }) => type),
    ['follow'],
  );
});

test('that there is no lease to be had is handed on, of the stream that stands, and leaves the stream as it is', async (t) => {
  const { leader, streamId, refused, clock } = given();
  const refusal = { type: 'refused', streamId, request: 7, cause: 'late', forMs: 2000 } as const;
  leader.hear(encodeRefused({ ...refusal, streamId: 'another' }));
  for (let times = 0; times < 5; times += 1) leader.hear(encodeRefused(refusal));
  t.deepEqual(refused, new Array(5).fill(refusal));
  await clock.advance(5000);
  t.deepEqual(leader.takeEvents(), []);
});

test('whoever closes says that it serves no more', async (t) => {
  const { stream, leader, streamId } = given();
  await stream.close();
  t.deepEqual(leader.takeEvents(), [{ type: 'released', streamId, request: 0 }]);
});
