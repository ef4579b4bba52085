/**
 * The gateway's socket, and the limits that only a socket can keep. Time here is real: Node's own timers watch it.
 */
import { createServer, type RequestListener, type Server, type ServerOptions, type ServerResponse } from 'node:http';
import { createServer as createSecureServer, type Server as SecureServer } from 'node:https';
import type { Socket } from 'node:net';
import { type ListeningServer, listen } from '../meta-http.ts';
import { checkExposure } from './access/exposure.ts';
import type { Reloaded } from './access/reloaded.ts';
import { secureOptions, type TlsPair } from './access/tls.ts';
import { type AppOptions, createApp, createWatches } from './app.ts';
import { defaultLimits, type GatewayLimits } from './limits.ts';
import { createReader } from './reader.ts';
import type { HotFile } from './warm-up/hot-file.ts';
import { WarmUp } from './warm-up/warm-up.ts';
import type { KeptAnswers, WarmUpCounts } from './warm-up/warmer.ts';

export interface GatewayOptions extends AppOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Whoever can reach it may read and write everything, be it from other machines. */
  readonly insecure: boolean;
  /** What it speaks TLS with, and with what is new from the next connection on; null: plain HTTP. */
  readonly tls?: Reloaded<TlsPair> | null;
  /** Where what is hot is remembered for the next start; null: nowhere. */
  readonly hotFile?: HotFile | null;
}

export interface ListeningGateway extends ListeningServer {
  /** Of this start; null without a file. */
  readonly warmUpCounts: () => WarmUpCounts | null;
}

/** Throws ConfigError if it may not, or cannot, listen there. `close` finishes what is under way; the client stays open. */
export async function startGateway(options: GatewayOptions): Promise<ListeningGateway> {
  const { host, port, insecure, log, access = null, cors = null, tls = null } = options;
  checkExposure({ host, insecure, hasTokens: access !== null, origins: cors?.origins ?? [] });
  const limits = { ...defaultLimits, ...options.limits };
  const answers = createReader(options);
  const watches = createWatches(options);
  const server = createHttpServer(createApp(options, answers, watches), limits, tls);
  const address = await listen(server, host, port);
  log.info('gateway listens', { ...address, tls: tls !== null, tokens: access !== null });
  const warmUp = beginWarmUp(answers.kept, options);
  if (warmUp !== null) options.metrics.showWarmUp(() => warmUp.counts);
  return {
    address,
    warmUpCounts: () => warmUp?.counts ?? null,
    async close() {
      watches.close();
      await closeGracefully(server, limits.closeTimeoutMs);
      answers.close();
      await warmUp?.close();
    },
  };
}

function beginWarmUp(kept: KeptAnswers | null, options: GatewayOptions): WarmUp | null {
  const { hotFile: file = null, clusterId, clock, log } = options;
  if (file === null) return null;
  if (kept !== null) return new WarmUp({ file, clusterId, kept, clock, log });
  log.warn('nothing is kept, so there is nothing to warm up; leave out --warm-up, or choose another --coherence');
  return null;
}

/** What is remembered of each open connection. */
interface Connection {
  /** The response to the last request it sent. */
  latest: ServerResponse;
  /** Requests that wait until those before them are answered. */
  ahead: number;
}

function createHttpServer(
  handle: RequestListener,
  limits: GatewayLimits,
  tls: Reloaded<TlsPair> | null,
): Server | SecureServer {
  const connections = new WeakMap<Socket, Connection>();
  /** Invariant: the sum of `ahead` over all open connections. */
  let ahead = 0;

  function connectionOf(socket: Socket, latest: ServerResponse): Connection {
    const known = connections.get(socket);
    if (known !== undefined) return known;
    const connection: Connection = { latest, ahead: 0 };
    connections.set(socket, connection);
    socket.on('close', () => {
      ahead -= connection.ahead;
    });
    return connection;
  }

  /**
   * A connection's requests are handled one after the other: a read that follows a write must see it (RFC 9112 section
   * 9.3.2). Node gives a response its socket when those before it are sent, and never where one of them closes the
   * connection: what comes after that must not be done (section 9.6).
   */
  const listener: RequestListener = (request, response) => {
    const { socket } = request;
    const connection = connectionOf(socket, response);
    connection.latest = response;
    if (response.socket !== null) {
      handle(request, response);
    } else if (connection.ahead === limits.requestsAheadMax || ahead >= limits.requestsAheadOfAllMax) {
      socket.destroy();
    } else {
      connection.ahead += 1;
      ahead += 1;
      response.once('socket', () => {
        // All that waits there is taken off when it closes.
        if (socket.destroyed) return;
        connection.ahead -= 1;
        ahead -= 1;
        // The response before it is closed first, and gives back its share of what is in flight.
        process.nextTick(() => {
          if (!socket.destroyed) handle(request, response);
        });
      });
    }
  };

  const options = {
    maxHeaderSize: limits.headerBytesMax,
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    connectionsCheckingInterval: limits.timeoutCheckMs,
    noDelay: true,
  };
  const server = tls === null ? createServer(options, listener) : createTlsServer(options, limits, tls, listener);
  server.timeout = limits.socketIdleMs;
  server.maxConnections = limits.connectionsMax;
  // Beyond a count Node drops headers silently, an If-Match among them; their bytes are bounded anyway.
  server.maxHeadersCount = 0;
  // The body is asked for only once the head of the request was found good.
  server.on('checkContinue', listener);
  server.on('drop', () => server.closeIdleConnections());
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    refuse(socket as Socket, statusOfError(error), connections.get(socket as Socket)?.latest);
  });
  return server;
}

function createTlsServer(
  options: ServerOptions,
  limits: GatewayLimits,
  tls: Reloaded<TlsPair>,
  listener: RequestListener,
): SecureServer {
  const handshake = { handshakeTimeout: limits.headersTimeoutMs };
  const server = createSecureServer({ ...options, ...handshake, ...secureOptions(tls.current) }, listener);
  tls.onChange((pair) => server.setSecureContext(secureOptions(pair)));
  return server;
}

type Status = '400 Bad Request' | '408 Request Timeout' | '431 Request Header Fields Too Large';

function statusOfError({ code }: NodeJS.ErrnoException): Status {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return '431 Request Header Fields Too Large';
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return '408 Request Timeout';
    default:
      return '400 Bad Request';
  }
}

/**
 * Answers what never became a request, but only where the answer cannot be taken for that to an earlier request: a
 * write that is under way would seem refused.
 */
function refuse(socket: Socket, status: Status, latest: ServerResponse | undefined): void {
  const betweenRequests = latest === undefined || (latest.writableFinished && latest.req.complete);
  const withinRequest = latest?.socket === socket && !latest.req.complete && !latest.headersSent;
  if (!socket.writable || socket.bytesRead === 0 || !(betweenRequests || withinRequest)) {
    socket.destroy();
    return;
  }
  socket.write(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  socket.destroySoon();
}

async function closeGracefully(server: Server | SecureServer, timeoutMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  // Connections whose answer is still under way must not wait for another request after it.
  server.keepAliveTimeout = 1;
  server.keepAliveTimeoutBuffer = 0;
  const bound = setTimeout(() => server.closeAllConnections(), timeoutMs);
  await closed;
  clearTimeout(bound);
}
