/** What was written to a stream and waits in memory: the stack takes all that it is given, and tells nothing of it. */
import type RPC from '@hyperswarm/rpc';
import type { Frame } from './rpc-frame.ts';

export class Backlog {
  readonly #channel: RPC.Channel<Frame>;
  readonly #congestedBytes: number;
  /** Written since the stream was last without a queue, and what it had handed on by then. */
  #writtenBytes = 0;
  #handedOnBytes = 0;

  constructor(channel: RPC.Channel<Frame>, congestedBytes: number) {
    this.#channel = channel;
    this.#congestedBytes = congestedBytes;
  }

  get congested(): boolean {
    const { mux, stream } = this.#channel;
    if (mux.drained) return false;
    return this.#writtenBytes - (stream.rawBytesWritten - this.#handedOnBytes) > this.#congestedBytes;
  }

  /** Before these bytes are written. */
  count(bytes: Uint8Array): void {
    if (this.#channel.mux.drained) {
      this.#writtenBytes = 0;
      this.#handedOnBytes = this.#channel.stream.rawBytesWritten;
    }
    this.#writtenBytes += bytes.byteLength;
  }
}
