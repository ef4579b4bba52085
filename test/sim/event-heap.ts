/** What is to happen, by time; what falls on the same time happens in the order in which it was added. */
import type { Life } from './life.ts';

export interface Event {
  at: number;
  order: number;
  /** Whose event it is: it never happens once that life has ended. Null: the world's own. */
  readonly life: Life | null;
  /** What sort of event it is, for the trace. */
  readonly kind: number;
  run: (() => void) | null;
}

export class EventHeap {
  readonly #events: Event[] = [];

  get size(): number {
    return this.#events.length;
  }

  get first(): Event | undefined {
    return this.#events[0];
  }

  push(event: Event): void {
    const events = this.#events;
    let hole = events.length;
    events.push(event);
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      const above = events[parent] as Event;
      if (isBefore(above, event)) break;
      events[hole] = above;
      hole = parent;
    }
    events[hole] = event;
  }

  pop(): Event | undefined {
    const events = this.#events;
    const first = events[0];
    const moved = events.pop();
    if (first === undefined || moved === undefined) return undefined;
    const size = events.length;
    if (size === 0) return first;
    let hole = 0;
    for (;;) {
      let child = 2 * hole + 1;
      if (child >= size) break;
      if (child + 1 < size && isBefore(events[child + 1] as Event, events[child] as Event)) child++;
      const below = events[child] as Event;
      if (isBefore(moved, below)) break;
      events[hole] = below;
      hole = child;
    }
    events[hole] = moved;
    return first;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
