/**
 * One long-lived connection to one peer: dialled, watched with pings, and dialled again whenever it breaks.
 *
 * The stack below would notice a dead peer after 13 to 18 seconds, and resume a healed path up to 2 seconds late.
 * Here a ping without an answer closes the stream, and a fresh dial takes milliseconds. Pings share the stream with bulk
 * and may wait long behind it, so while one waits, any datagram counts as a sign of life: those that carry a part of a
 * message, and those that acknowledge what was sent.
 */
import { lookup } from 'node:dns/promises';
import { isIPv4 } from 'node:net';
import type RPC from '@hyperswarm/rpc';
import type DHT from 'hyperdht';
import type { Logger } from '../logger.ts';
import { InvariantError, invariant } from '../raft/assert.ts';
import type { Clock, Random, Timer } from '../raft/interfaces.ts';
import type { PublicKey, RpcAnswer, RpcConnection, RpcConnectionEvents } from './rpc.ts';
import { Backlog } from './rpc-backlog.ts';
import { checkFrameSize, type Frame, methods } from './rpc-frame.ts';
import { encodeIntroduction, type Lane, type ProcessId } from './rpc-lane.ts';

export interface DialConstants {
  readonly pingIntervalMs: number;
  /** Without a sign of life for this long while a ping waits for its answer, the connection counts as broken. */
  readonly pingTimeoutMs: number;
  /** While a ping waits, signs of life are looked for this often. */
  readonly watchIntervalMs: number;
  /** From the first datagram to an open channel: two round trips. */
  readonly dialTimeoutMs: number;
  /** Between attempts; a peer whose port is bound but does not listen refuses within a millisecond. */
  readonly backoffMinMs: number;
  readonly backoffMaxMs: number;
  /** Closing waits so long, at most, for the other end to have what was said last. */
  readonly closeTimeoutMs: number;
  /** More than this waiting in memory counts as congested; a healthy window of the core stays below half of it. */
  readonly congestedBytes: number;
}

export const dialConstants: DialConstants = {
  pingIntervalMs: 100,
  pingTimeoutMs: 400,
  watchIntervalMs: 100,
  dialTimeoutMs: 300,
  backoffMinMs: 50,
  backoffMaxMs: 200,
  closeTimeoutMs: 100,
  congestedBytes: 8 * 1024 * 1024,
};

export interface DialOptions {
  readonly rpc: RPC<Frame>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly constants: DialConstants;
  /** Of whoever dials. */
  readonly process: ProcessId;
  /** Of this connection, among those to the same peer. */
  readonly lane: Lane;
  /** Runs a callback of another owner; what it throws must neither pass through the stack nor vanish. */
  readonly guard: (callback: () => void) => void;
  readonly onClosed: (connection: OutgoingConnection) => void;
  /** An event of an unknown version came, and was dropped. */
  readonly onUnreadable: () => void;
}

export interface Peer {
  readonly publicKey: PublicKey;
  readonly address: () => string;
}

const notSent: RpcAnswer = { type: 'notSent' };
const lost: RpcAnswer = { type: 'lost' };

export class OutgoingConnection implements RpcConnection {
  readonly #options: DialOptions;
  readonly #peer: Peer;
  readonly #events: RpcConnectionEvents;
  readonly #key: Buffer;
  #client: RPC.Client<Frame> | null = null;
  /** Set from the moment the peer has proven its key until the stream closes. */
  #live: LiveChannel | null = null;
  #backoff: Timer | null = null;
  /** Attempts since the connection last stood. */
  #failures = 0;
  #closed = false;

  constructor(options: DialOptions, peer: Peer, events: RpcConnectionEvents) {
    invariant(/^[0-9a-f]{64}$/.test(peer.publicKey), `a public key is 64 hex digits, got ${peer.publicKey}`);
    this.#options = options;
    this.#peer = peer;
    this.#events = events;
    this.#key = Buffer.from(peer.publicKey, 'hex');
    this.#dial();
  }

  get publicKey(): PublicKey {
    return this.#peer.publicKey;
  }

  get lane(): Lane {
    return this.#options.lane;
  }

  get connected(): boolean {
    return this.#live !== null;
  }

  get congested(): boolean {
    return this.#live?.congested ?? false;
  }

  event(bytes: Uint8Array): void {
    checkFrameSize(bytes);
    this.#live?.event(bytes);
  }

  request(bytes: Uint8Array, timeoutMs: number): Promise<RpcAnswer> {
    checkFrameSize(bytes);
    if (this.#live === null || timeoutMs <= 0) return Promise.resolve(notSent);
    return this.#live.request(bytes, timeoutMs);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#backoff?.cancel();
    this.#options.onClosed(this);
    await this.#live?.flushed();
    this.#client?.destroy();
  }

  #dial(): void {
    this.#resolveAndConnect().catch((cause: unknown) => {
      this.#options.guard(() => {
        throw new InvariantError('an attempt to dial ends in a connection or in another attempt', { cause });
      });
    });
  }

  async #resolveAndConnect(): Promise<void> {
    const address = await this.#resolve();
    if (this.#closed) return;
    if (address === null) this.#dialLater();
    else this.#connect(address);
  }

  async #resolve(): Promise<DHT.SocketAddress | null> {
    const name = this.#peer.address();
    try {
      return await resolveAddress(name);
    } catch (error) {
      if (this.#failures === 0) {
        this.#options.log.warn('cannot resolve the address of a peer; trying on', { address: name, error: `${error}` });
      }
      return null;
    }
  }

  #connect(address: DHT.SocketAddress): void {
    const { rpc, clock, constants } = this.#options;
    const client = rpc.connect(this.#key, { relayAddresses: [address], localConnection: false });
    client.rpc.respond(methods.event, this.#onEvent);
    const deadline = clock.setTimer(constants.dialTimeoutMs, () => client.destroy());
    client.once('open', () => {
      deadline.cancel();
      this.#onOpen(client);
    });
    client.once('close', () => {
      deadline.cancel();
      this.#onClose();
    });
    this.#client = client;
  }

  readonly #onEvent = (frame: Frame): Frame => {
    if (frame === null) this.#options.onUnreadable();
    else this.#options.guard(() => this.#events.onEvent?.(frame));
    return null;
  };

  #onOpen(client: RPC.Client<Frame>): void {
    this.#failures = 0;
    this.#live = new LiveChannel(client, this.#options, (info, roundTripMs) => {
      this.#options.guard(() => this.#events.onPing(info, roundTripMs));
    });
    this.#options.log.info('connected to a peer', this.#logFields());
    this.#options.guard(() => this.#events.onConnect());
  }

  #onClose(): void {
    const live = this.#live;
    this.#client = null;
    this.#live = null;
    live?.end();
    if (this.#closed) return;
    this.#dialLater();
    if (live === null) return;
    this.#options.log.warn('lost the connection to a peer', { ...this.#logFields(), unanswered: live.unanswered });
    this.#options.guard(() => this.#events.onDisconnect());
  }

  #dialLater(): void {
    const { clock, random, constants } = this.#options;
    const longestMs = Math.min(constants.backoffMaxMs, constants.backoffMinMs * 2 ** ++this.#failures);
    const delayMs = constants.backoffMinMs + random.next() * (longestMs - constants.backoffMinMs);
    this.#backoff = clock.setTimer(delayMs, () => this.#dial());
  }

  #logFields() {
    return { peer: this.#peer.publicKey.slice(0, 8), address: this.#peer.address() };
  }
}

/** A stream whose other end has proven its key, until it closes. */
class LiveChannel {
  readonly #client: RPC.Client<Frame>;
  readonly #channel: RPC.Channel<Frame>;
  readonly #clock: Clock;
  readonly #constants: DialConstants;
  readonly #pingPayload: Uint8Array;
  readonly #onPing: (info: Uint8Array, roundTripMs: number) => void;
  readonly #backlog: Backlog;
  /** Of the next look while a ping waits for its answer, else of the next ping. */
  #timer: Timer | null = null;
  #pingSentAtMs = 0;
  #watchDueAtMs = 0;
  /** As of the last look; what has arrived since is a sign of life. */
  #packetsReceived = 0;
  #aliveAtMs = 0;
  /** Closed because a ping stayed without an answer. */
  unanswered = false;

  constructor(
    client: RPC.Client<Frame>,
    { clock, constants, process, lane }: DialOptions,
    onPing: (info: Uint8Array, roundTripMs: number) => void,
  ) {
    this.#client = client;
    this.#channel = client.rpc;
    this.#clock = clock;
    this.#constants = constants;
    this.#pingPayload = encodeIntroduction({ process, lane });
    this.#onPing = onPing;
    this.#backlog = new Backlog(this.#channel, constants.congestedBytes);
    this.#ping();
  }

  get congested(): boolean {
    return this.#backlog.congested;
  }

  event(bytes: Uint8Array): void {
    this.#backlog.count(bytes);
    this.#channel.event(methods.event, bytes);
  }

  request(bytes: Uint8Array, timeoutMs: number): Promise<RpcAnswer> {
    this.#backlog.count(bytes);
    return this.#channel.request(methods.request, bytes, { timeout: timeoutMs }).then(toAnswer, toLost);
  }

  /** Settles once the other end has what was written, or it has taken too long. */
  async flushed(): Promise<void> {
    const { promise: timeUp, resolve } = Promise.withResolvers<void>();
    const deadline = this.#clock.setTimer(this.#constants.closeTimeoutMs, resolve);
    await Promise.race([this.#channel.stream.flush(), timeUp]);
    deadline.cancel();
  }

  end(): void {
    this.#timer?.cancel();
  }

  readonly #ping = (): void => {
    this.#pingSentAtMs = this.#clock.now();
    this.#aliveAtMs = this.#pingSentAtMs;
    this.#packetsReceived = this.#channel.stream.rawStream.packetsReceived;
    this.#channel.request(methods.ping, this.#pingPayload).then(this.#onPong, ignoreClose);
    this.#watchLater(this.#pingSentAtMs);
  };

  readonly #watch = (): void => {
    const { pingTimeoutMs, watchIntervalMs } = this.#constants;
    const now = this.#clock.now();
    const { packetsReceived } = this.#channel.stream.rawStream;
    // Our own loop stood still: signs of life may wait in the socket, and are read before the next look.
    const late = now - this.#watchDueAtMs > watchIntervalMs;
    if (packetsReceived > this.#packetsReceived) {
      this.#packetsReceived = packetsReceived;
      this.#aliveAtMs = now;
    } else if (!late && now - this.#aliveAtMs >= pingTimeoutMs) {
      this.unanswered = true;
      this.#client.destroy();
      return;
    }
    this.#watchLater(now);
  };

  #watchLater(now: number): void {
    const { watchIntervalMs } = this.#constants;
    this.#watchDueAtMs = now + watchIntervalMs;
    this.#timer = this.#clock.setTimer(watchIntervalMs, this.#watch);
  }

  readonly #onPong = (info: Frame): void => {
    // The stream may have closed between the answer and this call.
    if (this.#channel.closed) return;
    const roundTripMs = this.#clock.now() - this.#pingSentAtMs;
    this.#timer?.cancel();
    this.#timer = this.#clock.setTimer(Math.max(0, this.#constants.pingIntervalMs - roundTripMs), this.#ping);
    // A refusal is a sign of life, too.
    if (info !== null) this.#onPing(info, roundTripMs);
  };
}

function toAnswer(frame: Frame): RpcAnswer {
  return frame === null ? lost : { type: 'answer', bytes: frame };
}

function toLost(): RpcAnswer {
  return lost;
}

/** The stream's own close event says all there is to say. */
function ignoreClose(): void {}

/** `host:port` with a name or an IPv4 literal; rejects with what is wrong. */
async function resolveAddress(address: string): Promise<DHT.SocketAddress> {
  const colon = address.lastIndexOf(':');
  const port = Number(address.slice(colon + 1));
  if (colon < 1 || !Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new Error(`an address is host:port, got ${JSON.stringify(address)}`);
  }
  return { host: await resolveHost(address.slice(0, colon)), port };
}

/** The transport takes IPv4 literals only. */
export async function resolveHost(host: string): Promise<string> {
  return isIPv4(host) ? host : (await lookup(host, { family: 4 })).address;
}
