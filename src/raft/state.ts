/**
 * Everything one replica's core knows. Changed only by the functions of this room, one input at a time.
 */
import type { RaftConstants } from './constants.ts';
import type { Random } from './interfaces.ts';
import type { RaftLog } from './log.ts';
import type { Message } from './message.ts';
import type { Progress } from './progress.ts';
import type { EntryId, Index, LogRead, ReadState, ReplicaId, Term } from './types.ts';

export interface Vote {
  readonly granted: boolean;
  readonly uuid: string;
  /** From then on, on this clock, no lease of an earlier leader rests on this voter. */
  readonly freeAt: number;
}

/** A read that waits for a leader's confirmation: its own, or a follower's. */
export interface ReadRequest {
  readonly from: ReplicaId;
  readonly requestId: string;
}

export interface LeaderRole {
  readonly name: 'leader';
  readonly progress: Map<ReplicaId, Progress>;
  /** The entry this leader began its term with; until it commits, no read index can be named (§6.4). */
  readonly termStartIndex: Index;
  heartbeatDueAt: number;
  /** The last round of heartbeats that left. */
  round: number;
  /** Arrived after the round on its way was sent: they belong to the next one. */
  readsWaiting: ReadRequest[];
  readsInRound: { readonly round: number; readonly readIndex: Index; readonly requests: readonly ReadRequest[] } | null;
  /** This leader's proposals that are not committed: what the proposal bounds count. */
  uncommitted: { readonly lastIndex: Index; readonly entries: number; readonly bytes: number }[];
  uncommittedEntries: number;
  uncommittedBytes: number;
  /** Nothing is published before: leases of earlier leaders may last until then. */
  publishesFrom: number;
  /** Nothing above it is published: who holds a lease has not confirmed that it was told. */
  publishLimit: number;
}

export type Role =
  | { readonly name: 'follower'; leader: ReplicaId | null }
  | {
      readonly name: 'preCandidate';
      readonly votes: Map<ReplicaId, Vote>;
      /** The real votes, if it has stood for election in this term: one that was slow to be written still counts. */
      readonly late: Map<ReplicaId, Vote> | null;
    }
  | { readonly name: 'candidate'; readonly votes: Map<ReplicaId, Vote> }
  | LeaderRole;

/** What a voter said it holds and claims, for a cluster without a leader to explain itself. */
export interface PeerEnd {
  readonly last: EntryId;
  readonly claim: EntryId | null;
}

export interface RaftState {
  readonly id: ReplicaId;
  readonly uuid: string;
  readonly bootId: number;
  readonly constants: RaftConstants;
  readonly random: Random;
  readonly log: RaftLog;
  /** The time of the input being handled, on the driver's monotonic clock. */
  now: number;

  currentTerm: Term;
  /** Cleared only when the term rises. */
  votedFor: ReplicaId | null;
  claim: EntryId | null;
  /** Counts changes of term and vote; what the disk holds is `durableHardState`. */
  hardStateVersion: number;
  durableHardStateVersion: number;
  durableTerm: Term;
  batchInFlight: {
    readonly hardStateVersion: number;
    readonly term: Term;
    readonly issuedIndex: Index;
    readonly issuedAt: number;
  } | null;

  role: Role;
  /** Never falls, within one life. */
  commitIndex: Index;
  /** What may be applied and answered; the leader's word, at most what it has committed. Never falls, within one life. */
  publishIndex: Index;
  electionDeadlineAt: number;
  /** When the leader of this term was last heard. */
  leaderContactAt: number;
  /** When this replica last acknowledged a leader's round, or sent one as a leader; at first, when it started. */
  roundSeenAt: number;
  /** A follower's log equals the log of this term's leader up to here. */
  verifiedIndex: Index;
  /** The acknowledgement owed to this term's leader. */
  acknowledgement: { round: number; matchIndex: Index; owed: boolean };
  /** Reads a follower has passed on to the leader of this term. */
  readonly forwardedReads: Set<string>;
  readonly peerEnds: Map<ReplicaId, PeerEnd>;
  leaderChanges: number;
  /** False while what was applied cannot be written: as a leader it could evaluate and answer little. */
  stateMachineUsable: boolean;
  /** This directory is not the one its id is bound to: the uuid it should have. The replica must stop. */
  boundElsewhere: string | null;

  /** May leave at once. */
  outbox: Message[];
  /** May leave when the present hard state is durable; a new term forgets them. */
  outboxAfterHardState: Message[];
  readStates: ReadState[];
  logReads: LogRead[];
}

type Unaddressed<M> = M extends Message ? Omit<M, 'from' | 'uuid' | 'bootId' | 'term'> : never;

/** Completes the envelope. `term` differs from the current one only in pre-votes. */
export function address(state: RaftState, message: Unaddressed<Message>, term: Term = state.currentTerm): Message {
  return { ...message, from: state.id, uuid: state.uuid, bootId: state.bootId, term } as Message;
}

export function send(state: RaftState, message: Unaddressed<Message>, term?: Term): void {
  state.outbox.push(address(state, message, term));
}

/** For whatever tells of the present term or vote. */
export function sendAfterHardState(state: RaftState, message: Unaddressed<Message>): void {
  if (hardStateIsDurable(state)) state.outbox.push(address(state, message));
  else state.outboxAfterHardState.push(address(state, message));
}

export function hardStateIsDurable(state: RaftState): boolean {
  return state.durableHardStateVersion === state.hardStateVersion;
}

export function isVoter(state: RaftState, id: ReplicaId = state.id): boolean {
  const { voters, votersOutgoing } = state.log.configuration;
  return voters.includes(id) || votersOutgoing.includes(id);
}

/** The leader this replica follows or is. */
export function knownLeader(state: RaftState): ReplicaId | null {
  if (state.role.name === 'leader') return state.id;
  return state.role.name === 'follower' ? state.role.leader : null;
}

/** What this replica's votes are judged by: where its log ends, or once ended. */
export function voteBasis(state: RaftState): EntryId {
  return state.claim ?? state.log.last;
}
