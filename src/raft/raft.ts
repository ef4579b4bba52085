/**
 * The consensus core: inputs in, duties out. Pure and synchronous: no clock, no promise, no I/O.
 *
 * The driver gives it messages, proposals, reads and the time; then takes what has to be done:
 *   1. `takeReady`: messages that may leave at once, answers to reads, entries wanted from disk;
 *   2. `takeBatch`: what has to be written; when it is durable, `batchDurable`, then 1 again;
 *   3. `applicableIndex`: how far entries may be applied.
 * Nothing that depends on the disk is in `takeReady` before `batchDurable` has been called.
 */
import { invariant, unreachable } from './assert.ts';
import type { RaftConstants } from './constants.ts';
import { checkConstants } from './constants.ts';
import { handleRequestVote, handleRequestVoteReply, startElection } from './election.ts';
import type { Random } from './interfaces.ts';
import { entryOverheadBytes, RaftLog } from './log.ts';
import type { Message } from './message.ts';
import { becomeProbe } from './progress.ts';
import { confirmReads, handleReadIndex, handleReadIndexReply, requestReadIndex, startReadRound } from './read.ts';
import {
  acknowledge,
  advanceCommitIndex,
  entriesRead,
  handleAppendEntries,
  handleAppendEntriesReply,
  learnPublished,
  publish,
  quorumIsInContact,
  quorumRound,
  refreshProgress,
  releaseProposals,
  replicate,
  startRound,
} from './replication.ts';
import { becomeFollower, resetElectionTimer } from './role.ts';
import type { PeerEnd, RaftState } from './state.ts';
import { hardStateIsDurable, knownLeader, send } from './state.ts';
import type {
  Configuration,
  Entry,
  EntryId,
  HardState,
  Index,
  LogBatch,
  LogRead,
  LogState,
  ReadState,
  ReplicaId,
  SnapshotMetadata,
  Term,
} from './types.ts';
import { atLeastAsUpToDate } from './types.ts';

export interface RaftOptions {
  readonly id: ReplicaId;
  readonly constants: RaftConstants;
  readonly random: Random;
  readonly log: LogState;
  /** Used while the log holds no configuration. */
  readonly bootstrap: Configuration;
  /** How far the state machine has applied: that much is known to be committed. */
  readonly appliedIndex: Index;
  readonly now: number;
}

export interface Ready {
  readonly messages: readonly Message[];
  readonly readStates: readonly ReadState[];
  readonly logReads: readonly LogRead[];
  /** A snapshot to install before anything else; null in this version, which makes none. */
  readonly snapshot: SnapshotMetadata | null;
}

export type ProposeResult =
  /** The first `count` commands were appended, from `firstIndex` on; the rest were refused, as by `overloaded`. */
  | { readonly type: 'appended'; readonly term: Term; readonly firstIndex: Index; readonly count: number }
  | { readonly type: 'notLeader'; readonly leader: ReplicaId | null }
  | { readonly type: 'overloaded' };

export interface RaftStatus {
  readonly role: RaftState['role']['name'];
  readonly term: Term;
  readonly votedFor: ReplicaId | null;
  readonly leader: ReplicaId | null;
  readonly claim: EntryId | null;
  readonly firstIndex: Index;
  readonly last: EntryId;
  readonly durableIndex: Index;
  readonly commitIndex: Index;
  readonly publishIndex: Index;
  readonly leaderChanges: number;
  /** While no leader is known: what the voters that answered hold and claim. */
  readonly peerEnds: ReadonlyMap<ReplicaId, PeerEnd>;
  /** Set when this directory is not the one that the id is bound to: the replica must stop. */
  readonly boundElsewhere: string | null;
}

export class Raft {
  readonly #state: RaftState;
  #checkedConfiguration: Configuration | null = null;

  constructor(options: RaftOptions) {
    checkConstants(options.constants);
    const { hardState, uuid, bootId } = options.log;
    const log = new RaftLog(options.log, options.bootstrap);
    // In a log that lost entries, what is left may be entries that were replaced once: a leader has to vouch for them.
    const commitIndex = hardState.claim === null ? options.appliedIndex : options.log.base.index;
    invariant(commitIndex <= log.lastIndex, `applied up to ${commitIndex}, the log ends at ${log.lastIndex}`);
    this.#state = {
      id: options.id,
      uuid,
      bootId,
      constants: options.constants,
      random: options.random,
      log,
      now: options.now,
      currentTerm: hardState.currentTerm,
      votedFor: hardState.votedFor,
      claim: hardState.claim,
      hardStateVersion: 0,
      durableHardStateVersion: 0,
      durableTerm: hardState.currentTerm,
      batchInFlight: null,
      role: { name: 'follower', leader: null },
      commitIndex,
      publishIndex: commitIndex,
      electionDeadlineAt: 0,
      leaderContactAt: Number.NEGATIVE_INFINITY,
      roundSeenAt: options.now,
      verifiedIndex: 0 as Index,
      acknowledgement: { round: 0, matchIndex: 0 as Index, owed: false },
      forwardedReads: new Set(),
      peerEnds: new Map(),
      leaderChanges: 0,
      stateMachineUsable: true,
      boundElsewhere: null,
      outbox: [],
      outboxAfterHardState: [],
      readStates: [],
      logReads: [],
    };
    resetElectionTimer(this.#state);
    this.#checkOwnBinding();
  }

  /** Time passes. To be called at `nextDeadlineAt`; calling early or late is harmless. */
  tick(now: number): void {
    const state = this.#enter(now);
    if (state.boundElsewhere !== null) return;
    if (state.role.name !== 'leader') {
      if (now >= state.electionDeadlineAt) startElection(state);
      return;
    }
    publish(state, state.role);
    if (now < state.role.heartbeatDueAt) return;
    state.role.heartbeatDueAt = state.now + state.constants.heartbeatIntervalMs;
    const writingMs = state.batchInFlight === null ? 0 : state.now - state.batchInFlight.issuedAt;
    const usable = state.stateMachineUsable && writingMs <= state.constants.writeTimeoutMs;
    if (!usable || !quorumIsInContact(state, state.role)) {
      becomeFollower(state, state.currentTerm, null);
      return;
    }
    refreshProgress(state, state.role);
    startRound(state, state.role);
  }

  /** Whether what is applied gets written; while it does not, this replica neither leads nor campaigns. */
  set stateMachineUsable(usable: boolean) {
    this.#state.stateMachineUsable = usable;
  }

  step(now: number, message: Message): void {
    const state = this.#enter(now);
    if (state.boundElsewhere !== null || message.to !== state.id) return;
    if (message.type === 'identityRefused') {
      if (message.boundUuid !== state.uuid) this.#stopForIdentity(message.boundUuid);
      return;
    }
    const boundUuid = this.#boundUuid(message.from);
    if (boundUuid !== '' && boundUuid !== message.uuid) {
      send(state, { type: 'identityRefused', to: message.from, boundUuid });
      return;
    }
    this.#dispatch(message);
    this.#checkOwnBinding();
  }

  #dispatch(message: Exclude<Message, { type: 'identityRefused' }>): void {
    const state = this.#state;
    switch (message.type) {
      case 'requestVote':
        handleRequestVote(state, message);
        return;
      case 'requestVoteReply':
        handleRequestVoteReply(state, message);
        return;
      case 'appendEntries':
        handleAppendEntries(state, message);
        return;
      case 'appendEntriesReply':
        if (message.term > state.currentTerm) becomeFollower(state, message.term, null);
        if (message.term < state.currentTerm || state.role.name !== 'leader') return;
        handleAppendEntriesReply(state, state.role, message);
        releaseProposals(state, state.role);
        confirmReads(state, state.role);
        return;
      case 'readIndex':
        if (message.term > state.currentTerm) becomeFollower(state, message.term, null);
        handleReadIndex(state, message.from, message.requestId);
        return;
      case 'readIndexReply':
        if (message.term === state.currentTerm && knownLeader(state) === message.from) {
          learnPublished(state, message.publishIndex, message.publishIndex);
        }
        handleReadIndexReply(state, message);
        return;
      default:
        unreachable(message);
    }
  }

  /** Appends commands to a leader's log, each as one entry with its own index. */
  propose(now: number, commands: readonly Uint8Array[]): ProposeResult {
    const state = this.#enter(now);
    const { role, constants } = state;
    if (role.name !== 'leader') return { type: 'notLeader', leader: knownLeader(state) };
    const firstIndex = (state.log.lastIndex + 1) as Index;
    const entries: Entry[] = [];
    let bytes = 0;
    for (const command of commands) {
      invariant(command.length <= constants.entryBytesMax, `a command is at most ${constants.entryBytesMax} bytes`);
      const grown = bytes + command.length + entryOverheadBytes;
      if (role.uncommittedEntries + entries.length >= constants.uncommittedEntriesMax) break;
      if (role.uncommittedBytes + grown > constants.uncommittedBytesMax) break;
      bytes = grown;
      const index = (firstIndex + entries.length) as Index;
      entries.push({ type: 'command', term: state.currentTerm, index, command });
    }
    if (entries.length === 0) return { type: 'overloaded' };
    state.log.append(entries);
    role.uncommitted.push({ lastIndex: state.log.lastIndex, entries: entries.length, bytes });
    role.uncommittedEntries += entries.length;
    role.uncommittedBytes += bytes;
    return { type: 'appended', term: state.currentTerm, firstIndex, count: entries.length };
  }

  /** Asks for a read index; `requestId` must never have been used before, in no life. Answered by a ReadState. */
  readIndex(now: number, requestId: string): void {
    requestReadIndex(this.#enter(now), requestId);
  }

  get durableIndex(): Index {
    return this.#state.log.durableIndex;
  }

  /** Nobody waits for this read any more. */
  forgetRead(requestId: string): void {
    this.#state.forwardedReads.delete(requestId);
  }

  /** The connection to this peer broke: what is in its window may be lost. */
  peerDisconnected(now: number, peer: ReplicaId): void {
    const state = this.#enter(now);
    if (state.role.name !== 'leader') return;
    const progress = state.role.progress.get(peer);
    if (progress?.state === 'replicate') becomeProbe(progress, (progress.matchIndex + 1) as Index);
  }

  /** Entries that a `LogRead` asked for. */
  entriesRead(now: number, read: LogRead, entries: readonly Entry[]): void {
    entriesRead(this.#enter(now), read.to, read.term, entries);
  }

  takeReady(): Ready {
    const state = this.#state;
    if (state.role.name === 'leader') {
      startReadRound(state, state.role);
      replicate(state, state.role);
    }
    const ready: Ready = {
      messages: state.outbox,
      readStates: state.readStates,
      logReads: state.logReads,
      snapshot: null,
    };
    state.outbox = [];
    state.readStates = [];
    state.logReads = [];
    return ready;
  }

  /** What has to be written next, or null; the next one only after `batchDurable`. */
  takeBatch(): LogBatch | null {
    const state = this.#state;
    invariant(state.batchInFlight === null, 'a batch is on its way already');
    if (!state.log.hasUnissued && state.hardStateVersion === state.durableHardStateVersion) return null;
    const { truncateFrom, entries } = state.log.issue(state.constants.batchBytesMax);
    const { issued } = state.log;
    if (state.claim !== null && atLeastAsUpToDate(issued, state.claim)) state.claim = null;
    const hardState: HardState = { currentTerm: state.currentTerm, votedFor: state.votedFor, claim: state.claim };
    state.batchInFlight = {
      hardStateVersion: state.hardStateVersion,
      term: state.currentTerm,
      issuedIndex: issued.index,
      issuedAt: state.now,
    };
    return { hardState, truncateFrom, entries };
  }

  /** The batch on its way is durable. */
  batchDurable(now: number): void {
    const state = this.#enter(now);
    const batch = state.batchInFlight;
    invariant(batch !== null, 'no batch is on its way');
    state.batchInFlight = null;
    state.durableTerm = batch.term;
    state.log.batchDurable(batch.issuedIndex);
    const wasDurable = hardStateIsDurable(state);
    state.durableHardStateVersion = batch.hardStateVersion;
    if (!wasDurable && hardStateIsDurable(state)) {
      state.outbox = state.outbox.concat(state.outboxAfterHardState);
      state.outboxAfterHardState = [];
      // The election timer stood while the vote was being written.
      resetElectionTimer(state);
    }
    if (state.role.name === 'leader') {
      advanceCommitIndex(state, state.role);
      releaseProposals(state, state.role);
    } else {
      acknowledge(state);
    }
    state.log.evict(state.commitIndex, state.constants.logCacheBytesMax);
  }

  /** Entries up to here may be applied: published, committed, verified against this term's leader, and on this disk. */
  get applicableIndex(): Index {
    return Math.min(this.#state.publishIndex, this.#state.log.durableIndex) as Index;
  }

  /** Entries from memory, or null if the first is no longer there and has to be read from disk. */
  cachedEntries(from: Index, to: Index, maxBytes: number): readonly Entry[] | null {
    return this.#state.log.isCached(from) ? this.#state.log.slice(from, to, maxBytes) : null;
  }

  get nextDeadlineAt(): number {
    const { role, electionDeadlineAt, now } = this.#state;
    if (role.name !== 'leader') return electionDeadlineAt;
    return role.publishesFrom > now ? Math.min(role.publishesFrom, role.heartbeatDueAt) : role.heartbeatDueAt;
  }

  /** Nothing above `limit` is published in this term; replaces the limit before. */
  limitPublishing(now: number, term: Term, limit: number): void {
    const state = this.#enter(now);
    if (state.role.name !== 'leader' || state.currentTerm !== term) return;
    state.role.publishLimit = limit;
    publish(state, state.role);
  }

  /** Of this term's rounds of heartbeats: the last that left, and the last that a quorum has acknowledged; 0 before. */
  get rounds(): { readonly left: number; readonly acknowledged: number } {
    const { role } = this.#state;
    if (role.name !== 'leader') return { left: 0, acknowledged: 0 };
    return { left: role.round, acknowledged: quorumRound(this.#state, role) };
  }

  get configuration(): Configuration {
    return this.#state.log.configuration;
  }

  get status(): RaftStatus {
    const state = this.#state;
    return {
      role: state.role.name,
      term: state.currentTerm,
      votedFor: state.votedFor,
      leader: knownLeader(state),
      claim: state.claim,
      firstIndex: (state.log.base.index + 1) as Index,
      last: state.log.last,
      durableIndex: state.log.durableIndex,
      commitIndex: state.commitIndex,
      publishIndex: state.publishIndex,
      leaderChanges: state.leaderChanges,
      peerEnds: state.peerEnds,
      boundElsewhere: state.boundElsewhere,
    };
  }

  /** For invariant checks alone. */
  get inspect(): Readonly<RaftState> {
    return this.#state;
  }

  #enter(now: number): RaftState {
    this.#state.now = Math.max(this.#state.now, now);
    return this.#state;
  }

  #boundUuid(id: ReplicaId): string {
    return this.#state.log.configuration.members.find((member) => member.id === id)?.uuid ?? '';
  }

  #checkOwnBinding(): void {
    const { configuration } = this.#state.log;
    if (configuration === this.#checkedConfiguration) return;
    this.#checkedConfiguration = configuration;
    const boundUuid = this.#boundUuid(this.#state.id);
    if (boundUuid !== '' && boundUuid !== this.#state.uuid) this.#stopForIdentity(boundUuid);
  }

  #stopForIdentity(boundUuid: string): void {
    this.#state.boundElsewhere = boundUuid;
    if (this.#state.role.name === 'leader') becomeFollower(this.#state, this.#state.currentTerm, null);
  }
}
