/**
 * The real RpcEndpoint: @hyperswarm/rpc over UDP, straight to the addresses it is given, with keys pinned.
 */
import RPC from '@hyperswarm/rpc';
import type { Logger } from '../logger.ts';
import { InvariantError, invariant } from '../raft/assert.ts';
import type { Clock, Random, Timer } from '../raft/interfaces.ts';
import { ClosedDHT } from './closed-dht.ts';
import { StartError } from './errors.ts';
import {
  type PublicKey,
  type RpcConnection,
  type RpcConnectionEvents,
  type RpcEndpoint,
  type RpcHandlers,
  rpcBytesMax,
} from './rpc.ts';
import { type Frame, frameEncoding, methods } from './rpc-frame.ts';
import { IncomingConnection } from './rpc-incoming.ts';
import {
  decodeIntroduction,
  drawProcessId,
  freeLane,
  type Introduction,
  type ProcessId,
  processesMax,
} from './rpc-lane.ts';
import { type DialConstants, dialConstants, OutgoingConnection, type Peer, resolveHost } from './rpc-outgoing.ts';

export interface RpcConstants extends DialConstants {
  /** A stream between two ends that have nothing to say still writes this often, so that a dead one is found out. */
  readonly keepAliveMs: number;
  /** A connection whose other end has not proven its key by then, with a ping, is closed: a handshake can be a recording. */
  readonly proofTimeoutMs: number;
  /** Refused handshakes are logged at most this often. */
  readonly refusalLogIntervalMs: number;
  /** Closing waits this long, at most, for running handlers and for their answers to arrive. */
  readonly drainTimeoutMs: number;
}

export const rpcConstants: RpcConstants = {
  ...dialConstants,
  keepAliveMs: 1000,
  proofTimeoutMs: 2000,
  refusalLogIntervalMs: 10_000,
  drainTimeoutMs: 2000,
};

export interface RpcEndpointOptions {
  readonly keyPair: { readonly publicKey: Buffer; readonly secretKey: Buffer };
  /** An IPv4 literal, or a name that is resolved once. Must be the address that others dial. */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** A handler broke an invariant: the process must stop. */
  readonly onFatal: (error: InvariantError) => void;
  readonly constants?: RpcConstants;
}

export interface RpcStatistics {
  /** Connections from others whose key is proven. */
  readonly incomingConnections: number;
  /** Handshakes with a key that is not admitted: a wrong key is told from a dead peer at the refusing end only. */
  readonly refusedHandshakes: number;
  readonly lastRefusedKey: PublicKey | null;
  /** Events and requests of an unknown version. */
  readonly unreadableFrames: number;
}

export interface HyperswarmRpcEndpoint extends RpcEndpoint {
  address(): { readonly host: string; readonly port: number };
  statistics(): RpcStatistics;
}

/** Rejects with a StartError if the host is unknown or the port cannot be bound. */
export async function openRpcEndpoint(options: RpcEndpointOptions): Promise<HyperswarmRpcEndpoint> {
  const { host, port, keyPair } = options;
  const constants = options.constants ?? rpcConstants;
  const literal = await resolveHost(host).catch((cause: unknown) => {
    throw new StartError('hostUnknown', `cannot resolve the RPC host ${host} to an IPv4 address: ${cause}`, { cause });
  });
  const dht = new ClosedDHT({
    bootstrap: [],
    host: literal,
    port: [port, port + 1],
    anyPort: false,
    firewalled: false,
    ephemeral: true,
    keyPair,
    connectionKeepAlive: constants.keepAliveMs,
  });
  invariant(dht.bootstrapNodes.length === 0, 'the endpoint knows no node of a public network');
  try {
    await dht.fullyBootstrapped();
  } catch (cause) {
    await dht.abandon();
    throw bindError(literal, port, cause);
  }
  return new Endpoint(dht, options, constants);
}

function bindError(host: string, port: number, cause: unknown): StartError {
  const code = cause instanceof Error && 'code' in cause ? cause.code : null;
  if (code === 'EADDRINUSE') {
    const message = `UDP port ${port} on ${host} is taken: stop the process that holds it, or choose another RPC port`;
    return new StartError('portTaken', message, { cause });
  }
  return new StartError('cannotBind', `cannot bind UDP port ${port} on ${host}: ${cause}`, { cause });
}

class Endpoint implements HyperswarmRpcEndpoint {
  readonly #dht: ClosedDHT;
  readonly #rpc: RPC<Frame>;
  readonly #options: RpcEndpointOptions;
  readonly #constants: RpcConstants;
  readonly #outgoing = new Set<OutgoingConnection>();
  readonly #process: ProcessId;
  /** One connection per key, process and lane, the newest; those that have pinged last come last. */
  readonly #incoming = new Map<string, IncomingConnection>();
  readonly #places = new WeakMap<RPC.Channel<Frame>, string>();
  /** Connections that have not yet proven their key. */
  readonly #unproven = new Map<RPC.Channel<Frame>, Timer>();
  readonly #peers = new WeakMap<RPC.Channel<Frame>, IncomingConnection>();
  /** Requests whose handlers have not settled. */
  readonly #running = new Set<Promise<Frame>>();
  #server: RPC.Server<Frame> | null = null;
  #closing: Promise<void> | null = null;
  #refusedHandshakes = 0;
  #lastRefusedKey: PublicKey | null = null;
  #refusalLoggedAtMs = Number.NEGATIVE_INFINITY;
  #unreadableFrames = 0;

  constructor(dht: ClosedDHT, options: RpcEndpointOptions, constants: RpcConstants) {
    this.#dht = dht;
    this.#rpc = new RPC({ dht, keyPair: options.keyPair, valueEncoding: frameEncoding });
    this.#options = options;
    this.#constants = constants;
    this.#process = drawProcessId(options.random);
  }

  address() {
    const address = this.#dht.address();
    invariant(address !== null, 'an open endpoint has an address');
    return { host: address.host, port: address.port };
  }

  statistics(): RpcStatistics {
    return {
      incomingConnections: this.#incoming.size,
      refusedHandshakes: this.#refusedHandshakes,
      lastRefusedKey: this.#lastRefusedKey,
      unreadableFrames: this.#unreadableFrames,
    };
  }

  async listen(handlers: RpcHandlers, admits: (publicKey: PublicKey) => boolean): Promise<void> {
    invariant(this.#server === null, 'an endpoint listens once');
    this.#server = this.#rpc
      .createServer({
        firewall: (remotePublicKey) => this.#refuses(remotePublicKey.toString('hex'), admits),
        shareLocalAddress: false,
        holepunch: false,
      })
      .respond(methods.event, (frame, channel) => this.#onEvent(handlers, channel, frame))
      .respond(methods.request, (frame, channel) => this.#onRequest(handlers, channel, frame))
      .respond(methods.ping, (frame, channel) => this.#onPing(handlers, channel, frame));
    this.#server.on('connection', (channel: RPC.Channel<Frame>) => this.#onConnection(channel));
    await this.#server.listen();
  }

  connect(peer: Peer, events: RpcConnectionEvents): RpcConnection {
    const { clock, random, log } = this.#options;
    const connection = new OutgoingConnection(
      {
        rpc: this.#rpc,
        clock,
        random,
        log,
        constants: this.#constants,
        process: this.#process,
        lane: freeLane(this.#outgoing, peer.publicKey),
        guard: this.#guard,
        onClosed: (closed) => this.#outgoing.delete(closed),
        onUnreadable: () => this.#unreadableFrames++,
      },
      peer,
      events,
    );
    this.#outgoing.add(connection);
    return connection;
  }

  close(): Promise<void> {
    this.#closing ??= this.#drainAndDestroy();
    return this.#closing;
  }

  async #drainAndDestroy(): Promise<void> {
    await this.#server?.close();
    const { promise: timeUp, resolve } = Promise.withResolvers<void>();
    const deadline = this.#options.clock.setTimer(this.#constants.drainTimeoutMs, resolve);
    await Promise.race([this.#drain(), timeUp]);
    deadline.cancel();
    // Only now: a running handler may need its connections to others.
    await Promise.all([...this.#outgoing].map((connection) => connection.close()));
    for (const end of [...this.#incoming.values(), ...this.#unproven.keys()]) end.destroy();
    await this.#dht.destroy();
  }

  async #drain(): Promise<void> {
    await Promise.all(this.#running);
    // The stack writes an answer some promises after its handler has settled.
    await new Promise<void>((resolve) => this.#options.clock.defer(resolve));
    await Promise.all([...this.#incoming.values()].map((connection) => connection.flushed()));
  }

  #refuses(key: PublicKey, admits: (publicKey: PublicKey) => boolean): boolean {
    let admitted = false;
    this.#guard(() => {
      admitted = admits(key);
    });
    if (admitted) return false;
    this.#refusedHandshakes++;
    this.#lastRefusedKey = key;
    const now = this.#options.clock.now();
    if (now - this.#refusalLoggedAtMs >= this.#constants.refusalLogIntervalMs) {
      this.#refusalLoggedAtMs = now;
      this.#options.log.warn('refused a connection: its key is not in the cluster', {
        publicKey: key,
        refusedHandshakes: this.#refusedHandshakes,
      });
    }
    return true;
  }

  #onConnection(channel: RPC.Channel<Frame>): void {
    const { congestedBytes, proofTimeoutMs } = this.#constants;
    this.#peers.set(channel, new IncomingConnection(channel, { congestedBytes, guard: this.#guard }));
    const deadline = this.#options.clock.setTimer(proofTimeoutMs, () => channel.destroy());
    this.#unproven.set(channel, deadline);
    channel.once('close', () => this.#proven(channel));
  }

  /** Of the first ping. Not earlier: a recorded handshake must not be able to close the connection it was recorded from. */
  #place(channel: RPC.Channel<Frame>, introduction: Introduction | null): void {
    this.#proven(channel);
    if (introduction === null) {
      channel.destroy();
      return;
    }
    const connection = this.#peerOf(channel);
    const { process, lane } = introduction;
    this.#makeRoom(connection.publicKey, process);
    const place = `${connection.publicKey}/${process}/${lane}`;
    const older = this.#incoming.get(place);
    this.#incoming.delete(place);
    this.#incoming.set(place, connection);
    this.#places.set(channel, place);
    older?.destroy();
    connection.onClose(() => {
      if (this.#incoming.get(place) === connection) this.#incoming.delete(place);
    });
  }

  /** A sign of life. */
  #moveBack(channel: RPC.Channel<Frame>): void {
    const place = this.#places.get(channel);
    const connection = this.#peerOf(channel);
    if (place === undefined || this.#incoming.get(place) !== connection) return;
    this.#incoming.delete(place);
    this.#incoming.set(place, connection);
  }

  /** For a process, among the others with its key: in place of the one that was silent for longest. */
  #makeRoom(publicKey: PublicKey, process: ProcessId): void {
    const ofKey = [...this.#incoming].filter(([place]) => place.startsWith(publicKey));
    const others = new Set(ofKey.reverse().map(([place]) => place.slice(0, place.lastIndexOf('/'))));
    others.delete(`${publicKey}/${process}`);
    const first = [...others].at(-1);
    if (first === undefined || others.size < processesMax) return;
    for (const [place, connection] of ofKey) {
      if (!place.startsWith(`${first}/`)) continue;
      this.#incoming.delete(place);
      connection.destroy();
    }
  }

  #proven(channel: RPC.Channel<Frame>): void {
    this.#unproven.get(channel)?.cancel();
    this.#unproven.delete(channel);
  }

  #onEvent(handlers: RpcHandlers, channel: RPC.Channel<Frame>, frame: Frame): Frame {
    if (frame === null) this.#unreadableFrames++;
    // Before its ping a connection has no place, and nobody counts how many there are.
    else if (!this.#unproven.has(channel)) this.#guard(() => handlers.onEvent(this.#peerOf(channel), frame));
    return null;
  }

  #onRequest(handlers: RpcHandlers, channel: RPC.Channel<Frame>, frame: Frame): Promise<Frame> {
    const answer = this.#answer(handlers, channel, frame);
    this.#running.add(answer);
    void answer.finally(() => this.#running.delete(answer));
    return answer;
  }

  /** Total: what a handler throws would end the process somewhere inside the stack, without an answer. */
  async #answer(handlers: RpcHandlers, channel: RPC.Channel<Frame>, frame: Frame): Promise<Frame> {
    if (frame === null) {
      this.#unreadableFrames++;
      return null;
    }
    if (this.#closing !== null || this.#unproven.has(channel)) return null;
    try {
      const answer = await handlers.onRequest(this.#peerOf(channel), frame);
      if (answer.byteLength <= rpcBytesMax) return answer;
      this.#options.log.error('an answer is too long to be sent: its request is lost', {
        bytes: answer.byteLength,
        bytesMax: rpcBytesMax,
      });
    } catch (error) {
      // What a handler needs may already be closed.
      if (this.#closing === null) this.#report(error);
    }
    return null;
  }

  #onPing(handlers: RpcHandlers, channel: RPC.Channel<Frame>, frame: Frame): Frame {
    if (this.#unproven.has(channel)) this.#place(channel, decodeIntroduction(frame));
    else this.#moveBack(channel);
    let info: Frame = null;
    this.#guard(() => {
      info = handlers.pingInfo();
    });
    return info;
  }

  #peerOf(channel: RPC.Channel<Frame>): IncomingConnection {
    const peer = this.#peers.get(channel);
    invariant(peer !== undefined, 'a frame comes from a connection');
    return peer;
  }

  readonly #guard = (callback: () => void): void => {
    try {
      callback();
    } catch (error) {
      this.#report(error);
    }
  };

  #report(error: unknown): void {
    if (error instanceof InvariantError) this.#options.onFatal(error);
    else
      this.#options.log.error('an RPC handler failed', {
        error: (error instanceof Error && error.stack) || `${error}`,
      });
  }
}
