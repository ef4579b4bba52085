/**
 * Requests to a gateway over kept-alive connections. Not `fetch`: it rewrites paths, and the keys `.` and `..` would
 * become other requests.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import {
  Agent,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  request as requestHttp,
} from 'node:http';
import { request as requestHttps, Agent as SecureAgent } from 'node:https';
import {
  ConfigError,
  duration,
  fromEnvironment,
  httpUrl,
  optional,
  path,
  secret,
  UsageError,
  type Values,
  withDefault,
} from '../config.ts';
import { checkAuthorities } from '../gateway/access/tls.ts';
import { keyProblem } from '../store/command.ts';
import { type ExitCode, exitCodes, Failure } from './failure.ts';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface HttpRequest {
  readonly method?: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /** Already percent-encoded. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | null>>;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: Uint8Array;
  /** How long the gateway may try; it is told where `query` holds `timeoutQuery`. */
  readonly timeoutMs: number;
  /** Nobody wants the answer any more: a Failure at once. */
  readonly interrupted?: AbortSignal;
}

/** A request whose answer may go on for ever. */
export interface StreamRequest extends Pick<HttpRequest, 'path' | 'query' | 'headers'> {
  /** Silence for so long means that the gateway is gone. */
  readonly timeoutMs: number;
  readonly interrupted: AbortSignal;
}

export interface HttpClient {
  /** Any status is an answer; a connection that fails or stays silent is a Failure with exit code `unavailable`. */
  request(request: HttpRequest): Promise<Answer>;
  /**
   * Settles at the end of the answer, whose body is handed over piece by piece, each when the one before is dealt with,
   * if its status is 200; what `onPiece` throws ends it. Otherwise as `request`.
   */
  stream(request: StreamRequest, onPiece: (piece: Buffer) => Promise<void>): Promise<Answer>;
  close(): void;
}

/** For every command that talks to a gateway. */
export const targetOptions = fromEnvironment({
  url: withDefault(httpUrl, 'http://127.0.0.1:8080', 'The gateway.'),
  token: optional(
    secret('TOKEN'),
    'Lets you in; in the environment or a file other users of this machine cannot see it.',
  ),
  tokenFile: optional(path('FILE'), 'A file that holds the token.'),
  ca: optional(path('FILE'), 'PEM: who signed the certificate of an https gateway, if nobody whom Node.js trusts.'),
});

export type Target = Values<typeof targetOptions>;

export const timeoutOption = withDefault(duration, '5s', 'How long the gateway may try.');

export const timeoutQuery = (timeoutMs: number): { readonly timeout: string } => ({ timeout: `${timeoutMs}ms` });

/** What the gateway adds to its own deadline before it is taken for dead: the way there and back. */
const graceMs = 2000;

/** Throws ConfigError if a file that is named cannot be used. */
export function createHttpClient(target: Target, connectionsMax = 1): HttpClient {
  const { url } = target;
  const secure = url.protocol === 'https:';
  const send = secure ? requestHttps : requestHttp;
  const pool = { keepAlive: true, maxSockets: connectionsMax };
  const ca = target.ca === null ? {} : { ca: authoritiesOf(target.ca) };
  const agent = secure ? new SecureAgent({ ...pool, ...ca }) : new Agent(pool);
  const token = tokenOf(target);
  const authorization = token === null ? {} : { Authorization: `Bearer ${token}` };
  const base = url.pathname.replace(/\/$/, '');

  return {
    request({ method = 'GET', path, query = {}, headers = {}, body, timeoutMs, interrupted }) {
      const target = `${base}${path}${queryText(query)}`;
      return new Promise((resolve, reject) => {
        const fail = (error: NodeJS.ErrnoException) => {
          if (interrupted?.aborted) return reject(new Failure('interrupted'));
          const silent = error.name === 'AbortError' ? `silence for ${timeoutMs + graceMs} ms` : null;
          const reason = silent ?? (error.message || error.code || 'the connection failed');
          const remedy = secure && isDistrust(error) ? '; --ca FILE names who signed its certificate' : '';
          reject(new Failure(`no answer from ${url.origin}: ${reason}${remedy}`, exitCodes.unavailable));
        };
        const late = AbortSignal.timeout(timeoutMs + graceMs);
        const outgoing = send(
          {
            agent,
            host: url.hostname,
            port: url.port || (secure ? 443 : 80),
            method,
            path: target,
            headers: {
              ...authorization,
              ...headers,
              ...(body === undefined ? {} : { 'Content-Length': body.byteLength }),
            },
            signal: interrupted === undefined ? late : AbortSignal.any([late, interrupted]),
          },
          (incoming) => {
            const chunks: Buffer[] = [];
            incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
            incoming.on('error', fail);
            incoming.on('end', () => {
              resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: Buffer.concat(chunks) });
            });
          },
        );
        outgoing.on('error', fail);
        outgoing.end(body);
      });
    },
    async stream({ path, query = {}, headers = {}, timeoutMs, interrupted }, onPiece) {
      const host = { host: url.hostname, port: url.port || (secure ? 443 : 80) };
      const outgoing = send({
        ...{ agent, ...host, method: 'GET', path: `${base}${path}${queryText(query)}` },
        headers: { ...authorization, ...headers },
        ...{ timeout: timeoutMs, signal: interrupted },
      });
      // Of the socket: nothing has moved on it.
      // Once there is an answer, it is the answer that fails.
      outgoing.on('error', () => {});
      outgoing.on('timeout', () => outgoing.destroy(new Error(`silence for ${timeoutMs} ms`)));
      outgoing.end();
      let refused: { readonly error: unknown } | null = null;
      try {
        const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
        const { statusCode: status = 0, headers: answered } = incoming;
        const chunks: Buffer[] = [];
        for await (const chunk of incoming as AsyncIterable<Buffer>) {
          if (status !== 200) chunks.push(chunk);
          else
            await onPiece(chunk).catch((error: unknown) => {
              refused = { error };
              throw error;
            });
        }
        return { status, headers: answered, body: Buffer.concat(chunks) };
      } catch (error) {
        outgoing.destroy();
        if (refused !== null) throw error;
        const { message, code } = error as NodeJS.ErrnoException;
        throw new Failure(`no answer from ${url.origin}: ${message || code}`, exitCodes.unavailable);
      }
    },
    close: () => agent.destroy(),
  };
}

function tokenOf({ token, tokenFile }: Target): string | null {
  if (tokenFile === null) return token;
  if (token !== null)
    throw new UsageError('expected one of --token and --token-file (or BAZAR_TOKEN and BAZAR_TOKEN_FILE)');
  try {
    return secret('TOKEN').parse(contentOf(tokenFile, '--token-file').toString().trim());
  } catch (error) {
    if (error instanceof UsageError) throw new ConfigError(`token in ${tokenFile}: ${error.message}`);
    throw error;
  }
}

function authoritiesOf(file: string): Buffer {
  const bytes = contentOf(file, '--ca');
  checkAuthorities(bytes, `--ca ${file}`);
  return bytes;
}

function contentOf(file: string, flag: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new ConfigError(`${flag} ${file}: ${code === 'ENOENT' ? 'there is no such file' : message}`);
  }
}

/** Whether the gateway's certificate is signed by nobody who is trusted. */
function isDistrust({ code = '' }: NodeJS.ErrnoException): boolean {
  return /^(?:UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_)/.test(code);
}

function queryText(query: Readonly<Record<string, string | null>>): string {
  const pairs = Object.entries(query).filter((pair): pair is [string, string] => pair[1] !== null);
  return pairs.length === 0 ? '' : `?${pairs.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&')}`;
}

/** The key as one path segment, so that no proxy in between tidies up its slashes and dots. */
export function keyPath(key: string): string {
  const problem = keyProblem(key);
  if (problem !== null) throw new Failure(problem, exitCodes.usage);
  return `/v1/kv/${encodeURIComponent(key)}`;
}

/** As of `JSON.parse`; `source` is a number as it was written. */
export type Reviver = (name: string, value: unknown, context?: { readonly source?: string }) => unknown;

export function jsonOf(answer: Answer, reviver?: Reviver): unknown {
  try {
    return JSON.parse(answer.body.toString(), reviver);
  } catch {
    throw new Failure(`expected JSON from the gateway, got ${answer.body.byteLength} bytes of something else`);
  }
}

const exitCodeOf: Readonly<Record<number, ExitCode>> = {
  412: exitCodes.precondition,
  429: exitCodes.unavailable,
  503: exitCodes.unavailable,
  504: exitCodes.unavailable,
};

/** What a problem document (RFC 9457) says, as one line. */
export function failureOf(answer: Answer): Failure {
  const problem = problemOf(answer);
  const at = problem.path === undefined ? '' : ` (at ${problem.path})`;
  const words = [problem.title ?? `HTTP ${answer.status}`, problem.detail].filter((word) => word !== undefined);
  const outcome = problem.outcome === undefined ? '' : ` (${outcomeText[problem.outcome] ?? problem.outcome})`;
  // Other things than a key may be missing: an address that is no gateway's answers 404 as well.
  const exitCode = isMissing(problem) ? exitCodes.notFound : exitCodeOf[answer.status];
  return new Failure(`${words.join(': ')}${at}${outcome}`, exitCode ?? exitCodes.error);
}

function isMissing({ code }: Problem): boolean {
  return code === 'key_not_found' || code === 'document_not_found';
}

const outcomeText: Readonly<Record<string, string>> = {
  not_applied: 'nothing was written',
  unknown: 'it may have been written, or may still be',
};

export interface Problem {
  readonly code?: string;
  readonly title?: string;
  readonly detail?: string;
  readonly outcome?: string;
  /** A JSON pointer into what was sent. */
  readonly path?: string;
}

export function problemOf(answer: Answer): Problem {
  if (!answer.headers['content-type']?.startsWith('application/problem+json')) return {};
  return jsonOf(answer) as Problem;
}

/** A bare revision becomes an entity tag; `*` and what is quoted already stay as they are. */
export function preconditionHeaders(ifMatch: string | null, ifNoneMatch: string | null): OutgoingHttpHeaders {
  const tag = (text: string) => (/^\d+$/.test(text) ? `"${text}"` : text);
  return {
    ...(ifMatch === null ? {} : { 'If-Match': tag(ifMatch) }),
    ...(ifNoneMatch === null ? {} : { 'If-None-Match': tag(ifNoneMatch) }),
  };
}
