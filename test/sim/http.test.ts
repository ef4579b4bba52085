import type { RequestListener } from 'node:http';
import test from 'ava';
import { createApp } from '../../src/gateway/app.ts';
import type { GatewayLimits } from '../../src/gateway/limits.ts';
import { createLogger, type LogFields } from '../../src/logger.ts';
import { FakeClient } from '../gateway/fake-client.ts';
import { gatewayOptions, request as requestOverSocket, startTestGateway } from '../gateway/harness.ts';
import { HttpExchange, type HttpGateway, type HttpReply, type HttpRequest, injectHttp, SimHttp } from './http.ts';
import { Kernel } from './kernel.ts';
import { type NetworkConditions, SimNetwork } from './network.ts';
import { Probes } from './probes.ts';
import { streamOf } from './random.ts';

function requestOf(method: string, path: string, headers: HttpRequest['headers'] = {}, body?: string): HttpRequest {
  return { method, path, headers, body: body === undefined ? null : Buffer.from(body) };
}

const put = requestOf('PUT', '/v1/kv/a', { 'Content-Type': 'text/plain' }, 'the value');

function startApp(limits: Partial<GatewayLimits> = {}) {
  const client = new FakeClient();
  const logged: LogFields[] = [];
  const log = createLogger({ id: 'g1', level: 'debug', write: (line) => logged.push(JSON.parse(line)) });
  const handle: RequestListener = createApp({
    ...gatewayOptions(client, limits),
    peers: { askAll: async () => [] },
    log,
  });
  return { client, handle, statuses: () => logged.map(({ status }) => status) };
}

/** Until all that can settle has settled. */
const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

test('the gateway answers as over a real socket', async (t) => {
  const limits = { bodyBytesMax: 1000 };
  const real = await startTestGateway(t, limits);
  const { client, handle } = startApp(limits);
  const requests: readonly (readonly [number, HttpRequest])[] = [
    [201, put],
    [200, requestOf('GET', '/v1/kv/a')],
    [200, requestOf('HEAD', '/v1/kv/a')],
    [304, requestOf('GET', '/v1/kv/a', { 'If-None-Match': '"1"' })],
    [412, requestOf('PUT', '/v1/kv/a', { 'If-Match': '"9"' }, 'other')],
    [412, requestOf('PUT', '/v1/kv/a', { 'if-none-match': '*' }, 'other')],
    [200, requestOf('PUT', '/v1/kv/a', { 'if-match': '"1"' }, '')],
    [201, requestOf('PUT', '/v1/kv/%C3%A4%2Fb', {}, '\u00e4\u{1f600}'.repeat(100))],
    [200, requestOf('GET', '/v1/kv/%C3%A4%2Fb?replica=r2&timeout=2s')],
    [200, requestOf('GET', '/v1/kv?prefix=&limit=1')],
    [200, requestOf('GET', '/v1/kv?limit=100')],
    [404, requestOf('GET', '/v1/kv/missing')],
    [400, requestOf('GET', '/v1/kv/a?replica=r9')],
    [400, requestOf('GET', '/v1/kv/a?timeout=never')],
    [413, requestOf('PUT', '/v1/kv/a', {}, 'x'.repeat(1001))],
    [415, requestOf('PUT', '/v1/kv/a', { 'content-encoding': 'gzip' }, 'x')],
    [405, requestOf('POST', '/v1/kv/a', {}, 'x')],
    [204, requestOf('OPTIONS', '/v1/kv/a')],
    [404, requestOf('GET', '/nowhere')],
    [200, requestOf('DELETE', '/v1/kv/a')],
    [404, requestOf('DELETE', '/v1/kv/a')],
  ];
  for (const [status, request] of requests) {
    const { method, path, headers, body } = request;
    const expected = await requestOverSocket(real.port, method, path, {
      headers,
      ...(body === null ? {} : { body }),
    });
    const reply = await injectHttp(handle, request);
    t.is(reply.status, status, path);
    t.is(reply.status, expected.status, path);
    t.deepEqual(reply.body, expected.body, path);
    t.deepEqual(lasting(reply.headers), lasting(expected.headers), path);
    t.false('date' in reply.headers, 'no real time');
  }
  t.deepEqual(client.writes, real.client.writes);
  t.deepEqual(client.reads, real.client.reads);
});

/** Without what belongs to the connection or to the moment. */
function lasting(headers: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { date, connection, 'keep-alive': keepAlive, ...rest } = headers;
  return rest;
}

test('a request ends once: its share is given back, and it is counted under its status', async (t) => {
  const { handle, statuses } = startApp({ requestsInFlightMax: 1 });
  for (let nth = 0; nth < 3; nth++) await injectHttp(handle, put);
  t.deepEqual(statuses(), [201, 200, 200]);
});

test('a request that its handler does not read ends in order', async (t) => {
  const heard: string[] = [];
  const handle: RequestListener = (request, response) => {
    for (const event of ['aborted', 'close', 'error']) request.on(event, () => heard.push(event));
    response.end('enough');
  };
  t.is(`${(await injectHttp(handle, put)).body}`, 'enough');
  await settled();
  t.deepEqual(heard, ['close']);
});

test('a client that goes away before its body is whole has written nothing', async (t) => {
  const { client, handle, statuses } = startApp({ requestsInFlightMax: 1 });
  const exchange = new HttpExchange(handle, put, 4);
  await settled();
  t.deepEqual(statuses(), []);
  exchange.close();
  t.is(await exchange.reply, 'lost');
  await settled();
  t.deepEqual(client.writes, []);
  t.deepEqual(statuses(), [499]);
  t.is((await injectHttp(handle, put)).status, 201, 'its share was given back');
});

test('a client that goes away while the store works has written all the same', async (t) => {
  const { client, handle, statuses } = startApp({ requestsInFlightMax: 1 });
  const { promise, resolve } = Promise.withResolvers<{ type: 'noLeader' }>();
  client.writeOutcome = promise;
  const exchange = new HttpExchange(handle, put);
  await settled();
  exchange.close();
  t.is(await exchange.reply, 'lost');
  t.is(client.writes.length, 1);
  t.deepEqual(statuses(), [499]);
  t.is((await injectHttp(handle, put)).status, 429, 'the store still holds its value');
  resolve({ type: 'noLeader' });
  await settled();
  client.writeOutcome = null;
  t.is((await injectHttp(handle, put)).status, 201);
});

test('a gateway that cuts the connection leaves its client without an answer', async (t) => {
  const handle: RequestListener = (request) => void request.socket.destroy();
  await t.throwsAsync(injectHttp(handle, put), { message: /PUT \/v1\/kv\/a: the connection closed/ });
});

const calm: NetworkConditions = {
  delayMs: [5, 5],
  lateProbability: 0,
  lateMs: 0,
  lossProbability: 0,
  duplicateProbability: 0,
};

/** A gateway `g1` over a fake store, and clients on a simulated network. */
class World {
  readonly kernel = new Kernel({ afterEvent() {}, eventsMax: 1e6 });
  readonly probes = new Probes();
  readonly network: SimNetwork;
  readonly http: SimHttp;
  readonly client: FakeClient;
  readonly gateway: HttpGateway;
  readonly statuses: () => readonly unknown[];
  readonly life = this.kernel.startLife('g1', 1);

  constructor(conditions: Partial<NetworkConditions> = {}, seed = 1) {
    this.network = new SimNetwork({
      ...this,
      random: streamOf(seed, 'network'),
      conditions: { ...calm, ...conditions },
    });
    this.http = new SimHttp({ kernel: this.kernel, network: this.network, random: streamOf(seed, 'http') });
    const { client, handle, statuses } = startApp();
    this.client = client;
    this.statuses = statuses;
    this.gateway = { id: 'g1', life: this.life, handle };
  }

  /** What clients got, and when. */
  request(request: HttpRequest, timeoutMs: number): { status?: number | 'lost'; at?: number } {
    const got: { status?: number | 'lost'; at?: number } = {};
    void this.http.request('client:1', this.gateway, request, timeoutMs).then((reply: HttpReply | 'lost') => {
      got.status = reply === 'lost' ? 'lost' : reply.status;
      got.at = this.kernel.now;
    });
    return got;
  }

  advance(durationMs: number): Promise<void> {
    return this.kernel.run(this.kernel.now + durationMs);
  }

  seen(probe: string): number {
    return this.probes.counts.get(probe) ?? 0;
  }
}

test('a request travels to the gateway and its answer back', async (t) => {
  const world = new World({ duplicateProbability: 1 });
  const got = world.request(put, 1000);
  await world.advance(9);
  t.deepEqual(got, {});
  await world.advance(100);
  t.is(got.status, 201);
  t.true((got.at ?? 0) >= 10 && (got.at ?? 0) < 11);
  t.is(world.client.writes.length, 1, 'TCP delivers once');
});

test('a request to a gateway that is cut off is lost when its time is up', async (t) => {
  const world = new World();
  world.network.block('client:1', 'g1');
  world.network.block('g1', 'client:1');
  const got = world.request(put, 300);
  await world.advance(1000);
  t.deepEqual(got, { status: 'lost', at: 300 });
  t.is(world.client.writes.length, 0);
});

test('an answer that is cut off is lost, and the write is done', async (t) => {
  const world = new World();
  world.network.block('g1', 'client:1');
  const got = world.request(put, 300);
  await world.advance(1000);
  t.deepEqual(got, { status: 'lost', at: 300 });
  t.is(world.client.writes.length, 1);
});

test('an answer that comes after the client’s time is dropped', async (t) => {
  const world = new World();
  world.network.setLinkConditions('g1', 'client:1', { ...calm, delayMs: [500, 500] });
  const got = world.request(put, 300);
  await world.advance(1000);
  t.deepEqual(got, { status: 'lost', at: 300 });
  t.deepEqual(world.statuses(), [201]);
  t.is(world.seen('http: an answer nobody waits for'), 1);
});

test('a client whose time is up hangs up: the gateway notices, and the write goes on', async (t) => {
  const world = new World();
  world.client.writeOutcome = new Promise(() => {});
  const all = Array.from({ length: 10 }, () => world.request(put, 300));
  await world.advance(302);
  t.deepEqual(all, Array(10).fill({ status: 'lost', at: 300 }));
  t.deepEqual(world.statuses(), []);
  await world.advance(100);
  t.deepEqual(world.statuses(), Array(10).fill(499));
  t.is(world.client.writes.length, 10);
  t.is(world.seen('http: an answer nobody waits for'), 0);
});

test('a request may arrive after its client has hung up', async (t) => {
  const world = new World();
  world.network.setLinkConditions('client:1', 'g1', { ...calm, delayMs: [500, 500] });
  world.request(requestOf('DELETE', '/v1/kv/a'), 100);
  world.network.setLinkConditions('client:1', 'g1', null);
  await world.advance(1000);
  t.is(world.client.writes.length, 1);
  t.deepEqual(world.statuses(), [499]);
});

test('lost packets end as broken connections, heard of at once or not; some bodies arrive in part', async (t) => {
  const world = new World({ lossProbability: 0.3 });
  const all = Array.from({ length: 200 }, () => world.request(put, 1000));
  await world.advance(2000);
  const lost = all.filter(({ status }) => status === 'lost');
  t.true(lost.length > 60 && lost.length < 150, `${lost.length}`);
  const early = lost.filter(({ at = 0 }) => at < 1000);
  t.true(early.length > 10 && early.length < lost.length - 10, `${early.length} of ${lost.length}`);
  const answered = all.length - lost.length;
  t.true(world.client.writes.length > answered, 'answers are lost, too');
  t.true(world.client.writes.length < all.length);
  const parts = world.seen('http: a part of a body');
  t.true(parts > 5);
  t.is(world.statuses().filter((status) => status === 499).length, parts);
  t.true(world.client.writes.every(({ write }) => write.type === 'put' && `${write.value}` === `${put.body}`));
});

test('a client may hear at once that its answer is lost', async (t) => {
  const world = new World();
  world.network.setLinkConditions('g1', 'client:1', { ...calm, lossProbability: 0.5 });
  const all = Array.from({ length: 100 }, () => world.request(put, 1000));
  await world.advance(2000);
  const lost = all.filter(({ status }) => status === 'lost');
  const early = lost.filter(({ at = 0 }) => at < 1000);
  t.true(early.length > 5 && early.length < lost.length - 5, `${early.length} of ${lost.length}`);
  t.is(world.client.writes.length, 100);
});

test('when a gateway dies its clients hear of it at once, or not at all', async (t) => {
  const world = new World();
  const answered = Array.from({ length: 10 }, () => world.request(put, 1000));
  await world.advance(100);
  world.client.writeOutcome = new Promise(() => {});
  const all = Array.from({ length: 40 }, () => world.request(put, 1000));
  await world.advance(100);
  t.true(all.every(({ status }) => status === undefined));
  world.life.end();
  await world.advance(100);
  const early = all.filter(({ status }) => status === 'lost').length;
  t.true(early > 8 && early < 32, `${early}`);
  await world.advance(1000);
  t.true(all.every(({ status }) => status === 'lost'));
  t.true(answered.every(({ status }) => status === 201 || status === 200));
  t.is(world.seen('http: an answer nobody waits for'), 0);
});

test('a gateway that is down refuses, or is not there', async (t) => {
  const world = new World();
  const down: HttpGateway = { id: 'g2', life: null, handle: null };
  const ends: number[] = [];
  for (let nth = 0; nth < 40; nth++) {
    void world.http.request('client:1', down, put, 500).then((reply) => {
      if (reply === 'lost') ends.push(world.kernel.now);
    });
  }
  await world.advance(1000);
  t.is(ends.length, 40);
  const early = ends.filter((at) => at < 100).length;
  t.true(early > 8 && early < 32 && ends.filter((at) => at === 500).length === 40 - early, `${early}`);
});

test('a gateway that stands still answers when it goes on', async (t) => {
  const world = new World();
  world.life.pause(200);
  const patient = world.request(put, 1000);
  const hasty = world.request(putAt('b'), 100);
  await world.advance(1000);
  t.is(patient.status, 201);
  t.true((patient.at ?? 0) >= 205);
  t.deepEqual(hasty, { status: 'lost', at: 100 });
  t.is(world.client.writes.length, 2);
});

function putAt(key: string): HttpRequest {
  return requestOf('PUT', `/v1/kv/${key}`, {}, 'x');
}

test('a run depends on its seed and on what is asked, alone', async (t) => {
  const run = async (seed: number, last = 'x') => {
    const world = new World({ delayMs: [1, 9], lossProbability: 0.2, lateProbability: 0.2, lateMs: 300 }, seed);
    const all = Array.from({ length: 30 }, (_, nth) => world.request(putAt(`k${nth}`), 200));
    world.request(requestOf('GET', `/v1/kv/${last}`), 2000);
    await world.advance(2000);
    return { hash: world.kernel.trace.hash, all };
  };
  t.deepEqual(await run(7), await run(7));
  t.notDeepEqual(await run(7), await run(8));
  t.not((await run(7)).hash, (await run(7, 'y')).hash);
});
