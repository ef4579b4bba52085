/**
 * HTTP without sockets: Node's own request and response over a connection that is only memory, as its server would set
 * them up; and clients that reach gateways through the simulated network.
 */
import { IncomingMessage, type RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { invariant } from '../../src/raft/assert.ts';
import type { Event } from './event-heap.ts';
import type { Kernel } from './kernel.ts';
import type { Life } from './life.ts';
import type { SimNetwork } from './network.ts';
import { noBytes, type Party } from './network-packet.ts';
import type { SeededRandom } from './random.ts';

export interface HttpRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** With one, Content-Length is added if it is missing. */
  readonly body: Buffer | null;
}

export interface HttpReply {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** Rejects if the connection closes before the answer is whole. */
export async function injectHttp(handle: RequestListener, request: HttpRequest): Promise<HttpReply> {
  const reply = await new HttpExchange(handle, request).reply;
  if (reply === 'lost') throw new Error(`${request.method} ${request.path}: the connection closed without an answer`);
  return reply;
}

/** One request on a connection of its own. */
export class HttpExchange {
  /** 'lost': the connection closed before the answer was whole. */
  readonly reply: Promise<HttpReply | 'lost'>;
  readonly #connection = new MemoryConnection();

  /** Of the body only so many bytes arrive. */
  constructor(handle: RequestListener, { method, path, headers, body }: HttpRequest, bodyBytes = body?.length ?? 0) {
    const connection = this.#connection;
    const socket = connection as unknown as Socket;
    const request = new IncomingMessage(socket);
    request.method = method;
    request.url = path;
    request.httpVersion = '1.1';
    request.httpVersionMajor = 1;
    request.httpVersionMinor = 1;
    request.headers = withLength(headers, body);
    const response = new ServerResponse(request);
    response.sendDate = false;
    response.assignSocket(socket);
    response.on('finish', () => {
      // What was not read of the request is read by nobody.
      request.resume();
      // Not in the middle of its last write, for which Node would make an error with its stack.
      process.nextTick(() => connection.destroy());
    });
    this.reply = new Promise((resolve) => {
      connection.on('close', () => {
        const answered = response.writableFinished;
        if (!answered) request.destroy(new ConnectionResetError('aborted'));
        resolve(answered ? parseReply(connection.written()) : 'lost');
      });
    });
    // As from the parser: the handler runs at the end of the head, before the body is there.
    handle(request, response);
    if (body !== null && bodyBytes > 0) request.push(body.subarray(0, bodyBytes));
    if (bodyBytes < (body?.length ?? 0)) return;
    request.complete = true;
    request.push(null);
  }

  /** The client goes away. */
  close(): void {
    this.#connection.destroy();
  }
}

/** As Node reads them: names in lower case. */
function withLength(headers: HttpRequest['headers'], body: Buffer | null): Readonly<Record<string, string>> {
  const read: Record<string, string> = {};
  for (const name in headers) read[name.toLowerCase()] = headers[name] ?? '';
  if (body !== null) read['content-length'] ??= `${body.length}`;
  return read;
}

class ConnectionResetError extends Error {
  readonly code = 'ECONNRESET';
}

/** Takes what is written; nothing is ever read from it, since the request is built without a parser. */
class MemoryConnection extends Duplex {
  readonly #chunks: Buffer[] = [];

  written(): Buffer {
    const [first] = this.#chunks;
    return this.#chunks.length === 1 && first !== undefined ? first : Buffer.concat(this.#chunks);
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    this.#chunks.push(chunk);
    callback();
  }
}

const lineEnd = '\r\n';
const headEnd = lineEnd + lineEnd;

function parseReply(bytes: Buffer): HttpReply {
  const headBytes = bytes.indexOf(headEnd);
  const [statusLine = '', ...lines] = bytes.toString('latin1', 0, headBytes).split(lineEnd);
  const status = Number(/^HTTP\/1\.1 ([2-5]\d\d) /.exec(statusLine)?.[1]);
  invariant(Number.isInteger(status), `a reply begins with its status, got ${statusLine}`);
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(': ');
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 2);
    headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`;
  }
  invariant(headers['transfer-encoding'] === undefined, 'the gateway says how long its answers are');
  return { status, headers, body: bytes.subarray(headBytes + headEnd.length) };
}

/** Where a client's request goes; without a life nobody listens there. */
export interface HttpGateway {
  readonly id: string;
  readonly life: Life | null;
  readonly handle: RequestListener | null;
}

interface SimHttpOptions {
  readonly kernel: Kernel;
  readonly network: SimNetwork;
  readonly random: SeededRandom;
}

export class SimHttp {
  readonly #options: SimHttpOptions;
  /** What each life of a gateway works on. */
  readonly #served = new WeakMap<Life, Set<HttpCall>>();

  constructor(options: SimHttpOptions) {
    this.#options = options;
  }

  /**
   * 'lost': no answer within the time, or the connection broke. Then the request may never have arrived, not as a whole,
   * or it may be carried out at any later time.
   */
  request(from: string, gateway: HttpGateway, request: HttpRequest, timeoutMs: number): Promise<HttpReply | 'lost'> {
    return new Promise((resolve) => {
      const call = new HttpCall(this.#options, from, gateway.id, request, timeoutMs, resolve);
      if (gateway.life === null || gateway.handle === null) call.breakOff();
      else call.begin(gateway.life, gateway.handle, this.#servedBy(gateway.life));
    });
  }

  #servedBy(life: Life): Set<HttpCall> {
    let served = this.#served.get(life);
    if (served === undefined) {
      const calls = new Set<HttpCall>();
      life.onEnd(() => {
        for (const call of calls) call.breakOff();
      });
      this.#served.set(life, calls);
      served = calls;
    }
    return served;
  }
}

/** How often a client is told that its connection broke; otherwise it waits until its time is up. */
const resetProbability = 0.5;
/** How often a part of a request arrives that is lost. */
const cutProbability = 0.5;

class HttpCall {
  readonly #options: SimHttpOptions;
  readonly #client: Party;
  /** The machine, not the process: it outlives it, and resets its connections. */
  readonly #machine: Party;
  readonly #request: HttpRequest;
  readonly #resolve: (reply: HttpReply | 'lost') => void;
  readonly #timeout: Event;
  #server: Party | null = null;
  #exchange: HttpExchange | null = null;
  /** The client has closed the connection, and the gateway knows. */
  #hungUp = false;

  constructor(
    options: SimHttpOptions,
    client: string,
    gateway: string,
    request: HttpRequest,
    timeoutMs: number,
    resolve: (reply: HttpReply | 'lost') => void,
  ) {
    this.#options = options;
    this.#client = { id: client, life: null };
    this.#machine = { id: gateway, life: null };
    this.#request = request;
    this.#resolve = resolve;
    this.#timeout = options.kernel.after(timeoutMs, null, 'client', () => this.#giveUp());
  }

  begin(life: Life, handle: RequestListener, served: Set<HttpCall>): void {
    const { body } = this.#request;
    const { random } = this.#options;
    const server = { id: this.#machine.id, life };
    this.#server = server;
    if (this.#send(this.#client, server, body ?? noBytes, () => this.#serve(server, handle, served))) {
      served.add(this);
      return;
    }
    const cut = body !== null && random.chance(cutProbability) ? random.integer(0, body.length - 1) : 0;
    if (body !== null && cut > 0) {
      this.#send(this.#client, server, body.subarray(0, cut), () => this.#serveCut(life, handle, cut));
    }
    this.breakOff();
  }

  /** The connection is broken: by chance the client hears of it. */
  breakOff(): void {
    if (!this.#options.random.chance(resetProbability)) return;
    this.#send(this.#machine, this.#client, noBytes, () => this.#end('lost'));
  }

  #serve(server: Party, handle: RequestListener, served: Set<HttpCall>): void {
    this.#options.kernel.trace.mixBytes(this.#request.path);
    this.#exchange = new HttpExchange(handle, this.#request);
    if (this.#hungUp) this.#exchange.close();
    void this.#exchange.reply.then((reply) => {
      served.delete(this);
      if (this.#hungUp) return;
      const arrives = reply !== 'lost' && this.#send(server, this.#client, reply.body, () => this.#end(reply));
      if (!arrives && !server.life?.dead) this.breakOff();
    });
  }

  #serveCut(life: Life, handle: RequestListener, cut: number): void {
    const { kernel, network } = this.#options;
    network.probes.sometimes('http: a part of a body');
    const exchange = new HttpExchange(handle, this.#request, cut);
    kernel.after(1, life, 'network', () => exchange.close());
  }

  #giveUp(): void {
    this.#end('lost');
    if (this.#server === null) return;
    this.#send(this.#client, this.#server, noBytes, () => {
      this.#hungUp = true;
      this.#exchange?.close();
    });
  }

  #end(reply: HttpReply | 'lost'): void {
    const { network } = this.#options;
    if (this.#timeout.run === null) {
      network.probes.sometimes('http: an answer nobody waits for');
      return;
    }
    this.#timeout.run = null;
    this.#resolve(reply);
  }

  #send(from: Party, to: Party, bytes: Buffer, deliver: () => void): boolean {
    return this.#options.network.send({ kind: 'http', from, to, bytes, deliver });
  }
}
