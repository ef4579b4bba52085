import test from 'ava';
import { InvariantError } from '../../src/raft/assert.ts';
import type { Message } from '../../src/raft/message.ts';
import { term } from '../../src/raft/types.ts';
import type { ReplicaStatus, WriteReply } from '../../src/store/protocol.ts';
import { decodeStoreRequest, encodeStatus, encodeStoreReply } from '../../src/store/protocol-codec.ts';
import { createRaftTransport } from '../../src/store/raft-transport.ts';
import {
  type PublicKey,
  type RpcAnswer,
  type RpcConnection,
  type RpcEndpoint,
  type RpcHandlers,
  type RpcPeer,
  rpcBytesMax,
} from '../../src/store/rpc.ts';
import { lanesMax } from '../../src/store/rpc-lane.ts';
import { connectStoreClient } from '../../src/store/store-client.ts';
import { ConnectionLog, EchoHandlers, everybody } from '../store/rpc-fixture.ts';
import { Kernel } from './kernel.ts';
import type { Life } from './life.ts';
import { type NetworkConditions, SimNetwork } from './network.ts';
import { Probes } from './probes.ts';
import { streamOf } from './random.ts';

/** Nothing but delay, always the same. */
const calm: NetworkConditions = {
  delayMs: [5, 5],
  lateProbability: 0,
  lateMs: 0,
  lossProbability: 0,
  duplicateProbability: 0,
};
const pingIntervalMs = 100;
const roundTripMs = 10;
const bytes = (text: string): Uint8Array => Buffer.from(text);
const keyOf = (id: string): PublicKey => Buffer.from(id).toString('hex').padEnd(64, '0');

interface Process {
  readonly id: string;
  readonly life: Life;
  readonly endpoint: RpcEndpoint;
  readonly fatal: readonly Error[];
}

class World {
  readonly kernel = new Kernel({ afterEvent() {}, eventsMax: 1e6 });
  readonly probes = new Probes();
  readonly network: SimNetwork;
  /** What the processes sent as events. */
  readonly tapped: string[] = [];
  dials = 0;

  constructor(conditions: Partial<NetworkConditions> = {}, seed = 1) {
    const random = streamOf(seed, 'network');
    this.network = new SimNetwork({ ...this, random, conditions: { ...calm, ...conditions } });
  }

  start(id: string, intervalMs = pingIntervalMs): Process {
    const life = this.kernel.startLife(id, 1);
    const fatal: Error[] = [];
    const endpoint = this.network.endpoint(life, {
      id,
      publicKey: keyOf(id),
      pingIntervalMs: intervalMs,
      onFatal: (error) => fatal.push(error),
      tap: (to, value) => this.tapped.push(`${id}>${to}:${Buffer.from(value)}`),
    });
    return { id, life, endpoint, fatal };
  }

  serve(id: string, handlers: RpcHandlers = new EchoHandlers()): Process {
    const process = this.start(id);
    void process.endpoint.listen(handlers, everybody);
    return process;
  }

  connect(from: Process, to: string): { readonly connection: RpcConnection; readonly log: ConnectionLog } {
    const log = new ConnectionLog();
    const address = () => {
      this.dials++;
      return `${to}:1`;
    };
    const connection = from.endpoint.connect({ publicKey: keyOf(to), address }, log);
    return { connection, log };
  }

  /** A client `a` and a server `b` that are connected, between two pings. */
  async pair(handlers: RpcHandlers = new EchoHandlers()) {
    const server = this.serve('b', handlers);
    const client = this.start('a');
    const { connection, log } = this.connect(client, 'b');
    await this.advance(50);
    return { server, client, connection, log };
  }

  advance(durationMs: number): Promise<void> {
    return this.kernel.run(this.kernel.now + durationMs);
  }

  seen(probe: string): number {
    return this.probes.counts.get(probe) ?? 0;
  }
}

function collect(answer: Promise<RpcAnswer>): string[] {
  const collected: string[] = [];
  void answer.then((each) => collected.push(each.type === 'answer' ? `${Buffer.from(each.bytes)}` : each.type));
  return collected;
}

test('a connection is dialled; events arrive in order with the key of their sender, and requests are answered', async (t) => {
  const world = new World({ delayMs: [1, 20] });
  const handlers = new EchoHandlers();
  const { connection, log } = await world.pair(handlers);
  t.true(connection.connected);
  t.is(log.connects, 1);
  const sent = Array.from({ length: 50 }, (_, nth) => `${nth}`);
  for (const text of sent) connection.event(bytes(text));
  const answer = collect(connection.request(bytes('hello'), 1000));
  const empty = collect(connection.request(bytes(''), 1000));
  await world.advance(50);
  t.deepEqual(
    handlers.events,
    sent.map((text) => ({ from: keyOf('a'), text })),
  );
  t.deepEqual([answer, empty], [['hello'], ['']]);
  t.deepEqual(
    world.tapped,
    sent.map((text) => `a>b:${text}`),
  );
});

test('without a connection a request is not sent, and events are dropped', async (t) => {
  const world = new World();
  const { connection } = world.connect(world.start('a'), 'b');
  connection.event(bytes('dropped'));
  t.deepEqual(await connection.request(bytes('hello'), 1000), { type: 'notSent' });
  const handlers = new EchoHandlers();
  world.serve('b', handlers);
  await world.advance(1000);
  t.true(connection.connected);
  const { connection: dialling } = world.connect(world.start('c'), 'b');
  dialling.event(bytes('too early'));
  await world.advance(50);
  t.true(dialling.connected);
  t.deepEqual(handlers.events, []);
  t.deepEqual(world.tapped, []);
  t.deepEqual(await connection.request(bytes('hello'), 0), { type: 'notSent' });
});

test('a request is lost at its deadline by the clock of its sender, and the connection goes on', async (t) => {
  const world = new World();
  const handlers = new EchoHandlers();
  handlers.onRequest = () => new Promise(() => {});
  const { client, connection, log } = await world.pair(handlers);
  client.life.setRate(0.5);
  const answer = collect(connection.request(bytes('never'), 150));
  await world.advance(299);
  t.deepEqual(answer, []);
  await world.advance(2);
  t.deepEqual(answer, ['lost']);
  t.is(log.disconnects, 0);
});

test('an answer that comes too late is dropped, and is not taken for that to another request', async (t) => {
  const world = new World();
  const gates: (() => void)[] = [];
  const handlers = new EchoHandlers();
  handlers.onRequest = (_from, value) => {
    const copy = Buffer.from(value);
    return new Promise((resolve) => gates.push(() => resolve(copy)));
  };
  const { connection } = await world.pair(handlers);
  const first = collect(connection.request(bytes('first'), 20));
  await world.advance(30);
  const second = collect(connection.request(bytes('second'), 1000));
  gates[0]?.();
  await world.advance(30);
  t.deepEqual([first, second], [['lost'], []]);
  gates[1]?.();
  await world.advance(30);
  t.deepEqual([first, second], [['lost'], ['second']]);
  t.is(world.seen('network: answer nobody waits for'), 1);
});

test('attempts keep the distances of the real dial: at once where a peer refuses, after a timeout where nobody is', async (t) => {
  for (const { listens, minMs, maxMs } of [
    { listens: true, minMs: 50 + roundTripMs, maxMs: 200 + roundTripMs },
    { listens: false, minMs: 350, maxMs: 500 },
  ]) {
    const world = new World();
    if (listens) world.start('b');
    const dialledAt: number[] = [];
    const address = () => {
      dialledAt.push(world.kernel.now);
      return 'b:1';
    };
    world.start('a').endpoint.connect({ publicKey: keyOf('b'), address }, new ConnectionLog());
    await world.advance(10_000);
    const gaps = dialledAt.slice(1).map((at, nth) => at - (dialledAt[nth] ?? 0));
    t.true(gaps.length > 15);
    t.true(Math.min(...gaps) >= minMs - 1 && Math.max(...gaps) <= maxMs + 1, `${gaps}`);
    t.true(Math.max(...gaps) - Math.min(...gaps) > 50, 'they are spread');
  }
});

test('the first attempt after a connection that stood comes soon', async (t) => {
  const world = new World();
  world.serve('b');
  const brokenAt: number[] = [];
  const dialledAt: number[] = [];
  const address = () => {
    dialledAt.push(world.kernel.now);
    return 'b:1';
  };
  const log = new ConnectionLog();
  log.onDisconnect = () => brokenAt.push(world.kernel.now);
  world.start('a').endpoint.connect({ publicKey: keyOf('b'), address }, log);
  for (let nth = 0; nth < 20; nth++) {
    await world.advance(200);
    world.network.block('a', 'b');
    await world.advance(600);
    world.network.unblock('a', 'b');
    await world.advance(800);
  }
  t.is(brokenAt.length, 20);
  const waits = brokenAt.map((at) => (dialledAt.find((next) => next > at) ?? Number.POSITIVE_INFINITY) - at);
  t.true(Math.min(...waits) >= 49 && Math.max(...waits) <= 101, `${waits}`);
});

test('a key that is not admitted is refused; who is admitted is asked at every handshake', async (t) => {
  const world = new World();
  const admitted = new Set<PublicKey>();
  const asked: PublicKey[] = [];
  void world.start('b').endpoint.listen(new EchoHandlers(), (publicKey) => {
    asked.push(publicKey);
    return admitted.has(publicKey);
  });
  const { connection } = world.connect(world.start('a'), 'b');
  await world.advance(1000);
  t.false(connection.connected);
  t.true(asked.length > 3);
  admitted.add(keyOf('a'));
  await world.advance(300);
  t.true(connection.connected);
  const before = asked.length;
  await world.advance(1000);
  t.is(asked.length, before);
  t.deepEqual(new Set(asked), new Set([keyOf('a')]));
});

test('pings come at their interval, and bring what the peer says of itself', async (t) => {
  for (const intervalMs of [100, 500]) {
    const world = new World();
    const handlers = new EchoHandlers();
    let asked = 0;
    handlers.pingInfo = () => bytes(`status ${asked++}`);
    world.serve('b', handlers);
    const { log } = world.connect(world.start('a', intervalMs), 'b');
    await world.advance(roundTripMs + 10 * intervalMs + 50);
    t.deepEqual(
      log.pings.map(({ info }) => info),
      Array.from({ length: 11 }, (_, nth) => `status ${nth}`),
    );
    t.true(log.pings.every((ping) => Math.abs(ping.roundTripMs - roundTripMs) < 0.1));
    t.is(log.disconnects, 0);
  }
});

test('a connection outlasts the loss of many packets, as one does that sends them again', async (t) => {
  const world = new World({ lossProbability: 0.1 });
  const { log } = await world.pair();
  await world.advance(20_000);
  t.true(log.disconnects <= 2, `${log.disconnects}`);
  t.true(log.pings.length > 150, `${log.pings.length}`);
  t.true(world.seen('network: ping lost') > 5 && world.seen('network: pong lost') > 5);
});

test('an answer is a sign of life, though pings are lost', async (t) => {
  const world = new World();
  const { connection, log } = await world.pair();
  for (let nth = 0; nth < 20; nth++) {
    const answer = collect(connection.request(bytes('hello'), 50));
    world.network.block('a', 'b');
    await world.advance(99);
    t.deepEqual(answer, ['hello']);
    world.network.unblock('a', 'b');
    await world.advance(1);
  }
  t.deepEqual([log.pings.length, log.disconnects], [1, 0]);
  world.network.block('a', 'b');
  await world.advance(600);
  t.is(log.disconnects, 1);
});

test('a dead peer is silent: it is noticed by its missing pongs, and connected to when it lives again', async (t) => {
  const world = new World();
  const { server, connection, log } = await world.pair();
  const answer = collect(connection.request(bytes('hello'), 60_000));
  server.life.end();
  await world.advance(399);
  t.is(log.disconnects, 0);
  await world.advance(202);
  t.is(log.disconnects, 1);
  t.false(connection.connected);
  t.deepEqual(answer, ['lost']);
  await world.advance(2000);
  t.is(log.connects, 1);
  world.serve('b');
  await world.advance(550);
  t.is(log.connects, 2);
  t.is(world.seen('network: connected again'), 1);
});

test('frames to a life that is over do not reach the next one', async (t) => {
  const world = new World();
  const { server, connection } = await world.pair();
  connection.event(bytes('for the first life'));
  server.life.end();
  const handlers = new EchoHandlers();
  world.serve('b', handlers);
  await world.advance(3000);
  t.true(connection.connected);
  t.deepEqual(handlers.events, []);
});

test('frames of a life that is over still arrive, and nothing new comes of it', async (t) => {
  const world = new World();
  const handlers = new EchoHandlers();
  const { client, connection, log } = await world.pair(handlers);
  connection.event(bytes('last words'));
  const answer = collect(connection.request(bytes('hello'), 20));
  client.life.end();
  connection.event(bytes('from the grave'));
  const { events } = world.kernel;
  await world.advance(5000);
  t.deepEqual(handlers.events, [{ from: keyOf('a'), text: 'last words' }]);
  t.deepEqual(answer, []);
  t.is(log.disconnects, 0);
  t.true(world.kernel.events - events <= 3);
});

test('a peer that stands still is given up; the frames of the older connection arrive when it goes on', async (t) => {
  const world = new World();
  const handlers = new EchoHandlers();
  const { server, connection, log } = await world.pair(handlers);
  server.life.pause(2000);
  connection.event(bytes('meanwhile'));
  await world.advance(1990);
  t.deepEqual([log.connects, log.disconnects], [1, 1]);
  t.deepEqual(handlers.events, []);
  await world.advance(500);
  t.deepEqual([log.connects, log.disconnects], [2, 1]);
  t.deepEqual(handlers.events, [{ from: keyOf('a'), text: 'meanwhile' }]);
  t.is(world.seen('network: event of an older connection'), 1);
  t.true(world.seen('network: dial of an older connection') > 0);
});

test('a stall of the own process is not taken for a dead peer', async (t) => {
  for (const pongArrives of [true, false]) {
    const world = new World();
    const { client, log } = await world.pair();
    await world.advance(60 + roundTripMs / 2 - 1);
    t.is(log.pings.length, 1, 'the second ping is on its way');
    client.life.pause(3000);
    if (!pongArrives) world.network.block('b', 'a');
    await world.advance(2900);
    world.network.healAll();
    await world.advance(1000);
    t.is(log.disconnects, 0);
    t.true((log.pings[1]?.roundTripMs ?? 0) > 2900);
  }
});

test('a broken invariant in any handler is fatal; what else a handler throws ends the run', async (t) => {
  const failing = (error: Error): EchoHandlers => {
    const handlers = new EchoHandlers();
    handlers.onEvent = () => {
      throw error;
    };
    handlers.onRequest = () => Promise.reject(error);
    return handlers;
  };
  const broken = new World();
  const { server, connection } = await broken.pair(failing(new InvariantError('broken')));
  connection.event(bytes('event'));
  const answer = collect(connection.request(bytes('hello'), 1000));
  await broken.advance(20);
  t.deepEqual(answer, ['lost']);
  t.is(server.fatal.length, 2);

  const buggy = new World();
  const other = await buggy.pair(failing(new TypeError('a bug')));
  const lost = collect(other.connection.request(bytes('hello'), 1000));
  await buggy.advance(20);
  t.deepEqual(lost, ['lost'], 'a request may fail');
  other.connection.event(bytes('event'));
  await t.throwsAsync(buggy.advance(20), { instanceOf: TypeError, message: 'a bug' });
  t.is(other.server.fatal.length, 0);
});

test('what the owner of a connection throws from its events is fatal, too', async (t) => {
  const world = new World();
  world.serve('b');
  const client = world.start('a');
  const failing = (place: string) => () => {
    throw new InvariantError(place);
  };
  const events = {
    onConnect: failing('onConnect'),
    onDisconnect: failing('onDisconnect'),
    onPing: failing('onPing'),
  };
  client.endpoint.connect({ publicKey: keyOf('b'), address: () => 'b:1' }, events);
  await world.advance(25);
  world.network.block('a', 'b');
  await world.advance(600);
  t.deepEqual(
    client.fatal.map(({ message }) => message),
    ['onConnect', 'onPing', 'onDisconnect'],
  );
});

test('a frame over the limit breaks an invariant at its sender, and loses the request if it is an answer', async (t) => {
  const world = new World();
  const handlers = new EchoHandlers();
  handlers.onRequest = async () => new Uint8Array(rpcBytesMax + 1);
  const { connection } = await world.pair(handlers);
  const tooLarge = new Uint8Array(rpcBytesMax + 1);
  t.throws(() => connection.event(tooLarge), { instanceOf: InvariantError });
  t.throws(() => void connection.request(tooLarge, 1000), { instanceOf: InvariantError });
  const answer = collect(connection.request(bytes('hello'), 1000));
  await world.advance(20);
  t.deepEqual(answer, ['lost']);
});

test('the sender may use its buffer again at once; the receiver may not, once it has returned', async (t) => {
  const world = new World({ duplicateProbability: 0.5 });
  const handlers = new EchoHandlers();
  const kept: Uint8Array[] = [];
  const heard: string[] = [];
  handlers.onEvent = (_from, value) => {
    heard.push(`${Buffer.from(value)}`);
    kept.push(value);
  };
  handlers.onRequest = async (_from, value) => {
    heard.push(`${Buffer.from(value)}`);
    kept.push(value);
    return bytes('answer');
  };
  const { connection } = await world.pair(handlers);
  const buffer = Buffer.from('content');
  const answers: string[][] = [];
  for (let nth = 0; nth < 100; nth++) {
    buffer.write('content');
    connection.event(buffer);
    answers.push(collect(connection.request(buffer, 1000)));
    buffer.fill(0);
  }
  await world.advance(50);
  t.true(heard.length > 250);
  t.deepEqual(new Set(heard), new Set(['content']));
  const overwritten = kept.filter((value) => `${Buffer.from(value)}` !== 'content').length;
  t.true(overwritten > 10 && overwritten < kept.length / 2, `${overwritten} of ${kept.length}`);
  t.deepEqual(new Set(answers.flat()), new Set(['answer']));
});

test('a blocked direction swallows what is sent, and only that direction', async (t) => {
  for (const [from, to, handled] of [
    ['a', 'b', 0],
    ['b', 'a', 1],
  ] as const) {
    const world = new World();
    const handlers = new EchoHandlers();
    let requests = 0;
    handlers.onRequest = async () => {
      requests++;
      return bytes('answer');
    };
    const { connection, log } = await world.pair(handlers);
    world.network.block(from, to);
    t.true(world.network.isBlocked(from, to));
    t.false(world.network.isBlocked(to, from));
    const answer = collect(connection.request(bytes('hello'), 60_000));
    await world.advance(700);
    t.is(requests, handled);
    t.deepEqual(answer, ['lost']);
    t.is(log.disconnects, 1);
    await world.advance(3000);
    t.is(log.connects, 1);
    if (handled === 0) world.network.unblock(from, to);
    else world.network.healAll();
    await world.advance(600);
    t.is(log.connects, 2);
  }
});

test('a clogged direction holds packets back up to its capacity, and lets them go when it is cleared', async (t) => {
  const world = new World();
  const handlers = new EchoHandlers();
  const { connection } = await world.pair(handlers);
  world.network.clog('a', 'b', 3);
  t.false(connection.congested);
  for (let nth = 0; nth < 5; nth++) connection.event(new Uint8Array(40_000).fill(0x30 + nth));
  t.true(connection.congested);
  await world.advance(40);
  t.deepEqual(handlers.events, []);
  world.network.unclog('a', 'b');
  t.false(connection.congested);
  await world.advance(20);
  t.deepEqual(
    handlers.events.map(({ text }) => text[0]),
    ['0', '1', '2'],
  );
  t.is(world.seen('network: clog overflows'), 2);
});

test('a clog ends with all other faults; what is blocked as well is lost', async (t) => {
  const healed = new World();
  const handlers = new EchoHandlers();
  const { connection } = await healed.pair(handlers);
  healed.network.clog('a', 'b', 10);
  healed.network.block('b', 'a');
  healed.network.setLinkConditions('a', 'b', { ...calm, lossProbability: 1 });
  connection.event(bytes('held'));
  healed.network.healAll();
  connection.event(bytes('next'));
  await healed.advance(500);
  t.deepEqual(
    handlers.events.map(({ text }) => text),
    ['held', 'next'],
  );

  const blocked = new World();
  const unheard = new EchoHandlers();
  const pair = await blocked.pair(unheard);
  blocked.network.clog('a', 'b', 10);
  pair.connection.event(bytes('held'));
  blocked.network.block('a', 'b');
  blocked.network.unclog('a', 'b');
  await blocked.advance(500);
  t.deepEqual(unheard.events, []);
});

test('what is slow of a link is overtaken by the rest, and keeps its order', async (t) => {
  const world = new World();
  const handlers = new EchoHandlers();
  const { connection } = await world.pair(handlers);
  const sentAt = world.kernel.now;
  world.network.slowDown('a', 'b', 'event', 100);
  const arrivedAt: number[] = [];
  handlers.onEvent = (_from, value) => void arrivedAt.push(Number(`${Buffer.from(value)}`), world.kernel.now - sentAt);
  for (let nth = 1; nth <= 3; nth++) connection.event(bytes(`${nth}`));
  const answer = collect(connection.request(bytes('hello'), 1000));
  await world.advance(roundTripMs + 1);
  t.deepEqual(answer, ['hello']);
  t.deepEqual(arrivedAt, []);
  await world.advance(300);
  t.deepEqual(
    arrivedAt.filter((_, place) => place % 2 === 0),
    [1, 2, 3],
  );
  t.true(arrivedAt.every((value, place) => place % 2 === 0 || (value > 100 && value < 206)));
  world.network.slowDown('a', 'b', 'event', 0);
  connection.event(bytes('4'));
  await world.advance(roundTripMs);
  t.is(arrivedAt.at(-2), 4);
});

test('whoever is hung up on knows at once, and dials again', async (t) => {
  const world = new World();
  const { connection, log } = await world.pair();
  world.network.hangUp('b');
  await world.advance(roundTripMs);
  t.false(connection.connected);
  await world.advance(150);
  t.true(connection.connected);
  t.is(log.connects, 2);
});

test('a request that arrives twice is handled twice and answered once', async (t) => {
  const world = new World({ duplicateProbability: 1 });
  const handlers = new EchoHandlers();
  let requests = 0;
  handlers.onRequest = async (_from, value) => {
    requests++;
    return Buffer.from(value);
  };
  const { connection, log } = await world.pair(handlers);
  const answers = ['x', 'y'].map((text) => collect(connection.request(bytes(text), 1000)));
  await world.advance(50);
  t.is(requests, 4);
  t.deepEqual(answers, [['x'], ['y']]);
  t.is(world.seen('network: request again'), 2);
  t.is(log.connects, 1);
  t.is(log.pings.length, 1, 'a ping is answered once');
});

test('the answer to a request that arrives twice is that of its first copy, though the second has one earlier', async (t) => {
  const world = new World({ duplicateProbability: 1 });
  const handlers = new EchoHandlers();
  let requests = 0;
  handlers.onRequest = async () => {
    const isFirst = ++requests === 1;
    if (isFirst) await new Promise<void>((resolve) => void world.kernel.after(20, null, 'world', resolve));
    return Buffer.from(isFirst ? 'done' : 'refused');
  };
  const { connection } = await world.pair(handlers);
  const answer = collect(connection.request(bytes('x'), 1000));
  await world.advance(100);
  t.deepEqual(answer, ['done']);
});

test('a late packet is overtaken; all others keep their order', async (t) => {
  const world = new World({ delayMs: [1, 10], lateProbability: 0.1, lateMs: 100 });
  const handlers = new EchoHandlers();
  const { connection } = await world.pair(handlers);
  for (let nth = 0; nth < 200; nth++) connection.event(bytes(`${nth}`));
  await world.advance(150);
  const order = handlers.events.map(({ text }) => Number(text));
  t.is(order.length, 200);
  let latest = -1;
  const overtaken = order.filter((nth) => {
    const late = nth < latest;
    latest = Math.max(latest, nth);
    return late;
  });
  t.true(overtaken.length > 5 && overtaken.length < 50, `${overtaken.length}`);
});

test('conditions hold for all links, or for one', async (t) => {
  const world = new World();
  const handlers = new EchoHandlers();
  const { connection } = await world.pair(handlers);
  const slow = { ...calm, delayMs: [300, 300] } as const;
  world.network.setLinkConditions('a', 'b', slow);
  connection.event(bytes('slow'));
  world.network.setLinkConditions('a', 'b', null);
  connection.event(bytes('quick'));
  world.network.setConditions({ ...calm, lossProbability: 1 });
  connection.event(bytes('lost'));
  world.network.setConditions(calm);
  await world.advance(310);
  t.deepEqual(
    handlers.events.map(({ text }) => text),
    ['quick', 'slow'],
  );
});

test('the newest connection of a key wins: the older one is closed', async (t) => {
  const world = new World();
  const { connection: older, log } = await world.pair();
  let brokenByNewer = false;
  log.onDisconnect = () => {
    brokenByNewer = true;
    void older.close();
  };
  const { connection: newer } = world.connect(world.start('a'), 'b');
  await world.advance(50);
  t.true(brokenByNewer);
  t.true(newer.connected);
  await world.advance(1000);
  t.true(newer.connected);
});

/** A pair whose server knows its client: `peer` is the connection at the end that was dialled. */
async function introducedPair(world: World) {
  const handlers = new EchoHandlers();
  const pair = await world.pair(handlers);
  return { ...pair, handlers, peer: await introduce(world, pair.connection, handlers) };
}

async function introduce(world: World, connection: RpcConnection, handlers: EchoHandlers): Promise<RpcPeer> {
  const known = new Set(handlers.peers);
  connection.event(bytes('hello'));
  await world.advance(10);
  const peer = handlers.peers.find((each) => !known.has(each));
  if (peer === undefined) throw new Error('the event did not arrive');
  return peer;
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

test('what is said back over a connection arrives in order, and only there', async (t) => {
  const world = new World({ delayMs: [1, 5] });
  const { log, connection, handlers, peer } = await introducedPair(world);
  t.is(peer.publicKey, keyOf('a'));
  const { log: other } = world.connect(world.start('c'), 'b');
  await world.advance(50);
  const sent = Array.from({ length: 50 }, (_, nth) => `${nth}`);
  for (const text of sent) peer.event(bytes(text));
  await world.advance(50);
  t.deepEqual([log.events, other.events], [sent, []]);
  t.deepEqual(world.tapped, ['a>b:hello'], 'it is no event of the end that dialled');
  connection.event(bytes('again'));
  const asking: RpcPeer[] = [];
  handlers.onRequest = async (from) => {
    asking.push(from);
    return bytes('answer');
  };
  collect(connection.request(bytes('hello'), 1000));
  await world.advance(50);
  t.deepEqual([handlers.peers, asking], [[peer], [peer]]);
  t.throws(() => peer.event(new Uint8Array(rpcBytesMax + 1)), { instanceOf: InvariantError });
});

test('what is said back meets the faults of all packets', async (t) => {
  const repeating = new World({ duplicateProbability: 1, lateMs: 50 });
  const repeated = await introducedPair(repeating);
  const buffer = Buffer.from('twice');
  repeated.peer.event(buffer);
  buffer.fill(0);
  await repeating.advance(100);
  t.deepEqual(repeated.log.events, ['twice', 'twice']);
  t.is(repeating.seen('network: push again'), 1);

  const losing = new World();
  const lost = await introducedPair(losing);
  losing.network.setLinkConditions('b', 'a', { ...calm, lossProbability: 1 });
  lost.peer.event(bytes('lost'));
  losing.network.setLinkConditions('b', 'a', null);
  losing.network.block('b', 'a');
  lost.peer.event(bytes('swallowed'));
  losing.network.unblock('b', 'a');
  losing.network.block('a', 'b');
  lost.peer.event(bytes('heard'));
  await losing.advance(20);
  t.deepEqual(lost.log.events, ['heard']);
  t.is(losing.seen('network: push lost'), 1);

  const late = new World();
  const overtaken = await introducedPair(late);
  late.network.setLinkConditions('b', 'a', { ...calm, lateProbability: 1, lateMs: 50 });
  overtaken.peer.event(bytes('late'));
  late.network.setLinkConditions('b', 'a', null);
  overtaken.peer.event(bytes('early'));
  await late.advance(60);
  t.deepEqual(overtaken.log.events, ['early', 'late']);
});

test('the bytes of what is said back are valid only during the call', async (t) => {
  const world = new World();
  const { log, peer } = await introducedPair(world);
  const kept: Uint8Array[] = [];
  log.onEvent = (value) => kept.push(value);
  for (let nth = 0; nth < 100; nth++) peer.event(bytes('content'));
  await world.advance(50);
  const overwritten = kept.filter((value) => `${Buffer.from(value)}` !== 'content').length;
  t.true(overwritten > 3 && overwritten < 40, `${overwritten} of ${kept.length}`);
});

test('what is said to a peer that is gone is dropped, and what is on its way then is not heard', async (t) => {
  const world = new World();
  const { client, connection, log, peer, handlers } = await introducedPair(world);
  const closes = countCloses(peer);
  peer.event(bytes('on its way'));
  await connection.close();
  peer.event(bytes('on its way, too'));
  await world.advance(10);
  t.is(world.seen('network: push over an older connection'), 2);
  t.deepEqual(closes, [1]);
  peer.event(bytes('dropped'));
  t.deepEqual(countCloses(peer), [1], 'at once, as it is gone');
  await world.advance(20_000);
  t.is(world.seen('network: push over an older connection'), 2);
  t.deepEqual([closes, log.events], [[1], []]);

  const next = world.connect(client, 'b');
  await world.advance(50);
  const nextPeer = await introduce(world, next.connection, handlers);
  t.not(nextPeer, peer);
  nextPeer.event(bytes('to the next'));
  await world.advance(20);
  t.deepEqual([next.log.events, log.events], [['to the next'], []]);
});

test('a peer that crashed is told of late, and one that is connected to anew at once', async (t) => {
  const crashed = new World();
  const silent = await introducedPair(crashed);
  const silentCloses = countCloses(silent.peer);
  await crashed.advance(20_000);
  t.deepEqual(silentCloses, [0], 'pings are signs of life');
  silent.client.life.end();
  silent.peer.event(bytes('to nobody'));
  await crashed.advance(13_000);
  t.deepEqual(silentCloses, [0]);
  await crashed.advance(5000);
  t.deepEqual([silentCloses, silent.log.events], [[1], []]);

  const returned = new World();
  const replaced = await introducedPair(returned);
  const closes = countCloses(replaced.peer);
  replaced.client.life.end();
  const { connection, log } = returned.connect(returned.start('a'), 'b');
  await returned.advance(50);
  t.deepEqual(closes, [1]);
  const peer = await introduce(returned, connection, replaced.handlers);
  peer.event(bytes('welcome'));
  replaced.peer.event(bytes('dropped'));
  await returned.advance(20_000);
  t.deepEqual([closes, log.events, replaced.log.events], [[1], ['welcome'], []]);
});

test('a peer is told when its own end closes; what fails then is reported', async (t) => {
  const world = new World();
  const { server, peer } = await introducedPair(world);
  peer.onClose(() => {
    throw new InvariantError('in onClose');
  });
  const closes = countCloses(peer);
  await server.endpoint.close();
  await world.advance(20_000);
  t.deepEqual(closes, [1]);
  t.deepEqual(
    server.fatal.map(({ message }) => message),
    ['in onClose'],
  );
});

test('what the owner of a connection throws when something is said to it is fatal', async (t) => {
  const world = new World();
  const { client, log, peer } = await introducedPair(world);
  log.onEvent = () => {
    throw new InvariantError('in onEvent');
  };
  peer.event(bytes('event'));
  await world.advance(20);
  t.deepEqual(
    client.fatal.map(({ message }) => message),
    ['in onEvent'],
  );
});

test('a peer is congested while what was said to it is held back', async (t) => {
  const world = new World();
  const { connection, log, peer } = await introducedPair(world);
  world.network.clog('b', 'a', 3);
  t.false(peer.congested);
  for (let nth = 0; nth < 5; nth++) peer.event(new Uint8Array(40_000).fill(0x30 + nth));
  t.deepEqual([peer.congested, connection.congested], [true, false]);
  await world.advance(40);
  t.deepEqual(log.events, []);
  world.network.unclog('b', 'a');
  t.false(peer.congested);
  await world.advance(20);
  t.deepEqual(
    log.events.map((text) => text[0]),
    ['0', '1', '2'],
  );
});

test('two connections to one peer are independent of each other', async (t) => {
  const world = new World();
  const { client, connection: first, log, handlers, peer } = await introducedPair(world);
  const { connection: second, log: secondLog } = world.connect(client, 'b');
  await world.advance(50);
  const secondPeer = await introduce(world, second, handlers);
  const closes = countCloses(peer, secondPeer);
  peer.event(bytes('first'));
  secondPeer.event(bytes('second'));
  await world.advance(1000);
  t.deepEqual([log.events, secondLog.events], [['first'], ['second']]);
  await second.close();
  await world.advance(10);
  t.deepEqual(closes, [0, 1]);
  const third = world.connect(client, 'b');
  await world.advance(50);
  const thirdPeer = await introduce(world, third.connection, handlers);
  t.deepEqual([first.connected, third.connection.connected], [true, true]);
  for (let nth = 2; nth < lanesMax; nth++) world.connect(client, 'b');
  t.throws(() => world.connect(client, 'b'), { instanceOf: InvariantError, message: /at most 4 connections/ });

  const back = world.connect(world.start('a'), 'b');
  await world.advance(50);
  t.true(back.connection.connected);
  t.deepEqual([closes, countCloses(thirdPeer)], [[1, 1], [0]], 'the first takes the place of the first');
});

test('two processes hold one connection in each direction', async (t) => {
  const world = new World();
  const [left, right] = [world.serve('a'), world.serve('b')];
  const both = [world.connect(left, 'b'), world.connect(right, 'a')];
  await world.advance(1000);
  const answers = both.map(({ connection }) => collect(connection.request(bytes('hello'), 100)));
  await world.advance(50);
  t.deepEqual(answers, [['hello'], ['hello']]);
  t.deepEqual(
    both.map(({ log }) => log.disconnects),
    [0, 0],
  );
});

test('a connection that is closed on purpose loses what is outstanding, and is dialled no more', async (t) => {
  const world = new World();
  const { connection, log } = await world.pair();
  const answer = collect(connection.request(bytes('hello'), 60_000));
  await connection.close();
  await world.advance(2000);
  t.deepEqual(answer, ['lost']);
  t.false(connection.connected);
  t.deepEqual([log.connects, log.disconnects], [1, 0]);
});

test('closing an endpoint waits for running handlers, takes nothing new, and tells the other end', async (t) => {
  const world = new World();
  const handlers = new EchoHandlers();
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  const started: string[] = [];
  handlers.onRequest = async (_from, value) => {
    started.push(`${Buffer.from(value)}`);
    await gate;
    return bytes('answer');
  };
  const { server, connection, log } = await world.pair(handlers);
  const running = collect(connection.request(bytes('running'), 60_000));
  await world.advance(20);
  let closed = false;
  void server.endpoint.close().then(() => {
    closed = true;
  });
  const late = collect(connection.request(bytes('late'), 60_000));
  const { connection: refused } = world.connect(world.start('c'), 'b');
  await world.advance(200);
  t.false(closed);
  t.false(refused.connected);
  t.deepEqual([started, late], [['running'], ['lost']]);
  world.kernel.after(0, server.life, 'world', open);
  await world.advance(20);
  t.true(closed);
  t.deepEqual(running, ['answer']);
  t.is(log.disconnects, 1);
  await world.advance(1000);
  t.is(log.connects, 1);
});

test('a request that fails while the endpoint closes is lost, and not fatal', async (t) => {
  const world = new World();
  const handlers = new EchoHandlers();
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  handlers.onRequest = async () => {
    await gate;
    throw new InvariantError('closed');
  };
  const { server, connection } = await world.pair(handlers);
  const answer = collect(connection.request(bytes('hello'), 60_000));
  await world.advance(20);
  void server.endpoint.close();
  open();
  await world.advance(100);
  t.deepEqual(answer, ['lost']);
  t.deepEqual(server.fatal, []);
});

test('an endpoint that has closed is silent, and noticed by its missing pongs', async (t) => {
  const world = new World();
  const handlers = new EchoHandlers();
  const { server, connection, log } = await world.pair(handlers);
  world.network.block('b', 'a');
  await server.endpoint.close();
  world.network.unblock('b', 'a');
  connection.event(bytes('too late'));
  await world.advance(600);
  t.is(log.disconnects, 1);
  t.is(log.pings.length, 1);
  t.deepEqual(handlers.events, []);
  const { dials } = world;
  await world.advance(2000);
  t.is(log.connects, 1);
  t.true(world.dials - dials <= 6, 'nobody refuses');
});

test('what an older connection still has to say does not touch the newer one', async (t) => {
  const world = new World();
  const { server, connection, log } = await world.pair();
  world.network.setLinkConditions('b', 'a', { ...calm, duplicateProbability: 1, lateMs: 20_000 });
  await server.endpoint.close();
  server.life.end();
  world.network.setLinkConditions('b', 'a', null);
  world.serve('b');
  await world.advance(1000);
  t.deepEqual([log.connects, log.disconnects], [2, 1]);
  t.is(world.seen('network: closed again'), 0);
  await world.advance(20_000);
  t.is(world.seen('network: closed again'), 1);
  t.true(connection.connected);
  t.deepEqual([log.connects, log.disconnects], [2, 1]);
});

test('closing an endpoint does not wait for ever, and what is answered afterwards is not sent', async (t) => {
  const world = new World();
  const handlers = new EchoHandlers();
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  handlers.onRequest = () => gate.then(() => bytes('answer'));
  const { server, connection } = await world.pair(handlers);
  const answer = collect(connection.request(bytes('hello'), 60_000));
  await world.advance(20);
  let closed = false;
  void server.endpoint.close().then(() => {
    closed = true;
  });
  await world.advance(1900);
  t.false(closed);
  world.network.block('b', 'a');
  await world.advance(150);
  t.true(closed);
  world.network.unblock('b', 'a');
  open();
  await world.advance(50);
  t.deepEqual(answer, []);
  await world.advance(1000);
  t.deepEqual(answer, ['lost']);
});

const hostile: NetworkConditions = {
  delayMs: [0.2, 8],
  lateProbability: 0.05,
  lateMs: 300,
  lossProbability: 0.05,
  duplicateProbability: 0.05,
};

test('a run depends on its seed and on what is sent, alone', async (t) => {
  const run = async (seed: number, last = 'x') => {
    const world = new World(hostile, seed);
    const { connection } = await world.pair();
    for (let nth = 0; nth < 50; nth++) {
      connection.event(bytes(`${nth}`));
      collect(connection.request(bytes(`${nth}`), 100));
      await world.advance(20);
    }
    // One of them arrives.
    for (let nth = 0; nth < 5; nth++) connection.event(bytes(last));
    await world.advance(1000);
    return world.kernel.trace.hash;
  };
  t.is(await run(7), await run(7));
  t.not(await run(7), await run(8));
  t.not(await run(7), await run(7, 'y'));
});

test('two raft transports exchange messages over a hostile network, and reconnect after a crash', async (t) => {
  const world = new World(hostile);
  const peers = ['r1', 'r2'].map((id) => ({ id, publicKey: keyOf(id), rpc: `${id}:7101` }));
  const start = (self: string) => {
    const process = world.start(self, 500);
    const received: string[] = [];
    let disconnects = 0;
    const transport = createRaftTransport({
      endpoint: process.endpoint,
      self,
      peers: () => peers,
      events: {
        onMessages: (from, messages) => received.push(...messages.map((message) => `${from}/${message.term}`)),
        onDisconnect: () => disconnects++,
      },
      idOfKey: (publicKey) => peers.find((peer) => peer.publicKey === publicKey)?.id ?? null,
    });
    const handlers = new EchoHandlers();
    handlers.onEvent = (from, value) => transport.receive(from.publicKey, value);
    void process.endpoint.listen(handlers, everybody);
    return { process, transport, received, disconnects: () => disconnects };
  };
  const vote = (from: string, to: string, number: number): Message => ({
    type: 'requestVote',
    from,
    to,
    term: term(number),
    uuid: 'a0b1',
    bootId: 3,
    phase: 'vote',
    last: { term: term(0), index: 0 as never },
  });
  const first = start('r1');
  let second = start('r2');
  await world.advance(1000);
  const exchange = async (rounds: number) => {
    for (let round = 1; round <= rounds; round++) {
      first.transport.send('r2', [vote('r1', 'r2', round)]);
      second.transport.send('r1', [vote('r2', 'r1', round)]);
      await world.advance(10);
    }
    await world.advance(400);
  };
  await exchange(200);
  for (const { received, transport } of [first, second]) {
    t.true(new Set(received).size > 150, 'most arrive');
    t.true(received.length > new Set(received).size, 'some arrive twice');
    t.notDeepEqual(received, received.toSorted(), 'some overtake others');
    t.deepEqual(transport.statistics(), { unreadableFrames: 0, forgedFrames: 0, congestedDrops: 0 });
  }
  second.process.life.end();
  await world.advance(2000);
  t.true(first.disconnects() > 0);
  second = start('r2');
  await world.advance(1000);
  await exchange(20);
  t.true(second.received.length > 10);
});

test('the store’s client finds the leader, and writes through late and repeated packets and the end of a leader', async (t) => {
  const world = new World({ ...hostile, lossProbability: 0 });
  const ids = ['r1', 'r2', 'r3'];
  const clusterId = 'a-cluster';
  let leader = 'r1';
  let revision = 0;
  const statusOf = (id: string) =>
    ({
      id,
      clusterId,
      bootId: 1,
      role: id === leader ? 'leader' : 'follower',
      state: 'normal',
      term: leader === 'r1' ? 1 : 2,
      leader,
      firstIndex: 1,
      lastIndex: 1,
      commitIndex: 1,
      publishIndex: 1,
      appliedIndex: 1,
      claimIndex: null,
      leaderChanges: 0,
      stateDigest: 'abcd',
      message: null,
    }) as unknown as ReplicaStatus;
  const answered: string[] = [];
  const handlersOf = (id: string): RpcHandlers => ({
    onEvent() {},
    pingInfo: () => encodeStatus(statusOf(id)),
    async onRequest(_from, value) {
      const request = decodeStoreRequest(value);
      if (request?.type !== 'write') return encodeStoreReply({ type: 'error', reason: 'only writes' });
      answered.push(id);
      const replies = request.commands.map((): WriteReply => {
        if (id !== leader) return { type: 'notLeader', leader };
        revision++;
        const result =
          revision === 1
            ? { type: 'sessionOpened' as const, session: 1 as never }
            : { type: 'put' as const, revision: revision as never, version: 1, created: true };
        return { type: 'done', result };
      });
      return encodeStoreReply({ type: 'write', replies });
    },
  });
  const servers = new Map(ids.map((id) => [id, world.serve(id, handlersOf(id))]));
  const gateway = world.start('g1');
  const client = connectStoreClient({
    endpoint: gateway.endpoint,
    cluster: {
      clusterId,
      replicas: ids.map((id) => ({ id, publicKey: keyOf(id), rpc: `${id}:1`, http: `${id}:2` })),
      gateways: [],
    },
    clock: gateway.life.clock,
    random: streamOf(1, 'client'),
    observer: { onAttempt() {} },
  });
  const precondition = { ifMatch: null, ifNoneMatch: null };
  const write = (nth: number) =>
    client.write({ type: 'put', key: `k${nth}`, value: bytes('value'), contentType: 'text/plain', precondition }, 5000);
  const outcomes: string[] = [];
  const writeAll = async () => {
    for (let nth = 0; nth < 20; nth++) {
      void write(nth).then((outcome) => outcomes.push(outcome.type));
      await world.advance(30);
    }
    await world.advance(6000);
  };
  await writeAll();
  t.is(client.leader(), 'r1');
  t.true(client.replicas().every(({ healthy }) => healthy));
  t.deepEqual(new Set(outcomes), new Set(['done']));
  leader = 'r2';
  servers.get('r1')?.life.end();
  outcomes.length = 0;
  await writeAll();
  t.is(client.leader(), 'r2');
  t.false(client.replicas().some(({ id, healthy }) => id === 'r1' && healthy));
  t.deepEqual(new Set(outcomes), new Set(['done']));
  t.true(answered.includes('r1') && answered.includes('r2'));
});
