/** The RpcEndpoint of one life: what it answers when it is dialled, and the connections that it dials. */
import { InvariantError, invariant } from '../../src/raft/assert.ts';
import {
  type PublicKey,
  type RpcConnection,
  type RpcConnectionEvents,
  type RpcEndpoint,
  type RpcHandlers,
  rpcBytesMax,
} from '../../src/store/rpc.ts';
import { rpcConstants } from '../../src/store/rpc-hyperswarm.ts';
import { freeLane } from '../../src/store/rpc-lane.ts';
import type { Peer } from '../../src/store/rpc-outgoing.ts';
import type { Life } from './life.ts';
import { SimConnection } from './network-connection.ts';
import type { IncomingConnection, Listener, PacketNetwork } from './network-packet.ts';
import { SimPeer } from './network-peer.ts';

export interface EndpointOptions {
  /** Of the process. */
  readonly id: string;
  readonly publicKey: PublicKey;
  readonly pingIntervalMs: number;
  /** A handler broke an invariant. What else a handler throws, though it must not, ends the run. */
  readonly onFatal: (error: Error) => void;
  /** Hears every event as it is sent over a connection that this end dialled. `bytes` is valid only during the call. */
  readonly tap?: (to: string, bytes: Uint8Array) => void;
}

export class SimEndpoint implements RpcEndpoint, Listener {
  readonly id: string;
  readonly publicKey: PublicKey;
  readonly life: Life;
  readonly network: PacketNetwork;
  readonly options: EndpointOptions;
  readonly #outgoing = new Set<SimConnection>();
  /** One connection per key and lane, the newest. */
  readonly #incoming = new Map<string, IncomingConnection>();
  readonly #peers = new WeakMap<IncomingConnection, SimPeer>();
  /** Requests whose handlers have not settled. */
  readonly #running = new Set<Promise<Uint8Array | null>>();
  #listening: { readonly handlers: RpcHandlers; readonly admits: (publicKey: PublicKey) => boolean } | null = null;
  #closing: Promise<void> | null = null;
  #closed = false;

  constructor(network: PacketNetwork, life: Life, options: EndpointOptions) {
    this.id = options.id;
    this.publicKey = options.publicKey;
    this.life = life;
    this.network = network;
    this.options = options;
  }

  get closed(): boolean {
    return this.#closed;
  }

  async listen(handlers: RpcHandlers, admits: (publicKey: PublicKey) => boolean): Promise<void> {
    invariant(this.#listening === null, 'an endpoint listens once');
    this.#listening = { handlers, admits };
  }

  connect(peer: Peer, events: RpcConnectionEvents): RpcConnection {
    const lane = freeLane(this.#outgoing, peer.publicKey);
    const connection = new SimConnection(this, peer, lane, events, () => this.#outgoing.delete(connection));
    this.#outgoing.add(connection);
    return connection;
  }

  close(): Promise<void> {
    this.#closing ??= this.#drainAndClose();
    return this.#closing;
  }

  admits(dialled: IncomingConnection): boolean {
    if (this.#listening === null || this.#closing !== null) return false;
    const { admits } = this.#listening;
    const place = `${dialled.publicKey}/${dialled.lane}`;
    const older = this.#incoming.get(place);
    if (older === dialled) return true;
    let admitted = false;
    this.guard(() => {
      admitted = admits(dialled.publicKey);
    });
    if (!admitted) return false;
    this.#incoming.set(place, dialled);
    this.#peers.set(dialled, new SimPeer(dialled, this.life.clock, (callback) => this.guard(callback)));
    if (older !== undefined) {
      older.hangUp();
      this.#peerOf(older).close();
    }
    return true;
  }

  watches(connection: IncomingConnection): boolean {
    return this.#peers.get(connection)?.watched ?? false;
  }

  hear(connection: IncomingConnection): void {
    this.#peers.get(connection)?.hear();
  }

  receiveLeave(connection: IncomingConnection): void {
    this.#peerOf(connection).close();
  }

  receiveEvent(from: IncomingConnection, bytes: Uint8Array): void {
    this.guard(() => this.#listening?.handlers.onEvent(this.#peerOf(from), bytes));
  }

  async receiveRequest(
    from: IncomingConnection,
    bytes: Uint8Array,
    respond: (answer: Uint8Array | null) => void,
  ): Promise<void> {
    const answering = this.#answer(from, bytes);
    this.#running.add(answering);
    const answer = await answering;
    this.#running.delete(answering);
    respond(answer);
  }

  pingInfo(): Uint8Array | null {
    let info: Uint8Array | null = null;
    this.guard(() => {
      info = this.#listening?.handlers.pingInfo() ?? null;
    });
    return info;
  }

  /** Runs a callback of another owner that must not throw. */
  guard(callback: () => void): void {
    try {
      callback();
    } catch (error) {
      if (error instanceof InvariantError) this.options.onFatal(error);
      else this.network.kernel.fail(error);
    }
  }

  /** Tells whoever is connected that it is over. */
  hangUp(): void {
    for (const connection of this.#incoming.values()) connection.hangUp();
  }

  #peerOf(connection: IncomingConnection): SimPeer {
    const peer = this.#peers.get(connection);
    invariant(peer !== undefined, 'a connection that stands was admitted');
    return peer;
  }

  async #answer(from: IncomingConnection, bytes: Uint8Array): Promise<Uint8Array | null> {
    if (this.#closing !== null || this.#listening === null) return null;
    try {
      const answer = await this.#listening.handlers.onRequest(this.#peerOf(from), bytes);
      if (answer.byteLength <= rpcBytesMax) return answer;
      this.network.probes.sometimes('network: answer too long');
    } catch (error) {
      this.#handlerFailed(error);
    }
    return null;
  }

  /** A request may need what is broken or closed, such as a disk: then it has no answer, and that is all. */
  #handlerFailed(error: unknown): void {
    this.network.probes.sometimes('network: request failed');
    if (this.#closing === null && error instanceof InvariantError) this.options.onFatal(error);
  }

  async #drainAndClose(): Promise<void> {
    const { promise: timeUp, resolve } = Promise.withResolvers<void>();
    const deadline = this.life.clock.setTimer(rpcConstants.drainTimeoutMs, resolve);
    await Promise.race([Promise.all(this.#running), timeUp]);
    deadline.cancel();
    // Only now: a running handler may need its connections to others.
    await Promise.all([...this.#outgoing].map((connection) => connection.close()));
    this.hangUp();
    for (const connection of this.#incoming.values()) this.#peerOf(connection).close();
    this.#closed = true;
  }
}
