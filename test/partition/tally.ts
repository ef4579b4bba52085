/** Counts of what clients were told, second by second: how available the cluster was. */
import type { Operation, Outcome } from '../history/operation.ts';

export interface Second {
  acknowledgedWrites: number;
  /** Writes that changed nothing: their condition did not hold, or there was nothing to delete. */
  otherWrites: number;
  reads: number;
  notApplied: number;
  unknown: number;
}

export interface Gap {
  /** From the beginning of the run. */
  readonly fromMs: number;
  readonly lengthMs: number;
}

interface Wait {
  readonly sinceMs: number;
  readonly onAcknowledged: (afterMs: number) => void;
}

export class Tally {
  readonly #startedAt = performance.now();
  readonly seconds: Second[] = [];
  /** By request and outcome, such as `put acknowledged`. */
  readonly outcomes = new Map<string, number>();
  #recorded = 0;
  #lastAcknowledgedMs = 0;
  #longestGap: Gap = { fromMs: 0, lengthMs: 0 };
  #waits: Wait[] = [];
  /** Of the last second, in order. */
  #recentMs: number[] = [];

  /** Operations that have an outcome; reads that failed are not among them. */
  get recorded(): number {
    return this.#recorded;
  }

  /** Between two acknowledged writes. */
  get longestGap(): Gap {
    return this.#longestGap;
  }

  /** In milliseconds from the beginning of the run: what all times of a run are in. */
  now(): number {
    return performance.now() - this.#startedAt;
  }

  record({ request, outcome, invokedAt, returnedAt }: Operation): void {
    const word = wordFor(outcome);
    const name = `${request.type} ${word}`;
    this.outcomes.set(name, (this.outcomes.get(name) ?? 0) + 1);
    const second = this.#second(returnedAt);
    const reads = request.type === 'get' || request.type === 'list';
    if (outcome.type === 'unknown') second.unknown += 1;
    else if (outcome.type === 'notApplied') second.notApplied += 1;
    else if (reads) second.reads += 1;
    else if (word === 'acknowledged') second.acknowledgedWrites += 1;
    else second.otherWrites += 1;
    if (!reads || outcome.type === 'answered') this.#recorded += 1;
    if (!reads && word === 'acknowledged') this.#acknowledged(invokedAt, returnedAt);
  }

  /** Told once, of the first acknowledged write that was asked after this moment: how long after it the answer came. */
  onNextAcknowledged(onAcknowledged: (afterMs: number) => void): void {
    this.#waits.push({ sinceMs: this.now(), onAcknowledged });
  }

  /** In the last second; those before `sinceMs` do not count. */
  recentlyAcknowledged(sinceMs: number): number {
    const secondAgoMs = this.now() - 1000;
    this.#recentMs = this.#recentMs.filter((acknowledgedMs) => acknowledgedMs >= secondAgoMs);
    return this.#recentMs.filter((acknowledgedMs) => acknowledgedMs >= sinceMs).length;
  }

  #acknowledged(invokedAtMs: number, returnedAtMs: number): void {
    this.#recentMs.push(returnedAtMs);
    const lengthMs = returnedAtMs - this.#lastAcknowledgedMs;
    if (lengthMs > this.#longestGap.lengthMs) this.#longestGap = { fromMs: this.#lastAcknowledgedMs, lengthMs };
    this.#lastAcknowledgedMs = returnedAtMs;
    if (this.#waits.length === 0) return;
    const over = this.#waits.filter(({ sinceMs }) => invokedAtMs >= sinceMs);
    this.#waits = this.#waits.filter(({ sinceMs }) => invokedAtMs < sinceMs);
    for (const { sinceMs, onAcknowledged } of over) onAcknowledged(returnedAtMs - sinceMs);
  }

  #second(atMs: number): Second {
    const position = Math.floor(atMs / 1000);
    while (this.seconds.length <= position) {
      this.seconds.push({ acknowledgedWrites: 0, otherWrites: 0, reads: 0, notApplied: 0, unknown: 0 });
    }
    const second = this.seconds[position];
    if (second === undefined) throw new Error(`no operation ends before the run begins, got ${atMs} ms`);
    return second;
  }
}

function wordFor(outcome: Outcome): string {
  if (outcome.type !== 'answered') return outcome.type;
  const { reply } = outcome;
  switch (reply.type) {
    case 'put':
    case 'deleted':
      return 'acknowledged';
    case 'got':
    case 'checked':
    case 'listed':
      return 'answered';
    case 'notFound':
    case 'conditionFailed':
      return reply.type;
  }
}
