/** Every datagram is also sent to an open node, which answers or forwards it: so it is not ignored for being malformed. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import test, { type ExecutionContext } from 'ava';
import DHT from 'hyperdht';
import { ClosedDHT } from '../../src/store/closed-dht.ts';
import { waitFor } from '../cluster/wait.ts';
import { addressOf, ConnectionLog, connectTo, EchoHandlers, everybody, openTestEndpoint } from './rpc-fixture.ts';

const soon = { timeoutMs: 5000 };
const internal = { ping: 0, pingNat: 1, findNode: 2, downHint: 3, delayedPing: 4 };
const commands = { handshake: 0, holepunch: 1, findPeer: 2, lookup: 3, mutableGet: 7, unknown: 99 };
const modes = { fromClient: 0, fromServer: 1, fromRelay: 2, fromSecondRelay: 3 };

interface Address {
  readonly host: string;
  readonly port: number;
}

interface Datagram {
  /** The sender's place in the routing table. */
  readonly id?: Buffer;
  readonly isInternal?: boolean;
  readonly command: number;
  readonly target?: Buffer;
  readonly value?: Buffer;
}

function encodeAddress({ host, port }: Address): Buffer {
  const bytes = Buffer.alloc(6);
  for (const [position, part] of host.split('.').entries()) bytes[position] = Number(part);
  bytes.writeUInt16LE(port, 4);
  return bytes;
}

function encodeDatagram({ id, isInternal = false, command, target, value }: Datagram, to: Address): Buffer {
  const flags =
    (id === undefined ? 0 : 1) | (isInternal ? 4 : 0) | (target === undefined ? 0 : 8) | (value === undefined ? 0 : 16);
  const transactionId = Buffer.of(7, 0);
  return Buffer.concat([
    Buffer.of(3, flags),
    transactionId,
    encodeAddress(to),
    id ?? Buffer.alloc(0),
    Buffer.of(command),
    target ?? Buffer.alloc(0),
    value === undefined ? Buffer.alloc(0) : encodeBytes(value),
  ]);
}

function encodeBytes(bytes: Buffer): Buffer {
  const length = bytes.length <= 252 ? Buffer.of(bytes.length) : Buffer.of(253, bytes.length & 255, bytes.length >> 8);
  return Buffer.concat([length, bytes]);
}

interface Handshake {
  readonly mode: number;
  readonly noise: Buffer;
  readonly peer?: Address;
  readonly relay?: Address;
}

function encodeHandshake({ mode, noise, peer, relay }: Handshake): Buffer {
  const flags = (peer === undefined ? 0 : 1) | (relay === undefined ? 0 : 2);
  const addresses = [peer, relay].flatMap((address) => (address === undefined ? [] : [encodeAddress(address)]));
  return Buffer.concat([Buffer.of(flags, mode), encodeBytes(noise), ...addresses]);
}

interface Stranger {
  readonly socket: Socket;
  readonly address: Address;
  readonly received: Buffer[];
  /** Sends the datagrams. */
  send(datagrams: readonly Datagram[], to: Address): void;
}

async function openStranger(t: ExecutionContext): Promise<Stranger> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  t.teardown(() => socket.close());
  const received: Buffer[] = [];
  socket.on('message', (message) => received.push(message));
  return {
    socket,
    address: { host: '127.0.0.1', port: socket.address().port },
    received,
    send(datagrams, to) {
      for (const datagram of datagrams) socket.send(encodeDatagram(datagram, to), to.port, to.host);
    },
  };
}

interface Node {
  readonly dht: DHT;
  readonly address: Address;
  readonly keyPair: DHT.KeyPair;
}

async function openNode(t: ExecutionContext, NodeClass: typeof DHT): Promise<Node> {
  const keyPair = DHT.keyPair();
  const dht = new NodeClass({
    bootstrap: [],
    host: '127.0.0.1',
    port: [0, 1],
    anyPort: false,
    firewalled: false,
    ephemeral: true,
    keyPair,
    connectionKeepAlive: 1000,
  });
  t.teardown(() => dht.destroy());
  await dht.fullyBootstrapped();
  const server = dht.createServer({ firewall: () => false, shareLocalAddress: false, holepunch: false });
  await server.listen(keyPair);
  return { dht, address: dht.address() as Address, keyPair };
}

/** What an open node answers to the sender. */
function questions(): readonly Datagram[] {
  const target = Buffer.alloc(32, 1);
  return [
    { isInternal: true, command: internal.ping },
    { isInternal: true, command: internal.findNode, target },
    { isInternal: true, command: internal.downHint, value: Buffer.alloc(6, 1) },
    { isInternal: true, command: internal.delayedPing, value: Buffer.alloc(4) },
    { command: commands.findPeer, target },
    { command: commands.lookup, target },
    { command: commands.mutableGet, target, value: Buffer.of(0) },
    { command: commands.unknown },
    {
      command: commands.handshake,
      target,
      value: encodeHandshake({ mode: modes.fromClient, noise: Buffer.alloc(48) }),
    },
  ];
}

/** What an open node forwards to the third party. */
function errands(ownTarget: Buffer, noise: Buffer, thirdParty: Address): readonly Datagram[] {
  const other = Buffer.alloc(32, 2);
  const relay = thirdParty;
  const peer = thirdParty;
  const pingNat = Buffer.alloc(2);
  pingNat.writeUInt16LE(thirdParty.port);
  const handshake = (target: Buffer, fields: Handshake) => ({
    command: commands.handshake,
    target,
    value: encodeHandshake(fields),
  });
  return [
    { isInternal: true, command: internal.pingNat, value: pingNat },
    handshake(other, { mode: modes.fromClient, noise, relay }),
    handshake(other, { mode: modes.fromServer, noise, peer }),
    handshake(ownTarget, { mode: modes.fromSecondRelay, noise, peer, relay }),
    // mode, id, payload, peer
    {
      command: commands.holepunch,
      target: other,
      value: Buffer.concat([Buffer.of(1, modes.fromClient, 0, 1, 0), encodeAddress(peer)]),
    },
  ];
}

/** The first datagram of a connection that `from` dials to `to`, which never arrives. */
async function recordHandshake(
  t: ExecutionContext,
  from: Awaited<ReturnType<typeof openTestEndpoint>>,
  publicKey: string,
): Promise<{ readonly datagram: Buffer; readonly noise: Buffer }> {
  const recorder = await openStranger(t);
  const address = `127.0.0.1:${recorder.address.port}`;
  const connection = from.endpoint.connect({ publicKey, address: () => address }, new ConnectionLog());
  const datagram = await waitFor(() => recorder.received[0], { description: 'a handshake', ...soon });
  await connection.close();
  // header, command, target, then the value: its length, flags, mode, and the noise with its length
  const value = datagram.subarray(10 + 1 + 32);
  const content = value[0] === 253 ? value.subarray(3) : value.subarray(1);
  const noise = content[2] === 253 ? content.subarray(5) : content.subarray(3);
  return { datagram, noise };
}

test('an open node answers strangers, and forwards for them', async (t) => {
  const { address, keyPair } = await openNode(t, DHT);
  const stranger = await openStranger(t);
  const thirdParty = await openStranger(t);
  for (const [nth, question] of questions().entries()) {
    stranger.send([question], address);
    await waitFor(() => stranger.received.length === nth + 1, { description: `answer ${nth}`, ...soon });
  }
  const client = await openTestEndpoint(t);
  const { noise } = await recordHandshake(t, client, keyPair.publicKey.toString('hex'));
  for (const [nth, errand] of errands(DHT.hash(keyPair.publicKey), noise, thirdParty.address).entries()) {
    stranger.send([errand], address);
    await waitFor(() => thirdParty.received.length > nth, { description: `errand ${nth}`, ...soon });
  }
  t.true(thirdParty.received.length >= 5);
});

test('a closed node answers no stranger, and runs no errand, and yet is connected to', async (t) => {
  const server = await openTestEndpoint(t);
  await server.endpoint.listen(new EchoHandlers(), everybody);
  const address = server.endpoint.address();
  const stranger = await openStranger(t);
  const thirdParty = await openStranger(t);
  const client = await openTestEndpoint(t);
  const { noise } = await recordHandshake(t, client, server.publicKey);
  const target = DHT.hash(server.keyPair.publicKey);
  stranger.send(questions(), address);
  stranger.send(errands(target, noise, thirdParty.address), address);
  // It is served after all of these, on the same socket.
  const { connection } = await connectTo(client, server);
  t.is((await connection.request(Buffer.from('hello'), 5000)).type, 'answer');
  t.deepEqual(stranger.received, []);
  t.deepEqual(thirdParty.received, []);
});

test('a recorded handshake is no proof: its replay does not close the connection of its key', async (t) => {
  const server = await openTestEndpoint(t);
  await server.endpoint.listen(new EchoHandlers(), everybody);
  const client = await openTestEndpoint(t);
  const { datagram } = await recordHandshake(t, client, server.publicKey);
  const { connection, log } = await connectTo(client, server);
  const stranger = await openStranger(t);
  const { host, port } = server.endpoint.address();
  stranger.socket.send(datagram, port, host);
  await waitFor(() => stranger.received.length > 0, { description: 'the answer to the replay', ...soon });
  const before = log.pings.length;
  await waitFor(() => log.pings.length >= before + 3, { description: 'three pings', ...soon });
  t.true(connection.connected);
  t.is(log.disconnects, 0);
  t.is(server.endpoint.statistics().incomingConnections, 1);
});

test('nobody enters the routing table, from where they would be pinged', async (t) => {
  const open = await openNode(t, DHT);
  const closed = await openNode(t, ClosedDHT);
  const stranger = await openStranger(t);
  const id = DHT.hash(encodeAddress(stranger.address));
  for (const { address, keyPair } of [closed, open]) {
    const handshake = encodeHandshake({ mode: modes.fromClient, noise: Buffer.alloc(48) });
    const target = DHT.hash(keyPair.publicKey);
    stranger.send([{ id, command: commands.handshake, target, value: handshake }], address);
  }
  await waitFor(() => open.dht.toArray().length === 1, {
    description: 'the open node to take in the stranger',
    ...soon,
  });
  t.deepEqual(closed.dht.toArray(), []);
});

test('dialling sends nothing but to the address that is dialled, and no look-up', async (t) => {
  const recorder = await openStranger(t);
  const client = await openTestEndpoint(t);
  const publicKey = DHT.keyPair().publicKey.toString('hex');
  let dials = 0;
  client.endpoint.connect(
    {
      publicKey,
      address() {
        dials++;
        return `127.0.0.1:${recorder.address.port}`;
      },
    },
    new ConnectionLog(),
  );
  await waitFor(() => dials >= 4, { description: 'four attempts', ...soon });
  t.true(recorder.received.length >= 3);
  for (const datagram of recorder.received) t.is(datagram[10], commands.handshake);
  t.is(addressOf(client).split(':')[0], '127.0.0.1');
});
