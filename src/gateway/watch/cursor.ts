/** The way of one watch through what changes: out of the ring, and out of pages of its own where the ring begins later. */
import { isOfInterest, type Watched } from '../../store/client.ts';
import type { WatchEvent } from './event.ts';
import type { Hub, Page } from './hub.ts';
import { behind, idOf, isBefore, type Position } from './position.ts';
import { firstAfter, type Stretch } from './ring.ts';
import type { Turn } from './turns.ts';

export interface NumberedEvent {
  readonly event: WatchEvent;
  /** Whoever has seen it goes on from there. */
  readonly id: string;
}

export type Taken =
  /** None: there is nothing more yet. */
  | { readonly type: 'events'; readonly events: readonly NumberedEvent[]; readonly bytes: number }
  /** A page is to be read first. */
  | { readonly type: 'behind' };

/** What stands around the JSON of an event, at most: its name and its id. */
const frameBytes = 96;

export class Cursor {
  readonly #hub: Hub;
  readonly #watched: Watched;
  #position: Position;
  #page: Stretch | null = null;
  #turn: Turn | null = null;
  /** A replica has been asked. */
  #asking = false;
  #closed = false;

  constructor(hub: Hub, watched: Watched, position: Position) {
    this.#hub = hub;
    this.#watched = watched;
    this.#position = position;
  }

  /** What has been taken. */
  get position(): Position {
    return this.#position;
  }

  get holdsPage(): boolean {
    return this.#page !== null;
  }

  /** What comes next: one event at least if there is any, and no more than `bytesMax` besides. */
  take(bytesMax: number): Taken {
    const stretch = this.#page ?? this.#hub.after(this.#position);
    if (stretch === null) return { type: 'behind' };
    const events: NumberedEvent[] = [];
    let bytes = 0;
    // An event's id says whether anything follows in its revision.
    let latest: WatchEvent | null = null;
    const add = (event: WatchEvent, isLast: boolean) => {
      this.#position = behind(event, isLast);
      events.push({ event, id: idOf(this.#position) });
    };
    const start = firstAfter(this.#position, stretch.events, stretch.start);
    for (let at = start; at < stretch.events.length; at++) {
      const event = stretch.events[at] as WatchEvent;
      if (!isOfInterest(this.#watched, event.subject)) continue;
      if (latest !== null) add(latest, event.revision !== latest.revision);
      latest = null;
      const eventBytes = event.json.byteLength + frameBytes;
      if (bytes > 0 && bytes + eventBytes > bytesMax) return { type: 'events', events, bytes };
      bytes += eventBytes;
      latest = event;
    }
    if (latest !== null) add(latest, latest.isLast || latest.revision <= stretch.to.after);
    if (isBefore(this.#position, stretch.to)) this.#position = stretch.to;
    this.#dropPage();
    return { type: 'events', events, bytes };
  }

  /** After `behind`, and not before it has settled. It waits for its turn. */
  read(): Promise<Page> {
    return new Promise((resolve) => {
      this.#turn = this.#hub.pages.ask(1, (turn) => {
        this.#asking = true;
        void this.#hub.page(this.#position, this.#watched).then((page) => {
          this.#asking = false;
          if (page.type === 'page' && !this.#closed) this.#page = page.stretch;
          else turn.done();
          resolve(page);
        });
      });
    });
  }

  close(): void {
    this.#closed = true;
    this.#dropPage();
    // What is on its way takes its place until it has come.
    if (!this.#asking) this.#turn?.done();
  }

  #dropPage(): void {
    if (this.#page === null) return;
    this.#page = null;
    this.#turn?.done();
  }
}
