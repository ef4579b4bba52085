/** One attempt to connect and, if it succeeds, the connection until it breaks: requests under way, and pings. */
import type { Timer } from '../../src/raft/interfaces.ts';
import type { PublicKey, RpcAnswer } from '../../src/store/rpc.ts';
import type { Lane } from '../../src/store/rpc-lane.ts';
import { dialConstants } from '../../src/store/rpc-outgoing.ts';
import type { SimEndpoint } from './network-endpoint.ts';
import { type IncomingConnection, type Listener, noBytes, type Packet } from './network-packet.ts';

export interface ChannelEvents {
  onOpen(): void;
  /** Refused, hung up or silent: the owner closes it. */
  onEnd(): void;
  onPing(info: Uint8Array, roundTripMs: number): void;
  onEvent(bytes: Uint8Array): void;
}

interface PendingRequest {
  readonly settle: (answer: RpcAnswer) => void;
  readonly deadline: Timer;
}

const { pingTimeoutMs, watchIntervalMs } = dialConstants;
/** Far below the real one: what a run of a few seconds sends must be able to reach it. */
const congestedBytes = 64 * 1024;

export class SimChannel implements IncomingConnection {
  readonly publicKey: PublicKey;
  readonly lane: Lane;
  readonly #self: SimEndpoint;
  /** Null: nobody has this key, and a dial has no answer. */
  readonly #peer: Listener | null;
  readonly #events: ChannelEvents;
  readonly #pending = new Set<PendingRequest>();
  #state: 'dialling' | 'open' | 'closed' = 'dialling';
  #timer: Timer | null = null;
  #lookDueAt = 0;
  #pingWaits = false;
  #pingSentAt = 0;
  /** As of the last look; `#heard` since then. */
  #aliveAt = 0;
  #heard = false;

  constructor(self: SimEndpoint, peer: Listener | null, lane: Lane, events: ChannelEvents) {
    this.publicKey = self.publicKey;
    this.lane = lane;
    this.#self = self;
    this.#peer = peer;
    this.#events = events;
  }

  get state() {
    return this.#state;
  }

  get congested(): boolean {
    return this.#peer !== null && this.#self.network.waitingBytes(this.#self.id, this.#peer.id) > congestedBytes;
  }

  get pushCongested(): boolean {
    return this.#peer !== null && this.#self.network.waitingBytes(this.#peer.id, this.#self.id) > congestedBytes;
  }

  dial(): void {
    this.#send('dial', noBytes, (peer) => {
      // A recorded handshake proves nothing: whoever gave it up will not go on with it.
      if (this.#state === 'closed') this.#self.network.probes.sometimes('network: dial of an older connection');
      else if (peer.admits(this)) this.#reply('dialled', noBytes, () => this.#open());
      else this.#reply('refused', noBytes, () => this.#events.onEnd());
    });
  }

  event(bytes: Uint8Array): void {
    if (this.#peer === null) return;
    this.#self.options.tap?.(this.#peer.id, bytes);
    this.#send('event', Buffer.from(bytes), this.#deliverEvent);
  }

  request(bytes: Uint8Array, timeoutMs: number): Promise<RpcAnswer> {
    return new Promise((settle) => {
      const deadline = this.#self.life.clock.setTimer(timeoutMs, () => this.#settle(pending, lost));
      const pending = { settle, deadline };
      this.#pending.add(pending);
      let copies = 0;
      this.#send('request', Buffer.from(bytes), (peer, received) => {
        // What a second copy is refused, the first may have got: the one answer is that of the first.
        const isFirst = copies++ === 0;
        peer.receiveRequest(this, received, (answer) => {
          if (isFirst) this.#answer(pending, answer);
        });
      });
    });
  }

  close(): void {
    // Who does not wait for it would not notice: no packet then, and no chance that is drawn for it.
    if (this.#state === 'open' && this.#peer?.watches(this)) {
      this.#send('left', noBytes, (peer) => peer.receiveLeave(this));
    }
    this.#state = 'closed';
    this.#timer?.cancel();
    for (const pending of this.#pending) this.#settle(pending, lost);
  }

  /** For the other end. */
  push(bytes: Uint8Array): void {
    this.#reply('push', Buffer.from(bytes), (received) => {
      if (this.#state !== 'open') {
        this.#self.network.probes.sometimes('network: push over an older connection');
        return;
      }
      this.#heard = true;
      this.#events.onEvent(received);
    });
  }

  /** For the other end. */
  hangUp(): void {
    this.#reply('closed', noBytes, () => this.#events.onEnd());
  }

  readonly #deliverEvent = (peer: Listener, bytes: Buffer): void => {
    if (this.#state === 'closed') this.#self.network.probes.sometimes('network: event of an older connection');
    peer.receiveEvent(this, bytes);
  };

  #answer(pending: PendingRequest, answer: Uint8Array | null): void {
    this.#reply('answer', answer === null ? noBytes : Buffer.from(answer), (bytes) => {
      this.#heard = true;
      if (!this.#pending.has(pending)) this.#self.network.probes.sometimes('network: answer nobody waits for');
      this.#settle(pending, answer === null ? lost : { type: 'answer', bytes });
    });
  }

  #settle(pending: PendingRequest, answer: RpcAnswer): void {
    if (!this.#pending.delete(pending)) return;
    pending.deadline.cancel();
    pending.settle(answer);
  }

  #open(): void {
    if (this.#state !== 'dialling') return;
    this.#state = 'open';
    this.#ping();
    this.#events.onOpen();
  }

  #ping(): void {
    this.#pingSentAt = this.#self.life.clock.now();
    this.#aliveAt = this.#pingSentAt;
    this.#heard = false;
    this.#pingWaits = true;
    this.#sendPing();
    this.#lookIn(watchIntervalMs);
  }

  #sendPing(): void {
    this.#send('ping', noBytes, (peer) => {
      const info = peer.pingInfo();
      this.#reply('pong', info === null ? noBytes : Buffer.from(info), (bytes) => this.#onPong(info && bytes));
    });
  }

  #onPong(info: Uint8Array | null): void {
    if (this.#state !== 'open' || !this.#pingWaits) return;
    this.#pingWaits = false;
    if (info !== null) this.#events.onPing(info, this.#self.life.clock.now() - this.#pingSentAt);
  }

  #lookIn(delayMs: number): void {
    const { clock } = this.#self.life;
    this.#lookDueAt = clock.now() + delayMs;
    this.#timer = clock.setTimer(delayMs, this.#look);
  }

  /** One timer for both: when a waiting ping is looked after, and when the next one is sent. */
  readonly #look = (): void => {
    const now = this.#self.life.clock.now();
    if (!this.#pingWaits) {
      const untilNextMs = this.#pingSentAt + this.#self.options.pingIntervalMs - now;
      if (untilNextMs < 1) this.#ping();
      else this.#lookIn(untilNextMs);
      return;
    }
    // Its own process stood still: signs of life may wait, and are read before the next look.
    const late = now - this.#lookDueAt > watchIntervalMs;
    if (this.#heard) {
      this.#heard = false;
      this.#aliveAt = now;
    } else if (!late && now - this.#aliveAt >= pingTimeoutMs) {
      this.#events.onEnd();
      return;
    }
    // The real stream sends a lost datagram again.
    this.#sendPing();
    this.#lookIn(watchIntervalMs);
  };

  #send(kind: Packet['kind'], bytes: Buffer, deliver: (peer: Listener, bytes: Buffer) => void): void {
    const peer = this.#peer;
    if (peer === null) return;
    const hear = (received: Buffer) => {
      if (peer.closed) return;
      peer.hear(this);
      deliver(peer, received);
    };
    this.#self.network.send({ kind, from: this.#self, to: peer, bytes, deliver: hear });
  }

  #reply(kind: Packet['kind'], bytes: Buffer, deliver: (bytes: Buffer) => void): void {
    if (this.#peer === null || this.#peer.closed) return;
    this.#self.network.send({ kind, from: this.#peer, to: this.#self, bytes, deliver });
  }
}

const lost: RpcAnswer = { type: 'lost' };
