/**
 * A gateway on a free port over a fake store, and two ways to talk to it: requests as Node writes them, with paths
 * left as they are, and bytes as the test writes them.
 */
import { once } from 'node:events';
import { type IncomingHttpHeaders, type OutgoingHttpHeaders, request as requestHttp } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { ExecutionContext } from 'ava';
import type { PeerSigner } from '../../src/gateway/access/peer-signature.ts';
import type { GatewayLimits } from '../../src/gateway/limits.ts';
import { type GatewayOptions, startGateway } from '../../src/gateway/server.ts';
import { type Logger, silentLogger } from '../../src/logger.ts';
import { createGatewayMetrics } from '../../src/metrics.ts';
import { systemClock } from '../../src/system-clock.ts';
import { FakeClient } from './fake-client.ts';

export interface Response {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly text: string;
}

export interface RequestOptions {
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string | Buffer;
}

export interface TestGateway {
  readonly client: FakeClient;
  readonly port: number;
  request(method: string, path: string, options?: RequestOptions): Promise<Response>;
  open(): Promise<Connection>;
  close(): Promise<void>;
}

/** For gateways that let everybody in. */
export const unsigned: PeerSigner = { sign: () => 'unsigned' };

/** `client` serves, at the given limits. */
export function gatewayOptions(client: FakeClient, limits: Partial<GatewayLimits> = {}): GatewayOptions {
  return {
    host: '127.0.0.1',
    port: 0,
    insecure: false,
    client,
    clusterId: 'a-cluster',
    id: 'g1',
    caching: { coherence: 'off', cache: { cacheBytes: 0 } },
    peers: { askAll: async () => [] },
    gateways: [{ id: 'g1', http: '127.0.0.1:8080' }],
    version: '1.2.3',
    clock: systemClock,
    metrics: createGatewayMetrics({
      version: '1.2.3',
      processMetrics: false,
      store: () => ({ leader: client.leader(), ...client.balance() }),
    }),
    log: silentLogger,
    limits: { timeoutCheckMs: 20, closeTimeoutMs: 500, ...limits },
  };
}

export async function startTestGateway(
  t: ExecutionContext,
  limits: Partial<GatewayLimits> = {},
  log: Logger = silentLogger,
): Promise<TestGateway> {
  const client = new FakeClient();
  const gateway = await startGateway({ ...gatewayOptions(client, limits), log });
  const { port } = gateway.address;
  const connections: Connection[] = [];
  t.teardown(async () => {
    for (const connection of connections) connection.socket.destroy();
    await gateway.close();
  });
  return {
    client,
    port,
    request: (method, path, options) => request(port, method, path, options),
    async open() {
      const connection = await open(port);
      connections.push(connection);
      return connection;
    },
    close: () => gateway.close(),
  };
}

export function request(
  port: number,
  method: string,
  path: string,
  { headers = {}, body }: RequestOptions = {},
): Promise<Response> {
  return new Promise((resolve, reject) => {
    const outgoing = requestHttp({ host: '127.0.0.1', port, method, path, headers, agent: false }, async (incoming) => {
      try {
        const bytes = Buffer.concat(await Array.fromAsync(incoming as AsyncIterable<Buffer>));
        resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: bytes, text: bytes.toString() });
      } catch (error) {
        reject(error);
      }
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

export interface Connection {
  readonly socket: Socket;
  /** Everything received so far. */
  received(): string;
  write(bytes: string | Buffer): void;
  /** Waits until what was received contains the text; rejects if the connection closes before. */
  until(text: string): Promise<string>;
  /** Waits until the other side has closed; resolves to everything received. */
  closed(): Promise<string>;
}

async function open(port: number): Promise<Connection> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  let received = '';
  let isClosed = false;
  let wake = () => {};
  socket.on('data', (chunk) => {
    received += chunk.toString('latin1');
    wake();
  });
  // A reset is one of the ways in which a gateway closes; what had been received by then is what counts.
  socket.on('error', () => {});
  socket.on('close', () => {
    isClosed = true;
    wake();
  });
  const change = () =>
    new Promise<void>((resolve) => {
      wake = resolve;
    });
  return {
    socket,
    received: () => received,
    write: (bytes) => void socket.write(bytes),
    async until(text) {
      while (!received.includes(text)) {
        if (isClosed) throw new Error(`closed before ${JSON.stringify(text)} came, after ${JSON.stringify(received)}`);
        await change();
      }
      return received;
    },
    async closed() {
      while (!isClosed) await change();
      return received;
    },
  };
}

export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  readonly outcome?: string;
}

/** Checks the shape of a problem document, and gives what a test compares: its code. */
export function problemOf(t: ExecutionContext, response: Response): Problem {
  t.is(response.headers['content-type'], 'application/problem+json');
  const problem = JSON.parse(response.text) as Problem;
  t.is(problem.status, response.status);
  t.true(problem.detail.length > 0);
  return problem;
}
