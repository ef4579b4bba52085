/**
 * The gateway's side of a lease (../store/DESIGN-leases.md): until it ends, the leader publishes nothing that this gateway
 * has not been told of, so that hits need no question. Held by nobody's promise: it is asked for anew all the time.
 */
import type { Clock } from '../system-clock.ts';

export interface LeaseOptions {
  readonly clock: Pick<Clock, 'now' | 'wallNow'>;
  /** As in RaftConstants: it ends earlier here than there by this part of it. */
  readonly leaseMargin: number;
  /** Of the log that the stream tells of. */
  readonly position: { readonly term: number; readonly processed: number };
}

/** What a leader grants. */
export interface Grant {
  /** That it answers. */
  readonly request: number;
  readonly term: number;
  /** The end of the leader's log when it granted: everything up to here must have been told. */
  readonly index: number;
  /** From when it was asked for. */
  readonly leaseMs: number;
}

/** One moment on both clocks. A machine that sleeps stops the first, whoever sets the time moves the second. */
interface Moment {
  readonly at: number;
  readonly wallAt: number;
}

interface Held {
  readonly term: number;
  readonly index: number;
  readonly asked: Moment;
  /** From `asked`, on whichever clock has come further. */
  readonly usableMs: number;
}

/**
 * `none`: nothing was granted since the stream began. `ended`: all that was. `behind`: the log is not told up to where it
 * was granted. `clocks`: wall time and monotonic time disagree about whether it has ended.
 */
export type LeaseState = 'held' | 'none' | 'ended' | 'behind' | 'clocks';

/** A lease outlasts a few questions. */
const heldMax = 8;
const askedMax = 16;

export class Lease {
  readonly #options: LeaseOptions;
  #requests = 0;
  /** When each request left that is not answered, oldest first. */
  readonly #asked = new Map<number, Moment>();
  /** When `usable` was last asked. */
  #wantedAt = Number.NEGATIVE_INFINITY;
  /** By what was granted last; an older one serves while the log is not told up to a newer one's index. */
  #held: Held[] = [];

  constructor(options: LeaseOptions) {
    this.#options = options;
  }

  /** The number for a request that leaves now. */
  request(): number {
    const [oldest] = this.#asked.keys();
    if (this.#asked.size === askedMax && oldest !== undefined) this.#asked.delete(oldest);
    this.#requests += 1;
    this.#asked.set(this.#requests, this.#now());
    return this.#requests;
  }

  granted({ request, term, index, leaseMs }: Grant): void {
    const asked = this.#asked.get(request);
    if (asked === undefined) return;
    this.#asked.delete(request);
    const now = this.#now();
    const usableMs = leaseMs * (1 - this.#options.leaseMargin);
    const held = [{ term, index, asked, usableMs }, ...this.#held].filter((each) => lasts(each, now));
    this.#held = held.slice(0, heldMax);
  }

  /** Nothing that was granted or asked for until now counts any more. */
  drop(): void {
    this.#held = [];
    this.#asked.clear();
  }

  /** To be asked last, in the turn in which a hit leaves: it looks at the clock. */
  get usable(): boolean {
    const now = this.#now();
    this.#wantedAt = now.at;
    return this.#isUsable(now);
  }

  /** For how long nobody has asked whether it is usable, in milliseconds. */
  get idleMs(): number {
    return this.#options.clock.now() - this.#wantedAt;
  }

  /** As `usable`, for whoever only looks on, and if it is not, what the newest grant lacks. */
  get state(): LeaseState {
    const now = this.#now();
    if (this.#isUsable(now)) return 'held';
    const [newest] = this.#held;
    if (newest === undefined) return 'none';
    if (lasts(newest, now)) return 'behind';
    return now.at - newest.asked.at < newest.usableMs ? 'clocks' : 'ended';
  }

  #isUsable(now: Moment): boolean {
    const { term, processed } = this.#options.position;
    return this.#held.some((held) => held.term === term && held.index <= processed && lasts(held, now));
  }

  #now(): Moment {
    const { clock } = this.#options;
    return { at: clock.now(), wallAt: clock.wallNow() };
  }
}

/** Not where the time was set back since: nobody knows how much has passed. */
function lasts({ asked, usableMs }: Held, now: Moment): boolean {
  const wallMs = now.wallAt - asked.wallAt;
  return wallMs >= 0 && Math.max(wallMs, now.at - asked.at) < usableMs;
}
