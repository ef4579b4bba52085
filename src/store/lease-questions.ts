/**
 * What one gateway asks of a leader over one stream: leases that are not granted yet, as no round of heartbeats that left
 * since has been acknowledged by a quorum (DESIGN-leases.md). Pure.
 */

export interface LeaseQuestion {
  readonly request: number;
  /** The last round that had left when it was heard: a later one proves that this replica led at that time. */
  readonly round: number;
  /** When it was heard. */
  readonly at: number;
}

/** A gateway asks three times while a lease lasts; older ones are not worth an answer. */
const openMax = 4;

export class LeaseQuestions {
  /** Of the requests that were heard, or given up before they were. */
  #newest = 0;
  /** Oldest first, one of each round: what proves the older one proves the newer one too. */
  #open: readonly LeaseQuestion[] = [];

  /** False if it comes again, or late: nobody would serve under a grant, and writes would wait for it. */
  isNew(request: number): boolean {
    if (request <= this.#newest) return false;
    this.#newest = request;
    return true;
  }

  add(question: LeaseQuestion): void {
    this.#open = [...this.#open.filter(({ round }) => round < question.round), question].slice(-openMax);
  }

  /** All up to this one; false if that was long on its way, and the gateway has asked again meanwhile. */
  giveUp(request: number): boolean {
    if (request < this.#newest) return false;
    this.#newest = request;
    this.#open = [];
    return true;
  }

  /** The newest that this round proves, once; older ones are of no use beside it. */
  proven(acknowledgedRound: number): LeaseQuestion | null {
    const last = this.#open.findLastIndex(({ round }) => round < acknowledgedRound);
    const question = this.#open[last] ?? null;
    this.#open = this.#open.slice(last + 1);
    return question;
  }
}
