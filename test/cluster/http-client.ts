/** A small HTTP client for tests: raw paths, kept connections, answers of any status as values. */
import http from 'node:http';

export interface HttpAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface RequestOptions {
  readonly headers?: http.OutgoingHttpHeaders;
  readonly body?: string | Uint8Array;
  /** Without the question mark. */
  readonly query?: string;
  /** When to give up on the server; 30,000 by default. */
  readonly timeoutMs?: number;
}

export interface ListedItem {
  readonly key: string;
  readonly modRevision: number;
  readonly version: number;
  readonly value?: string;
  readonly valueBase64?: string;
}

export interface HttpClient {
  readonly url: string;
  /** Rejects when no answer came. */
  request(method: string, path: string, options?: RequestOptions): Promise<HttpAnswer>;
  get(key: string, options?: RequestOptions): Promise<HttpAnswer>;
  put(key: string, value: string | Uint8Array, options?: RequestOptions): Promise<HttpAnswer>;
  delete(key: string, options?: RequestOptions): Promise<HttpAnswer>;
  /** All items under the prefix, page by page. */
  list(prefix: string, query?: string): AsyncGenerator<ListedItem>;
  close(): void;
}

export function createHttpClient(url: string): HttpClient {
  const agent = new http.Agent({ keepAlive: true });
  const { hostname, port } = new URL(url);

  const request = (method: string, path: string, options: RequestOptions = {}): Promise<HttpAnswer> =>
    new Promise((resolve, reject) => {
      const timeoutMs = options.timeoutMs ?? 30_000;
      const outgoing = http.request({
        agent,
        hostname,
        port,
        method,
        path: options.query === undefined ? path : `${path}?${options.query}`,
        headers: {
          ...(options.body === undefined ? {} : { 'content-length': Buffer.byteLength(options.body) }),
          ...options.headers,
        },
      });
      const timer = setTimeout(
        () => outgoing.destroy(new Error(`${method} ${url}${path} was not answered within ${timeoutMs} ms`)),
        timeoutMs,
      );
      outgoing.once('close', () => clearTimeout(timer));
      outgoing.once('error', reject);
      outgoing.once('response', (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('error', reject);
        response.once('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
        );
      });
      outgoing.end(options.body);
    });

  const keyPath = (key: string) => `/v1/kv/${encodeURIComponent(key)}`;

  return {
    url,
    request,
    get: (key, options) => request('GET', keyPath(key), options),
    put: (key, body, options) => request('PUT', keyPath(key), { ...options, body }),
    delete: (key, options) => request('DELETE', keyPath(key), options),
    async *list(prefix, query) {
      let cursor: string | null = null;
      do {
        const parameters = new URLSearchParams({ prefix, limit: '1000' });
        if (cursor !== null) parameters.set('cursor', cursor);
        const all = query === undefined ? `${parameters}` : `${parameters}&${query}`;
        const answer = await request('GET', '/v1/kv', { query: all });
        if (answer.status !== 200) throw new Error(`list of ${prefix} was answered ${answer.status}: ${answer.body}`);
        const page = json<{ items: ListedItem[]; cursor?: string | null }>(answer);
        yield* page.items;
        cursor = page.cursor ?? null;
      } while (cursor !== null);
    },
    close: () => agent.destroy(),
  };
}

export function json<T>(answer: HttpAnswer): T {
  return JSON.parse(answer.body.toString()) as T;
}

export type WriteOutcome = 'acknowledged' | 'not_applied' | 'unknown';

/** What a client may conclude from the answer to a write, or from none. */
export async function writeOutcome(answer: Promise<HttpAnswer>): Promise<WriteOutcome> {
  const settled = await answer.catch(() => null);
  // No answer: the connection broke, at whichever moment.
  if (settled === null) return 'unknown';
  if (settled.status === 200 || settled.status === 201) return 'acknowledged';
  const { outcome } = json<{ outcome?: WriteOutcome }>(settled);
  if (outcome !== 'not_applied' && outcome !== 'unknown') {
    throw new Error(`a write was answered ${settled.status} without an outcome: ${settled.body}`);
  }
  return outcome;
}
