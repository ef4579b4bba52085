/** The shapes of the store's client; client.ts is its face. */
import type { Index, ReplicaId } from '../raft/types.ts';
import type { Command, CommandResult, Query, QueryResult } from './command.ts';
import type { Granted, Invalidations, Refused } from './invalidation.ts';
import type { Consistency, ReplicaStatus } from './protocol.ts';
import type { BalancePolicy } from './read-policy.ts';
import type { ChangesQuery, ChangesResult } from './watch.ts';

/** A write as its caller states it; the client stamps it with session and sequence. */
export type Write = WriteOf<'put'> | WriteOf<'delete'> | WriteOf<'transaction'> | WriteOf<'define'>;

export type WriteType = Write['type'];

type WriteOf<Type extends Command['type']> = Omit<Extract<Command, { readonly type: Type }>, 'stamp'>;

/** What a write of each type can be answered with. */
export interface WriteResults {
  readonly put: Extract<CommandResult, { type: 'put' | 'preconditionFailed' }>;
  readonly delete: Extract<CommandResult, { type: 'deleted' | 'notFound' | 'preconditionFailed' }>;
  readonly transaction: Extract<CommandResult, { type: 'transaction' | 'transactionFailed' }>;
  readonly define: Extract<
    CommandResult,
    { type: 'defined' | 'dropped' | 'notFound' | 'definitionConflict' | 'idFieldDiffers' | 'tooManyCollections' }
  >;
}

export type WriteOutcome<Type extends WriteType = WriteType> =
  | {
      readonly type: 'done';
      readonly result: WriteResults[Type];
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

export interface ReadOptions {
  readonly timeoutMs: number;
  /** The one that is to answer. */
  readonly replica?: ReplicaId;
  /** By default linearizable. */
  readonly consistency?: Consistency;
  /** A stale read waits until the replica that answers has applied it; 0 or absent: for nothing. */
  readonly minRevision?: Index;
}

export type ReadOutcome =
  | {
      readonly type: 'done';
      readonly result: QueryResult;
      readonly replica: ReplicaId;
      /** Of a stale read alone: how long ago, at most, the answer was the newest state, in milliseconds. Null: unknown. */
      readonly staleMs?: number | null;
    }
  /** Nobody, or not the replica that was asked for, could answer as it was asked to before the deadline. */
  | { readonly type: 'unavailable' }
  | { readonly type: 'unknownReplica'; readonly known: readonly ReplicaId[] };

export type ChangesOutcome =
  | { readonly type: 'done'; readonly result: ChangesResult; readonly replica: ReplicaId }
  /** No replica that was reached could say in time. */
  | { readonly type: 'unavailable' };

export interface ReplicaView {
  readonly id: ReplicaId;
  readonly rpc: string;
  readonly http: string;
  /** Connected and answering pings. */
  readonly healthy: boolean;
  /** The last status heard, however old; null if none was. */
  readonly status: ReplicaStatus | null;
}

/** Keeps copies of what it read, and hears from the leader which of them are out of date. Must not throw. */
export interface Follower {
  /** A stream begins in place of any other: what names another one is not to be heard. Answers where the follower stands. */
  begin(streamId: string): { readonly term: number; readonly published: number };
  receive(message: Invalidations): 'ignored' | 'processed' | 'gap';
  /** A lease that was asked for over the stream that stands now. */
  granted(grant: Granted): void;
  /** None is to be had for some time. */
  refused(refusal: Pick<Refused, 'request' | 'cause' | 'forMs'>): void;
}

export interface FollowedStream {
  /** The follower has processed something of the stream that stands now. */
  readonly live: boolean;
  /**
   * The follower waited in vain for a position that the leader has named. If nothing has come for a second the stream
   * begins anew; it may be called as often as there is reason to.
   */
  behind(): void;
  /** Asks for a lease, under the number of the request; not at all while no stream stands. */
  renew(request: number): void;
  /** Everything that the log of this term's leader holds up to and including `through` has been taken in. */
  confirm(position: { readonly term: number; readonly through: number }): void;
  /** Nothing more is served under a lease. */
  release(): void;
}

/** How linearizable reads that may go to any replica are given out. Counts are since the client was made. */
export interface ReadBalance {
  readonly policy: BalancePolicy;
  /** In the order of the cluster file. */
  readonly replicas: readonly {
    readonly id: ReplicaId;
    /** Connected and answering pings. */
    readonly healthy: boolean;
    /** Reads that were given to it and are not answered. */
    readonly inFlight: number;
    /** It failed, and is not asked while others can be. */
    readonly ejected: boolean;
    readonly ejections: number;
    /** Of a message, averaged over the last seconds; null if none was measured. */
    readonly latencyMs: number | null;
  }[];
  /** Reads that were sent again because a replica had failed. */
  readonly retries: number;
  /** Reads that had to wait with that, perhaps until their deadline: too many were sent again already. */
  readonly retriesRefused: number;
}

export interface StoreClient {
  /** Exactly once within the deadline, through leader changes. Never rejects. */
  write<Type extends WriteType>(
    write: Extract<Write, { readonly type: Type }>,
    timeoutMs: number,
  ): Promise<WriteOutcome<Type>>;
  /**
   * With `replica` that one answers; else the balancer chooses, for a stale read among all that are connected, and another
   * is tried when one fails. Never rejects.
   */
  read(query: Query, options: ReadOptions): Promise<ReadOutcome>;
  /**
   * An index that every read must have seen which begins now, from the leader; null if none is known, or none was
   * confirmed in time. Those who ask while a question is on its way share the next one. Never rejects.
   */
  readIndex(timeoutMs: number): Promise<Index | null>;
  /**
   * What comes after `query.after`, from any replica, and from another when one fails or is behind: which one answers
   * makes no difference. `compacted` where none that is reached has kept it. Never rejects, nor waits longer than `timeoutMs`.
   */
  changes(query: ChangesQuery, options: { readonly timeoutMs: number }): Promise<ChangesOutcome>;
  /** Begins a stream of invalidations from whoever leads, until the client is closed. To be called once at most. */
  follow(follower: Follower): FollowedStream;
  /** What is known of the replicas, in the order of the cluster file. */
  replicas(): readonly ReplicaView[];
  balance(): ReadBalance;
  /** The leader of the highest term heard of, while it is connected. */
  leader(): ReplicaId | null;
  close(): Promise<void>;
}

export type ClientOperation = 'read' | 'write' | 'readIndex' | 'changes';

/** Told of every attempt, for metrics per replica. */
export interface StoreClientObserver {
  onAttempt(attempt: {
    readonly replica: ReplicaId;
    readonly operation: ClientOperation;
    readonly outcome: 'ok' | 'refused' | 'failed';
    /** Commands or queries in the message; 1 for a read index, and for changes. */
    readonly count: number;
    readonly seconds: number;
    /** Of the message and of its answer, as far as there was one. */
    readonly sentBytes: number;
    readonly receivedBytes: number;
  }): void;
}
