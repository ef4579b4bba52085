/** One long-lived connection to one peer, dialled again whenever it breaks: the ways of rpc-outgoing.ts. */
import { invariant } from '../../src/raft/assert.ts';
import type { Timer } from '../../src/raft/interfaces.ts';
import {
  type PublicKey,
  type RpcAnswer,
  type RpcConnection,
  type RpcConnectionEvents,
  rpcBytesMax,
} from '../../src/store/rpc.ts';
import type { Lane } from '../../src/store/rpc-lane.ts';
import { dialConstants, type Peer } from '../../src/store/rpc-outgoing.ts';
import { SimChannel } from './network-channel.ts';
import type { SimEndpoint } from './network-endpoint.ts';

const { dialTimeoutMs, backoffMinMs, backoffMaxMs } = dialConstants;

export class SimConnection implements RpcConnection {
  readonly lane: Lane;
  readonly #endpoint: SimEndpoint;
  readonly #peer: Peer;
  readonly #events: RpcConnectionEvents;
  readonly #onClosed: () => void;
  /** The latest attempt, until it fails or breaks. */
  #channel: SimChannel | null = null;
  /** Of the dial's deadline, or of the next dial. */
  #timer: Timer | null = null;
  /** Attempts since the connection last stood. */
  #failures = 0;
  #connects = 0;

  constructor(endpoint: SimEndpoint, peer: Peer, lane: Lane, events: RpcConnectionEvents, onClosed: () => void) {
    invariant(/^[0-9a-f]{64}$/.test(peer.publicKey), `a public key is 64 hex digits, got ${peer.publicKey}`);
    this.lane = lane;
    this.#endpoint = endpoint;
    this.#peer = peer;
    this.#events = events;
    this.#onClosed = onClosed;
    this.#dial();
  }

  get publicKey(): PublicKey {
    return this.#peer.publicKey;
  }

  get connected(): boolean {
    return this.#channel?.state === 'open';
  }

  get congested(): boolean {
    return this.connected && (this.#channel?.congested ?? false);
  }

  event(bytes: Uint8Array): void {
    checkSize(bytes);
    if (this.connected) this.#channel?.event(bytes);
  }

  request(bytes: Uint8Array, timeoutMs: number): Promise<RpcAnswer> {
    checkSize(bytes);
    if (this.#channel?.state !== 'open' || timeoutMs <= 0) return Promise.resolve({ type: 'notSent' });
    return this.#channel.request(bytes, timeoutMs);
  }

  async close(): Promise<void> {
    this.#timer?.cancel();
    this.#channel?.close();
    this.#channel = null;
    this.#onClosed();
  }

  #dial(): void {
    const { life, network } = this.#endpoint;
    // The key says where it is, but its owner expects to be asked.
    this.#endpoint.guard(() => void this.#peer.address());
    this.#timer = life.clock.setTimer(dialTimeoutMs, () => this.#onEnd(channel));
    const listener = network.find(this.#peer.publicKey);
    const channel = new SimChannel(this.#endpoint, listener, this.lane, {
      onOpen: () => this.#onOpen(),
      onEnd: () => this.#onEnd(channel),
      onPing: (info, roundTripMs) => this.#endpoint.guard(() => this.#events.onPing(info, roundTripMs)),
      onEvent: (bytes) => this.#endpoint.guard(() => this.#events.onEvent?.(bytes)),
    });
    this.#channel = channel;
    channel.dial();
  }

  #onOpen(): void {
    this.#timer?.cancel();
    this.#failures = 0;
    if (++this.#connects > 1) this.#endpoint.network.probes.sometimes('network: connected again');
    this.#endpoint.guard(() => this.#events.onConnect());
  }

  #onEnd(channel: SimChannel): void {
    if (this.#channel !== channel) return;
    this.#timer?.cancel();
    this.#channel = null;
    const wasOpen = channel.state === 'open';
    channel.close();
    this.#dialLater();
    if (wasOpen) this.#endpoint.guard(() => this.#events.onDisconnect());
  }

  #dialLater(): void {
    const { life, network } = this.#endpoint;
    const longestMs = Math.min(backoffMaxMs, backoffMinMs * 2 ** ++this.#failures);
    this.#timer = life.clock.setTimer(network.random.between(backoffMinMs, longestMs), () => this.#dial());
  }
}

function checkSize(bytes: Uint8Array): void {
  invariant(bytes.byteLength <= rpcBytesMax, `a frame is at most ${rpcBytesMax} bytes, got ${bytes.byteLength}`);
}
