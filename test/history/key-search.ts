/**
 * The search of Wing and Gong for an order of one key's operations that explains every reply, with Lowe's memory of the
 * configurations that lead nowhere. An operation may come next if none that is still to come was over before it began.
 *
 * Little is left to try, since revisions only grow:
 * - The next of the known writes is the one with the next revision; whoever saw a revision comes right after its write.
 * - Whoever saw that there is no such key comes as soon as it can where there is none: that changes nothing for others.
 * - So all there is to choose is which unseen writes happened, and where. Between two known writes that is at most one
 *   delete and then some puts, no more of them than the next known write's version and the revisions between allow.
 */
import { unreachable } from '../../src/raft/assert.ts';
import { describe } from './describe.ts';
import { conflictInTime } from './key-conflict.ts';
import { deadlinesOfAbsences, deadlinesOfWrites, timeOf } from './key-deadlines.ts';
import { conditionOf, type KeyHistory, type KnownWrite } from './key-history.ts';
import type { Condition } from './operation.ts';
import type { Timed } from './real-time.ts';
import { type Choice, noneUsed, UnseenWrites, type Used } from './unseen-writes.ts';

export type Verdict =
  | { readonly type: 'linearizable'; readonly steps: number }
  | { readonly type: 'notLinearizable'; readonly steps: number; readonly explanation: string }
  | { readonly type: 'gaveUp'; readonly steps: number };

export function searchKey(history: KeyHistory, stepsMax: number): Verdict {
  const conflict = conflictInTime(history);
  if (conflict !== null) return { type: 'notLinearizable', steps: 0, explanation: conflict };
  return new Search(history).run(stepsMax);
}

/** The operations so far, in order, and what they make of the key. */
interface Configuration {
  readonly before: Configuration | null;
  /** What came last; null for a put that nobody identified, and at the start. */
  readonly last: Timed | null;
  /** How many of the known writes have been, all their readers included. */
  readonly writes: number;
  /** How many of those that saw no key have been. */
  readonly absences: number;
  readonly used: Used;
  /** `known`: as the last known write left it; `unseen`: as an unseen put did. */
  readonly state: 'absent' | 'known' | 'unseen';
  /** 0 if absent, but where the history begins with a key that was there. */
  readonly version: number;
  /** The last write's revision is not below this. */
  readonly revisionMin: number;
}

const start: Configuration = {
  before: null,
  last: null,
  writes: 0,
  absences: 0,
  used: noneUsed,
  state: 'absent',
  version: 0,
  revisionMin: 0,
};

class Search {
  readonly #history: KeyHistory;
  readonly #unseen: UnseenWrites;
  /** By places in `writes` and in `absences`. */
  readonly #writeDeadlines;
  readonly #absenceDeadlines;
  /** For each known write, when the last of its readers began. */
  readonly #lastReaderInvoked: readonly number[];

  constructor(history: KeyHistory) {
    this.#history = history;
    this.#unseen = new UnseenWrites(history.unseen);
    this.#writeDeadlines = deadlinesOfWrites(history);
    this.#absenceDeadlines = deadlinesOfAbsences(history);
    this.#lastReaderInvoked = history.writes.map(({ readers }) =>
      readers.reduce((last, { invoked }) => Math.max(last, invoked), -1),
    );
  }

  run(stepsMax: number): Verdict {
    const { writes, absences } = this.#history;
    const first = { ...start, version: this.#history.versionBefore };
    const open = [this.#withAbsences(first)];
    const seen = new Set<string>();
    let furthest: Configuration = first;
    let steps = 0;
    for (let current = open.pop(); current !== undefined; current = open.pop()) {
      const name = nameOf(current);
      if (seen.has(name)) continue;
      if (steps === stepsMax) return { type: 'gaveUp', steps };
      steps++;
      seen.add(name);
      if (current.writes + current.absences >= furthest.writes + furthest.absences) furthest = current;
      if (current.writes === writes.length && current.absences === absences.length)
        return { type: 'linearizable', steps };
      // The last is tried first: unseen writes only where it does not work without.
      this.#insertPut(current, open);
      this.#insertDelete(current, open);
      this.#takeNext(current, open);
    }
    return { type: 'notLinearizable', steps, explanation: this.#explain(furthest) };
  }

  #takeNext(current: Configuration, open: Configuration[]): void {
    const next = this.#history.writes[current.writes];
    if (next === undefined) return;
    const after = next.by === null ? this.#unidentified(current) : this.#identified(current, next.by);
    if (after === null || (next.version !== null && after.version !== next.version)) return;
    const absenceDeadline = timeOf(this.#absenceDeadlines, current.absences);
    const lastInvoked = Math.max(next.by?.invoked ?? -1, this.#lastReaderInvoked[current.writes] ?? -1);
    if (lastInvoked > absenceDeadline) return;
    open.push(this.#withAbsences({ ...after, writes: current.writes + 1, revisionMin: next.revision }));
  }

  #identified(current: Configuration, by: Timed): Configuration | null {
    if (!this.#holds(conditionOf(by.operation.request), current)) return null;
    const isDelete = by.operation.request.type === 'delete';
    if (isDelete && current.state === 'absent') return null;
    const state = isDelete ? 'absent' : 'known';
    return { ...current, before: current, last: by, state, version: isDelete ? 0 : current.version + 1 };
  }

  #unidentified(current: Configuration): Configuration | null {
    const choice = this.#choosePut(current);
    if (choice === null) return null;
    const { used } = choice;
    return { ...current, before: current, last: null, used, state: 'known', version: current.version + 1 };
  }

  #insertPut(current: Configuration, open: Configuration[]): void {
    if (!this.#hasRoom(current) || current.version >= versionWantedBefore(this.#history.writes[current.writes])) return;
    const choice = this.#choosePut(current);
    if (choice !== null) open.push(inserted(current, choice, 'unseen', current.version + 1));
  }

  /** After an unseen put it would do nothing that it would not have done before it. */
  #insertDelete(current: Configuration, open: Configuration[]): void {
    const revision = this.#revisionOf(current);
    if (revision === null || !this.#hasRoom(current)) return;
    const choice = this.#unseen.delete(revision, current.used, this.#deadline(current));
    if (choice !== null) open.push(this.#withAbsences(inserted(current, choice, 'absent', 0)));
  }

  #choosePut(current: Configuration): Choice | null {
    const deadline = this.#deadline(current);
    if (current.state === 'absent') return this.#unseen.create(current.used, deadline);
    return this.#unseen.replace(this.#revisionOf(current), current.used, deadline);
  }

  #withAbsences(current: Configuration): Configuration {
    if (current.state !== 'absent') return current;
    const deadline = timeOf(this.#writeDeadlines, current.writes);
    let { absences } = current;
    while ((this.#history.absences[absences]?.invoked ?? Number.POSITIVE_INFINITY) < deadline) absences++;
    return absences === current.absences ? current : { ...current, absences };
  }

  /** Whether the log has room for one more write before the next that is known. */
  #hasRoom({ writes, revisionMin }: Configuration): boolean {
    return revisionMin + 1 < (this.#history.writes[writes]?.revision ?? Number.POSITIVE_INFINITY);
  }

  #deadline({ writes, absences }: Configuration): number {
    return Math.min(timeOf(this.#writeDeadlines, writes), timeOf(this.#absenceDeadlines, absences));
  }

  #holds(condition: Condition, current: Configuration): boolean {
    switch (condition.type) {
      case 'none':
        return true;
      case 'absent':
        return current.state === 'absent';
      case 'matches':
        return condition.revision === this.#revisionOf(current);
      default:
        return unreachable(condition);
    }
  }

  /** The key's revision, if it is there and anybody saw it. */
  #revisionOf({ state, writes }: Configuration): number | null {
    return state === 'known' ? (this.#history.writes[writes - 1]?.revision ?? null) : null;
  }

  #explain(furthest: Configuration): string {
    const order: string[] = [];
    for (let current: Configuration | null = furthest; current !== null; current = current.before) {
      order.unshift(...this.#lastOf(current));
    }
    const left = Math.max(0, order.length - linesMax);
    return [
      'no order explains it. The longest one found:',
      ...(left > 0 ? [`(${left} more before)`] : []),
      ...order.slice(left),
      `then the key is ${this.#describeState(furthest)}, and what is to come next cannot:`,
      ...this.#toComeNext(furthest),
    ].join('\n  ');
  }

  /** What came last, its readers and those that saw no key. */
  #lastOf({ before, last, writes, absences, state }: Configuration): readonly string[] {
    const readers = writes === before?.writes ? [] : (this.#history.writes[writes - 1]?.readers ?? []);
    const saw = this.#history.absences.slice(before?.absences ?? 0, absences);
    const unidentified = last === null && state === 'known' ? ['(a put of unknown outcome)'] : [];
    const operations = [...(last === null ? [] : [last]), ...readers, ...saw];
    return [...unidentified, ...operations.map(({ operation }) => describe(operation))];
  }

  #describeState(current: Configuration): string {
    if (current.state === 'absent') return 'absent';
    return `at revision ${this.#revisionOf(current) ?? 'unknown'}, version ${current.version}`;
  }

  #toComeNext({ writes, absences }: Configuration): readonly string[] {
    const next = this.#history.writes[writes];
    const write = next?.by ?? next?.readers[0] ?? null;
    const first = this.#absenceDeadlines[absences] ?? null;
    const lines = [write, first].filter((timed) => timed !== null).map(({ operation }) => describe(operation));
    return next === undefined || write !== null ? lines : [`(a put at revision ${next.revision})`, ...lines];
  }
}

/** How many lines of the order a finding shows. */
const linesMax = 8;

function inserted(
  current: Configuration,
  { by, used }: Choice,
  state: 'absent' | 'unseen',
  version: number,
): Configuration {
  return { ...current, before: current, last: by, used, state, version, revisionMin: current.revisionMin + 1 };
}

/** Up to which version unseen puts may bring the key before this write; after the last known one they do nothing. */
function versionWantedBefore(next: KnownWrite | undefined): number {
  if (next === undefined) return 0;
  if (next.by === null) return Number.POSITIVE_INFINITY;
  const { request } = next.by.operation;
  const condition = conditionOf(request);
  if (condition.type !== 'none') return 0;
  if (request.type === 'delete') return 1;
  return next.version === null ? Number.POSITIVE_INFINITY : next.version - 1;
}

/** Equal names: what can follow is equal. */
function nameOf({ writes, absences, state, version, revisionMin, used }: Configuration): string {
  return `${writes} ${absences} ${state} ${version} ${revisionMin} ${used.puts} ${used.creations} ${used.deletes}`;
}
