/**
 * Reads without the log (§6.4): the least index that each question may be answered with, and whether whoever answers has
 * proven that it still led when it was asked.
 */
import type { AppendEntries, AppendEntriesReply, ReadIndexReply, ReadIndexRequest } from '../../src/raft/message.ts';
import type { LeaderRole, RaftState } from '../../src/raft/state.ts';
import type { Index } from '../../src/raft/types.ts';
import { LeaderRounds } from './oracle-rounds.ts';
import { stale } from './oracle-violation.ts';

interface Question {
  /** In the order of asking, from 1. */
  readonly number: number;
  readonly uuid: string;
  /** What was published, by anybody, when it was asked: nobody can have heard of more. */
  readonly floor: Index;
}

/** The reads that a leader answers together, as they were when their round was first seen. */
export interface ReadRound {
  readonly round: NonNullable<LeaderRole['readsInRound']>;
  readonly requests: number;
  readonly floor: Index;
}

export class Reads {
  readonly #rounds = new LeaderRounds();
  readonly #questions = new Map<string, Question>();
  #asked = 0;
  #published = 0 as Index;

  /** The highest index that anybody has published. */
  get published(): Index {
    return this.#published;
  }

  observePublished(index: Index): void {
    if (index > this.#published) this.#published = index;
  }

  asked({ from, uuid, requestId }: ReadIndexRequest): void {
    const key = `${from}/${requestId}`;
    const before = this.#questions.get(key);
    if (before?.uuid === uuid) throw stale(`${from} asks twice under the id ${requestId}`);
    this.#asked++;
    // A wiped replica counts its lives anew. An answer does not say which directory it is for: the older question holds.
    this.#questions.set(key, { uuid, number: before?.number ?? this.#asked, floor: before?.floor ?? this.#published });
  }

  heartbeat(message: AppendEntries): void {
    this.#rounds.sent(message, this.#asked);
  }

  heartbeatAnswered(message: AppendEntriesReply): void {
    this.#rounds.answered(message);
  }

  answered(message: ReadIndexReply, { log }: Readonly<RaftState>, committed: Index): void {
    const { from, to, term, requestId, readIndex } = message;
    const question = this.#questions.get(`${to}/${requestId}`);
    if (question === undefined) throw stale(`${from} answers ${requestId}, which ${to} never asked`);
    if (readIndex === null) return;
    checkReadIndex(from, requestId, readIndex, question.floor);
    if (readIndex > committed) throw stale(`${from} names ${readIndex} to ${to}, and ${committed} is committed`);
    const confirmed = this.#rounds.confirmed(term, from, log.configuration);
    if (this.#rounds.begunAfter(term, confirmed) < question.number) {
      throw stale(`${from} answers ${requestId} in term ${term} without a round that began after it was asked`);
    }
  }

  /** The round that was under way at a leader is gone: it has answered its reads. */
  roundAnswered({ round, requests, floor }: ReadRound, { id, currentTerm, log }: Readonly<RaftState>): void {
    const reads = `the reads of round ${round.round}`;
    checkReadIndex(id, reads, round.readIndex, floor);
    if (round.requests.length !== requests) throw stale(`${id} lets a read join ${reads}, which had begun`);
    const confirmed = this.#rounds.confirmed(currentTerm, id, log.configuration);
    if (confirmed < round.round) throw stale(`${id} answers ${reads}; a quorum has answered up to round ${confirmed}`);
  }
}

function checkReadIndex(from: string, requestId: string, readIndex: Index, floor: Index): void {
  if (readIndex >= floor) return;
  throw stale(`${from} answers ${requestId} with ${readIndex}: ${floor} was published when it was asked`);
}
