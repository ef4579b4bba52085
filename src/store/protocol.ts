/**
 * What gateways and replicas say to each other over RPC. The byte form is in protocol-codec.ts.
 * Every request carries a deadline, every answer is a value: nothing is thrown through the transport.
 */
import type { Index, ReplicaId, Term } from '../raft/types.ts';
import type { CommandResult, Query, QueryResult } from './command.ts';
import type { ChangesQuery, ChangesResult } from './watch.ts';

/** Commands that arrived together travel together; each becomes one log entry of its own. */
export interface WriteRequest {
  readonly type: 'write';
  /** How long the caller will wait, at most. */
  readonly timeoutMs: number;
  /** Encoded by command-codec.ts; passed to the log as they are. */
  readonly commands: readonly Uint8Array[];
}

export type WriteReply =
  | { readonly type: 'done'; readonly result: CommandResult }
  /** Refused before it was appended. */
  | { readonly type: 'notLeader'; readonly leader: ReplicaId | null }
  /** Refused before it was appended: the proposal queue is full. */
  | { readonly type: 'overloaded' }
  /** Refused before it was appended: not a well-formed command within the limits. */
  | { readonly type: 'invalid'; readonly reason: string }
  /** Refused before it was appended: the disk has no room. */
  | { readonly type: 'diskFull' }
  /** Appended, but this replica cannot say what became of it. */
  | { readonly type: 'unknown' };

/** `stale`: as the replica's state stands, without asking whether that is the newest. */
export type Consistency = 'linearizable' | 'stale';

export interface ReadRequest {
  readonly type: 'read';
  /** How long the replica may look for a leader that confirms the read, or a stale read waits for `minRevision`, at most. */
  readonly timeoutMs: number;
  readonly queries: readonly Query[];
  /** Absent: linearizable. */
  readonly consistency?: Consistency;
  /** What must be applied before a stale read is answered; 0 or absent: nothing. A linearizable read has no use for it. */
  readonly minRevision?: Index;
}

export type ReadReply =
  | { readonly type: 'done'; readonly result: QueryResult }
  /** No leader confirmed the read in time; a stale one: `minRevision` was not applied in time. */
  | { readonly type: 'unavailable' }
  /** The answers before this one filled the message: ask again. */
  | { readonly type: 'full' };

/** Up to where must a read that begins now have seen the log? Any replica may be asked; it asks the leader. */
export interface ReadIndexRequest {
  readonly type: 'readIndex';
  readonly timeoutMs: number;
}

/** How long it may wait is in the query. A replica that has something answers at once. */
export interface ChangesRequest {
  readonly type: 'changes';
  readonly query: ChangesQuery;
}

export interface StatusRequest {
  readonly type: 'status';
}

/** Also rides on every answer to a ping, so that clients learn of a new leader at once. */
export interface ReplicaStatus {
  readonly id: ReplicaId;
  readonly clusterId: string;
  readonly bootId: number;
  readonly role: 'follower' | 'preCandidate' | 'candidate' | 'leader';
  /** `recovering`: it has lost log entries and is fetching them from the leader. */
  readonly state: 'normal' | 'recovering';
  readonly term: Term;
  readonly leader: ReplicaId | null;
  readonly firstIndex: Index;
  readonly lastIndex: Index;
  readonly commitIndex: Index;
  readonly publishIndex: Index;
  readonly appliedIndex: Index;
  /** While recovering: how far the log once reached. */
  readonly claimIndex: Index | null;
  readonly leaderChanges: number;
  /** Hex; equal on replicas with equal appliedIndex. */
  readonly stateDigest: string;
  /** One line when something needs a person's eye, else null. */
  readonly message: string | null;
}

export type StoreRequest = WriteRequest | ReadRequest | StatusRequest | ReadIndexRequest | ChangesRequest;

export type StoreReply =
  | { readonly type: 'write'; readonly replies: readonly WriteReply[] }
  | {
      readonly type: 'read';
      readonly replies: readonly ReadReply[];
      /**
       * Of stale reads that were done: how long ago, at most, when they were read, their answers were the newest state, in
       * milliseconds. Null: unknown.
       */
      readonly ageMs?: number | null;
    }
  | { readonly type: 'status'; readonly status: ReplicaStatus }
  /** Null: no leader confirmed one in time. */
  | { readonly type: 'readIndex'; readonly index: Index | null }
  /** Null: this replica cannot say; it has not applied `after` in time, or has too many who wait. */
  | { readonly type: 'changes'; readonly result: ChangesResult | null }
  /** The request could not be understood or served at all. */
  | { readonly type: 'error'; readonly reason: string };
