import { once } from 'node:events';
import { createServer, IncomingMessage, ServerResponse } from 'node:http';
import { type AddressInfo, connect, Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import type { Answer } from '../../src/gateway/answer.ts';
import { startGateway } from '../../src/gateway/server.ts';
import { type AdmittedRead, createShortWay } from '../../src/gateway/short-way.ts';
import { type Clock, systemClock } from '../../src/system-clock.ts';
import { waitFor } from '../cluster/wait.ts';
import { gatewayOptions, type RequestOptions, type Response, request } from './harness.ts';
import { StreamingClient } from './streaming-client.ts';

type Coherence = 'lease' | 'validate' | 'off';

/** By which a lease is never given back for want of readers, however slow the machine. */
const standingClock: Clock = { ...systemClock, now: () => 0, wallNow: () => 0 };

async function setUp(t: ExecutionContext, coherence: Coherence) {
  const client = new StreamingClient(coherence === 'lease' ? 60_000 : null);
  const options = gatewayOptions(client);
  const caching = { coherence, cache: { cacheBytes: 1024 * 1024 } };
  const gateway = await startGateway({ ...options, caching, clock: standingClock });
  t.teardown(() => gateway.close());
  const { port } = gateway.address;
  const ask = (method: string, path: string, given?: RequestOptions): Promise<Response> =>
    request(port, method, path, given);
  // A lease is asked for once a hit has wanted one.
  if (coherence === 'lease') {
    const isLeased = async () =>
      (await ask('GET', '/v1/kv/wanted')).headers['cache-status']?.includes('lease') ?? false;
    await waitFor(isLeased, { description: 'a lease', timeoutMs: 10_000 });
  }
  return { client, port, metrics: options.metrics, ask };
}

/** Of a request in the absolute form, which alone makes it go the long way. */
const theLongWay = (path: string) => `http://a.example${path}`;

const revision = (value: string) => ({ 'Bazar-Min-Revision': value });
const matching = (value: string) => ({ 'If-None-Match': value });
const cacheControl = (value: string) => ({ 'Cache-Control': value });

const asked: readonly (readonly [method: string, path: string, headers?: RequestOptions['headers']])[] = [
  ['GET', '/v1/kv/a'],
  ['HEAD', '/v1/kv/a'],
  ['GET', '/v1/kv/empty'],
  ['GET', '/v1/kv/large'],
  ['HEAD', '/v1/kv/large'],
  ['GET', '/v1/kv/absent'],
  ['HEAD', '/v1/kv/absent'],
  ['GET', '/v1/kv/%61'],
  ['GET', '/v1/kv/d%2Fe'],
  ['GET', '/v1/kv/d/e'],
  ['GET', '/v1/kv/d//e'],
  ['GET', '/v1/kv/%C3%A4%20%25'],
  ['GET', '/v1/kv/..'],
  ['GET', '/v1/kv/a?'],
  ['GET', '/v1/kv/a??'],
  ['GET', '/v1/kv/a?&'],
  ['GET', '/v1/kv/a?timeout=2s'],
  ['GET', '/v1/kv/a?timeout=never'],
  ['GET', '/v1/kv/a?unknown=1'],
  ['GET', '/v1/kv/a?replica=r9'],
  ['GET', '/v1/kv/a?consistency=eventual'],
  ['GET', '/v1/kv/'],
  ['GET', '/v1/kv/%'],
  ['GET', '/v1/kv/%FF'],
  ['GET', '/v1/kv/%00'],
  ['GET', `/v1/kv/${'k'.repeat(2000)}`],
  ['GET', '/v1/kv/a', matching('"1"')],
  ['HEAD', '/v1/kv/a', matching('W/"1"')],
  ['GET', '/v1/kv/a', matching('"7", "1"')],
  ['GET', '/v1/kv/a', matching('*')],
  ['GET', '/v1/kv/a', matching('"7"')],
  ['GET', '/v1/kv/a', matching('1')],
  ['GET', '/v1/kv/a', { 'If-Match': '"7"' }],
  ['GET', '/v1/kv/a', { 'If-Match': '"1"' }],
  ['GET', '/v1/kv/absent', matching('*')],
  ['GET', '/v1/kv/a', cacheControl('only-if-cached')],
  ['GET', '/v1/kv/never-read', cacheControl('only-if-cached')],
  ['GET', '/v1/kv/a', cacheControl('no-store')],
  ['GET', '/v1/kv/a', cacheControl('max-age=0')],
  ['GET', '/v1/kv/a', revision('1')],
  ['GET', '/v1/kv/a', revision('x')],
  ['GET', '/v1/kv/a', { Range: 'bytes=0-0' }],
  ['GET', '/v1/kv/a', { Expect: '100-continue' }],
  ['GET', '/v1/kv/a', { 'Content-Length': '0' }],
  ['GET', '/v1/kv/a', { Connection: 'keep-alive' }],
  ['GET', '/v1/kv?prefix=d/'],
  ['HEAD', '/v1/kv?prefix=d/'],
  ['GET', '/v1/kv?prefix=d%2F&keysOnly'],
  ['GET', '/v1/kv?limit=2&prefix=d/'],
  ['GET', '/v1/kv'],
  ['GET', '/v1/kv?limit=0'],
  ['GET', '/v1/kv?prefix=%FF'],
  ['GET', '/v1/kv?cursor=abc'],
  ['GET', '/v1/kv?prefix=none/', cacheControl('only-if-cached')],
  ['GET', '/v1/kv?prefix=d/', matching('"7"')],
  ['GET', '/v1/kvx'],
  ['POST', '/v1/kv/a'],
  ['OPTIONS', '/v1/kv/a'],
  ['OPTIONS', '/v1/kv'],
  ['DELETE', '/v1/kv'],
  ['GET', '/v1'],
];

const requests = 'bazar_http_requests_total';
/** Leases are asked for all the time. */
const counters =
  /^(bazar_(?:http_requests_total|http_request_duration_seconds_count|gateway_(?!lease)\w+_total)\S*) (\d+)$/gm;

async function counts(metrics: { render(): Promise<{ readonly body: string }> }): Promise<Map<string, number>> {
  const { body } = await metrics.render();
  return new Map(Array.from(body.matchAll(counters), ([, name = '', count]) => [name, Number(count)]));
}

for (const coherence of ['lease', 'validate', 'off'] as const) {
  test(`what is asked for the short way is answered and counted as on the long one (${coherence})`, async (t) => {
    const { metrics, ask } = await setUp(t, coherence);
    const bodies = { a: 'one', empty: '', large: 'l'.repeat(50_000), 'd%2Fe': 'e', 'd%2F%2Fe': Buffer.from([0xff]) };
    const others = { 'd%2Ff': 'f', '%C3%A4%20%25': 'umlaut', '..': 'dots' };
    for (const [key, body] of Object.entries({ ...bodies, ...others })) await ask('PUT', `/v1/kv/${key}`, { body });
    const askAll = async (targetOf: (path: string) => string) => {
      const before = await counts(metrics);
      const answers: string[] = [];
      for (const [method, path, headers = {}] of asked) {
        const { status, body, ...answer } = await ask(method, targetOf(path), { headers });
        const { date, ...rest } = answer.headers;
        const told = JSON.stringify({ status, ...rest, body: body.toString('latin1') }, null, 1);
        // Replicas take turns.
        answers.push(`${method} ${path} ${JSON.stringify(headers)}\n${told.replaceAll(/\br[123]\b/g, 'a replica')}`);
      }
      let after = await counts(metrics);
      // A request counts when its response is closed, which its client may hear of before.
      while (sum(after, requests) < sum(before, requests) + asked.length) {
        await new Promise(setImmediate);
        after = await counts(metrics);
      }
      const grown = [...after]
        .map(([name, count]) => [name, count - (before.get(name) ?? 0)] as const)
        .filter(([name, count]) => count !== 0 && !name.includes('server="r'));
      return { answers, grown };
    };
    // What is to be kept is kept from then on: a list when it was asked for twice.
    await askAll((path) => path);
    await askAll((path) => path);
    const long = await askAll(theLongWay);
    const short = await askAll((path) => path);
    for (const [at, answer] of long.answers.entries()) t.is(short.answers[at], answer);
    t.deepEqual(short.grown, long.grown);
    const detail = { lease: 'lease', validate: 'validated', off: null }[coherence];
    t.is(short.answers.join().includes(`bazar; hit; detail=${detail}`), detail !== null);
  });
}

function sum(totals: ReadonlyMap<string, number>, prefix: string): number {
  return [...totals].reduce((total, [name, count]) => (name.startsWith(prefix) ? total + count : total), 0);
}

const declined = [
  ['a write', 'PUT', '/v1/kv/a', {}],
  ['another path', 'GET', '/v1/kvx', {}],
  ['the root', 'GET', '/', {}],
  ['a body of known length', 'GET', '/v1/kv/a', { 'content-length': '0' }],
  ['a body of unknown length', 'GET', '/v1/kv/a', { 'transfer-encoding': 'chunked' }],
  ['a fragment', 'GET', '/v1/kv/a#b', {}],
  ['an absolute target', 'GET', 'http://a/v1/kv/a', {}],
  ['a URL that is too long', 'GET', `/v1/kv/${'a'.repeat(100)}`, {}],
] as const;

function taken(method: string, url: string, headers: Readonly<Record<string, string>>): string {
  let read = 'nobody';
  const way = createShortWay({
    readKey: ({ path, querystring }) => {
      read = `key ${path} ${querystring}`;
      return { status: 204, headers: [], body: null };
    },
    readList: ({ path, querystring }) => {
      read = `list ${path} ${querystring}`;
      return { status: 204, headers: [], body: null };
    },
    observe() {},
    problemAnswerTo: () => null,
    urlBytesMax: 60,
  });
  const incoming = Object.assign(new IncomingMessage(new Socket()), { method, url, headers });
  return way(incoming, new ServerResponse(incoming)) ? read : 'declined';
}

for (const [what, method, url, headers] of declined) {
  test(`the short way is not for ${what}`, (t) => {
    t.is(taken(method, url, headers), 'declined');
  });
}

test('the short way is for reads of keys and lists', (t) => {
  t.is(taken('GET', '/v1/kv/a%2F?b?c', { accept: '*/*' }), 'key /v1/kv/a%2F b?c');
  t.is(taken('HEAD', '/v1/kv/', {}), 'key /v1/kv/ ');
  t.is(taken('GET', '/v1/kv?prefix=a/', {}), 'list /v1/kv prefix=a/');
  t.is(taken('HEAD', '/v1/kv', {}), 'list /v1/kv ');
});

test('a hit under a lease asks nobody, and a write ends it', async (t) => {
  const { ask, client } = await setUp(t, 'lease');
  const before = client.reads.length;
  await ask('PUT', '/v1/kv/a', { body: 'one' });
  await ask('GET', '/v1/kv/a');
  const hit = await ask('GET', '/v1/kv/a');
  t.like(hit, { status: 200, text: 'one' });
  t.like(hit.headers, { 'cache-status': 'bazar; hit; detail=lease', 'bazar-served-by': 'g1' });
  await ask('PUT', '/v1/kv/a', { body: 'two' });
  t.is((await ask('GET', '/v1/kv/a')).text, 'two');
  t.is(client.reads.length, before + 2);
});

/** What comes for these bytes until the other side closes, without what the time changes. */
async function received(port: number, bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.write(bytes);
  const chunks = await Array.fromAsync(socket as AsyncIterable<Buffer>);
  return Buffer.concat(chunks)
    .toString('latin1')
    .replaceAll(/^Date: .*\r\n/gm, '');
}

test('requests that are sent ahead, and those of old clients, get the same bytes both ways', async (t) => {
  const { port, ask } = await setUp(t, 'lease');
  await ask('PUT', '/v1/kv/a', { body: 'one' });
  for (const path of ['/v1/kv/a', '/v1/kv/absent']) await ask('GET', path);
  const hits = (authority: string) => {
    const get = `GET ${authority}/v1/kv/a HTTP/1.1\r\nHost: a\r\n`;
    const head = `HEAD ${authority}/v1/kv/a HTTP/1.1\r\nHost: a\r\n\r\n`;
    const absent = `GET ${authority}/v1/kv/absent HTTP/1.1\r\nHost: a\r\n\r\n`;
    const old = `GET ${authority}/v1/kv/a HTTP/1.0\r\n`;
    return [
      `${get}\r\n${head}${absent}${get}\r\n${get}Connection: close\r\n\r\n`,
      `${old}\r\n`,
      `${old}Connection: keep-alive\r\n\r\n${old}\r\n`,
      `${get}Connection: keep-alive\r\nConnection: close\r\n\r\n`,
    ];
  };
  const long = hits('http://a');
  for (const [at, bytes] of hits('').entries()) {
    const short = await received(port, bytes);
    t.is(short, await received(port, long[at] ?? ''));
    t.is(short.split('detail=lease').length, bytes.split(' HTTP/').length);
  }
});

/** Served by a handler of the test's own; what is thrown is a 500. */
async function serve(t: ExecutionContext, readKey: AdmittedRead): Promise<number> {
  const way = createShortWay({
    readKey,
    readList: readKey,
    observe() {},
    problemAnswerTo: (error) => ({ status: 500, headers: [], body: String(error) }),
    urlBytesMax: 60,
  });
  const server = createServer((incoming, response) => void way(incoming, response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  return (server.address() as AddressInfo).port;
}

const failures: readonly (readonly [what: string, handler: AdmittedRead, told: RegExp])[] = [
  [
    'is thrown',
    () => {
      throw new Error('broken');
    },
    /broken/,
  ],
  ['is rejected', async () => Promise.reject(new Error('broken later')), /broken later/],
  ['cannot be sent', () => ({ status: 200, headers: ['A', 'b\n'], body: null }), /Invalid character/],
  ['cannot be sent late', async () => ({ status: 200, headers: ['A', 'b\n'], body: null }), /Invalid character/],
];

for (const [what, handler, told] of failures) {
  test(`what ${what} is answered as a problem`, async (t) => {
    const { status, text } = await request(await serve(t, handler), 'GET', '/v1/kv/a');
    t.is(status, 500);
    t.regex(text, told);
  });
}

test('an answer that fails behind its head cuts the connection', async (t) => {
  for (const late of [false, true]) {
    const port = await serve(t, ({ res }) => {
      res.writeHead(200, ['Content-Length', '5']);
      res.write('hal');
      const answer: Answer = { status: 200, headers: [], body: 'whole' };
      return late ? Promise.resolve(answer) : answer;
    });
    await t.throwsAsync(request(port, 'GET', '/v1/kv/a'), { message: /aborted|hang up/ });
  }
});
