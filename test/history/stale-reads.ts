/**
 * Reads that may be stale, against the committed log: each shows what the log says at its revision, which is no lower
 * than was asked for, and at some moment that lies no further back than the age it declares that was all there was.
 * They stand apart from a history, whose reads are not stale.
 */
import { describe } from './describe.ts';
import { LogReplay } from './log-replay.ts';
import type { LoggedWrite } from './logged-write.ts';
import type { Finding, Operation } from './operation.ts';
import { answerProblem } from './replay.ts';
import { replyProblem } from './reply.ts';

export interface StaleRead {
  /** A get or a list. */
  readonly operation: Operation;
  /** As asked for; 0: none. */
  readonly minRevision: number;
  /** As declared, in milliseconds of clocks that may be wrong; null: unknown. Of no matter without an answer. */
  readonly maxAgeMs: number | null;
}

export interface StaleReadsOptions {
  /** How slow a clock may be that ages are measured on; 1 is true. */
  readonly slowestRate: number;
  /** How much of a sleep may be lost as a wall clock is set. */
  readonly lostMs: number;
  /** While these lasted no clock went on of a machine that may have answered: a virtual one was paused. In order of their beginnings. */
  readonly standstills: readonly Standstill[];
}

export interface Standstill {
  readonly from: number;
  readonly to: number;
}

/** For what is lost when times are added and subtracted. */
const toleranceMs = 0.01;
const checker = 'staleReads';

/** `log` begins at index 1; `operations` are those of the history beside which the reads were made. */
export function checkStaleReads(
  log: readonly LoggedWrite[],
  operations: readonly Operation[],
  reads: readonly StaleRead[],
  { slowestRate, lostMs, standstills }: StaleReadsOptions,
): readonly Finding[] {
  const replay = new LogReplay(log);
  const told = new ToldIndexes(operations, replay);
  return reads.flatMap(({ operation, minRevision, maxAgeMs }) => {
    const { request, outcome, invokedAt } = operation;
    if (outcome.type !== 'answered') return [];
    const { reply } = outcome;
    const revision = 'revision' in reply ? reply.revision : 0;
    const problem = () => {
      if (revision > replay.lastIndex) return `the log ends at index ${replay.lastIndex}`;
      if (revision < minRevision) return `revision ${minRevision} was to be waited for`;
      const ageMs = maxAgeMs === null ? Number.POSITIVE_INFINITY : maxAgeMs / slowestRate + lostMs + toleranceMs;
      const index = told.before(earliest(invokedAt, ageMs, standstills));
      if (revision < index) return `it is older than ${maxAgeMs} ms: index ${index} had been told of by then`;
      return replyProblem(request, reply) ?? answerProblem(request, reply, replay);
    };
    const message = problem();
    return message === null ? [] : [{ checker, message: `${message}:\n  ${describe(operation)}`, giveUp: false }];
  });
}

/** What lies this far back on clocks that stood still meanwhile. */
function earliest(at: number, ageMs: number, standstills: readonly Standstill[]): number {
  return standstills.reduceRight((since, { from, to }) => (to > since ? since - (to - from) : since), at - ageMs);
}

/** How far the log had come for certain, by the answers that clients had. */
class ToldIndexes {
  /** By time, each higher than the one before. */
  readonly #told: { readonly at: number; readonly index: number }[] = [];

  constructor(operations: readonly Operation[], replay: LogReplay) {
    for (const { returnedAt, request, outcome } of operations.toSorted((a, b) => a.returnedAt - b.returnedAt)) {
      if (outcome.type !== 'answered') continue;
      const { reply } = outcome;
      const carriedOut = request.type === 'put' ? (replay.indexesOf(request.value)[0] ?? 0) : 0;
      const index = 'revision' in reply ? reply.revision : carriedOut;
      if (index > (this.#told.at(-1)?.index ?? 0)) this.#told.push({ at: returnedAt, index });
    }
  }

  /** 0: nobody had been told of any. */
  before(time: number): number {
    let low = 0;
    let high = this.#told.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#told[middle]?.at ?? 0) < time) low = middle + 1;
      else high = middle;
    }
    return this.#told[low - 1]?.index ?? 0;
  }
}
