import test, { type ExecutionContext } from 'ava';
import type { AppendEntries, Message } from '../../src/raft/message.ts';
import { index, type ReplicaId, term } from '../../src/raft/types.ts';
import { decodeMessages, encodeMessages } from '../../src/store/message-codec.ts';
import { createRaftTransport, type PeerAddress, type RaftTransport } from '../../src/store/raft-transport.ts';
import type { PublicKey, RpcAnswer, RpcConnection, RpcConnectionEvents, RpcEndpoint } from '../../src/store/rpc.ts';
import { waitFor } from '../cluster/wait.ts';
import { addressOf, EchoHandlers, everybody, openTestEndpoint, type TestEndpoint } from './rpc-fixture.ts';

const envelope = { from: 'r1', to: 'r2', term: term(7), uuid: 'a0b1', bootId: 3 };
const last = { term: term(7), index: index(10) };
const heartbeat: AppendEntries = {
  type: 'appendEntries',
  ...envelope,
  previous: last,
  entries: [],
  commitIndex: index(10),
  publishIndex: index(10),
  round: 1,
};
const vote: Message = { type: 'requestVote', ...envelope, phase: 'vote', last };

function appendOf(commandBytes: number): AppendEntries {
  const command = new Uint8Array(commandBytes).fill(5);
  return { ...heartbeat, entries: [{ type: 'command', term: term(7), index: index(11), command }] };
}

/** Stands still until it is told to connect, break or congest; keeps what is sent. */
class ManualConnection implements RpcConnection {
  connected = true;
  congested = false;
  closed = false;
  readonly frames: Uint8Array[] = [];
  readonly peer: { readonly publicKey: PublicKey; readonly address: () => string };
  readonly events: RpcConnectionEvents;

  constructor(peer: ManualConnection['peer'], events: RpcConnectionEvents) {
    this.peer = peer;
    this.events = events;
  }

  event(bytes: Uint8Array): void {
    this.frames.push(bytes);
  }

  async request(): Promise<RpcAnswer> {
    return { type: 'notSent' };
  }

  async close(): Promise<void> {
    this.closed = true;
    this.connected = false;
  }
}

class ManualEndpoint implements RpcEndpoint {
  readonly connections: ManualConnection[] = [];

  async listen(): Promise<void> {}

  connect(peer: ManualConnection['peer'], events: RpcConnectionEvents): ManualConnection {
    const connection = new ManualConnection(peer, events);
    this.connections.push(connection);
    return connection;
  }

  async close(): Promise<void> {}
}

interface Received {
  readonly from: ReplicaId;
  readonly messages: readonly Message[];
}

function openTransport(initial: readonly PeerAddress[]) {
  const endpoint = new ManualEndpoint();
  const received: Received[] = [];
  const disconnected: ReplicaId[] = [];
  const state = { peers: initial };
  const transport = createRaftTransport({
    endpoint,
    self: 'r1',
    peers: () => state.peers,
    events: {
      onMessages: (from, messages) => received.push({ from, messages }),
      onDisconnect: (peer) => disconnected.push(peer),
    },
    idOfKey: (publicKey) => state.peers.find((peer) => peer.publicKey === publicKey)?.id ?? null,
  });
  return { transport, endpoint, received, disconnected, state };
}

const peers: readonly PeerAddress[] = [
  { id: 'r1', publicKey: 'key1', rpc: 'host1:7101' },
  { id: 'r2', publicKey: 'key2', rpc: 'host2:7102' },
  { id: 'r3', publicKey: 'key3', rpc: 'host3:7103' },
];

function connectionTo(endpoint: ManualEndpoint, publicKey: PublicKey): ManualConnection {
  const found = endpoint.connections.findLast((connection) => connection.peer.publicKey === publicKey);
  if (found === undefined) throw new Error(`no connection to ${publicKey}`);
  return found;
}

const decoded = ({ frames }: ManualConnection) => frames.map((frame) => decodeMessages(frame));

test('there is one connection to every other replica', (t) => {
  const { endpoint } = openTransport(peers);
  t.deepEqual(
    endpoint.connections.map(({ peer }) => [peer.publicKey, peer.address()]),
    [
      ['key2', 'host2:7102'],
      ['key3', 'host3:7103'],
    ],
  );
});

test('messages that are sent together travel in one frame', (t) => {
  const { transport, endpoint } = openTransport(peers);
  transport.send('r2', [vote, heartbeat]);
  transport.send('r2', []);
  t.deepEqual(decoded(connectionTo(endpoint, 'key2')), [[vote, heartbeat]]);
  t.deepEqual(connectionTo(endpoint, 'key3').frames, []);
});

test('frames are split before they hold up the next; a message that is larger travels alone', (t) => {
  const { transport, endpoint } = openTransport(peers);
  const part = appendOf(256 * 1024);
  const large = appendOf(1.5 * 1024 * 1024);
  transport.send('r2', [part, part, part, vote, part, large, heartbeat]);
  const connection = connectionTo(endpoint, 'key2');
  t.deepEqual(decoded(connection), [[part, part, part, vote], [part], [large], [heartbeat]]);
});

test('what cannot be sent is dropped: no connection, or nobody of that name', (t) => {
  const { transport, endpoint } = openTransport(peers);
  connectionTo(endpoint, 'key2').connected = false;
  transport.send('r2', [vote]);
  transport.send('r9', [vote]);
  t.deepEqual(
    endpoint.connections.flatMap(({ frames }) => frames),
    [],
  );
});

test('a congested connection takes heartbeats and votes, and no entries', (t) => {
  const { transport, endpoint } = openTransport(peers);
  const connection = connectionTo(endpoint, 'key2');
  connection.congested = true;
  transport.send('r2', [appendOf(10), heartbeat, vote]);
  t.deepEqual(decoded(connection), [[heartbeat, vote]]);
  t.is(transport.statistics().congestedDrops, 1);
  connection.congested = false;
  transport.send('r2', [appendOf(10)]);
  t.deepEqual(decoded(connection)[1], [appendOf(10)]);
});

test('a frame is delivered under the name that its key belongs to', (t) => {
  const { transport, received } = openTransport(peers);
  const fromR2 = { ...vote, from: 'r2', to: 'r1' };
  transport.receive('key2', encodeMessages([fromR2]));
  t.deepEqual(received, [{ from: 'r2', messages: [fromR2] }]);
  t.deepEqual(transport.statistics(), { unreadableFrames: 0, forgedFrames: 0, congestedDrops: 0 });
});

test('a frame under a name that is not its key’s is dropped and counted', (t) => {
  const { transport, received } = openTransport(peers);
  transport.receive('key3', encodeMessages([{ ...vote, from: 'r2', to: 'r1' }]));
  transport.receive('unknown', encodeMessages([{ ...vote, from: 'r2', to: 'r1' }]));
  transport.receive('key1', encodeMessages([{ ...vote, from: 'r1', to: 'r1' }]));
  t.deepEqual(received, []);
  t.is(transport.statistics().forgedFrames, 3);
});

test('a frame that is malformed, or for another replica, is dropped and counted', (t) => {
  const { transport, received } = openTransport(peers);
  transport.receive('key2', Buffer.from('nonsense'));
  transport.receive('key2', encodeMessages([{ ...vote, from: 'r2', to: 'r3' }]));
  t.deepEqual(received, []);
  t.is(transport.statistics().unreadableFrames, 2);
});

test('the loss of a connection is told with the name of the peer', (t) => {
  const { endpoint, disconnected } = openTransport(peers);
  connectionTo(endpoint, 'key3').events.onDisconnect();
  t.deepEqual(disconnected, ['r3']);
});

test('connections follow the replicas: who is new, who left, who has a new key or address', (t) => {
  const { transport, endpoint, state } = openTransport(peers);
  const before = endpoint.connections.map((connection) => connection);
  state.peers = [
    { id: 'r1', publicKey: 'key1', rpc: 'host1:7101' },
    { id: 'r2', publicKey: 'key2', rpc: 'elsewhere:7102' },
    { id: 'r3', publicKey: 'newKey3', rpc: 'host3:7103' },
    { id: 'r4', publicKey: 'key4', rpc: 'host4:7104' },
  ];
  transport.updatePeers();
  t.deepEqual(
    endpoint.connections.map(({ peer, closed }) => [peer.publicKey, peer.address(), closed]),
    [
      ['key2', 'elsewhere:7102', false],
      ['key3', 'host3:7103', true],
      ['newKey3', 'host3:7103', false],
      ['key4', 'host4:7104', false],
    ],
  );
  t.deepEqual(endpoint.connections.slice(0, 2), before);
  state.peers = state.peers.slice(0, 2);
  transport.updatePeers();
  t.deepEqual(
    endpoint.connections.filter(({ closed }) => !closed).map(({ peer }) => peer.publicKey),
    ['key2'],
  );
});

interface Replica {
  readonly transport: RaftTransport;
  readonly received: Received[];
  readonly disconnected: ReplicaId[];
}

async function startReplica(self: TestEndpoint, id: ReplicaId, all: () => readonly PeerAddress[]): Promise<Replica> {
  const received: Received[] = [];
  const disconnected: ReplicaId[] = [];
  const transport = createRaftTransport({
    endpoint: self.endpoint,
    self: id,
    peers: all,
    events: {
      onMessages: (from, messages) => received.push({ from, messages }),
      onDisconnect: (peer) => disconnected.push(peer),
    },
    idOfKey: (publicKey) => all().find((peer) => peer.publicKey === publicKey)?.id ?? null,
  });
  const handlers = new EchoHandlers();
  handlers.onEvent = (from, bytes) => transport.receive(from.publicKey, bytes);
  await self.endpoint.listen(handlers, everybody);
  return { transport, received, disconnected };
}

async function startPair(t: ExecutionContext) {
  const endpoints = [await openTestEndpoint(t), await openTestEndpoint(t)] as const;
  const all = endpoints.map((each, nth) => ({ id: `r${nth + 1}`, publicKey: each.publicKey, rpc: addressOf(each) }));
  const first = await startReplica(endpoints[0], 'r1', () => all);
  const second = await startReplica(endpoints[1], 'r2', () => all);
  return { endpoints, first, second };
}

test('two replicas talk over the real transport, and learn of its end', async (t) => {
  const { endpoints, first, second } = await startPair(t);
  const question: Message = vote;
  const answer: Message = { ...vote, from: 'r2', to: 'r1' };
  await waitFor(
    () => {
      first.transport.send('r2', [question, appendOf(200_000)]);
      second.transport.send('r1', [answer]);
      return first.received.length > 0 && second.received.length > 0;
    },
    { description: 'messages in both directions', timeoutMs: 5000 },
  );
  t.deepEqual(second.received[0], { from: 'r1', messages: [question, appendOf(200_000)] });
  t.deepEqual(first.received[0], { from: 'r2', messages: [answer] });
  await endpoints[1].endpoint.close();
  await waitFor(() => first.disconnected.length > 0, { description: 'onDisconnect', timeoutMs: 5000 });
  t.deepEqual(first.disconnected, ['r2']);
  await first.transport.close();
  t.deepEqual(second.disconnected, []);
});
