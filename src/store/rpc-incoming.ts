/** A connection at the end that was dialled, until it closes: what is said back over it without being asked. */
import type RPC from '@hyperswarm/rpc';
import type { PublicKey, RpcPeer } from './rpc.ts';
import { Backlog } from './rpc-backlog.ts';
import { checkFrameSize, type Frame, methods } from './rpc-frame.ts';

export class IncomingConnection implements RpcPeer {
  readonly publicKey: PublicKey;
  readonly #channel: RPC.Channel<Frame>;
  readonly #backlog: Backlog;
  readonly #guard: (callback: () => void) => void;
  readonly #closeCallbacks: (() => void)[] = [];

  constructor(
    channel: RPC.Channel<Frame>,
    options: { readonly congestedBytes: number; readonly guard: (callback: () => void) => void },
  ) {
    this.publicKey = channel.stream.remotePublicKey.toString('hex');
    this.#channel = channel;
    this.#backlog = new Backlog(channel, options.congestedBytes);
    this.#guard = options.guard;
    channel.once('close', () => {
      for (const callback of this.#closeCallbacks.splice(0)) this.#guard(callback);
    });
  }

  get congested(): boolean {
    return !this.#channel.closed && this.#backlog.congested;
  }

  event(bytes: Uint8Array): void {
    checkFrameSize(bytes);
    if (this.#channel.closed) return;
    this.#backlog.count(bytes);
    this.#channel.event(methods.event, bytes);
  }

  onClose(callback: () => void): void {
    if (this.#channel.closed) this.#guard(callback);
    else this.#closeCallbacks.push(callback);
  }

  /** Settles once the other end has all that was written, or is gone. */
  flushed(): Promise<unknown> {
    return Promise.race([this.#channel.stream.flush(), new Promise((resolve) => this.#channel.once('close', resolve))]);
  }

  destroy(): void {
    this.#channel.destroy();
  }
}
