/**
 * Leaders whose logs part above what is published, streams that lose, repeat and disorder, and gateways that follow now
 * this leader, now that one. Whatever a gateway admits is compared with the true log, entry by entry.
 */
import type { Invalidations } from '../../src/gateway/coherence.ts';
import { index } from '../../src/raft/types.ts';
import { noPrecondition } from '../../src/store/command.ts';
import { type Touch, touchesOf, touchOfKey, touchOfPrefix } from '../../src/store/touch.ts';
import type { SeededRandom } from '../raft/seeded-random.ts';

/** The product, or something with a mistake in it. */
export interface Follower {
  readonly published: number;
  follow(streamId: string): { readonly term: number; readonly published: number };
  receive(message: Invalidations): unknown;
  admits(index: number, touches: readonly Touch[]): boolean;
}

interface LogEntry {
  readonly term: number;
  /** Null: it touches nothing. */
  readonly changed: string | 'everything' | null;
}

interface Leader {
  readonly term: number;
  /** Entry i stands at i - 1. */
  readonly log: LogEntry[];
  /** Where its own entries begin: nothing before is committed by counting. */
  readonly ownFrom: number;
  committed: number;
  publishIndex: number;
}

interface Stream {
  readonly leader: Leader;
  readonly streamId: string;
  sentTo: number;
  sentPublishIndex: number;
}

/** Something to be read: the value of a key, or its absence, or a list. */
interface Name {
  readonly touch: Touch;
  readonly isChangedBy: (key: string) => boolean;
  readonly text: string;
}

export interface ModelReport {
  /** Something admitted that a published entry has changed: the run ends there. */
  readonly stale: string | null;
  /** A position that fell, or that is not published. */
  readonly misplaced: string | null;
  /** Of what was read, over all indexes and positions. */
  readonly admitted: number;
  /** Though nothing published has touched it up to the position. */
  readonly refusedNeedlessly: number;
}

const keys = ['a', 'b', 'b/', 'b/1', 'b/2', 'b/2/x', 'c/1'];
const names: readonly Name[] = [
  ...keys.map((text) => ({ text, touch: touchOfKey(text), isChangedBy: (key: string) => key === text })),
  ...['b/', 'b/2/', 'c/'].map((text) => {
    return { text: `list of ${text}`, touch: touchOfPrefix(text), isChangedBy: (key: string) => key.startsWith(text) };
  }),
];
/** Older ones are heard of no more. */
const leadersMax = 3;
/** How far below the position values are tried. */
const ageMax = 15;

export function runModel(random: SeededRandom, steps: number, follower: Follower): ModelReport {
  const model = new Model(random, follower);
  for (let step = 0; step < steps && model.stale === null; step += 1) model.step();
  const { stale, misplaced, admitted, refusedNeedlessly } = model;
  return { stale, misplaced, admitted, refusedNeedlessly };
}

interface Conditions {
  readonly lossProbability: number;
  /** How often something is done by, or asked of, a leader that is none any more. */
  readonly deposedProbability: number;
  readonly followWeight: number;
  readonly electWeight: number;
}

class Model {
  stale: string | null = null;
  misplaced: string | null = null;
  admitted = 0;
  refusedNeedlessly = 0;
  readonly #random: SeededRandom;
  readonly #follower: Follower;
  readonly #conditions: Conditions;
  /** The newest is the last. */
  readonly #leaders: Leader[] = [{ term: 1, log: [], ownFrom: 1, committed: 0, publishIndex: 0 }];
  /** What every later leader has. */
  #truth: readonly LogEntry[] = [];
  #stream: Stream | null = null;
  #streams = 0;
  /** On their way, oldest first. */
  #messages: Invalidations[] = [];
  #published = 0;

  constructor(random: SeededRandom, follower: Follower) {
    this.#random = random;
    this.#follower = follower;
    // Some seeds have a fair network and leaders that stay, others have neither.
    this.#conditions = {
      lossProbability: random.pick([0, 0.03, 0.15]),
      deposedProbability: random.pick([0.1, 0.4]),
      followWeight: random.pick([1, 3, 8]),
      electWeight: random.pick([0.5, 2]),
    };
  }

  step(): void {
    const deeds: readonly (readonly [weight: number, deed: () => void])[] = [
      [20, () => this.#append(this.#someLeader())],
      [12, () => this.#commit()],
      [12, () => this.#publish(this.#someLeader())],
      [20, () => this.#flush()],
      [25, () => this.#deliver()],
      [this.#conditions.followWeight, () => this.#follow()],
      [this.#conditions.electWeight, () => this.#elect()],
    ];
    let choice = this.#random.between(
      0,
      deeds.reduce((sum, [weight]) => sum + weight, 0),
    );
    for (const [weight, deed] of deeds) {
      choice -= weight;
      if (choice >= 0) continue;
      deed();
      return;
    }
  }

  get #newest(): Leader {
    return this.#leaders.at(-1) as Leader;
  }

  /** Mostly the newest; those that are deposed and do not know it go on. */
  #someLeader(): Leader {
    const isDeposed = this.#random.chance(this.#conditions.deposedProbability);
    return isDeposed ? this.#random.pick(this.#leaders) : this.#newest;
  }

  #append(leader: Leader): void {
    for (let count = this.#random.integer(1, 3); count > 0; count -= 1) {
      const changed = this.#random.chance(0.02) ? 'everything' : this.#random.pick([...keys, null]);
      leader.log.push({ term: leader.term, changed });
    }
  }

  #commit(): void {
    const leader = this.#newest;
    if (leader.log.length < leader.ownFrom) return;
    const from = Math.max(leader.ownFrom, this.#truth.length);
    leader.committed = this.#random.integer(from, leader.log.length);
    this.#truth = leader.log.slice(0, leader.committed);
  }

  #publish(leader: Leader): void {
    leader.publishIndex = this.#random.integer(leader.publishIndex, leader.committed);
  }

  /** Its log holds all that is committed, and some of what a log with all that is committed holds beyond. */
  #elect(): void {
    const term = this.#newest.term + 1;
    const committed = this.#truth.length;
    const { log } = this.#random.pick(
      this.#leaders.filter(({ log }) => this.#truth.every((entry, nth) => log[nth] === entry)),
    );
    const own = log.slice(0, this.#random.integer(committed, log.length));
    own.push({ term, changed: null });
    const known = this.#random.integer(Math.max(0, committed - 4), committed);
    this.#leaders.push({ term, log: own, ownFrom: own.length, committed: known, publishIndex: known });
    if (this.#leaders.length > leadersMax) this.#leaders.shift();
  }

  #follow(): void {
    const streamId = `stream ${++this.#streams}`;
    const { published } = this.#follower.follow(streamId);
    const leader = this.#someLeader();
    const end = Math.max(published, leader.log.length);
    const inMemory = this.#random.chance(0.7);
    const sentTo = inMemory ? published : this.#random.integer(published, end);
    this.#stream = { leader, streamId, sentTo, sentPublishIndex: -1 };
  }

  #flush(): void {
    const stream = this.#stream;
    if (stream === null) return;
    const { leader, sentPublishIndex } = stream;
    const { publishIndex, log } = leader;
    if (log.length <= stream.sentTo && publishIndex <= sentPublishIndex) return;
    // A deposed leader's log may end before what the gateway has heard published.
    const end = Math.max(stream.sentTo, log.length);
    const middle = this.#random.chance(0.2) ? this.#random.integer(stream.sentTo, end) : end;
    this.#send(stream, middle);
    if (middle < end) this.#send(stream, end);
    stream.sentPublishIndex = publishIndex;
  }

  #send(stream: Stream, to: number): void {
    const { leader, streamId, sentTo: from } = stream;
    const touches = leader.log.slice(from, to).flatMap(({ changed }, nth) => {
      return changed === null ? [] : [{ index: from + nth + 1, touches: touchesOfChange(changed) }];
    });
    const { term, publishIndex } = leader;
    this.#messages.push({ lineage: 'one', streamId, term, from, to, publishIndex, touches });
    stream.sentTo = to;
  }

  #deliver(): void {
    if (this.#messages.length === 0) return;
    const at = this.#random.chance(0.9) ? 0 : this.#random.integer(0, this.#messages.length - 1);
    const message = this.#messages[at] as Invalidations;
    const isRepeated = this.#random.chance(0.1);
    if (!isRepeated) this.#messages.splice(at, 1);
    if (this.#random.chance(this.#conditions.lossProbability)) return;
    this.#follower.receive(message);
    this.#check();
  }

  #check(): void {
    const { published } = this.#follower;
    if (published < this.#published) this.misplaced = `the position falls from ${this.#published} to ${published}`;
    if (published > this.#truth.length) this.misplaced = `${published} is not published`;
    this.#published = published;
    for (const name of names) this.#checkName(name, published);
  }

  /** Of whatever age, a value in the cache must not be served once something published has changed it. */
  #checkName(name: Name, published: number): void {
    const changedAt = this.#lastChange(name, published);
    for (let readAt = Math.max(0, published - ageMax); readAt <= published; readAt += 1) {
      const isAdmitted = this.#follower.admits(readAt, [name.touch]);
      if (isAdmitted) this.admitted += 1;
      else if (readAt >= changedAt) this.refusedNeedlessly += 1;
      if (isAdmitted && readAt < changedAt) {
        this.stale = `${name.text}, read at ${readAt}, is admitted at ${published}: changed at ${changedAt}`;
      }
    }
  }

  /** In the true log, up to the position; 0 if never. */
  #lastChange(name: Name, published: number): number {
    for (let at = published; at > 0; at -= 1) {
      const changed = this.#truth[at - 1]?.changed ?? null;
      if (changed === 'everything' || (changed !== null && name.isChangedBy(changed))) return at;
    }
    return 0;
  }
}

function touchesOfChange(changed: string) {
  if (changed === 'everything') return changed;
  const stamp = { session: index(1), sequence: 1, lowestUnanswered: 1 };
  return touchesOf({ type: 'delete', stamp, key: changed, precondition: noPrecondition });
}
