/** A connection that only reads keys: as cheap as it can be, so that the gateways are what is measured, and not this. */
import net from 'node:net';

/**
 * `lease`, `validated`: from memory, and how it was proven. `fetched`: from a replica, or from what was fetched for another.
 */
export type Source = 'lease' | 'validated' | 'fetched';

export type KeyReading =
  | { readonly type: 'found'; readonly value: string; readonly source: Source }
  | { readonly type: 'missing'; readonly source: Source }
  /** Answered, but not with what stands there. */
  | { readonly type: 'refused'; readonly status: number; readonly body: string }
  /** The connection ended before the answer came. */
  | { readonly type: 'lost' };

const headEnd = '\r\n\r\n';

export class ReadingSocket {
  readonly #host: string;
  readonly #port: number;
  #socket: net.Socket | null = null;
  /** Invariant: null while nothing is asked. */
  #settle: ((reading: KeyReading) => void) | null = null;
  #received = '';

  constructor(url: string) {
    const { hostname, port } = new URL(url);
    this.#host = hostname;
    this.#port = Number(port);
  }

  /** One at a time; it has begun when this returns. Never rejects, but for an answer that is not HTTP as gateways speak it. */
  get(key: string): Promise<KeyReading> {
    if (this.#settle !== null) throw new Error('this connection still waits for an answer');
    const { promise, resolve } = Promise.withResolvers<KeyReading>();
    this.#settle = resolve;
    this.#socket ??= this.#connect();
    this.#socket.write(`GET /v1/kv/${encodeURIComponent(key)} HTTP/1.1\r\nHost: ${this.#host}${headEnd}`);
    return promise;
  }

  close(): void {
    this.#socket?.destroy();
  }

  #connect(): net.Socket {
    const socket = net.connect({ host: this.#host, port: this.#port, noDelay: true });
    this.#received = '';
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => {
      this.#received += text;
      this.#answerFrom();
    });
    // What an error ends is closed.
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#socket = null;
      this.#answer({ type: 'lost' });
    });
    return socket;
  }

  /** Values and problems of these tests are ASCII: characters are bytes. */
  #answerFrom(): void {
    const end = this.#received.indexOf(headEnd);
    if (end < 0) return;
    const head = this.#received.slice(0, end);
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    if (length === undefined) throw new Error(`an answer without Content-Length: ${head}`);
    const bodyFrom = end + headEnd.length;
    const bodyTo = bodyFrom + Number(length);
    if (this.#received.length < bodyTo) return;
    const body = this.#received.slice(bodyFrom, bodyTo);
    this.#received = this.#received.slice(bodyTo);
    this.#answer(readingOf(head, body));
  }

  #answer(reading: KeyReading): void {
    const settle = this.#settle;
    this.#settle = null;
    settle?.(reading);
  }
}

function readingOf(head: string, body: string): KeyReading {
  const status = Number(head.slice('HTTP/1.1 '.length, 'HTTP/1.1 200'.length));
  switch (status) {
    case 200:
      return { type: 'found', value: body, source: sourceOf(head) };
    case 404:
      return { type: 'missing', source: sourceOf(head) };
    default:
      return { type: 'refused', status, body };
  }
}

function sourceOf(head: string): Source {
  if (head.includes('bazar; hit; detail=lease')) return 'lease';
  if (head.includes('bazar; hit; detail=validated')) return 'validated';
  return 'fetched';
}
