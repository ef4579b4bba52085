/**
 * Requests to a gateway over kept-alive connections. Not `fetch`: it rewrites paths, and the keys `.` and `..` would
 * become other requests.
 */
import { Agent, type IncomingHttpHeaders, type OutgoingHttpHeaders, request as requestHttp } from 'node:http';
import { request as requestHttps, Agent as SecureAgent } from 'node:https';
import { duration, httpUrl, withDefault } from '../config.ts';
import { type KeyValue, keyProblem } from '../store/command.ts';
import { type ExitCode, exitCodes, Failure } from './failure.ts';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface HttpRequest {
  readonly method?: 'GET' | 'PUT' | 'DELETE';
  /** Already percent-encoded. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | null>>;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: Uint8Array;
  /** How long the gateway may try; it is told where `query` holds `timeoutQuery`. */
  readonly timeoutMs: number;
}

export interface HttpClient {
  /** Any status is an answer; a connection that fails or stays silent is a Failure with exit code `unavailable`. */
  request(request: HttpRequest): Promise<Answer>;
  close(): void;
}

/** An item of `GET /v1/kv`. */
export interface ListItem extends Pick<KeyValue, 'key' | 'modRevision' | 'version' | 'contentType'> {
  /** Bytes. */
  readonly size: number;
  readonly value?: string;
  /** In place of `value` where the bytes are not UTF-8. */
  readonly valueBase64?: string;
}

export interface ListPage {
  readonly revision: number;
  readonly items: readonly ListItem[];
  /** Null on the last page. */
  readonly cursor: string | null;
}

/** For every command that talks to a gateway. */
export const urlOption = {
  ...withDefault(httpUrl, 'http://127.0.0.1:8080', 'The gateway.'),
  environment: true,
};

export const timeoutOption = withDefault(duration, '5s', 'How long the gateway may try.');

export const timeoutQuery = (timeoutMs: number): { readonly timeout: string } => ({ timeout: `${timeoutMs}ms` });

/** What the gateway adds to its own deadline before it is taken for dead: the way there and back. */
const graceMs = 2000;

export function createHttpClient(url: URL, connectionsMax = 1): HttpClient {
  const secure = url.protocol === 'https:';
  const send = secure ? requestHttps : requestHttp;
  const agent = new (secure ? SecureAgent : Agent)({ keepAlive: true, maxSockets: connectionsMax });
  const base = url.pathname.replace(/\/$/, '');

  return {
    request({ method = 'GET', path, query = {}, headers = {}, body, timeoutMs }) {
      const target = `${base}${path}${queryText(query)}`;
      return new Promise((resolve, reject) => {
        const fail = (error: NodeJS.ErrnoException) => {
          const silent = error.name === 'AbortError' ? `silence for ${timeoutMs + graceMs} ms` : null;
          const reason = silent ?? (error.message || error.code || 'the connection failed');
          reject(new Failure(`no answer from ${url.origin}: ${reason}`, exitCodes.unavailable));
        };
        const outgoing = send(
          {
            agent,
            host: url.hostname,
            port: url.port || (secure ? 443 : 80),
            method,
            path: target,
            headers: body === undefined ? headers : { ...headers, 'Content-Length': body.byteLength },
            signal: AbortSignal.timeout(timeoutMs + graceMs),
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
    close: () => agent.destroy(),
  };
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

export interface ListQuery {
  readonly prefix: string;
  readonly limit: number;
  /** From the page before; null for the first. */
  readonly cursor: string | null;
  readonly keysOnly: boolean;
  readonly timeoutMs: number;
}

export function listRequest({ prefix, limit, cursor, keysOnly, timeoutMs }: ListQuery): HttpRequest {
  const query = { prefix, limit: `${limit}`, cursor, keysOnly: keysOnly ? 'true' : null, ...timeoutQuery(timeoutMs) };
  return { path: '/v1/kv', query, timeoutMs };
}

export function pageOf(answer: Answer): ListPage {
  const page = jsonOf(answer) as Omit<ListPage, 'cursor'> & { readonly cursor?: string | null };
  return { ...page, cursor: page.cursor ?? null };
}

export function jsonOf(answer: Answer): unknown {
  try {
    return JSON.parse(answer.body.toString());
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
  const words = [problem.title ?? `HTTP ${answer.status}`, problem.detail].filter((word) => word !== undefined);
  const outcome = problem.outcome === undefined ? '' : ` (${outcomeText[problem.outcome] ?? problem.outcome})`;
  // Other things than a key may be missing: an address that is no gateway's answers 404 as well.
  const exitCode = problem.code === 'key_not_found' ? exitCodes.notFound : exitCodeOf[answer.status];
  return new Failure(`${words.join(': ')}${outcome}`, exitCode ?? exitCodes.error);
}

const outcomeText: Readonly<Record<string, string>> = {
  not_applied: 'nothing was written',
  unknown: 'it may have been written, or may still be',
};

interface Problem {
  readonly code?: string;
  readonly title?: string;
  readonly detail?: string;
  readonly outcome?: string;
}

function problemOf(answer: Answer): Problem {
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
