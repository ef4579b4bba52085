/**
 * Sees every replica, every disk and every frame, and believes none of them: all that Raft promises (figure 3.2 of the
 * dissertation, and what must be durable when it is said), checked after each event. What does not hold is thrown as a
 * SafetyViolation.
 */
import { checkState, checkStep, type StateSummary, summarize } from '../../src/raft/invariants.ts';
import type { Message } from '../../src/raft/message.ts';
import type { RaftState } from '../../src/raft/state.ts';
import type { Entry, Index, ReplicaId, Term } from '../../src/raft/types.ts';
import { decodeMessages } from '../../src/store/message-codec.ts';
import { Commits } from './oracle-commits.ts';
import { DurableLog, type OracleDisk } from './oracle-disk.ts';
import { type Election, Elections, isQuorum } from './oracle-elections.ts';
import { KnownEntries, type KnownEntry, name, reaches } from './oracle-entries.ts';
import { MessageChecks } from './oracle-messages.ts';
import { Office } from './oracle-office.ts';
import { probeCommit, probeElection, probeMessage, probeStep } from './oracle-probes.ts';
import { Reads } from './oracle-reads.ts';
import {
  acknowledgementKey,
  checkSurvived,
  hasChanged,
  isDurableChanged,
  newLife,
  type OracleLife,
  OracleReplica,
  type Seen,
  see,
} from './oracle-replica.ts';
import { notDurable, SafetyViolation } from './oracle-violation.ts';
import type { Probes } from './probes.ts';
import type { Trace } from './trace.ts';

export type { OracleDisk } from './oracle-disk.ts';
export { SafetyViolation } from './oracle-violation.ts';

export interface RaftOracleOptions {
  readonly disks: ReadonlyMap<ReplicaId, OracleDisk>;
  readonly probes: Probes;
  /** Every change of a replica's state is mixed into it. */
  readonly trace?: Trace;
}

export class RaftOracle {
  readonly #probes: Probes;
  readonly #trace: Trace | null;
  readonly #entries = new KnownEntries();
  readonly #elections = new Elections();
  readonly #commits = new Commits(this.#entries.root);
  readonly #reads = new Reads();
  readonly #messages: MessageChecks;
  readonly #replicas: ReadonlyMap<ReplicaId, OracleReplica>;
  #lastElection: Election | null = null;
  #found: { readonly error: unknown } | null = null;

  constructor({ disks, probes, trace }: RaftOracleOptions) {
    this.#probes = probes;
    this.#trace = trace ?? null;
    this.#replicas = new Map(
      [...disks].map(([id, disk]) => [id, new OracleReplica(id, new DurableLog(id, disk, this.#entries))]),
    );
    this.#messages = new MessageChecks({
      entries: this.#entries,
      elections: this.#elections,
      commits: this.#commits,
      reads: this.#reads,
    });
  }

  /** The highest index that anybody has counted as committed. */
  get committedIndex(): Index {
    return this.#commits.index;
  }

  /** Elections that were won, after the first. */
  get leaderChanges(): number {
    return this.#elections.changes;
  }

  /** From the first entry on. */
  committedLog(): readonly Entry[] {
    return this.#commits.all().map(({ entry }) => entry);
  }

  /** A life takes part from now on; `state` is its core's. */
  started(id: ReplicaId, state: () => Readonly<RaftState>): void {
    this.#look(id, (replica) => this.#start(replica, state));
  }

  /** It has crashed, or ended in order. */
  stopped(id: ReplicaId): void {
    this.#look(id, (replica) => {
      if (replica.life !== null) this.#observe(replica, replica.life);
      replica.life = null;
    });
  }

  /** Its disk was damaged or replaced: until the next life has looked at it, it speaks for what it held. */
  damaged(id: ReplicaId): void {
    const { directory } = this.#replica(id);
    if (directory !== null) directory.damaged = true;
  }

  /** After each event of its life. */
  stepped(id: ReplicaId): void {
    this.#look(id, (replica) => {
      if (replica.life !== null) this.#observe(replica, replica.life);
    });
  }

  /** Every frame between replicas, as it is handed to the network. */
  sent(id: ReplicaId, to: ReplicaId, bytes: Uint8Array): void {
    this.#look(id, (replica) => {
      if (replica.life === null)
        throw new SafetyViolation('frames are what their sender is', `${id} sends and does not live`);
      this.#observe(replica, replica.life);
      const messages = decodeMessages(bytes);
      if (messages === null)
        throw new SafetyViolation('frames are what their sender is', `${id} sends what cannot be read`);
      for (const message of messages) {
        this.#messages.check(replica, replica.life, to, message);
        probeMessage(this.#probes, replica.life.state(), message);
      }
    });
  }

  /** Every frame between replicas, as it is handed to the receiver, whose clock says `now`. */
  received(id: ReplicaId, from: ReplicaId, bytes: Uint8Array, now: number): void {
    this.#look(id, ({ life }) => {
      if (life === null) return;
      const { role, currentTerm } = life.state();
      // Its own leader's frames are most of all: there is nothing to be learned from them until it leads no more.
      const isFromLeader = role.name === 'follower' && role.leader === from;
      if (isFromLeader && this.#elections.askedTerm(from) <= currentTerm) return;
      this.#hear(life, decodeMessages(bytes) ?? [], now);
    });
  }

  /** The state machine of this replica has durably come to this index; equal states have equal digests. */
  applied(id: ReplicaId, index: Index, digest: string): void {
    this.#look(id, ({ directory, durable, life }) => {
      this.#commits.applied(id, index, digest);
      if (directory === null || life === null || index <= directory.appliedIndex) return;
      directory.appliedIndex = index;
      if (life.state().claim === null && durable.at(index) !== this.#commits.at(index)) {
        throw new SafetyViolation(
          'state machine safety',
          `${id} has applied ${index}, which its log does not hold durably`,
        );
      }
    });
  }

  /** What is found in the middle of the product's work, the product takes for an error of its own: so it is told again. */
  #look(id: ReplicaId, check: (replica: OracleReplica) => void): void {
    if (this.#found !== null) throw this.#found.error;
    try {
      check(this.#replica(id));
    } catch (error) {
      this.#found = { error };
      throw error;
    }
  }

  #start(replica: OracleReplica, state: () => Readonly<RaftState>): void {
    const present = state();
    const directory = replica.directoryOf(present.uuid);
    checkSurvived(directory, present);
    replica.durable.forget();
    const last = replica.durable.at(present.log.durableIndex);
    if (last === null || !present.log.matches(last)) {
      throw new SafetyViolation(
        'what was durable survives',
        `${replica.id} starts with a log that its disk does not hold`,
      );
    }
    directory.bootId = present.bootId;
    directory.damaged = false;
    replica.directory = directory;
    replica.life = newLife(state, directory, last);
    this.#observe(replica, replica.life);
  }

  #hear({ state: stateNow, office, stickiness }: OracleLife, messages: readonly Message[], now: number): void {
    const state = stateNow();
    let mayBeDeposed = false;
    for (const message of messages) {
      const bound = boundUuid(state, message.from);
      if (bound !== '' && bound !== message.uuid) return;
      if (message.type === 'requestVote') stickiness.asked(message, state, now, mayBeDeposed);
      else if (message.term > state.currentTerm) mayBeDeposed = true;
      else if (message.type === 'appendEntriesReply' && message.term === state.currentTerm) office?.heard(message, now);
    }
  }

  // Steps

  #observe(replica: OracleReplica, life: OracleLife): void {
    const state = life.state();
    this.#observeRound(life, state);
    this.#observeOffice(life, state);
    life.stickiness.observe(state);
    const { seen } = life;
    if (!hasChanged(seen, state)) return;
    const summary = summarize(state);
    checkAlone(seen.summary, summary, state);
    if (state.role.name === 'candidate') this.#observeCandidate(state);
    const last = this.#observeLog(life, state);
    this.#elections.checkEntered(state.id, state.currentTerm);
    if (state.role.name === 'leader') this.#elections.checkLeads(state.id, state.currentTerm);
    this.#observeDurable(replica, life, state);
    if (state.commitIndex !== seen.summary.commitIndex) this.#observeCommit(state);
    this.#reads.observePublished(state.publishIndex);
    probeStep(this.#probes, seen, state);
    this.#trace?.mix(state.currentTerm);
    this.#trace?.mix(state.commitIndex);
    this.#trace?.mix(last.index);
    life.seen = see(state, summary, last);
  }

  #observeCandidate({ id, currentTerm }: Readonly<RaftState>): void {
    const before = this.#elections.candidates(currentTerm);
    this.#elections.stood(id, currentTerm);
    if (before === 1 && this.#elections.candidates(currentTerm) === 2) {
      this.#probes.sometimes('raft: two candidates in one term');
    }
  }

  /** Returns the last entry of the log. */
  #observeLog({ seen }: OracleLife, state: Readonly<RaftState>): KnownEntry {
    const { log } = state;
    if (log.last === seen.lastId) return seen.last;
    let last = seen.last;
    while (!log.matches(last)) last = last.previous;
    if (last !== seen.last) this.#observeTruncation(seen, state, last);
    if (last.index === log.lastIndex) return last;
    for (const entry of log.slice((last.index + 1) as Index, log.lastIndex, Number.POSITIVE_INFINITY)) {
      const known = this.#entries.find(entry);
      if (known === undefined) this.#checkMaker(state, entry, last);
      else this.#entries.check(known, last, entry, state.id);
      last = known ?? this.#entries.create(last, entry);
    }
    return last;
  }

  #observeTruncation({ last, role, summary }: Seen, state: Readonly<RaftState>, kept: KnownEntry): void {
    const what = `${state.id} removes what follows ${name(kept)} from its log, up to ${name(last)}`;
    if (state.role.name === 'leader' && state.role === role) {
      throw new SafetyViolation('leader append-only', `${what}, and leads term ${state.currentTerm}`);
    }
    if (kept.index < summary.commitIndex) {
      throw new SafetyViolation('state machine safety', `${what}, and has counted ${summary.commitIndex} as committed`);
    }
    this.#probes.sometimes('raft: a follower truncated its log');
  }

  /** Only the leader of its term makes an entry: by its first one a leader is known, however short its time. */
  #checkMaker(state: Readonly<RaftState>, entry: Entry, previous: KnownEntry): void {
    const election = this.#elections.find(entry.term);
    if (election === undefined) this.#elect(state, entry.term, previous);
    else if (election.leader !== state.id) {
      throw new SafetyViolation(
        'log matching',
        `${state.id} made ${name(entry)}, and ${election.leader} leads that term`,
      );
    }
  }

  #elect(state: Readonly<RaftState>, term: Term, base: KnownEntry): void {
    const election: Election = { term, leader: state.id, base };
    const { configuration } = state.log;
    this.#elections.elect(election, configuration, (voter) => {
      const bound = base.index === 0 ? '' : boundUuid(state, voter);
      return this.#replicas.get(voter)?.boundDirectory(bound)?.votes.get(term) === state.id;
    });
    this.#commits.checkElected(election);
    probeElection(this.#probes, election, this.#lastElection, this.#elections.candidates(term));
    this.#lastElection = election;
  }

  #observeCommit(state: Readonly<RaftState>): void {
    const { id, log, commitIndex, currentTerm, role } = state;
    const known = this.#entries.get(log.id(commitIndex));
    if (role.name === 'leader' && known.term !== currentTerm) {
      throw new SafetyViolation(
        'only entries of its own term are committed by counting',
        `${id} leads term ${currentTerm} and commits up to ${name(known)}`,
      );
    }
    const fresh = this.#commits.count(id, known, currentTerm);
    if (fresh.length === 0) return;
    if (!isQuorum(log.configuration, (voter) => this.#isDurable(voter, boundUuid(state, voter), known))) {
      throw new SafetyViolation(
        'what is committed is on a quorum of disks',
        `${id} counts ${name(known)} as committed in term ${currentTerm}, and no quorum holds it durably`,
      );
    }
    this.#commits.checkCommitted(known, currentTerm, this.#elections);
    probeCommit(this.#probes, fresh, currentTerm);
  }

  /** Does this voter's disk hold the entry, or speak for it although it has lost it? */
  #isDurable(voter: ReplicaId, uuid: string, known: KnownEntry): boolean {
    const replica = this.#replica(voter);
    const directory = replica.boundDirectory(uuid);
    if (directory === null) return false;
    if (directory.damaged || directory !== replica.directory) return reaches(directory.basis, known);
    if (replica.durable.at(known.index) === known) return true;
    const claim = replica.durable.meta?.claim ?? null;
    return claim !== null && reaches(claim, known);
  }

  /** What the core takes for durable is on its disk, and what it claims. */
  #observeDurable({ durable }: OracleReplica, { directory, seen }: OracleLife, state: Readonly<RaftState>): void {
    if (!isDurableChanged(seen, state)) return;
    const { id, log, claim, currentTerm, votedFor } = state;
    const last = durable.at(log.durableIndex);
    if (last === null || !log.matches(last)) {
      throw notDurable(`${id} takes its log for durable up to ${log.durableIndex}; its disk does not hold that`);
    }
    if (seen.claim !== null && claim === null && !reaches(log.last, seen.claim)) {
      throw new SafetyViolation(
        'what was durable survives',
        `${id} gives up its claim to ${name(seen.claim)}, and its log ends at ${name(log.last)}`,
      );
    }
    directory.basis = claim ?? last;
    const { meta } = durable;
    if (claim !== null && (meta?.claim?.term !== claim.term || meta.claim.index !== claim.index)) {
      throw notDurable(`${id} claims ${name(claim)}; its disk claims ${meta?.claim ? name(meta.claim) : 'nothing'}`);
    }
    if (state.durableHardStateVersion !== state.hardStateVersion) return;
    if (meta?.currentTerm !== currentTerm || meta.votedFor !== votedFor) {
      throw notDurable(
        `${id} takes term ${currentTerm} and its vote for ${votedFor} for durable; ` +
          `its disk holds term ${meta?.currentTerm} and a vote for ${meta?.votedFor}`,
      );
    }
    directory.durableTerm = currentTerm;
    if (votedFor !== null) this.#elections.voted(directory, currentTerm, votedFor);
  }

  /** A leader's own reads, and its followers': answered when the round that was begun for them is gone. */
  #observeRound(life: OracleLife, state: Readonly<RaftState>): void {
    const { role } = state;
    const round = role.name === 'leader' ? role.readsInRound : null;
    if (round === (life.reads?.round ?? null)) return;
    if (life.reads !== null && role === life.seen.role) this.#reads.roundAnswered(life.reads, state);
    life.reads = round && { round, requests: round.requests.length, floor: this.#reads.published };
  }

  #observeOffice(life: OracleLife, state: Readonly<RaftState>): void {
    const { role } = state;
    if (role !== life.office?.role) life.office = role.name === 'leader' ? new Office(role, state.now) : null;
    life.office?.check(state, (follower, bootId) => {
      const directory = this.#replica(follower).boundDirectory(boundUuid(state, follower));
      return directory?.acknowledged.get(acknowledgementKey(state.currentTerm, bootId)) ?? 0;
    });
  }

  #replica(id: ReplicaId): OracleReplica {
    const replica = this.#replicas.get(id);
    if (replica === undefined) throw new Error(`there is no disk of ${id}`);
    return replica;
  }
}

function checkAlone(before: StateSummary, after: StateSummary, state: Readonly<RaftState>): void {
  try {
    checkState(state);
    checkStep(before, after);
  } catch (error) {
    const { id, currentTerm, role } = state;
    const reason = error instanceof Error ? error.message : String(error);
    throw new SafetyViolation('one replica by itself', `${id}, ${role.name} in term ${currentTerm}: ${reason}`);
  }
}

function boundUuid({ log }: Readonly<RaftState>, id: ReplicaId): string {
  return log.configuration.members.find((member) => member.id === id)?.uuid ?? '';
}
