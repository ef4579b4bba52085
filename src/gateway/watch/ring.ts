/** The newest changes, one copy for all who watch: without a gap between its two ends. */
import type { Index } from '../../store/client.ts';
import type { WatchEvent } from './event.ts';
import { atRevision, behind, isBefore, isNewAt, type Position } from './position.ts';

/** What comes after some position, in order. Invariant: everything of interest from there up to `to`. */
export interface Stretch {
  readonly events: readonly WatchEvent[];
  /** Where in `events` it begins. */
  readonly start: number;
  readonly to: Position;
}

export interface RingOptions {
  readonly bytesMax: number;
  readonly eventsMax: number;
}

/** Names, numbers and the object around the JSON of an event. */
const eventOverheadBytes = 256;

export class Ring {
  readonly #options: RingOptions;
  #events: WatchEvent[] = [];
  /** Those before are gone already. */
  #first = 0;
  #bytes = 0;
  #from: Position = atRevision(0 as Index);
  #to: Position = atRevision(0 as Index);

  constructor(options: RingOptions) {
    this.#options = options;
  }

  /** Up to here everything is in it, or has been. */
  get to(): Position {
    return this.#to;
  }

  /** From now on it holds what comes after. */
  restart(at: Position): void {
    this.#events = [];
    this.#first = 0;
    this.#bytes = 0;
    this.#from = at;
    this.#to = at;
  }

  /** What comes after `to` so far, and up to where that is everything. */
  append(events: readonly WatchEvent[], to: Position): void {
    for (const event of events) {
      this.#events.push(event);
      this.#bytes += bytesOf(event);
    }
    this.#to = to;
    const { bytesMax, eventsMax } = this.#options;
    while (this.#bytes > bytesMax || this.#events.length - this.#first > eventsMax) this.#dropFirst();
    if (this.#first > eventsMax) {
      this.#events = this.#events.slice(this.#first);
      this.#first = 0;
    }
  }

  /** Null: it begins later. */
  after(position: Position): Stretch | null {
    if (isBefore(position, this.#from)) return null;
    return { events: this.#events, start: firstAfter(position, this.#events, this.#first), to: this.#to };
  }

  #dropFirst(): void {
    const event = this.#events[this.#first] as WatchEvent;
    // Let go at once: it may be large.
    delete this.#events[this.#first];
    this.#first += 1;
    this.#bytes -= bytesOf(event);
    this.#from = behind(event, event.isLast);
  }
}

export function firstAfter(position: Position, events: readonly WatchEvent[], start: number): number {
  let [low, high] = [start, events.length];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (isNewAt(position, events[middle] as WatchEvent)) high = middle;
    else low = middle + 1;
  }
  return low;
}

function bytesOf({ json }: WatchEvent): number {
  return json.byteLength + eventOverheadBytes;
}
