/** Which rounds of heartbeats a leader has sent, and who has answered them: what proves that it still led (§6.4). */
import type { AppendEntries, AppendEntriesReply } from '../../src/raft/message.ts';
import type { Configuration, ReplicaId, Term } from '../../src/raft/types.ts';
import { stale } from './oracle-violation.ts';

/** A leader's. */
interface Rounds {
  readonly leader: ReplicaId;
  /** By round: how many questions for a read index had been asked when it began to leave. */
  readonly begunAfter: Map<number, number>;
  readonly sentTo: Map<ReplicaId, number>;
  readonly answeredBy: Map<ReplicaId, number>;
}

export class LeaderRounds {
  readonly #byTerm = new Map<Term, Rounds>();

  sent({ from, to, term, round }: AppendEntries, questions: number): void {
    let rounds = this.#byTerm.get(term);
    if (rounds === undefined) {
      rounds = { leader: from, begunAfter: new Map(), sentTo: new Map(), answeredBy: new Map() };
      this.#byTerm.set(term, rounds);
    }
    if (!rounds.begunAfter.has(round)) rounds.begunAfter.set(round, questions);
    raise(rounds.sentTo, to, round);
  }

  /** The refusal of an older term's message confirms nothing: its round is 0. */
  answered({ from, to, term, round }: AppendEntriesReply): void {
    if (round === 0) return;
    const rounds = this.#byTerm.get(term);
    if (rounds?.leader !== to || round > (rounds.sentTo.get(from) ?? 0)) {
      throw stale(`${from} answers round ${round} of ${to} in term ${term}, which was never sent to it`);
    }
    raise(rounds.answeredBy, from, round);
  }

  /** The highest round that proves, by a quorum, that this leader was still followed. */
  confirmed(term: Term, leader: ReplicaId, { voters, votersOutgoing }: Configuration): number {
    const answeredBy = this.#byTerm.get(term)?.answeredBy;
    const reached = (voter: ReplicaId) => (voter === leader ? Number.POSITIVE_INFINITY : (answeredBy?.get(voter) ?? 0));
    const byMajority = (set: readonly ReplicaId[]) =>
      set.map(reached).sort((a, b) => b - a)[Math.floor(set.length / 2)] ?? Number.POSITIVE_INFINITY;
    return Math.min(byMajority(voters), byMajority(votersOutgoing));
  }

  /** How many questions had been asked before this round; none, if it was never sent. */
  begunAfter(term: Term, round: number): number {
    return this.#byTerm.get(term)?.begunAfter.get(round) ?? 0;
  }
}

function raise(rounds: Map<ReplicaId, number>, id: ReplicaId, round: number): void {
  if (round > (rounds.get(id) ?? 0)) rounds.set(id, round);
}
