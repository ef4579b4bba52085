/** What time alone rules out, in one pass: the known writes and their readers have but one order. */
import { describe } from './describe.ts';
import { deadlinesOfWrites } from './key-deadlines.ts';
import type { KeyHistory } from './key-history.ts';
import type { Timed } from './real-time.ts';

/** In words, or null. */
export function conflictInTime(history: KeyHistory): string | null {
  return conflictOfRevisions(history) ?? conflictOfAbsences(history);
}

function conflictOfRevisions(history: KeyHistory): string | null {
  const deadlines = deadlinesOfWrites(history);
  const late = (timed: Timed, place: number): string | null => {
    const first = deadlines[place];
    if (first === undefined || first === null || first.returned > timed.invoked) return null;
    return lines('the first was over before the second began, which by the revisions comes before it:', first, timed);
  };
  for (const [place, { by, readers }] of history.writes.entries()) {
    const conflict = by === null ? null : late(by, place);
    if (conflict !== null) return conflict;
    for (const reader of readers) {
      const stale = late(reader, place + 1);
      if (stale !== null) return stale;
    }
  }
  return null;
}

/** A revision never comes back: between any two who met it, the key was there. */
function conflictOfAbsences({ writes, absences }: KeyHistory): string | null {
  for (const { by, readers } of writes) {
    const [first, last] = ends(by === null ? readers : [by, ...readers]);
    if (first === null || last === null) continue;
    for (let place = countUpTo(absences, first.returned); ; place++) {
      const absence = absences[place];
      if (absence === undefined || absence.invoked > last.invoked) break;
      if (absence.returned < last.invoked) {
        return lines('the second saw no key, between two that saw it at one revision:', first, absence, last);
      }
    }
  }
  return null;
}

/** Who was over first, and who began last. */
function ends(those: readonly Timed[]): readonly [Timed | null, Timed | null] {
  let first: Timed | null = null;
  let last: Timed | null = null;
  for (const timed of those) {
    if (first === null || timed.returned < first.returned) first = timed;
    if (last === null || timed.invoked > last.invoked) last = timed;
  }
  return [first, last];
}

/** How many were invoked by that time. */
function countUpTo(absences: readonly Timed[], time: number): number {
  let low = 0;
  let high = absences.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((absences[middle] as Timed).invoked <= time) low = middle + 1;
    else high = middle;
  }
  return low;
}

function lines(problem: string, ...those: readonly Timed[]): string {
  return [problem, ...those.map(({ operation }) => describe(operation))].join('\n  ');
}
