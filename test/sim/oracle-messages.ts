/** What each message says, held against what its sender's disk and the leader's log hold at that moment. */
import type { AppendEntries, Message, RequestVoteReply } from '../../src/raft/message.ts';
import type { Index, ReplicaId, Term } from '../../src/raft/types.ts';
import type { Commits } from './oracle-commits.ts';
import { type Elections, leaderHolds } from './oracle-elections.ts';
import { type KnownEntries, name } from './oracle-entries.ts';
import type { Reads } from './oracle-reads.ts';
import { acknowledgementKey, type Directory, type OracleLife, type OracleReplica } from './oracle-replica.ts';
import { notDurable, SafetyViolation } from './oracle-violation.ts';

/** What the oracle has learned of the cluster as a whole. */
export interface Knowledge {
  readonly entries: KnownEntries;
  readonly elections: Elections;
  readonly commits: Commits;
  readonly reads: Reads;
}

export class MessageChecks {
  readonly #knowledge: Knowledge;

  constructor(knowledge: Knowledge) {
    this.#knowledge = knowledge;
  }

  /** As it is handed to the network, after the last look at its sender. */
  check(replica: OracleReplica, life: OracleLife, to: ReplicaId, message: Message): void {
    checkSender(message, to, life.directory);
    switch (message.type) {
      case 'requestVote':
        this.#knowledge.elections.asked(message);
        if (message.phase === 'vote') this.#checkVote(replica, life, message.term, message.from);
        return;
      case 'requestVoteReply':
        this.#checkVoteReply(replica, life, message);
        return;
      case 'appendEntries':
        this.#checkTerm(replica, life, message.term);
        this.#checkAppendEntries(message);
        this.#knowledge.reads.heartbeat(message);
        return;
      case 'appendEntriesReply':
        this.#checkTerm(replica, life, message.term);
        this.#knowledge.reads.heartbeatAnswered(message);
        if (message.result.type === 'accepted') {
          this.#checkAcknowledgement(replica, life, message.term, message.result.matchIndex);
        }
        return;
      case 'readIndex':
        this.#knowledge.reads.asked(message);
        return;
      case 'readIndexReply':
        this.#knowledge.reads.answered(message, life.state(), this.#knowledge.commits.index);
        return;
      case 'identityRefused':
        return;
    }
  }

  #checkVoteReply(replica: OracleReplica, life: OracleLife, message: RequestVoteReply): void {
    if (message.phase === 'vote') this.#checkTerm(replica, life, message.term);
    life.stickiness.answered(message);
    if (!message.granted) return;
    this.#knowledge.elections.checkGrant(message);
    if (message.phase === 'vote') this.#checkVote(replica, life, message.term, message.to);
  }

  #checkVote({ id, durable }: OracleReplica, { directory }: OracleLife, term: Term, candidate: ReplicaId): void {
    this.#knowledge.elections.voted(directory, term, candidate);
    const meta = durable.meta;
    if (meta !== null && meta.currentTerm > term) return;
    if (meta?.currentTerm !== term || meta.votedFor !== candidate) {
      throw notDurable(
        `${id} votes for ${candidate} in term ${term}; ` +
          `its disk holds term ${meta?.currentTerm} and a vote for ${meta?.votedFor}`,
      );
    }
  }

  /** What speaks of a term leaves when the term is durable: a later life must not fall below it. */
  #checkTerm({ id, durable }: OracleReplica, { directory }: OracleLife, term: Term): void {
    if (term <= directory.durableTerm) return;
    const onDisk = durable.meta?.currentTerm ?? 0;
    if (onDisk < term) throw notDurable(`${id} speaks in term ${term}; its disk holds term ${onDisk}`);
    directory.durableTerm = term;
  }

  #checkAppendEntries({ from, term, previous, entries, commitIndex, publishIndex }: AppendEntries): void {
    this.#knowledge.elections.checkLeads(from, term);
    const election = this.#knowledge.elections.find(term);
    if (publishIndex > commitIndex || commitIndex > this.#knowledge.commits.index) {
      throw new SafetyViolation(
        'state machine safety',
        `${from} tells of commit index ${commitIndex} and publish index ${publishIndex}; ` +
          `${this.#knowledge.commits.index} is committed`,
      );
    }
    let last = this.#knowledge.entries.get(previous);
    for (const entry of entries) {
      const known = this.#knowledge.entries.get(entry);
      this.#knowledge.entries.check(known, last, entry, from);
      last = known;
    }
    if (election === undefined || !leaderHolds(election, last)) {
      throw new SafetyViolation(
        'log matching',
        `${from} sends ${name(last)} in term ${term}, and its log does not hold it`,
      );
    }
  }

  /** Everything up to this index is durable here, and the same in the leader's log. */
  #checkAcknowledgement({ id, durable }: OracleReplica, life: OracleLife, term: Term, matchIndex: Index): void {
    const { acknowledged, bootId } = life.directory;
    const key = acknowledgementKey(term, bootId);
    if (matchIndex > (acknowledged.get(key) ?? 0)) acknowledged.set(key, matchIndex);
    const last = durable.at(matchIndex);
    if (last === null) throw notDurable(`${id} acknowledges ${matchIndex} in term ${term}; its disk lacks entries`);
    if (life.acknowledged?.last === last && life.acknowledged.term === term) return;
    const election = this.#knowledge.elections.find(term);
    if (election === undefined || !leaderHolds(election, last)) {
      throw new SafetyViolation(
        'acknowledgements speak of the leader’s log',
        `${id} acknowledges ${matchIndex} in term ${term}, where it holds ${name(last)}; ` +
          `${election?.leader ?? 'nobody'}, who leads that term, does not`,
      );
    }
    life.acknowledged = { term, last };
  }
}

function checkSender({ from, to, uuid, bootId }: Message, receiver: ReplicaId, directory: Directory): void {
  const { id } = directory;
  if (from === id && to === receiver && uuid === directory.uuid && bootId === directory.bootId) return;
  throw new SafetyViolation(
    'frames are what their sender is',
    `${id}, ${directory.uuid}, in its life ${directory.bootId}, sends ${receiver} a frame ` +
      `from ${from}, ${uuid}, in its life ${bootId}, to ${to}`,
  );
}
