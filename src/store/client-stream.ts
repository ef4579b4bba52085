/**
 * The gateway's side of the stream of invalidations (DESIGN-stream.md): one stream, from the present leader, over a
 * connection of its own. What comes is handed on as it is; whatever ends the stream, it begins anew where its follower
 * stands.
 */
import type { ReplicaAddress } from '../cluster-file.ts';
import type { Clock, Random, Timer } from '../raft/interfaces.ts';
import { index, term } from '../raft/types.ts';
import type { FollowedStream, Follower } from './client-types.ts';
import { decodeLeaderEvent, encodeGatewayEvent } from './invalidation-codec.ts';
import type { RpcConnection, RpcEndpoint } from './rpc.ts';

export interface ClientStreamOptions {
  /** As in `Follow`. */
  readonly lineage: string;
  readonly endpoint: Pick<RpcEndpoint, 'connect'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly follower: Follower;
}

/** Between attempts over a connection that stands; one that broke is dialled again with a back-off of its own. */
const backoffMinMs = 50;
const backoffMaxMs = 1000;
/** In a row, after which the stream is of no use. */
const ignoredMax = 3;
/**
 * Whoever is behind waits this long for anything at all to come before the stream begins anew: what is under way is late
 * on a slow network, and would be sent once more.
 */
const silenceMs = 1000;

export class ClientStream implements FollowedStream {
  readonly #options: ClientStreamOptions;
  #leader: ReplicaAddress | null = null;
  /** To `#leader`. */
  #connection: RpcConnection | null = null;
  /** Of the stream that was begun last over this connection; null if it ended, or the connection does not stand. */
  #streamId: string | null = null;
  #begun = 0;
  /** The last request for a lease. */
  #renewed = 0;
  /** Something of it was processed. */
  #live = false;
  #retry: Timer | null = null;
  #backoffMs = backoffMinMs;
  #ignored = 0;
  /** When something came, or a stream was begun. */
  #silentSince = 0;
  #closed = false;

  constructor(options: ClientStreamOptions) {
    this.#options = options;
  }

  get live(): boolean {
    return this.#live;
  }

  /** To be told who leads whenever that may have changed. Null: nobody knows, and the stream stays where it is. */
  leaderChanged(leader: ReplicaAddress | null): void {
    if (this.#closed || leader === null || leader.id === this.#leader?.id) return;
    this.#end();
    void this.#connection?.close();
    this.#leader = leader;
    // How long the last one was of no use says nothing of this one.
    this.#backoffMs = backoffMinMs;
    this.#connection = this.#connect(leader);
  }

  behind(): void {
    const isSilent = this.#options.clock.now() - this.#silentSince >= silenceMs;
    if (this.#streamId !== null && isSilent) this.#begin();
  }

  renew(request: number): void {
    const streamId = this.#streamId;
    this.#renewed = request;
    if (streamId !== null) this.#connection?.event(encodeGatewayEvent({ type: 'renew', streamId, request }));
  }

  confirm(position: { readonly term: number; readonly through: number }): void {
    const streamId = this.#streamId;
    if (streamId === null) return;
    this.#connection?.event(
      encodeGatewayEvent({ type: 'confirmed', streamId, term: term(position.term), through: index(position.through) }),
    );
  }

  release(): void {
    const streamId = this.#streamId;
    const request = this.#renewed;
    if (streamId !== null) this.#connection?.event(encodeGatewayEvent({ type: 'released', streamId, request }));
  }

  async close(): Promise<void> {
    this.release();
    this.#closed = true;
    this.#end();
    const connection = this.#connection;
    this.#connection = null;
    await connection?.close();
  }

  #connect({ publicKey, rpc }: ReplicaAddress): RpcConnection {
    /** What an older connection says late is not of this stream. */
    const whileItIsOurs = (callback: () => void): void => {
      if (connection === this.#connection) callback();
    };
    const connection: RpcConnection = this.#options.endpoint.connect(
      { publicKey, address: () => rpc },
      {
        onConnect: () => whileItIsOurs(() => this.#begin()),
        onDisconnect: () => whileItIsOurs(() => this.#end()),
        onPing() {},
        onEvent: (bytes) => whileItIsOurs(() => this.#receive(bytes)),
      },
    );
    return connection;
  }

  #begin(): void {
    const { lineage, clock, random, follower } = this.#options;
    this.#end();
    const streamId = newStreamId(random);
    this.#streamId = streamId;
    this.#begun += 1;
    this.#ignored = 0;
    this.#silentSince = clock.now();
    const position = follower.begin(streamId);
    this.#connection?.event(
      encodeGatewayEvent({
        type: 'follow',
        lineage,
        streamId,
        nth: this.#begun,
        term: term(position.term),
        published: index(position.published),
      }),
    );
  }

  #end(): void {
    this.#streamId = null;
    this.#live = false;
    this.#retry?.cancel();
    this.#retry = null;
  }

  #beginLater(): void {
    this.#end();
    this.#retry = this.#options.clock.setTimer(this.#backoffMs, () => this.#begin());
    this.#backoffMs = Math.min(2 * this.#backoffMs, backoffMaxMs);
  }

  #receive(bytes: Uint8Array): void {
    // What is left of an older stream shows that the network is slow, not that nobody is there.
    this.#silentSince = this.#options.clock.now();
    if (this.#streamId === null) return;
    const message = decodeLeaderEvent(bytes);
    if (message !== null && message.streamId !== this.#streamId) return;
    if (message?.type === 'ended') {
      this.#beginLater();
      return;
    }
    if (message?.type === 'granted') {
      this.#options.follower.granted(message);
      return;
    }
    if (message?.type === 'refused') {
      this.#options.follower.refused(message);
      return;
    }
    // What cannot be read is missed: the next message shows the gap.
    const receipt = message === null ? 'ignored' : this.#options.follower.receive(message);
    if (receipt !== 'ignored') {
      this.#live = true;
      this.#ignored = 0;
      this.#backoffMs = backoffMinMs;
      return;
    }
    this.#ignored++;
    if (this.#ignored === ignoredMax) this.#beginLater();
  }
}

/** 48 random bits, in hex. */
function newStreamId(random: Random): string {
  return Math.floor(random.next() * 2 ** 48)
    .toString(16)
    .padStart(12, '0');
}
