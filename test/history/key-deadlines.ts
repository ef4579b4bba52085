/** By when what is still to be placed in an order has to be: nothing may come before it that began after it was over. */
import type { KeyHistory } from './key-history.ts';
import type { Timed } from './real-time.ts';

/** For each place in a list, which of the operations from there on was over first; null where none ever was. */
export type Deadlines = readonly (Timed | null)[];

export function deadlinesOfWrites({ writes }: KeyHistory): Deadlines {
  return deadlines(writes.map(({ by, readers }) => (by === null ? readers : [by, ...readers])));
}

export function deadlinesOfAbsences({ absences }: KeyHistory): Deadlines {
  return deadlines(absences.map((absence) => [absence]));
}

/** When `deadlines[place]` was over, on the scale of invocations. */
export function timeOf(deadlines: Deadlines, place: number): number {
  return deadlines[place]?.returned ?? Number.POSITIVE_INFINITY;
}

function deadlines(groups: readonly (readonly Timed[])[]): Deadlines {
  const firsts: (Timed | null)[] = new Array(groups.length + 1).fill(null);
  for (let place = groups.length - 1; place >= 0; place--) {
    let first = firsts[place + 1] ?? null;
    for (const timed of groups[place] ?? []) {
      if (timed.returned < (first?.returned ?? Number.POSITIVE_INFINITY)) first = timed;
    }
    firsts[place] = first;
  }
  return firsts;
}
