/**
 * What was over before what began. Clocks are coarse and a simulation's stands still within an event, so times alone
 * would call a client's next question concurrent with the answer that led to it.
 */
import type { Operation } from './operation.ts';

/** `a` was over before `b` began if and only if `a.returned < b.invoked`. */
export interface Timed {
  readonly operation: Operation;
  /** Twice its place in the order of invocation: even. */
  readonly invoked: number;
  /** Odd, twice the place of the first that began after it less one; infinite for an unknown outcome. */
  readonly returned: number;
}

/**
 * In the order of invocation. Of two that touch at one time nothing is known, unless one client is the reason: one that
 * asks at the very moment of an answer asks after it, and so does whoever asks later still.
 */
export function inRealTime(operations: readonly Operation[]): readonly Timed[] {
  const sorted = operations.toSorted((a, b) => a.invokedAt - b.invokedAt || a.number - b.number);
  const times = Float64Array.from(sorted, ({ invokedAt }) => invokedAt);
  const placeOfNext = new Map<string, number>();
  const timed: Timed[] = [];
  for (let place = sorted.length - 1; place >= 0; place--) {
    const operation = sorted[place] as Operation;
    const { client, returnedAt, outcome } = operation;
    const next = placeOfNext.get(client);
    placeOfNext.set(client, place);
    const after = next !== undefined && times[next] === returnedAt ? next : countUpTo(times, returnedAt);
    const returned = outcome.type === 'unknown' ? Number.POSITIVE_INFINITY : 2 * after - 1;
    timed.push({ operation, invoked: 2 * place, returned });
  }
  return timed.reverse();
}

/** How many of the sorted times are at most this one. */
function countUpTo(times: Float64Array, time: number): number {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((times[middle] as number) <= time) low = middle + 1;
    else high = middle;
  }
  return low;
}
