/** A gateway's kv resource over one Map: real HTTP, real revisions and preconditions, no cluster behind it. */
import { isUtf8 } from 'node:buffer';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

interface Item {
  readonly value: Buffer;
  readonly contentType: string;
  readonly modRevision: number;
  readonly version: number;
}

/** What to do instead of answering: a status, or to break the connection. Null: answer. */
export type Fault = 429 | 503 | 504 | 'break' | null;

export interface KvServer {
  readonly url: string;
  readonly items: Map<string, Item>;
  /** Keys in the order in which their writes were answered. */
  readonly writes: string[];
  /** Requests that were begun, as `PUT /v1/kv/…`. */
  readonly requests: string[];
  /** Asked before each request is carried out. */
  fault: (request: IncomingMessage) => Fault | Promise<Fault>;
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
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  let revision = 0;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(request);
    const [path = '', query = ''] = (request.url ?? '').split('?');
    kv.requests.push(`${request.method} ${path}`);
    const fault = await kv.fault(request);
    if (fault === 'break') return void request.socket.destroy();
    if (fault !== null) return problem(response, fault, 'injected');
    if (path === '/v1/kv') return list(new URLSearchParams(query), response);
    if (!path.startsWith('/v1/kv/')) return problem(response, 404, 'unknown_route');
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
      if (!kv.items.delete(key)) return problem(response, 404, 'key_not_found');
      return json(response, 200, { key, revision: ++revision });
    }
    const version = (item?.version ?? 0) + 1;
    const contentType = request.headers['content-type'] ?? 'application/octet-stream';
    kv.items.set(key, { value: body, contentType, modRevision: ++revision, version });
    kv.writes.push(key);
    json(response, version === 1 ? 201 : 200, { key, revision, version });
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
  response.end(JSON.stringify(body));
}

function problem(response: ServerResponse, status: number, code: string): void {
  response.writeHead(status, { 'Content-Type': 'application/problem+json' });
  response.end(JSON.stringify({ title: `Status ${status}`, status, code, detail: `because of ${code}` }));
}
