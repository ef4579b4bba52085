import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import DHT from 'hyperdht';
import { InvariantError } from '../../src/raft/assert.ts';
import { StartError } from '../../src/store/errors.ts';
import { type RpcPeer, rpcBytesMax } from '../../src/store/rpc.ts';
import { rpcConstants } from '../../src/store/rpc-hyperswarm.ts';
import { encodeIntroduction, lanesMax, processesMax } from '../../src/store/rpc-lane.ts';
import { systemClock } from '../../src/system-clock.ts';
import { type Child, startChild } from '../cluster/child.ts';
import { scratchDirectory } from '../cluster/scratch.ts';
import { waitFor } from '../cluster/wait.ts';
import { addressOf, ConnectionLog, connectTo, EchoHandlers, everybody, openTestEndpoint } from './rpc-fixture.ts';
import { openRaw } from './rpc-raw.ts';

const soon = { timeoutMs: 5000 };
/** For handlers that never settle. */
const impatient = { constants: { ...rpcConstants, drainTimeoutMs: 100 } };
const bytes = (text: string): Uint8Array => Buffer.from(text);

function elapsedMs(): () => number {
  const startedAt = systemClock.now();
  return () => systemClock.now() - startedAt;
}

test.serial('events arrive in the order they were sent, with the key of their sender', async (t) => {
  const server = await openTestEndpoint(t);
  const client = await openTestEndpoint(t);
  const handlers = new EchoHandlers();
  await server.endpoint.listen(handlers, everybody);
  const { connection } = await connectTo(client, server);
  const sent = Array.from({ length: 2000 }, (_, nth) => `${nth}`);
  for (const text of sent) connection.event(bytes(text));
  await waitFor(() => handlers.events.length === sent.length, { description: 'all events', ...soon });
  t.deepEqual(
    handlers.events,
    sent.map((text) => ({ from: client.publicKey, text })),
  );
});

test.serial('a request is answered with what the handler resolves to; an empty answer too', async (t) => {
  const server = await openTestEndpoint(t);
  const client = await openTestEndpoint(t);
  await server.endpoint.listen(new EchoHandlers(), everybody);
  const { connection } = await connectTo(client, server);
  for (const text of ['hello', '']) {
    const answer = await connection.request(bytes(text), 5000);
    t.is(answer.type, 'answer');
    if (answer.type === 'answer') t.is(Buffer.from(answer.bytes).toString(), text);
  }
});

test.serial('a request without a connection is not sent, and events are dropped', async (t) => {
  const client = await openTestEndpoint(t);
  const silent = await openTestEndpoint(t);
  const connection = client.endpoint.connect(
    { publicKey: silent.publicKey, address: () => addressOf(silent) },
    new ConnectionLog(),
  );
  connection.event(bytes('lost'));
  t.false(connection.connected);
  t.deepEqual(await connection.request(bytes('hello'), 1000), { type: 'notSent' });
});

test.serial('a request is lost when its deadline passes, and the connection goes on', async (t) => {
  const server = await openTestEndpoint(t, impatient);
  const client = await openTestEndpoint(t);
  const handlers = new EchoHandlers();
  handlers.onRequest = (_from, value) =>
    Buffer.from(value).toString() === 'never' ? new Promise(() => {}) : Promise.resolve(Buffer.from(value));
  await server.endpoint.listen(handlers, everybody);
  const { connection, log } = await connectTo(client, server);
  const elapsed = elapsedMs();
  t.deepEqual(await connection.request(bytes('never'), 150), { type: 'lost' });
  t.true(elapsed() >= 145 && elapsed() < 1000, `${elapsed()} ms`);
  t.is((await connection.request(bytes('hello'), 5000)).type, 'answer');
  t.deepEqual(await connection.request(bytes('hello'), 0), { type: 'notSent' });
  t.is(log.disconnects, 0);
});

test.serial('what is outstanding is lost when the peer closes and its handlers do not settle', async (t) => {
  const server = await openTestEndpoint(t, impatient);
  const client = await openTestEndpoint(t);
  const handlers = new EchoHandlers();
  let started = 0;
  handlers.onRequest = () => {
    started++;
    return new Promise(() => {});
  };
  await server.endpoint.listen(handlers, everybody);
  const { connection, log } = await connectTo(client, server);
  const answers = Array.from({ length: 5 }, () => connection.request(bytes('hello'), 60_000));
  await waitFor(() => started === 5, { description: 'the handlers', ...soon });
  const elapsed = elapsedMs();
  await server.endpoint.close();
  t.deepEqual(await Promise.all(answers), Array(5).fill({ type: 'lost' }));
  t.true(elapsed() >= 95 && elapsed() < 1000, `${elapsed()} ms`);
  t.is(log.disconnects, 1);
  t.false(connection.connected);
});

test.serial(
  'closing waits for running handlers and for their answers to arrive, and takes no new request',
  async (t) => {
    const server = await openTestEndpoint(t);
    const client = await openTestEndpoint(t);
    const handlers = new EchoHandlers();
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    const started: string[] = [];
    // Long enough to be on its way for a while.
    const long = new Uint8Array(rpcBytesMax).fill(7);
    handlers.onRequest = async (_from, value) => {
      started.push(Buffer.from(value).toString());
      await gate;
      return long;
    };
    await server.endpoint.listen(handlers, everybody);
    const { connection } = await connectTo(client, server);
    const running = connection.request(bytes('running'), 60_000);
    await waitFor(() => started.length === 1, { description: 'the handler', ...soon });
    let closed = false;
    const closing = server.endpoint.close().then(() => {
      closed = true;
    });
    t.deepEqual(await connection.request(bytes('late'), 5000), { type: 'lost' });
    t.deepEqual(started, ['running']);
    t.false(closed);
    open();
    await closing;
    const answer = await running;
    t.true(answer.type === 'answer' && Buffer.compare(answer.bytes, long) === 0);
  },
);

test.serial('a handler that fails while the endpoint closes is neither fatal nor an error', async (t) => {
  const server = await openTestEndpoint(t);
  const client = await openTestEndpoint(t);
  const handlers = new EchoHandlers();
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  let started = 0;
  handlers.onRequest = async (_from, value) => {
    started++;
    await gate;
    throw Buffer.from(value).toString() === 'invariant' ? new InvariantError('broken') : new TypeError('closed');
  };
  await server.endpoint.listen(handlers, everybody);
  const { connection } = await connectTo(client, server);
  const answers = ['invariant', 'other'].map((text) => connection.request(bytes(text), 60_000));
  await waitFor(() => started === 2, { description: 'both handlers', ...soon });
  const closing = server.endpoint.close();
  open();
  await closing;
  t.deepEqual(await Promise.all(answers), Array(2).fill({ type: 'lost' }));
  t.deepEqual(server.fatal, []);
  t.deepEqual(
    server.logged.filter(({ level }) => level === 'error'),
    [],
  );
});

test.serial('what is said last before a connection is closed on purpose arrives', async (t) => {
  const server = await openTestEndpoint(t);
  const client = await openTestEndpoint(t);
  const handlers = new EchoHandlers();
  await server.endpoint.listen(handlers, everybody);
  const { connection } = await connectTo(client, server);
  connection.event(bytes('last'));
  await connection.close();
  await waitFor(() => handlers.events.length === 1, { description: 'the last event', ...soon });
  t.is(handlers.events[0]?.text, 'last');
});

test.serial(
  'what is outstanding is lost when the connection is closed on purpose, and nothing is dialled again',
  async (t) => {
    const server = await openTestEndpoint(t, impatient);
    const client = await openTestEndpoint(t);
    const handlers = new EchoHandlers();
    handlers.onRequest = () => new Promise(() => {});
    await server.endpoint.listen(handlers, everybody);
    const { connection, log } = await connectTo(client, server);
    const answer = connection.request(bytes('hello'), 60_000);
    await connection.close();
    t.deepEqual(await answer, { type: 'lost' });
    t.false(connection.connected);
    await waitFor(() => server.endpoint.statistics().incomingConnections === 0, { description: 'the end', ...soon });
    t.deepEqual([log.connects, log.disconnects], [1, 0]);
  },
);

test.serial('a ping brings what the peer says of itself, and the time it took', async (t) => {
  const server = await openTestEndpoint(t);
  const client = await openTestEndpoint(t);
  const handlers = new EchoHandlers();
  let asked = 0;
  handlers.pingInfo = () => bytes(`status ${asked++}`);
  await server.endpoint.listen(handlers, everybody);
  const { log } = await connectTo(client, server);
  await waitFor(() => log.pings.length >= 3, { description: 'three pings', ...soon });
  t.deepEqual(
    log.pings.slice(0, 3).map(({ info }) => info),
    ['status 0', 'status 1', 'status 2'],
  );
  t.true(log.pings.every(({ roundTripMs }) => roundTripMs > 0 && roundTripMs < 1000));
});

test.serial('a handler that throws or rejects loses its request, is logged, and stops nothing', async (t) => {
  const server = await openTestEndpoint(t);
  const client = await openTestEndpoint(t);
  const handlers = new EchoHandlers();
  handlers.onEvent = () => {
    throw new TypeError('thrown by onEvent');
  };
  handlers.onRequest = (_from, value) => {
    if (Buffer.from(value).toString() === 'throw') throw new RangeError('thrown by onRequest');
    return Promise.reject(new TypeError('rejected by onRequest'));
  };
  handlers.pingInfo = () => {
    throw new TypeError('thrown by pingInfo');
  };
  await server.endpoint.listen(handlers, everybody);
  const { connection, log } = await connectTo(client, server);
  connection.event(bytes('event'));
  t.deepEqual(await connection.request(bytes('throw'), 5000), { type: 'lost' });
  t.deepEqual(await connection.request(bytes('reject'), 5000), { type: 'lost' });
  const logged = () => server.logged.map(({ error }) => `${error}`).join('\n');
  for (const place of ['onEvent', 'onRequest', 'pingInfo']) {
    await waitFor(() => logged().includes(`thrown by ${place}`), { description: `a line about ${place}`, ...soon });
  }
  t.true(logged().includes('rejected by onRequest'));
  t.is(log.disconnects, 0);
  t.deepEqual(server.fatal, []);
});

test.serial('a broken invariant in any handler is fatal, once for each', async (t) => {
  const server = await openTestEndpoint(t);
  const client = await openTestEndpoint(t);
  const handlers = new EchoHandlers();
  handlers.onEvent = () => {
    throw new InvariantError('in onEvent');
  };
  handlers.onRequest = () => Promise.reject(new InvariantError('in onRequest'));
  await server.endpoint.listen(handlers, everybody);
  const { connection } = await connectTo(client, server);
  connection.event(bytes('event'));
  t.deepEqual(await connection.request(bytes('hello'), 5000), { type: 'lost' });
  t.deepEqual(
    server.fatal.map(({ message }) => message),
    ['in onEvent', 'in onRequest'],
  );
});

test.serial('what the owner of a connection throws from its events is reported', async (t) => {
  const server = await openTestEndpoint(t);
  const client = await openTestEndpoint(t);
  await server.endpoint.listen(new EchoHandlers(), everybody);
  const failing = (place: string) => () => {
    throw new InvariantError(place);
  };
  const events = {
    onConnect: failing('onConnect'),
    onDisconnect: failing('onDisconnect'),
    onPing: failing('onPing'),
  };
  client.endpoint.connect({ publicKey: server.publicKey, address: () => addressOf(server) }, events);
  const messages = () => client.fatal.map(({ message }) => message);
  await waitFor(() => messages().includes('onPing'), { description: 'a ping', ...soon });
  await server.endpoint.close();
  await waitFor(() => messages().includes('onDisconnect'), { description: 'the end', ...soon });
  t.is(messages()[0], 'onConnect');
});

test.serial(
  'a frame over the limit breaks an invariant at its sender, and loses the request if it is an answer',
  async (t) => {
    const server = await openTestEndpoint(t);
    const client = await openTestEndpoint(t);
    const handlers = new EchoHandlers();
    let oversize = false;
    handlers.onRequest = async (_from, value) => (oversize ? new Uint8Array(rpcBytesMax + 1) : value);
    await server.endpoint.listen(handlers, everybody);
    const { connection, log } = await connectTo(client, server);
    const largest = new Uint8Array(rpcBytesMax).fill(7);
    const tooLarge = new Uint8Array(rpcBytesMax + 1);
    t.throws(() => connection.event(tooLarge), { instanceOf: InvariantError, message: /at most 8388608 bytes/ });
    t.throws(() => void connection.request(tooLarge, 5000), { instanceOf: InvariantError });
    const answer = await connection.request(largest, 20_000);
    t.true(answer.type === 'answer' && Buffer.compare(answer.bytes, largest) === 0);
    oversize = true;
    t.deepEqual(await connection.request(bytes('hello'), 5000), { type: 'lost' });
    t.is(log.disconnects, 0);
    t.deepEqual(server.fatal, []);
    t.deepEqual(
      server.logged.filter(({ level }) => level === 'error').map(({ bytes: size }) => size),
      [rpcBytesMax + 1],
    );
  },
);

test.serial('a connection is congested while much of what was written waits in memory', async (t) => {
  const server = await openTestEndpoint(t);
  const client = await openTestEndpoint(t);
  const handlers = new EchoHandlers();
  let received = 0;
  handlers.onEvent = (_from, value) => {
    received += value.byteLength;
  };
  await server.endpoint.listen(handlers, everybody);
  const { connection } = await connectTo(client, server);
  const part = new Uint8Array(1024 * 1024);
  for (let nth = 0; nth < 4; nth++) connection.event(part);
  t.false(connection.congested, 'a full window of the core is not congestion');
  for (let nth = 0; nth < 8; nth++) connection.event(part);
  t.true(connection.congested);
  await waitFor(() => received === 12 * part.length, { description: 'all bytes', ...soon });
  t.false(connection.congested);
});

test.serial('a peer is congested while much of what was said to it waits in memory', async (t) => {
  const { log, peer } = await openPair(t);
  const part = new Uint8Array(1024 * 1024);
  for (let nth = 0; nth < 4; nth++) peer.event(part);
  t.false(peer.congested, 'a few messages are not congestion');
  for (let nth = 0; nth < 8; nth++) peer.event(part);
  t.true(peer.congested);
  await waitFor(() => log.events.length === 12, { description: 'all events', ...soon });
  t.false(peer.congested);
});

test.serial('a taken port is an error that names it', async (t) => {
  const { endpoint } = await openTestEndpoint(t);
  const { port } = endpoint.address();
  const error = await t.throwsAsync(openTestEndpoint(t, { port }), { instanceOf: StartError });
  t.regex(error.message, new RegExp(`UDP port ${port} on 127.0.0.1 is taken`));
});

test.serial('a host name is resolved, and one that cannot be is an error that names it', async (t) => {
  const { endpoint } = await openTestEndpoint(t, { host: 'localhost' });
  t.is(endpoint.address().host, '127.0.0.1');
  const error = await t.throwsAsync(openTestEndpoint(t, { host: 'no-such-host.invalid' }), { instanceOf: StartError });
  t.regex(error.message, /no-such-host\.invalid/);
});

test.serial(
  'a key that is not admitted is refused and counted; who is admitted is asked at every handshake',
  async (t) => {
    const server = await openTestEndpoint(t);
    const client = await openTestEndpoint(t);
    const admitted = new Set<string>();
    await server.endpoint.listen(new EchoHandlers(), (publicKey) => admitted.has(publicKey));
    const log = new ConnectionLog();
    const connection = client.endpoint.connect({ publicKey: server.publicKey, address: () => addressOf(server) }, log);
    const refused = () => server.endpoint.statistics().refusedHandshakes;
    await waitFor(() => refused() >= 2, { description: 'two refusals', ...soon });
    t.false(connection.connected);
    t.is(server.endpoint.statistics().lastRefusedKey, client.publicKey);
    t.is(
      server.logged.filter(({ publicKey }) => publicKey === client.publicKey).length,
      1,
      'logged once, not each time',
    );
    admitted.add(client.publicKey);
    await waitFor(() => connection.connected, { description: 'the connection', ...soon });
    const before = refused();
    t.is((await connection.request(bytes('hello'), 5000)).type, 'answer');
    t.is(refused(), before);
  },
);

test.serial('a peer that has another key than expected is never connected to', async (t) => {
  const server = await openTestEndpoint(t);
  const client = await openTestEndpoint(t);
  await server.endpoint.listen(new EchoHandlers(), everybody);
  const expected = DHT.keyPair().publicKey.toString('hex');
  let dials = 0;
  const connection = client.endpoint.connect(
    {
      publicKey: expected,
      address() {
        dials++;
        return addressOf(server);
      },
    },
    new ConnectionLog(),
  );
  await waitFor(() => dials >= 3, { description: 'three attempts', ...soon });
  t.false(connection.connected);
  t.is(server.endpoint.statistics().incomingConnections, 0);
});

test.serial(
  'processes that share a key do not disturb each other; one too many takes the place of the most silent',
  async (t) => {
    const server = await openTestEndpoint(t);
    await server.endpoint.listen(new EchoHandlers(), everybody);
    const raw = await openRaw(t);
    const connect = async () => connectTo(await openTestEndpoint(t, { keyPair: raw.keyPair }), server);
    const opened = [await connect()];
    // As one that has died: it pings no more.
    const { host, port } = server.endpoint.address();
    const options = { relayAddresses: [{ host, port }], localConnection: false };
    const silent = raw.rpc.connect(Buffer.from(server.publicKey, 'hex'), options);
    let isEvicted = false;
    silent.once('close', () => {
      isEvicted = true;
    });
    await silent.rpc.request('ping', Uint8Array.of(1, ...encodeIntroduction({ process: '00000000000000aa', lane: 0 })));
    while (opened.length < processesMax - 1) opened.push(await connect());
    // A connection has its place with its first ping.
    const all = { description: 'a place for each', ...soon };
    await waitFor(() => server.endpoint.statistics().incomingConnections === processesMax, all);
    const pings = opened.map(({ log }) => log.pings.length);
    const havePinged = () => opened.every(({ log }, nth) => log.pings.length > (pings[nth] ?? 0) + 1);
    await waitFor(havePinged, { description: 'signs of life', ...soon });
    t.false(isEvicted);
    opened.push(await connect());
    await waitFor(() => isEvicted, { description: 'the end of the silent one', ...soon });
    await waitFor(() => server.endpoint.statistics().incomingConnections === processesMax, all);
    for (const { connection } of opened) t.is((await connection.request(bytes('hello'), 5000)).type, 'answer');
    t.deepEqual(
      opened.map(({ log }) => log.disconnects),
      opened.map(() => 0),
    );
  },
);

/** A server and a client that has introduced itself to it over one connection. */
async function openPair(t: ExecutionContext, handlers = new EchoHandlers()) {
  const server = await openTestEndpoint(t, impatient);
  const client = await openTestEndpoint(t);
  await server.endpoint.listen(handlers, everybody);
  const { connection, log, peer } = await introduce(client, server, handlers);
  return { server, client, handlers, connection, log, peer };
}

type TestEndpoint = Awaited<ReturnType<typeof openTestEndpoint>>;

async function introduce(client: TestEndpoint, server: TestEndpoint, handlers: EchoHandlers) {
  const known = new Set(handlers.peers);
  const { connection, log } = await connectTo(client, server);
  connection.event(bytes('hello'));
  const peer = await waitFor(() => handlers.peers.find((each) => !known.has(each)), {
    description: 'the peer',
    ...soon,
  });
  return { connection, log, peer };
}

/** How often each of these peers was told of its end. */
function countCloses(...peers: readonly RpcPeer[]): readonly number[] {
  const closes = peers.map(() => 0);
  for (const [nth, peer] of peers.entries()) {
    peer.onClose(() => {
      closes[nth] = (closes[nth] ?? 0) + 1;
    });
  }
  return closes;
}

test.serial('what is said back over a connection arrives in order, as long as it is sent', async (t) => {
  const { client, handlers, connection, log, peer } = await openPair(t);
  t.is(peer.publicKey, client.publicKey);
  const sent = Array.from({ length: 2000 }, (_, nth) => `${nth}`);
  for (const text of sent) peer.event(bytes(text));
  await waitFor(() => log.events.length === sent.length, { description: 'all events', ...soon });
  t.deepEqual(log.events, sent);
  const largest = new Uint8Array(rpcBytesMax).fill(0x37);
  peer.event(largest);
  await waitFor(() => log.events.length === sent.length + 1, { description: 'the largest', ...soon });
  t.is(log.events.at(-1)?.length, rpcBytesMax);
  t.throws(() => peer.event(new Uint8Array(rpcBytesMax + 1)), { instanceOf: InvariantError });
  connection.event(bytes('again'));
  await waitFor(() => handlers.events.length === 2, { description: 'the second event', ...soon });
  t.is(handlers.peers.length, 1);
});

test.serial(
  'a request has the same peer as an event, and one that waits holds back nothing that is said',
  async (t) => {
    const handlers = new EchoHandlers();
    const asking: RpcPeer[] = [];
    handlers.onRequest = (from) => {
      asking.push(from);
      from.event(bytes('you asked'));
      return new Promise(() => {});
    };
    const { connection, log, peer } = await openPair(t, handlers);
    const answers = Array.from({ length: 3 }, () => connection.request(bytes('hello'), 60_000));
    await waitFor(() => log.events.length === 3, { description: 'three events', ...soon });
    peer.event(bytes('more'));
    await waitFor(() => log.events.length === 4, { description: 'the fourth event', ...soon });
    t.deepEqual(log.events, ['you asked', 'you asked', 'you asked', 'more']);
    t.true(asking.every((each) => each === peer));
    await connection.close();
    t.deepEqual(await Promise.all(answers), Array(3).fill({ type: 'lost' }));
  },
);

test.serial('nothing is heard by an owner that does not listen, and what another one throws is fatal', async (t) => {
  const handlers = new EchoHandlers();
  const { server, client, peer, log } = await openPair(t, handlers);
  log.onEvent = () => {
    throw new InvariantError('in onEvent');
  };
  peer.event(bytes('event'));
  await waitFor(() => client.fatal.length > 0, { description: 'the failure', ...soon });
  t.deepEqual(
    client.fatal.map(({ message }) => message),
    ['in onEvent'],
  );
  const deaf = client.endpoint.connect(
    { publicKey: server.publicKey, address: () => addressOf(server) },
    { onConnect: () => deaf.event(bytes('hello')), onDisconnect() {}, onPing() {} },
  );
  await waitFor(() => handlers.peers.length === 2, { description: 'the deaf one', ...soon });
  handlers.peers[1]?.event(bytes('unheard'));
  t.is((await deaf.request(bytes('hello'), 5000)).type, 'answer');
  t.deepEqual([log.disconnects, client.fatal.length], [0, 1]);
});

test.serial('a peer is told once that its connection is gone, and what is said then is dropped', async (t) => {
  const { server, client, handlers, connection: first, log, peer } = await openPair(t);
  const { connection: second, peer: other } = await introduce(client, server, handlers);
  const [closes, otherCloses] = [countCloses(peer), countCloses(other)];
  await first.close();
  await waitFor(() => closes[0] === 1, { description: 'the end of the first', ...soon });
  t.deepEqual(otherCloses, [0]);
  peer.event(bytes('dropped'));
  t.false(peer.congested);
  t.deepEqual(countCloses(peer), [1], 'at once, as it is gone');
  await client.endpoint.close();
  await waitFor(() => otherCloses[0] === 1, { description: 'the end of the second', ...soon });
  t.false(second.connected);
  await server.endpoint.close();
  t.deepEqual([closes, otherCloses, log.events], [[1], [1], []]);
});

test.serial('a peer is told when its own end closes, and what it throws then is reported', async (t) => {
  const { server, peer } = await openPair(t);
  peer.onClose(() => {
    throw new InvariantError('in onClose');
  });
  const closes = countCloses(peer);
  await server.endpoint.close();
  t.deepEqual(closes, [1]);
  t.deepEqual(
    server.fatal.map(({ message }) => message),
    ['in onClose'],
  );
});

test.serial('two connections to one peer are independent of each other', async (t) => {
  const { server, client, handlers, connection: first, log, peer } = await openPair(t);
  const { connection: second, log: secondLog, peer: secondPeer } = await introduce(client, server, handlers);
  await waitFor(() => log.pings.length > 2 && secondLog.pings.length > 2, { description: 'pings', ...soon });
  t.is(server.endpoint.statistics().incomingConnections, 2);
  t.not(peer, secondPeer);
  const closes = countCloses(peer, secondPeer);
  peer.event(bytes('first'));
  secondPeer.event(bytes('second'));
  await waitFor(() => log.events.length + secondLog.events.length === 2, { description: 'both events', ...soon });
  t.deepEqual([log.events, secondLog.events], [['first'], ['second']]);
  const part = new Uint8Array(1024 * 1024);
  for (let nth = 0; nth < 12; nth++) secondPeer.event(part);
  t.deepEqual([peer.congested, secondPeer.congested], [false, true]);
  await second.close();
  await waitFor(() => closes[1] === 1, { description: 'the end of the second', ...soon });
  const third = await introduce(client, server, handlers);
  t.is((await first.request(bytes('hello'), 5000)).type, 'answer');
  t.is((await third.connection.request(bytes('hello'), 5000)).type, 'answer');
  t.deepEqual([log.connects, log.disconnects, closes[0]], [1, 0, 0]);
});

test.serial('a process that dials anew takes the place of what it had, connection by connection', async (t) => {
  const { server } = await openPair(t);
  const raw = await openRaw(t);
  const { host, port } = server.endpoint.address();
  const introduced = async (process: string, lane: number) => {
    const options = { relayAddresses: [{ host, port }], localConnection: false };
    const client = raw.rpc.connect(Buffer.from(server.publicKey, 'hex'), options);
    await client.rpc.request('ping', Uint8Array.of(1, ...encodeIntroduction({ process, lane })));
    return client;
  };
  const first = await introduced('00000000000000aa', 0);
  const others = [await introduced('00000000000000aa', 1), await introduced('00000000000000bb', 0)];
  const again = await introduced('00000000000000aa', 0);
  await waitFor(() => first.rpc.closed, { description: 'the end of the first connection', ...soon });
  for (const { rpc } of [...others, again]) {
    t.deepEqual([...(await rpc.request('request', Uint8Array.of(1, 0x79)))], [1, 0x79]);
  }
  t.is(server.endpoint.statistics().incomingConnections, 4);
  for (const client of [...others, again]) client.destroy();
});

test.serial('there are as many connections to one peer as there are lanes, and no more', async (t) => {
  const { server, client, handlers, connection } = await openPair(t);
  for (let nth = 1; nth < lanesMax; nth++) await introduce(client, server, handlers);
  t.is(server.endpoint.statistics().incomingConnections, lanesMax);
  await t.throwsAsync(connectTo(client, server), { instanceOf: InvariantError, message: /at most 4 connections/ });
  await connection.close();
  t.is((await (await introduce(client, server, handlers)).connection.request(bytes('hello'), 5000)).type, 'answer');

  const raw = await openRaw(t);
  const { host, port } = server.endpoint.address();
  const dial = () =>
    raw.rpc.connect(Buffer.from(server.publicKey, 'hex'), { relayAddresses: [{ host, port }], localConnection: false });
  const known = dial();
  const introduction = (lane: number) => encodeIntroduction({ process: '00000000000000aa', lane });
  t.is((await known.rpc.request('ping', Uint8Array.of(1, ...introduction(lanesMax - 1)))).at(-1), 'info'.charCodeAt(3));
  await t.throwsAsync(dial().rpc.request('ping', Uint8Array.of(1, ...introduction(lanesMax))));
  await t.throwsAsync(dial().rpc.request('ping', Uint8Array.of(1, 0)));
  known.destroy();
});

test.serial('a connection is not heard before a ping has said which one of its process it is', async (t) => {
  const { server, handlers } = await openPair(t);
  const raw = await openRaw(t);
  const { host, port } = server.endpoint.address();
  const options = { relayAddresses: [{ host, port }], localConnection: false };
  const { rpc } = raw.rpc.connect(Buffer.from(server.publicKey, 'hex'), options);
  rpc.event('event', Uint8Array.of(1, 0x78));
  t.is((await rpc.request('request', Uint8Array.of(1, 0x79))).byteLength, 0, 'refused');
  t.deepEqual(handlers.events.length, 1, 'that of the pair alone');
  await rpc.request('ping', Uint8Array.of(1, ...encodeIntroduction({ process: '00000000000000aa', lane: 0 })));
  rpc.event('event', Uint8Array.of(1, 0x7a));
  t.deepEqual([...(await rpc.request('request', Uint8Array.of(1, 0x79)))], [1, 0x79]);
  t.like(handlers.events.at(-1), { from: raw.publicKey, text: 'z' });
});

test.serial('an event of an unknown version is counted and dropped, from whichever end it comes', async (t) => {
  const raw = await openRaw(t);
  const client = await openTestEndpoint(t);
  const unknown = Uint8Array.of(2, 0x78);
  const known = Uint8Array.of(1, 0x79);
  const server = raw.rpc
    .createServer({ firewall: () => false, shareLocalAddress: false, holepunch: false })
    .respond('ping', (_frame, channel) => {
      for (const frame of [unknown, known]) channel.event('event', frame);
      return known;
    });
  await server.listen();
  const log = new ConnectionLog();
  client.endpoint.connect({ publicKey: raw.publicKey, address: raw.address }, log);
  await waitFor(() => log.events.length >= 2, { description: 'events', ...soon });
  t.deepEqual(new Set(log.events), new Set(['y']));
  t.true(client.endpoint.statistics().unreadableFrames >= 2);

  await client.endpoint.listen(new EchoHandlers(), everybody);
  const before = client.endpoint.statistics().unreadableFrames;
  const { host, port } = client.endpoint.address();
  const options = { relayAddresses: [{ host, port }], localConnection: false };
  const back = raw.rpc.connect(Buffer.from(client.publicKey, 'hex'), options);
  // As a request, too, which no endpoint sends: it is answered.
  await back.rpc.request('event', unknown);
  t.true(client.endpoint.statistics().unreadableFrames > before);
  back.destroy();
});

test.serial('two processes hold one connection in each direction, and both carry requests', async (t) => {
  const left = await openTestEndpoint(t);
  const right = await openTestEndpoint(t);
  await left.endpoint.listen(new EchoHandlers(), everybody);
  await right.endpoint.listen(new EchoHandlers(), everybody);
  const [there, back] = await Promise.all([connectTo(left, right), connectTo(right, left)]);
  for (const { connection } of [there, back]) t.is((await connection.request(bytes('hello'), 5000)).type, 'answer');
  t.deepEqual([there.log.disconnects, back.log.disconnects], [0, 0]);
});

test.serial('attempts keep their distance where a peer refuses at once', async (t) => {
  // It does not listen, and the attempt is over at once.
  const silent = await openTestEndpoint(t);
  const client = await openTestEndpoint(t, { constants: { ...rpcConstants, dialTimeoutMs: 1 } });
  const dialledAt: number[] = [];
  client.endpoint.connect(
    {
      publicKey: silent.publicKey,
      address() {
        dialledAt.push(systemClock.now());
        return addressOf(silent);
      },
    },
    new ConnectionLog(),
  );
  await waitFor(() => dialledAt.length >= 6, { description: 'six attempts', ...soon });
  const gaps = dialledAt.slice(1).map((at, nth) => at - (dialledAt[nth] as number));
  t.true(
    gaps.every((gap) => gap >= rpcConstants.backoffMinMs - 1),
    `${gaps}`,
  );
});

test.serial('the address is asked and resolved anew at every dial', async (t) => {
  const server = await openTestEndpoint(t);
  const client = await openTestEndpoint(t);
  await server.endpoint.listen(new EchoHandlers(), everybody);
  const { port } = server.endpoint.address();
  const addresses = ['no-such-host.invalid:7101', 'not an address', '127.0.0.1:70000', `localhost:${port}`];
  const asked: string[] = [];
  const connection = client.endpoint.connect(
    {
      publicKey: server.publicKey,
      address() {
        const address = addresses[Math.min(asked.length, addresses.length - 1)] as string;
        asked.push(address);
        return address;
      },
    },
    new ConnectionLog(),
  );
  await waitFor(() => connection.connected, { description: 'the connection', timeoutMs: 20_000 });
  t.deepEqual(asked.slice(0, addresses.length), addresses);
});

test.serial('a stall of the own process is not taken for a dead peer', async (t) => {
  const server = await openTestEndpoint(t);
  const client = await openTestEndpoint(t);
  const handlers = new EchoHandlers();
  let stallMs = 0;
  // Both ends live in this process: a peer that stalls while it answers is a ping that waits while the clock runs on.
  handlers.pingInfo = () => {
    const until = systemClock.now() + stallMs;
    stallMs = 0;
    while (systemClock.now() < until);
    return bytes('info');
  };
  await server.endpoint.listen(handlers, everybody);
  const { log } = await connectTo(client, server);
  stallMs = rpcConstants.pingTimeoutMs * 2;
  const longest = () => Math.max(...log.pings.map(({ roundTripMs }) => roundTripMs));
  await waitFor(() => log.pings.length > 0 && longest() >= rpcConstants.pingTimeoutMs, {
    description: 'the answer to the stalled ping',
    ...soon,
  });
  t.is(log.disconnects, 0);
});

/** A ping waits behind bulk for longer than this, and less than this passes without a datagram. */
const shortPing = { constants: { ...rpcConstants, pingTimeoutMs: 200, watchIntervalMs: 50 } };
const bulk = new Uint8Array(rpcBytesMax);
const bulkCount = 16;

function longestPingMs({ pings }: ConnectionLog): number {
  return Math.max(...pings.map(({ roundTripMs }) => roundTripMs));
}

test.serial('an answer to a ping may wait behind other answers while they arrive', async (t) => {
  const server = await openTestEndpoint(t);
  const client = await openTestEndpoint(t, shortPing);
  const handlers = new EchoHandlers();
  handlers.onRequest = async () => bulk;
  await server.endpoint.listen(handlers, everybody);
  const { connection, log } = await connectTo(client, server);
  const answers = await Promise.all(Array.from({ length: bulkCount }, () => connection.request(bytes('more'), 60_000)));
  t.true(answers.every(({ type }) => type === 'answer'));
  await waitFor(() => longestPingMs(log) > shortPing.constants.pingTimeoutMs, { description: 'a slow ping', ...soon });
  t.is(log.disconnects, 0);
});

test.serial('a ping may wait behind events while they are acknowledged', async (t) => {
  const server = await openTestEndpoint(t);
  const client = await openTestEndpoint(t, shortPing);
  const handlers = new EchoHandlers();
  let events = 0;
  handlers.onEvent = () => {
    events++;
  };
  await server.endpoint.listen(handlers, everybody);
  const { connection, log } = await connectTo(client, server);
  for (let nth = 0; nth < bulkCount; nth++) connection.event(bulk);
  await waitFor(() => longestPingMs(log) > shortPing.constants.pingTimeoutMs, { description: 'a slow ping', ...soon });
  t.is(events, bulkCount);
  t.is(log.disconnects, 0);
});

async function startProgram(t: ExecutionContext, program: string, ...options: readonly string[]): Promise<Child> {
  const directory = await scratchDirectory();
  const child = startChild([process.execPath, fileURLToPath(new URL(program, import.meta.url)), ...options], {
    logFile: path.join(directory, 'child.log'),
  });
  t.teardown(async () => {
    await child.end('SIGKILL');
    await rm(directory, { recursive: true });
  });
  return child;
}

async function startEcho(t: ExecutionContext, seed: Buffer, port: number): Promise<Child> {
  const child = await startProgram(t, 'rpc-echo-process.ts', seed.toString('hex'), `${port}`);
  await waitFor(() => child.output().includes('listening'), {
    description: 'the peer to listen',
    timeoutMs: 20_000,
    detail: () => child.output(),
  });
  return child;
}

test.serial('a killed peer is noticed within a second, and connected to within a second of its return', async (t) => {
  const seed = randomBytes(32);
  const spare = await openTestEndpoint(t);
  const { port } = spare.endpoint.address();
  await spare.endpoint.close();
  const client = await openTestEndpoint(t);
  const log = new ConnectionLog();
  const publicKey = DHT.keyPair(seed).publicKey.toString('hex');
  const connection = client.endpoint.connect({ publicKey, address: () => `127.0.0.1:${port}` }, log);
  const first = await startEcho(t, seed, port);
  await waitFor(() => log.pings.length >= 2, { description: 'two pings', ...soon });

  const sinceKill = elapsedMs();
  await first.end('SIGKILL');
  const unanswered = connection.request(bytes('hello'), 60_000);
  await waitFor(() => log.disconnects === 1, { description: 'onDisconnect', ...soon });
  t.true(sinceKill() < 1000, `noticed after ${sinceKill()} ms`);
  t.deepEqual(await unanswered, { type: 'lost' });

  await startEcho(t, seed, port);
  const sinceReturn = elapsedMs();
  await waitFor(() => connection.connected, { description: 'the connection', ...soon });
  t.true(sinceReturn() < 1000, `connected after ${sinceReturn()} ms`);
  t.is((await connection.request(bytes('hello'), 5000)).type, 'answer');
});

test.serial('a peer that is killed while bulk is on its way is noticed as soon', async (t) => {
  const seed = randomBytes(32);
  const spare = await openTestEndpoint(t);
  const { port } = spare.endpoint.address();
  await spare.endpoint.close();
  const client = await openTestEndpoint(t);
  const log = new ConnectionLog();
  const publicKey = DHT.keyPair(seed).publicKey.toString('hex');
  const connection = client.endpoint.connect({ publicKey, address: () => `127.0.0.1:${port}` }, log);
  const child = await startEcho(t, seed, port);
  await waitFor(() => connection.connected, { description: 'the connection', ...soon });
  const answers = Array.from({ length: bulkCount }, () => connection.request(bulk, 60_000));
  await Promise.race(answers);
  const sinceKill = elapsedMs();
  await child.end('SIGKILL');
  await waitFor(() => log.disconnects === 1, { description: 'onDisconnect', ...soon });
  t.true(sinceKill() < 1000, `noticed after ${sinceKill()} ms`);
  t.true(
    (await Promise.all(answers)).some(({ type }) => type === 'lost'),
    'bulk was on its way',
  );
});

test.serial('a peer that stands still is given up, and connected to when it goes on', async (t) => {
  const seed = randomBytes(32);
  const spare = await openTestEndpoint(t);
  const { port } = spare.endpoint.address();
  await spare.endpoint.close();
  const client = await openTestEndpoint(t);
  const log = new ConnectionLog();
  const publicKey = DHT.keyPair(seed).publicKey.toString('hex');
  const connection = client.endpoint.connect({ publicKey, address: () => `127.0.0.1:${port}` }, log);
  const child = await startEcho(t, seed, port);
  await waitFor(() => connection.connected, { description: 'the connection', ...soon });
  child.process.kill('SIGSTOP');
  await waitFor(() => log.disconnects === 1, { description: 'onDisconnect', ...soon });
  child.process.kill('SIGCONT');
  const elapsed = elapsedMs();
  await waitFor(() => connection.connected, { description: 'the connection', ...soon });
  t.true(elapsed() < 1000, `connected after ${elapsed()} ms`);
  t.is((await connection.request(bytes('hello'), 5000)).type, 'answer');
});

test.serial('a peer that does not read is congested until it does, and then hears all of it', async (t) => {
  const server = await openTestEndpoint(t, impatient);
  const handlers = new EchoHandlers();
  await server.endpoint.listen(handlers, everybody);
  const child = await startProgram(t, 'rpc-dial-process.ts', server.publicKey, addressOf(server));
  const peer = await waitFor(() => handlers.peers[0], {
    description: 'the peer',
    timeoutMs: 20_000,
    detail: () => child.output(),
  });
  child.process.kill('SIGSTOP');
  const part = new Uint8Array(1024 * 1024);
  for (let nth = 0; nth < 16; nth++) peer.event(part);
  peer.event(bytes('.'));
  // Longer than it takes to send all of it, and than a silent end is waited for by one that dialled.
  const elapsed = elapsedMs();
  await waitFor(() => elapsed() > 1000 || !peer.congested, { description: 'a second', ...soon });
  t.true(peer.congested);
  child.process.kill('SIGCONT');
  await waitFor(() => !peer.congested, { description: 'the end of the congestion', ...soon });
  await waitFor(() => child.output().includes(`heard ${16 * part.length + 1}`), {
    description: 'all of it',
    timeoutMs: 20_000,
    detail: () => child.output(),
  });
  t.false(child.output().includes('disconnected'));
  const closes = countCloses(peer);
  await server.endpoint.close();
  t.deepEqual(closes, [1]);
});
