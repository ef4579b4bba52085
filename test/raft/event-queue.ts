/** What is to happen, by time; what falls on the same time happens in the order in which it was added. */
interface Event {
  readonly at: number;
  readonly order: number;
  readonly happen: () => void;
}

export class EventQueue {
  /** A binary heap. */
  readonly #events: Event[] = [];
  #order = 0;

  get nextAt(): number {
    return this.#events[0]?.at ?? Number.POSITIVE_INFINITY;
  }

  add(at: number, happen: () => void): void {
    const events = this.#events;
    const event = { at, order: this.#order++, happen };
    let hole = events.length;
    events.push(event);
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      if (isBefore(events[parent] as Event, event)) break;
      events[hole] = events[parent] as Event;
      hole = parent;
    }
    events[hole] = event;
  }

  take(): () => void {
    const events = this.#events;
    const first = events[0];
    const moved = events.pop();
    if (first === undefined || moved === undefined) throw new Error('no event is left');
    if (events.length === 0) return first.happen;
    let hole = 0;
    for (;;) {
      let child = 2 * hole + 1;
      if (child >= events.length) break;
      if (child + 1 < events.length && isBefore(events[child + 1] as Event, events[child] as Event)) child++;
      if (isBefore(moved, events[child] as Event)) break;
      events[hole] = events[child] as Event;
      hole = child;
    }
    events[hole] = moved;
    return first.happen;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
