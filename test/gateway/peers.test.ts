import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import type { PeerSigner } from '../../src/gateway/access/peer-signature.ts';
import { createPeers } from '../../src/gateway/peers.ts';
import { ManualClock } from '../store/manual-clock.ts';
import { unsigned } from './harness.ts';

async function startPeer(t: ExecutionContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const request = { method: 'DELETE', target: '/v1/cache?key=a%2Fb&scope=this' } as const;

test('every other gateway is asked once, with what is signed for it alone, and answers as it likes', async (t) => {
  const asked: Pick<IncomingMessage, 'method' | 'url'>[] = [];
  const credentials: (string | undefined)[] = [];
  const answering = (status: number, body: string): RequestListener => {
    return ({ method, url, headers }, response) => {
      asked.push({ method, url });
      credentials.push(headers.authorization);
      response.writeHead(status).end(body);
    };
  };
  const gateways = [
    { id: 'g1', http: await startPeer(t, () => t.fail('it asks itself')) },
    { id: 'g2', http: await startPeer(t, answering(200, '{}')) },
    { id: 'g3', http: await startPeer(t, answering(500, 'ü')) },
  ];
  const signer: PeerSigner = { sign: (to, { method, target }) => `for ${to}: ${method} ${target}` };
  const peers = createPeers({ gateways, id: 'g1', signer, clock: new ManualClock() });
  t.deepEqual(await peers.askAll(request), [
    { id: 'g2', type: 'answered', status: 200, body: '{}' },
    { id: 'g3', type: 'answered', status: 500, body: 'ü' },
  ]);
  t.deepEqual(asked, Array(2).fill({ method: 'DELETE', url: request.target }));
  const signed = (id: string) => `for ${id}: DELETE ${request.target}`;
  t.deepEqual(credentials.sort(), [signed('g2'), signed('g3')]);
});

test('one that does not listen, breaks off or says too much is silent, with the reason', async (t) => {
  const gateways = [
    { id: 'g1', http: '127.0.0.1:1' },
    { id: 'g2', http: await startPeer(t, (_, response) => void response.socket?.destroy()) },
    {
      id: 'g3',
      http: await startPeer(t, (_, response) => {
        response.writeHead(200, { 'Content-Length': 10 });
        response.write('half', () => response.socket?.destroy());
      }),
    },
    { id: 'g4', http: await startPeer(t, (_, response) => void response.end(Buffer.alloc(100_000))) },
  ];
  const answers = await createPeers({ gateways, id: 'g9', signer: unsigned, clock: new ManualClock() }).askAll(request);
  t.deepEqual(
    answers.map(({ id, type }) => [id, type]),
    gateways.map(({ id }) => [id, 'silent']),
  );
  const reasons = answers.map((answer) => (answer.type === 'silent' ? answer.reason : ''));
  t.regex(reasons[0] ?? '', /^127\.0\.0\.1:1: ECONNREFUSED$/);
  t.regex(reasons[1] ?? '', /: ECONNRESET$/);
  t.regex(reasons[2] ?? '', /broke off its answer$/);
  t.regex(reasons[3] ?? '', /more than 65536 bytes$/);
});

test('one that says nothing is waited for, for a second', async (t) => {
  const clock = new ManualClock();
  const { promise: asked, resolve } = Promise.withResolvers<IncomingMessage>();
  const http = await startPeer(t, resolve);
  const answers = createPeers({ gateways: [{ id: 'g2', http }], id: 'g1', signer: unsigned, clock }).askAll(request);
  const incoming = await asked;
  const closed = once(incoming.socket, 'close');
  await clock.advance(999);
  t.false(incoming.socket.destroyed);
  await clock.advance(1);
  const reason = `no answer from ${http} within 1000 ms`;
  t.deepEqual(await answers, [{ id: 'g2', type: 'silent', reason }]);
  await closed;
});
