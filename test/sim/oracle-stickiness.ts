/**
 * Vote stickiness (§4.2.3): whoever leads, or has heard the leader of its term within the minimum election timeout, helps
 * nobody else to be elected. Judged when it is asked; what it says then may leave much later.
 */
import type { RequestVote, RequestVoteReply } from '../../src/raft/message.ts';
import type { RaftState, Role } from '../../src/raft/state.ts';
import type { ReplicaId, Term } from '../../src/raft/types.ts';
import { SafetyViolation } from './oracle-violation.ts';

/** For what is lost when times are added and subtracted. */
const toleranceMs = 1;

/** Of one life. */
export class Stickiness {
  /** The leader that was heard last: by its first message, or by a new round of heartbeats. */
  #heard: { readonly role: Role; readonly round: number; readonly term: Term; readonly at: number } | null = null;
  /** By candidate, phase and term: how many questions may still be granted. */
  readonly #questions = new Map<ReplicaId, Map<string, number>>();

  /** After each event. */
  observe({ role, acknowledgement, currentTerm, now }: Readonly<RaftState>): void {
    if (role.name !== 'follower' || role.leader === null) return;
    const { round } = acknowledgement;
    if (role === this.#heard?.role && round === this.#heard.round) return;
    this.#heard = { role, round, term: currentTerm, at: now };
  }

  /** A question has reached it. `isFree`: what came in the same frame may have made it forget its leader. */
  asked({ from, phase, term }: RequestVote, state: Readonly<RaftState>, now: number, isFree: boolean): void {
    const questions = this.#questions.get(from) ?? new Map<string, number>();
    this.#questions.set(from, questions);
    const key = `${phase}/${term}`;
    const mayGrant = isFree || !this.#isBound(state, now);
    questions.set(key, (questions.get(key) ?? 0) + (mayGrant ? 1 : 0));
  }

  /** Each question has one answer at most. */
  answered({ from, to, phase, term, granted }: RequestVoteReply): void {
    const questions = this.#questions.get(to);
    const key = `${phase}/${term}`;
    const left = questions?.get(key);
    if (left === undefined) return;
    if (left > 0) questions?.set(key, left - 1);
    else if (granted) {
      throw new SafetyViolation(
        'a leader that is heard is not replaced',
        `${from} grants ${to} the ${phase} of term ${term}; when it was asked it led, or had just heard its leader`,
      );
    }
  }

  #isBound({ role, currentTerm, constants }: Readonly<RaftState>, now: number): boolean {
    if (role.name === 'leader') return true;
    const heard = this.#heard;
    if (heard === null || heard.term !== currentTerm) return false;
    return now - heard.at < constants.electionTimeoutMinMs - toleranceMs;
  }
}
