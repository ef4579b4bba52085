/** Watches over real sockets and the real clock, over a history that is the test's. */
import { once } from 'node:events';
import { get as getHttp, type IncomingMessage } from 'node:http';
import test, { type ExecutionContext } from 'ava';
import { systemClock } from '../../../src/system-clock.ts';
import { problemOf, startTestGateway } from '../harness.ts';
import { FakeHistory } from './fake-history.ts';

async function setUp(t: ExecutionContext, limits = {}) {
  const history = new FakeHistory(systemClock);
  const gateway = await startTestGateway(t, limits);
  const { client } = gateway;
  client.history = history;
  client.readIndex = () => history.readIndex() as never;
  client.views = history.replicas();
  /** An answer that goes on: what has come of it, as soon as it holds a text. */
  async function open(path: string, headers: Record<string, string> = {}) {
    const outgoing = getHttp({ port: gateway.port, host: '127.0.0.1', path, headers, agent: false });
    const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
    t.teardown(() => outgoing.destroy());
    let text = '';
    let isClosed = false;
    let wake = () => {};
    incoming.setEncoding('utf8');
    incoming.on('data', (chunk: string) => {
      text += chunk;
      wake();
    });
    incoming.on('error', () => {});
    incoming.on('close', () => {
      isClosed = true;
      wake();
    });
    const until = async (part: string) => {
      // What was looked through is not looked through again.
      let seen = 0;
      while (text.indexOf(part, seen) === -1) {
        seen = Math.max(0, text.length - part.length);
        if (isClosed) throw new Error(`ended without ${part}: ${text.slice(-500)}`);
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return text;
    };
    const { statusCode: status, headers: answered } = incoming;
    return { status, headers: answered, incoming, until, destroy: () => outgoing.destroy() };
  }
  return { history, gateway, open, request: gateway.request };
}

const put = (key: string, value: string | Uint8Array = 'v') => ({ key, value });

test('a write that begins after the head of the response is seen, and is an event', async (t) => {
  const { history, open } = await setUp(t);
  history.write(put('before'));
  const watch = await open('/v1/watch?prefix=a');
  t.is(watch.status, 200);
  t.like(watch.headers, { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'bazar-revision': '1' });
  history.write(put('b'));
  history.write(put('a', 'ü\n'));
  const text = await watch.until('ü');
  t.true(
    text.startsWith(
      'retry: 1000\n\nid: 1\nevent: bookmark\ndata: {"revision":1}\n\nid: 3\nevent: put\ndata: {"key":"a"',
    ),
  );
});

test('values that are not text, deletes, ends of lifetimes and documents have their forms', async (t) => {
  const { history, request } = await setUp(t);
  history.write(put('raw', Buffer.from([0xff, 0])), { key: 'raw', value: null });
  const at = { revision: 2 as never, place: 0, count: 1 };
  history.add({ ...at, type: 'delete', subject: { type: 'key', key: 'lock' }, expired: true });
  const { status, headers, text } = await request('GET', '/v1/watch?from=0&wait=5s');
  t.is(status, 200);
  t.like(headers, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  const put0 = { key: 'raw', revision: 1, createRevision: 1, version: 1, contentType: 'text/plain', size: 2 };
  t.deepEqual(JSON.parse(text), {
    changes: [
      { event: 'put', id: '1:0', ...put0, valueBase64: '/wA=' },
      { event: 'delete', id: '1', key: 'raw', revision: 1 },
      { event: 'delete', id: '2', key: 'lock', revision: 2, expired: true },
    ],
    revision: 2,
    cursor: '2',
  });
});

test('a long poll waits, has an empty list when its time is up, and goes on from its cursor', async (t) => {
  const { history, request } = await setUp(t);
  history.write(put('a'), put('b'));
  const empty = await request('GET', '/v1/watch?from=1&wait=50ms');
  t.deepEqual(JSON.parse(empty.text), { changes: [], revision: 1, cursor: '1' });
  const waiting = request('GET', '/v1/watch?from=1&wait=30s');
  await request('GET', '/v1/watch?from=1&wait=50ms');
  history.write(put('c'));
  t.like(JSON.parse((await waiting).text), { cursor: '2', changes: [{ key: 'c' }] });
  const inside = await request('GET', '/v1/watch?from=1%3A0&wait=30s');
  t.like(JSON.parse(inside.text), { changes: [{ id: '1', key: 'b' }] });
});

test('the id that was seen last wins over the address, and NDJSON has it on each line', async (t) => {
  const { history, open } = await setUp(t);
  for (const key of ['a', 'b', 'c']) history.write(put(key));
  const watch = await open('/v1/watch?from=0', { accept: 'application/x-ndjson', 'last-event-id': '2' });
  t.is(watch.headers['content-type'], 'application/x-ndjson');
  const lines = (await watch.until('"c"')).trim().split('\n');
  t.deepEqual(
    lines.map((line) => [JSON.parse(line).event, JSON.parse(line).id]),
    [
      ['bookmark', '2'],
      ['put', '3'],
    ],
  );
});

type Refusal = readonly [path: string, headers: Record<string, string>, code: string, status: number, fault?: string];

const refusals: readonly Refusal[] = [
  ['?from=x', {}, 'bad_parameter', 400],
  ['?from=-1', {}, 'bad_parameter', 400],
  ['?from=0:1', {}, 'bad_parameter', 400],
  ['?from=99', {}, 'future_revision', 400, 'from'],
  ['?from=99&wait=1s', {}, 'future_revision', 400, 'from'],
  ['?from=3:0', {}, 'future_revision', 400, 'from'],
  ['?from=1', { 'last-event-id': '99' }, 'future_revision', 400],
  ['?from=1', {}, 'compacted', 410],
  ['?from=1&wait=1s', {}, 'compacted', 410],
  ['?prefix=%ff', {}, 'bad_parameter', 400],
  ['?since=1', {}, 'bad_parameter', 400],
  ['?bookmarks=1m', {}, 'bad_parameter', 400],
  ['?wait=2m', {}, 'bad_parameter', 400],
  ['?wait=1s&bookmarks=1s', {}, 'bad_parameter', 400, 'bookmarks'],
  ['', { 'last-event-id': 'x' }, 'bad_header', 400],
  ['', { accept: 'application/json' }, 'not_acceptable', 406],
];

for (const [path, headers, code, status, fault] of refusals) {
  test(`/v1/watch${path} ${JSON.stringify(headers)} is refused: ${code}`, async (t) => {
    const { history, request } = await setUp(t);
    history.write(put('a'));
    history.write(put('b'));
    history.compact(2);
    const response = await request('GET', `/v1/watch${path}`, { headers });
    t.like(problemOf(t, response), { code, status });
    if (fault !== undefined) t.is(JSON.parse(response.text).path, fault);
    if (status === 410) t.is(JSON.parse(response.text).compactedRevision, 2);
  });
}

test('HEAD says how a watch would begin, and other methods what there is', async (t) => {
  const { request } = await setUp(t);
  const head = await request('HEAD', '/v1/watch');
  t.deepEqual([head.status, head.headers['content-type'], head.text], [200, 'text/event-stream', '']);
  t.is((await request('PUT', '/v1/watch')).status, 405);
});

test('watches have a limit of their own, and leave their place when they go', async (t) => {
  const { open, request } = await setUp(t, { watchersMax: 1, requestsInFlightMax: 1 });
  const watch = await open('/v1/watch');
  const refused = await request('GET', '/v1/watch');
  t.is(problemOf(t, refused).code, 'too_many_watches');
  t.is(refused.headers['retry-after'], '5');
  t.is((await request('GET', '/v1/kv/none')).status, 404);
  watch.destroy();
  let status = 429;
  while (status === 429) status = (await request('GET', '/v1/watch?wait=1ms')).status;
  t.is(status, 200);
});

test('without a leader what is known can be watched, and the present cannot', async (t) => {
  const { history, gateway, request, open } = await setUp(t);
  history.write(put('a'));
  gateway.client.views = history.replicas();
  history.leaderless = true;
  t.is(problemOf(t, await request('GET', '/v1/watch?timeout=50ms')).code, 'no_leader');
  const watch = await open('/v1/watch?from=0');
  t.true((await watch.until('"a"')).includes('id: 1\n'));
});

test('a gateway that stops ends its watches in order, and says when to come back', async (t) => {
  const { history, gateway, open, request } = await setUp(t);
  const watch = await open('/v1/watch');
  history.write(put('a'));
  await watch.until('"a"');
  const last = request('GET', '/v1/watch?wait=30s&from=1');
  await request('GET', '/v1/watch?wait=50ms&from=1');
  const closed = gateway.close();
  const text = await watch.until('event: closing');
  t.true(text.endsWith('retry: 1000\n\nid: 1\nevent: closing\ndata: {"from":"1"}\n\n'), text);
  t.like(JSON.parse((await last).text), { changes: [], cursor: '1' });
  await closed;
});

test('a client that reads nothing is not written for without end, and gets all when it reads on', async (t) => {
  const { history, open, request } = await setUp(t);
  const watch = await open('/v1/watch?from=0', { accept: 'application/x-ndjson' });
  await watch.until('bookmark');
  watch.incoming.pause();
  t.timeout(180_000);
  const count = 14;
  let cursor = '0';
  for (let at = 1; at <= count; at++) {
    history.write(put(`k${at}`, ''.padEnd(1_000_000, '.')));
    // Another one is sent it meanwhile.
    cursor = JSON.parse((await request('GET', `/v1/watch?from=${cursor}&wait=30s`)).text).cursor;
  }
  t.is(cursor, `${count}`);
  const { text: metrics } = await request('GET', '/metrics');
  const sent = Number(/^bazar_gateway_watch_changes_total (\d+)$/m.exec(metrics)?.[1]);
  t.true(sent < 2 * count, `${sent}`);
  watch.incoming.resume();
  const lines = (await watch.until(`"k${count}"`)).split('\n');
  const ids = lines.flatMap((line) => /^\{"event":"put","id":"(\d+)"/.exec(line)?.[1] ?? []);
  t.deepEqual(
    ids,
    Array.from({ length: count }, (_, at) => `${at + 1}`),
  );
});

test('metrics show who watches, what was sent and what was asked', async (t) => {
  const { history, open, request } = await setUp(t);
  const watch = await open('/v1/watch');
  history.write(put('a'));
  await watch.until('"a"');
  const { text } = await request('GET', '/metrics');
  for (const line of [
    'bazar_gateway_watchers{form="sse"} 1',
    'bazar_gateway_watchers{form="long_poll"} 0',
    'bazar_gateway_watch_changes_total 1',
    'bazar_gateway_watch_ends_total{cause="slow"} 0',
    'bazar_gateway_watch_polls_total{by="tail",outcome="found"} 1',
  ]) {
    t.true(text.split('\n').includes(line), line);
  }
});
