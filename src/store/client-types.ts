/** The shapes of the store's client; client.ts is its face. */
import type { ReplicaId } from '../raft/types.ts';
import type { Command, CommandResult, Query, QueryResult } from './command.ts';
import type { ReplicaStatus } from './protocol.ts';

/** A write as its caller states it; the client stamps it with session and sequence. */
export type Write =
  | Omit<Extract<Command, { type: 'put' }>, 'stamp'>
  | Omit<Extract<Command, { type: 'delete' }>, 'stamp'>;

export type WriteOutcome =
  | {
      readonly type: 'done';
      readonly result: Exclude<CommandResult, { type: 'sessionOpened' | 'sessionExpired' | 'invalidCommand' }>;
      /** Who answered. */
      readonly replica: ReplicaId;
    }
  /** Not applied: no leader was found before the deadline, and no attempt can have been appended. */
  | { readonly type: 'noLeader' }
  /** Not applied: refused at once. */
  | { readonly type: 'overloaded' }
  /** Not applied. */
  | { readonly type: 'diskFull' }
  /** Not applied: a replica found the command malformed (an older version, perhaps). */
  | { readonly type: 'invalid'; readonly reason: string }
  /** Sent and not answered before the deadline: it may have been applied, or may still be. */
  | { readonly type: 'unknown' };

export type ReadOutcome =
  | { readonly type: 'done'; readonly result: QueryResult; readonly replica: ReplicaId }
  /** Nobody, or not the replica that was asked for, could answer linearizably before the deadline. */
  | { readonly type: 'unavailable' }
  | { readonly type: 'unknownReplica'; readonly known: readonly ReplicaId[] };

export interface ReplicaView {
  readonly id: ReplicaId;
  readonly rpc: string;
  readonly http: string;
  /** Connected and answering pings. */
  readonly healthy: boolean;
  /** The last status heard, however old; null if none was. */
  readonly status: ReplicaStatus | null;
}

export interface StoreClient {
  /** Exactly once within the deadline, through leader changes. Never rejects. */
  write(write: Write, timeoutMs: number): Promise<WriteOutcome>;
  /** Linearizable. With `replica` that one answers; else healthy replicas take turns, and another is tried when one fails. Never rejects. */
  read(query: Query, options: { readonly timeoutMs: number; readonly replica?: ReplicaId }): Promise<ReadOutcome>;
  /** What is known of the replicas, in the order of the cluster file. */
  replicas(): readonly ReplicaView[];
  /** The leader of the highest term heard of, while it is connected. */
  leader(): ReplicaId | null;
  close(): Promise<void>;
}

/** Told of every attempt, for metrics per replica. */
export interface StoreClientObserver {
  onAttempt(attempt: {
    readonly replica: ReplicaId;
    readonly operation: 'read' | 'write';
    readonly outcome: 'ok' | 'refused' | 'failed';
    /** Commands or queries in the message. */
    readonly count: number;
    readonly seconds: number;
  }): void;
}
