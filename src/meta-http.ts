/**
 * The endpoints every process has: `/livez`, `/readyz`, `/metrics`, `/version`, and how a server begins to listen.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ConfigError } from './config.ts';

export interface Check {
  readonly name: string;
  readonly ok: boolean;
  /** What was found, or what is missing. */
  readonly detail?: string;
}

export interface MetaAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

const plainText = 'text/plain; charset=utf-8';

/** `ok`, or with `verbose`, or when something is not: one line for each check. 200 or 503. */
export function checksAnswer(endpoint: 'livez' | 'readyz', checks: readonly Check[], verbose: boolean): MetaAnswer {
  const ok = checks.every((check) => check.ok);
  const lines = checks.map((check) => {
    const detail = check.detail === undefined ? '' : `: ${check.detail}`;
    return `${check.ok ? '[+]' : '[-]'}${check.name} ${check.ok ? 'ok' : 'failed'}${detail}\n`;
  });
  const verdict = `${endpoint} check ${ok ? 'passed' : 'failed'}\n`;
  return { status: ok ? 200 : 503, contentType: plainText, body: ok && !verbose ? 'ok\n' : lines.join('') + verdict };
}

export interface MetricsSource {
  /** In the text format of Prometheus. */
  render(): Promise<{ readonly contentType: string; readonly body: string }>;
}

export async function metricsAnswer(metrics: MetricsSource): Promise<MetaAnswer> {
  return { status: 200, ...(await metrics.render()) };
}

export function versionAnswer(version: string): MetaAnswer {
  return jsonAnswer({ version, node: process.versions.node });
}

function jsonAnswer(value: unknown): MetaAnswer {
  return { status: 200, contentType: 'application/json', body: `${JSON.stringify(value)}\n` };
}

export interface ListeningServer {
  readonly address: { readonly host: string; readonly port: number };
  close(): Promise<void>;
}

/**
 * Connections that wait to be accepted. Beyond it the kernel drops them, and their clients believe to be connected:
 * Node's own 511 is too few for a crowd that comes at once.
 */
const backlog = 4096;

/** Port 0 takes a free one. Throws ConfigError, in words, if the address cannot be had. */
export async function listen(
  server: Server,
  host: string,
  port: number,
): Promise<{ readonly host: string; readonly port: number }> {
  await new Promise<void>((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException) => reject(listenProblem(error, host, port));
    server.once('error', onError);
    server.listen({ host, port, backlog }, () => {
      server.off('error', onError);
      resolve();
    });
  });
  return { host, port: (server.address() as AddressInfo).port };
}

function listenProblem(error: NodeJS.ErrnoException, host: string, port: number): ConfigError {
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: 'another process listens there; stop it, or choose another port',
    EADDRNOTAVAIL: 'this machine has no such address; choose one it has',
    EACCES: 'this user may not take that port; choose one from 1024 on',
    ENOTFOUND: 'there is no such host; choose an address of this machine',
  };
  return new ConfigError(`cannot listen on ${host}:${port}: ${reasons[error.code ?? ''] ?? error.message}`);
}

export interface MetaServerOptions {
  readonly host: string;
  readonly port: number;
  /** Whether this process is alive, whatever the rest of the cluster does: an orchestrator kills it if not. */
  readonly livez: () => readonly Check[];
  readonly readyz: () => readonly Check[];
  readonly metrics: MetricsSource;
  readonly version: string;
  /** `/debug/NAME` answers with JSON. */
  readonly debug?: Readonly<Record<string, () => unknown>>;
}

const limits = {
  headerBytesMax: 16 * 1024,
  connectionsMax: 1000,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  socketIdleMs: 60_000,
};

/** A replica's small HTTP port. Throws ConfigError if it cannot listen. */
export async function startMetaServer(options: MetaServerOptions): Promise<ListeningServer> {
  const { host, port, livez, readyz, metrics, version, debug = {} } = options;
  const answers = new Map<string, (verbose: boolean) => MetaAnswer | Promise<MetaAnswer>>([
    ['/livez', (verbose) => checksAnswer('livez', livez(), verbose)],
    ['/readyz', (verbose) => checksAnswer('readyz', readyz(), verbose)],
    ['/metrics', () => metricsAnswer(metrics)],
    ['/version', () => versionAnswer(version)],
    ...Object.entries(debug).map(([name, value]) => [`/debug/${name}`, () => jsonAnswer(value())] as const),
  ]);

  async function answerTo(request: IncomingMessage): Promise<MetaAnswer> {
    const [path = '', query = ''] = (request.url ?? '').split('?', 2);
    const answer = answers.get(path);
    if (answer === undefined) {
      return { status: 404, contentType: plainText, body: `expected one of ${[...answers.keys()].join(' ')}\n` };
    }
    if (!methods.includes(request.method ?? '')) {
      return { status: 405, contentType: plainText, body: `expected one of ${methods.join(' ')}\n` };
    }
    try {
      return await answer(query === 'verbose' || query === 'verbose=true');
    } catch (error) {
      return { status: 500, contentType: plainText, body: `${(error as Error).message}\n` };
    }
  }

  const server = createServer(
    {
      maxHeaderSize: limits.headerBytesMax,
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
    },
    (request, response) => {
      void answerTo(request).then((answer) => send(request, response, answer));
    },
  );
  server.maxConnections = limits.connectionsMax;
  server.timeout = limits.socketIdleMs;
  const address = await listen(server, host, port);
  return {
    address,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

const methods = ['GET', 'HEAD'];

function send(request: IncomingMessage, response: ServerResponse, { status, contentType, body }: MetaAnswer): void {
  response.writeHead(status, {
    'Content-Type': contentType,
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    ...(status === 405 ? { Allow: methods.join(', ') } : {}),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}
