/**
 * The messages between replicas. Each carries its sender's term, directory uuid and boot id:
 * a lower boot id is an older life of the same directory, another uuid is another directory under the same name.
 */
import type { Entry, EntryId, Index, ReplicaId, Term } from './types.ts';

interface Envelope {
  readonly from: ReplicaId;
  readonly to: ReplicaId;
  readonly term: Term;
  readonly uuid: string;
  readonly bootId: number;
}

/** §3.4; as `preVote` it asks "would you?", with the term it would have, and changes nobody's state (§9.6). */
export interface RequestVote extends Envelope {
  readonly type: 'requestVote';
  readonly phase: 'preVote' | 'vote';
  readonly last: EntryId;
}

export interface RequestVoteReply extends Envelope {
  readonly type: 'requestVoteReply';
  readonly phase: 'preVote' | 'vote';
  readonly granted: boolean;
  /** What the voter holds and what it claims, so that a cluster without a leader can say why. */
  readonly last: EntryId;
  readonly claim: EntryId | null;
  /**
   * For how long the voter has acknowledged no round of a leader, and sent none as one; since its process started, at
   * most. Whole milliseconds, rounded down. No lease rests on it that began later.
   */
  readonly quietMs: number;
}

/** §3.5; without entries it is the heartbeat. */
export interface AppendEntries extends Envelope {
  readonly type: 'appendEntries';
  readonly previous: EntryId;
  readonly entries: readonly Entry[];
  readonly commitIndex: Index;
  /** What may be applied and answered: at most commitIndex. */
  readonly publishIndex: Index;
  /** Grows with every round of heartbeats; its echo proves that this leader was still followed when it was sent. */
  readonly round: number;
}

export interface AppendEntriesReply extends Envelope {
  readonly type: 'appendEntriesReply';
  readonly round: number;
  readonly result:
    | { readonly type: 'accepted' /** Durable here, and equal to the leader's log. */; readonly matchIndex: Index }
    | {
        readonly type: 'rejected';
        /** The `previous.index` that did not match. */
        readonly rejectedIndex: Index;
        /** Where the logs may agree: nothing of the follower's between here and rejectedIndex has a term as low. */
        readonly hint: EntryId;
      };
}

/** A follower asks the leader for a read index (§6.4). */
export interface ReadIndexRequest extends Envelope {
  readonly type: 'readIndex';
  /** Holds the asker's directory, its boot id and a counter; never used twice. */
  readonly requestId: string;
}

export interface ReadIndexReply extends Envelope {
  readonly type: 'readIndexReply';
  readonly requestId: string;
  /** Null: not the leader, or not able to say yet. */
  readonly readIndex: Index | null;
  readonly publishIndex: Index;
}

/** "The id you use is bound to another data directory." */
export interface IdentityRefused extends Envelope {
  readonly type: 'identityRefused';
  readonly boundUuid: string;
}

export type Message =
  | RequestVote
  | RequestVoteReply
  | AppendEntries
  | AppendEntriesReply
  | ReadIndexRequest
  | ReadIndexReply
  | IdentityRefused;
