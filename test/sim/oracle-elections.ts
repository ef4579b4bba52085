/** Who stood for election, who voted for whom, who led, and with which log (§3.4, §3.6). */
import type { RequestVote, RequestVoteReply } from '../../src/raft/message.ts';
import type { Configuration, EntryId, ReplicaId, Term } from '../../src/raft/types.ts';
import { isIn, type KnownEntry, name, reaches } from './oracle-entries.ts';
import type { Directory } from './oracle-replica.ts';
import { SafetyViolation } from './oracle-violation.ts';

export interface Election {
  readonly term: Term;
  readonly leader: ReplicaId;
  /** The end of its log when it was elected. */
  readonly base: KnownEntry;
}

export class Elections {
  readonly #elected = new Map<Term, Election>();
  readonly #candidates = new Map<Term, Set<ReplicaId>>();
  /** By candidate, term and phase: where its log ended when it asked; of several such ends the latest. */
  readonly #asked = new Map<string, EntryId>();
  readonly #askedTerms = new Map<ReplicaId, Term>();
  #highestTerm = 0;

  /** How often another leader was elected, after the first. */
  get changes(): number {
    return Math.max(0, this.#elected.size - 1);
  }

  /** All who were elected, in the order in which that came to be known. */
  all(): IterableIterator<Election> {
    return this.#elected.values();
  }

  find(term: Term): Election | undefined {
    return this.#elected.get(term);
  }

  candidates(term: Term): number {
    return this.#candidates.get(term)?.size ?? 0;
  }

  stood(id: ReplicaId, term: Term): void {
    const candidates = this.#candidates.get(term);
    if (candidates === undefined) this.#candidates.set(term, new Set([id]));
    else candidates.add(id);
    this.#highestTerm = Math.max(this.#highestTerm, term);
  }

  /** Nothing but a candidacy brings a new term about: least of all a pre-vote (§9.6). */
  checkEntered(id: ReplicaId, term: Term): void {
    if (term > this.#highestTerm) {
      throw new SafetyViolation(
        'terms begin with a candidacy',
        `${id} has entered term ${term}; nobody stood for election in a term above ${this.#highestTerm}`,
      );
    }
  }

  asked({ from, term, phase, last }: RequestVote): void {
    const key = `${from}/${term}/${phase}`;
    const before = this.#asked.get(key);
    if (before === undefined || reaches(last, before)) this.#asked.set(key, last);
    if (term > this.askedTerm(from)) this.#askedTerms.set(from, term);
  }

  /** The highest one that this candidate has asked anybody about, in either phase. */
  askedTerm(candidate: ReplicaId): Term {
    return this.#askedTerms.get(candidate) ?? (0 as Term);
  }

  /** Whoever grants, in either phase, has seen a log at least as up-to-date as what it holds or claims (§3.6.1). */
  checkGrant({ from, to, term, phase, last, claim }: RequestVoteReply): void {
    const offered = this.#asked.get(`${to}/${term}/${phase}`);
    const basis = claim ?? last;
    if (offered !== undefined && reaches(offered, basis)) return;
    const seen = offered === undefined ? 'was never asked' : `has to judge by ${name(basis)}, and saw ${name(offered)}`;
    throw new SafetyViolation(
      'votes are judged by the log',
      `${from} grants ${to} the ${phase} of term ${term}: it ${seen}`,
    );
  }

  /** A vote that was sent, or that is durable and so may be remembered. */
  voted({ id, votes }: Directory, term: Term, candidate: ReplicaId): void {
    const before = votes.get(term);
    if (before === undefined) votes.set(term, candidate);
    else if (before !== candidate) {
      throw new SafetyViolation('one vote per term', `${id} votes for ${before} and for ${candidate} in term ${term}`);
    }
  }

  /** `granted`: whose vote for it was sent. Without a log nobody may be missing. */
  elect(election: Election, configuration: Configuration, granted: (voter: ReplicaId) => boolean): void {
    const { term, leader, base } = election;
    this.#elected.set(term, election);
    this.stood(leader, term);
    const has = (voter: ReplicaId) => voter === leader || granted(voter);
    const elected = base.index === 0 ? configuration.voters.every(has) : isQuorum(configuration, has);
    if (elected) return;
    const voters = configuration.voters.filter(has);
    throw new SafetyViolation(
      'election safety',
      `${leader} leads term ${term}, and only ${voters.join(', ')} voted for it, of ${configuration.voters.join(', ')}`,
    );
  }

  checkLeads(id: ReplicaId, term: Term): void {
    const leader = this.#elected.get(term)?.leader;
    if (leader === id) return;
    throw new SafetyViolation(
      'election safety',
      leader === undefined
        ? `${id} speaks as the leader of term ${term}, which has none`
        : `${leader} and ${id} both lead term ${term}`,
    );
  }
}

/** Is it in the log that the leader had when it was elected, or an entry of its own? */
export function leaderHolds(election: Election, known: KnownEntry): boolean {
  return known.term === election.term || isIn(known, election.base);
}

export function isQuorum({ voters, votersOutgoing }: Configuration, has: (voter: ReplicaId) => boolean): boolean {
  return [voters, votersOutgoing].every((set) => set.length === 0 || 2 * set.filter(has).length > set.length);
}
