/**
 * One question after the other for all watches of this gateway that have come to the head: what the replicas answer is
 * put into the ring, and whoever watches takes it from there. It asks only while somebody watches.
 */
import { type ChangesOutcome, changesLimits, type Index, type StoreClient, type Watched } from '../../store/client.ts';
import type { Clock, Timer } from '../../system-clock.ts';
import type { WatchConstants } from './constants.ts';
import type { WatchCounts } from './counts.ts';
import { eventOf } from './event.ts';
import { covers, type Interest, union } from './interest.ts';
import { atRevision, isBefore, type Position } from './position.ts';
import { Ring, type Stretch } from './ring.ts';
import { Room } from './room.ts';
import { Turns } from './turns.ts';

export type WatchStore = Pick<StoreClient, 'changes' | 'readIndex' | 'replicas'>;

export interface HubOptions {
  readonly store: WatchStore;
  readonly clock: Clock;
  readonly constants: WatchConstants;
  readonly counts: WatchCounts;
}

/** One that watches. */
export interface Member {
  readonly watched: Watched;
  /** There may be something to take. Must not throw. */
  wake(): void;
}

export type Page =
  | { readonly type: 'page'; readonly stretch: Stretch }
  | { readonly type: 'compacted'; readonly compactedRevision: Index }
  /** No replica could say, or it had nothing more to say yet. */
  | { readonly type: 'nothing'; readonly asked: 'answered' | 'unavailable' };

export class Hub {
  readonly #options: HubOptions;
  readonly #ring: Ring;
  readonly #members = new Set<Member>();
  /** Of the pages that members hold. */
  readonly pages: Turns;
  /** Of large chunks that wait for their readers. */
  readonly room: Room;
  /** What the ring holds: at least what any member watches. Undefined: nobody does. */
  #interest: Interest | undefined;
  /** Somebody has left: less may be of interest. */
  #mayNarrow = false;
  /** What is asked for another round of questions is not wanted any more. */
  #round = 0;
  #retry: Timer | null = null;

  constructor(options: HubOptions) {
    const { ringBytesMax, ringEventsMax, pagesMax, largeBytesMax } = options.constants;
    this.#options = options;
    this.#ring = new Ring({ bytesMax: ringBytesMax, eventsMax: ringEventsMax });
    this.pages = new Turns(pagesMax);
    this.room = new Room(largeBytesMax);
  }

  /** A revision up to which some replica has applied everything. */
  get known(): Index {
    const applied = this.#options.store.replicas().map(({ status }) => status?.appliedIndex ?? 0);
    return Math.max(0, this.#ring.to.after, ...applied) as Index;
  }

  /** `head`: where the ring may begin if this is the first one. */
  join(member: Member, head: Index): void {
    this.#members.add(member);
    if (this.#interest === undefined) {
      this.#interest = member.watched;
      this.#ring.restart(atRevision(head));
      this.#begin();
    } else if (!covers(this.#interest, member.watched)) {
      this.#interest = union(this.#interest, member.watched);
      this.#ring.restart(this.#ring.to);
      this.#begin();
    }
  }

  leave(member: Member): void {
    if (!this.#members.delete(member)) return;
    this.#mayNarrow = true;
    if (this.#members.size > 0) return;
    this.#interest = undefined;
    this.#round += 1;
    this.#retry?.cancel();
    // What it holds is nobody's any more.
    this.#ring.restart(this.#ring.to);
  }

  /** Null: it is to be read from a page. */
  after(position: Position): Stretch | null {
    return this.#ring.after(position);
  }

  /** What comes next, for one that is behind the ring. Must hold a turn of `pages`. */
  async page({ after, skip }: Position, watched: Watched): Promise<Page> {
    const { store, constants, counts } = this.#options;
    const query = { after, skip, watched, limit: changesLimits.changesMax, waitMs: 0 };
    const outcome = await store.changes(query, { timeoutMs: constants.pageTimeoutMs });
    counts.polled('page', outcome);
    if (outcome.type === 'unavailable') return { type: 'nothing', asked: 'unavailable' };
    const { result } = outcome;
    if (result.type === 'compacted') return result;
    const to = { after: result.through, skip: result.skip };
    if (!isBefore({ after, skip }, to)) return { type: 'nothing', asked: 'answered' };
    return { type: 'page', stretch: { events: result.changes.map(eventOf), start: 0, to } };
  }

  #begin(): void {
    this.#round += 1;
    this.#retry?.cancel();
    this.#ask(this.#round);
  }

  #ask(round: number): void {
    const { store, constants, counts } = this.#options;
    this.#narrow();
    const { after, skip } = this.#ring.to;
    const watched = this.#interest ?? null;
    const query = { after, skip, watched, limit: changesLimits.changesMax, waitMs: constants.tailWaitMs };
    void store.changes(query, { timeoutMs: constants.tailWaitMs + constants.pageTimeoutMs }).then((outcome) => {
      counts.polled('tail', outcome);
      if (round === this.#round) this.#answered(round, outcome);
    });
  }

  #answered(round: number, outcome: ChangesOutcome): void {
    const { clock, constants } = this.#options;
    if (outcome.type === 'unavailable') {
      this.#retry = clock.setTimer(constants.retryMs, () => this.#ask(round));
      return;
    }
    const { result } = outcome;
    if (result.type === 'compacted') {
      // Nobody can go on from here; each finds out by a page, from its own place.
      this.#ring.restart(atRevision(Math.max(result.compactedRevision, this.known) as Index));
      this.#retry = clock.setTimer(constants.retryMs, () => this.#ask(round));
    } else {
      this.#ring.append(result.changes.map(eventOf), { after: result.through, skip: result.skip });
      this.#ask(round);
      if (result.changes.length === 0) return;
    }
    for (const member of this.#members) member.wake();
  }

  /** What is in the ring is more than is needed then, and without a gap all the same. */
  #narrow(): void {
    if (!this.#mayNarrow) return;
    this.#mayNarrow = false;
    let interest: Interest | undefined;
    for (const { watched } of this.#members) {
      interest = interest === undefined ? watched : union(interest, watched);
    }
    this.#interest = interest;
  }
}
