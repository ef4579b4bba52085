/** A gateway's kv resource over one Map: real HTTP, real revisions and preconditions, no cluster behind it. */
import { isUtf8 } from 'node:buffer';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

interface Item {
  readonly value: Buffer;
  readonly contentType: string;
  readonly modRevision: number;
  readonly version: number;
  /** Ends its life. */
  readonly timer?: NodeJS.Timeout | undefined;
}

interface Change {
  readonly event: 'put' | 'delete';
  readonly revision: number;
  readonly key: string;
}

/** What to do instead of answering: a status, or to break the connection. Null: answer. */
export type Fault = 429 | 503 | 504 | 'break' | null;

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface Given {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Becomes JSON unless it is text; of a refusal it is the code. */
  readonly body: unknown;
}

export interface KvServer {
  readonly url: string;
  readonly items: Map<string, Item>;
  /** Keys in the order in which their writes were answered. */
  readonly writes: string[];
  /** Requests that were begun, as `PUT /v1/kv/…`. */
  readonly requests: string[];
  /** Asked before each request is carried out. */
  fault: (request: IncomingMessage) => Fault | Promise<Fault>;
  /** Answers what is asked beyond keys; null: there is nothing at this path. */
  more: (asked: Asked) => Given | null;
  close(): Promise<void>;
}

export async function startKvServer(): Promise<KvServer> {
  const server = createServer((request, response) => void answer(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const kv: KvServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    items: new Map(),
    writes: [],
    requests: [],
    fault: () => null,
    more: () => null,
    async close() {
      for (const { timer } of kv.items.values()) clearTimeout(timer);
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  let revision = 0;
  const changes: Change[] = [];
  const waiting = new Set<() => void>();

  function note(event: Change['event'], key: string): number {
    changes.push({ event, key, revision: ++revision });
    for (const wake of waiting) wake();
    return revision;
  }

  function remove(key: string): boolean {
    clearTimeout(kv.items.get(key)?.timer);
    const wasThere = kv.items.delete(key);
    if (wasThere) note('delete', key);
    return wasThere;
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(request);
    const [path = '', query = ''] = (request.url ?? '').split('?');
    kv.requests.push(`${request.method} ${path}`);
    const fault = await kv.fault(request);
    if (fault === 'break') return void request.socket.destroy();
    if (fault !== null) return problem(response, fault, 'injected');
    const parameters = new URLSearchParams(query);
    response.setHeader('Bazar-Revision', `${revision}`);
    if (path === '/v1/kv') return list(parameters, response);
    if (path === '/v1/watch') return poll(parameters, response);
    if (!path.startsWith('/v1/kv/')) {
      const { method = '', headers } = request;
      const given = kv.more({ method, path, headers, body });
      for (const [name, value] of Object.entries(given?.headers ?? {})) response.setHeader(name, value);
      if (given === null) return problem(response, 404, 'unknown_route');
      if (given.status >= 400) return problem(response, given.status, given.body);
      return json(response, given.status, given.body);
    }
    response.setHeader('Cache-Status', 'bazar; fwd=bypass');
    response.setHeader('Bazar-Served-By', 'r1');
    const key = decodeURIComponent(path.slice('/v1/kv/'.length));
    const item = kv.items.get(key);
    if (request.method === 'GET') {
      if (item === undefined) return problem(response, 404, 'key_not_found');
      response.writeHead(200, { 'Content-Type': item.contentType, ETag: `"${item.modRevision}"` });
      return void response.end(item.value);
    }
    const { 'if-match': ifMatch, 'if-none-match': ifNoneMatch } = request.headers;
    const tag = item === undefined ? null : `"${item.modRevision}"`;
    if (ifMatch !== undefined && (ifMatch === '*' ? tag === null : ifMatch !== tag)) {
      return problem(response, 412, 'precondition_failed');
    }
    if (ifNoneMatch !== undefined && (ifNoneMatch === '*' ? tag !== null : ifNoneMatch === tag)) {
      return problem(response, 412, 'precondition_failed');
    }
    if (request.method === 'DELETE') {
      if (!remove(key)) return problem(response, 404, 'key_not_found');
      return json(response, 200, { key, revision });
    }
    const version = (item?.version ?? 0) + 1;
    const contentType = request.headers['content-type'] ?? 'application/octet-stream';
    clearTimeout(item?.timer);
    const ttl = parameters.get('ttl');
    const timer = ttl === null ? undefined : setTimeout(() => remove(key), Number.parseInt(ttl, 10));
    kv.items.set(key, { value: body, contentType, modRevision: note('put', key), version, timer });
    kv.writes.push(key);
    json(response, version === 1 ? 201 : 200, { key, revision, version });
  }

  /** As a long poll is answered. */
  function poll(query: URLSearchParams, response: ServerResponse): void {
    const from = Number(query.get('from'));
    const settle = () => {
      const found = changes.filter((each) => each.revision > from && each.key.startsWith(query.get('prefix') ?? ''));
      if (found.length > 0) end(found);
    };
    const end = (found: readonly Change[]) => {
      waiting.delete(settle);
      clearTimeout(timer);
      json(response, 200, { changes: found, revision, cursor: `${revision}` });
    };
    const timer = setTimeout(() => end([]), Number.parseInt(query.get('wait') ?? '', 10));
    waiting.add(settle);
    response.on('close', () => {
      waiting.delete(settle);
      clearTimeout(timer);
    });
    settle();
  }

  function list(query: URLSearchParams, response: ServerResponse): void {
    const after = query.get('cursor');
    const limit = Number(query.get('limit'));
    const keys = [...kv.items.keys()]
      .filter((key) => key.startsWith(query.get('prefix') ?? ''))
      .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
      .filter((key) => after === null || Buffer.compare(Buffer.from(key), Buffer.from(after)) > 0);
    const items = keys.slice(0, limit).map((key) => {
      const { value, contentType, modRevision, version } = kv.items.get(key) as Item;
      const text = isUtf8(value) ? { value: value.toString() } : { valueBase64: value.toString('base64') };
      const content = query.get('keysOnly') === 'true' ? {} : text;
      return { key, modRevision, version, contentType, size: value.byteLength, ...content };
    });
    json(response, 200, { revision, items, cursor: keys.length > limit ? items.at(-1)?.key : null });
  }
  return kv;
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'Content-Type': 'application/json' });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
}

/** With a code, or with members of its own. */
function problem(response: ServerResponse, status: number, of: unknown): void {
  const members = typeof of === 'string' ? { code: of, detail: `because of ${of}` } : (of as object);
  response.writeHead(status, { 'Content-Type': 'application/problem+json' });
  response.end(JSON.stringify({ title: `Status ${status}`, status, ...members }));
}
