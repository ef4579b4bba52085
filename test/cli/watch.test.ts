import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { bazar } from './terminal.ts';

type Answer = (response: ServerResponse, request: IncomingMessage) => void;

/** A gateway that gives these answers in turn; then the watch is interrupted. */
async function startGateway(t: ExecutionContext, answers: readonly Answer[]) {
  const asked: string[] = [];
  const interruption = new AbortController();
  const left = [...answers];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    const answer = left.shift();
    if (answer === undefined) {
      interruption.abort();
      request.socket.destroy();
    } else {
      answer(response, request);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, asked, interrupted: interruption.signal };
}

const begin = (response: ServerResponse) => response.writeHead(200, { 'Content-Type': 'application/x-ndjson' });
const line = (members: object) => `${JSON.stringify(members)}\n`;
const put = (id: string, key: string, value: string) =>
  line({ event: 'put', id, key, revision: Number(id.split(':')[0]), size: value.length, value });

test('it prints a line for each change, and goes on where it was when a connection breaks', async (t) => {
  const { url, asked, interrupted } = await startGateway(t, [
    (response) => {
      begin(response).write(line({ event: 'bookmark', id: '4', revision: 4 }));
      const whole = put('5:0', 'ä\t', 'ü') + put('5', 'b', 'two\nlines');
      const bytes = Buffer.from(whole);
      response.write(bytes.subarray(0, 30));
      setImmediate(() => {
        response.write(bytes.subarray(30));
        response.write('{"event":"put","id":"6","key":"half', () => response.destroy());
      });
    },
    (response) => response.writeHead(503).end(),
    (response) => {
      begin(response).write(line({ event: 'delete', id: '6', key: 'b', revision: 6 }));
      response.write(line({ event: 'delete', id: '7', key: 'c', revision: 7, expired: true }));
      response.end(line({ event: 'closing', id: '7', from: '7' }));
    },
  ]);
  const { code, stdout } = await bazar(['watch', 'p/'], { environment: { BAZAR_URL: url }, interrupted });
  t.is(code, 0);
  t.is(stdout, '5\tput\tä\\t\tü\n5\tput\tb\ttwo\\nlines\n6\tdelete\tb\n7\texpire\tc\n');
  t.deepEqual(
    asked.map((path) => new URL(path, url).searchParams.get('from')),
    [null, '5', '5', '7'],
  );
});

test('it goes on at the next gateway', async (t) => {
  const first = await startGateway(t, [(response) => begin(response).end(put('5:0', 'a', '1'))]);
  const second = await startGateway(t, [(response) => begin(response).end(put('5', 'b', '2'))]);
  const words = ['watch', '--from', '4', '--json', '--url', `${first.url},${second.url}`];
  const interrupted = AbortSignal.any([first.interrupted, second.interrupted]);
  const { stdout } = await bazar(words, { interrupted });
  t.is(stdout, put('5:0', 'a', '1') + put('5', 'b', '2'));
  t.regex(second.asked[0] ?? '', /from=5%3A0/);
});

test('what is not kept any more, before or in the middle, ends it', async (t) => {
  const { url } = await startGateway(t, [
    (response) => {
      response.writeHead(410, { 'Content-Type': 'application/problem+json' });
      response.end(JSON.stringify({ title: 'Gone', detail: 'up to 9', code: 'compacted' }));
    },
    (response) => begin(response).end(line({ event: 'compacted', from: '4', compactedRevision: 9 })),
  ]);
  const before = await bazar(['watch', '--from', '1', '--url', url]);
  t.deepEqual([before.code, before.stderr], [1, 'bazar: Gone: up to 9\n']);
  const amid = await bazar(['watch', '--from', '1', '--url', url]);
  t.is(amid.code, 1);
  t.regex(amid.stderr, /up to revision 9 are not kept any more/);
});

test('where no gateway is to be had it gives up in time, and bad words are refused', async (t) => {
  const { code, stderr } = await bazar(['watch', '--url', 'http://127.0.0.1:1', '--timeout', '100ms']);
  t.is(code, 5);
  t.regex(stderr, /gave up after 100 ms/);
  for (const words of [
    ['--from', 'x'],
    ['--url', 'x'],
    ['--from', '1:x'],
  ]) {
    t.is((await bazar(['watch', ...words])).code, 2);
  }
});

test('a token lets the watch in too', async (t) => {
  const seen: (string | undefined)[] = [];
  const { url, interrupted } = await startGateway(t, [
    (response, { headers }) => {
      seen.push(headers.authorization, headers.accept);
      begin(response).end();
    },
  ]);
  await bazar(['watch', '--token', 'secret'], { environment: { BAZAR_URL: url }, interrupted });
  t.deepEqual(seen, ['Bearer secret', 'application/x-ndjson']);
});
