/** A client's connection to one replica, and what it last said of itself. */
import type { Clock } from '../raft/interfaces.ts';
import type { ReplicaId } from '../raft/types.ts';
import type { ClientOperation, ReplicaView, StoreClientObserver } from './client-types.ts';
import type { ReplicaStatus, StoreReply, StoreRequest } from './protocol.ts';
import { decodeStatus, decodeStoreReply, encodeStoreRequest } from './protocol-codec.ts';
import type { RpcConnection, RpcEndpoint } from './rpc.ts';

export interface ReplicaLinkOptions {
  readonly endpoint: RpcEndpoint;
  readonly clusterId: string;
  readonly replica: { readonly id: ReplicaId; readonly publicKey: string; readonly rpc: string; readonly http: string };
  readonly clock: Clock;
  readonly observer: StoreClientObserver;
  readonly onChange: (link: ReplicaLink) => void;
}

export type LinkAnswer = StoreReply | { readonly type: 'notSent' } | { readonly type: 'lost' };

export class ReplicaLink {
  readonly id: ReplicaId;
  readonly #options: ReplicaLinkOptions;
  readonly #connection: RpcConnection;
  #status: ReplicaStatus | null = null;
  /** Heard on the connection that stands now. */
  #statusIsFresh = false;

  constructor(options: ReplicaLinkOptions) {
    this.#options = options;
    this.id = options.replica.id;
    this.#connection = options.endpoint.connect(
      { publicKey: options.replica.publicKey, address: () => options.replica.rpc },
      {
        onConnect: () => options.onChange(this),
        onDisconnect: () => {
          this.#statusIsFresh = false;
          options.onChange(this);
        },
        onPing: (info) => this.#heard(info),
      },
    );
  }

  get connected(): boolean {
    return this.#connection.connected;
  }

  /** Connected, answering, and of this cluster. */
  get healthy(): boolean {
    return this.connected && this.#statusIsFresh && this.#status?.clusterId === this.#options.clusterId;
  }

  get status(): ReplicaStatus | null {
    return this.#status;
  }

  get view(): ReplicaView {
    const { id, rpc, http } = this.#options.replica;
    return { id, rpc, http, healthy: this.healthy, status: this.#status };
  }

  async request(request: StoreRequest, operation: ClientOperation, timeoutMs: number): Promise<LinkAnswer> {
    const { clock, observer } = this.#options;
    const startedAt = clock.now();
    const bytes = encodeStoreRequest(request);
    const answer = await this.#connection.request(bytes, timeoutMs);
    const reply: LinkAnswer =
      answer.type === 'answer'
        ? (decodeStoreReply(answer.bytes) ?? { type: 'error', reason: 'the answer could not be decoded' })
        : answer;
    observer.onAttempt({
      replica: this.id,
      operation,
      outcome: outcomeOf(reply),
      count: request.type === 'write' ? request.commands.length : request.type === 'read' ? request.queries.length : 1,
      seconds: (clock.now() - startedAt) / 1000,
      sentBytes: answer.type === 'notSent' ? 0 : bytes.byteLength,
      receivedBytes: answer.type === 'answer' ? answer.bytes.byteLength : 0,
    });
    return reply;
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  #heard(info: Uint8Array): void {
    const status = decodeStatus(info);
    if (status === null) return;
    this.#status = status;
    this.#statusIsFresh = true;
    this.#options.onChange(this);
  }
}

function outcomeOf(reply: LinkAnswer): 'ok' | 'refused' | 'failed' {
  if (reply.type === 'readIndex') return reply.index === null ? 'refused' : 'ok';
  if (reply.type === 'changes') return reply.result === null ? 'refused' : 'ok';
  if (reply.type !== 'write' && reply.type !== 'read') return 'failed';
  return reply.replies.every((each) => each.type === 'done') ? 'ok' : 'refused';
}
