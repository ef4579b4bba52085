/** A connection as the process sees it that was dialled: what rpc-incoming.ts is. */

import { invariant } from '../../src/raft/assert.ts';
import type { Clock, Timer } from '../../src/raft/interfaces.ts';
import { type PublicKey, type RpcPeer, rpcBytesMax } from '../../src/store/rpc.ts';
import type { IncomingConnection } from './network-packet.ts';

/** The real stream gives up an end that is silent for 13 to 18 seconds. */
const silenceMs = 15_000;

export class SimPeer implements RpcPeer {
  readonly publicKey: PublicKey;
  readonly #connection: IncomingConnection;
  readonly #clock: Clock;
  readonly #guard: (callback: () => void) => void;
  readonly #closeCallbacks: (() => void)[] = [];
  #heardAt: number;
  #silence: Timer | null = null;
  #closed = false;

  constructor(connection: IncomingConnection, clock: Clock, guard: (callback: () => void) => void) {
    this.publicKey = connection.publicKey;
    this.#connection = connection;
    this.#clock = clock;
    this.#guard = guard;
    this.#heardAt = clock.now();
  }

  get congested(): boolean {
    return !this.#closed && this.#connection.pushCongested;
  }

  /** Somebody waits for its end: only then is it looked for, and told. */
  get watched(): boolean {
    return this.#closeCallbacks.length > 0;
  }

  event(bytes: Uint8Array): void {
    invariant(bytes.byteLength <= rpcBytesMax, `a frame is at most ${rpcBytesMax} bytes, got ${bytes.byteLength}`);
    if (!this.#closed) this.#connection.push(bytes);
  }

  onClose(callback: () => void): void {
    if (this.#closed) {
      this.#guard(callback);
      return;
    }
    this.#closeCallbacks.push(callback);
    if (this.#silence === null) this.#lookIn(silenceMs);
  }

  /** A packet of this connection arrived. */
  hear(): void {
    this.#heardAt = this.#clock.now();
  }

  close(): void {
    this.#closed = true;
    this.#silence?.cancel();
    for (const callback of this.#closeCallbacks.splice(0)) this.#guard(callback);
  }

  #lookIn(delayMs: number): void {
    this.#silence = this.#clock.setTimer(delayMs, () => {
      const leftMs = this.#heardAt + silenceMs - this.#clock.now();
      if (leftMs < 1) this.close();
      else this.#lookIn(leftMs);
    });
  }
}
