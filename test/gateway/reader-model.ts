/**
 * The whole reader of a gateway in a world where replicas lag, leaders change, answers are late and streams break off.
 * Every answer is held against the true log: it is the state at the index it names, which is no lower than what was
 * published when its read began, and no higher than what is when it ends; and every read ends in time.
 */
import { Cache } from '../../src/gateway/cache/cache.ts';
import { CachedReader } from '../../src/gateway/cached-reader.ts';
import { copyOf } from '../../src/gateway/cached-result.ts';
import { Coherence, type Invalidations } from '../../src/gateway/coherence.ts';
import { pageOf } from '../../src/gateway/list-page.ts';
import type { GetQuery, ListQuery, Reading, ReadOptions, Result } from '../../src/gateway/store.ts';
import { Validator, validationMsMax } from '../../src/gateway/validator.ts';
import type { Clock, Timer } from '../../src/raft/interfaces.ts';
import { index } from '../../src/raft/types.ts';
import type { KeyValue, Query, QueryResult, ReadOutcome } from '../../src/store/client.ts';
import { ClientReadIndex } from '../../src/store/client-read-index.ts';
import { noPrecondition } from '../../src/store/command.ts';
import type { LinkAnswer } from '../../src/store/replica-link.ts';
import { type Touches, touchesOf } from '../../src/store/touch.ts';
import type { SeededRandom } from '../raft/seeded-random.ts';

export const readerMistakes = [
  'who joins a fetch asks no leader',
  'who joins a fetch does not look at the position',
  'a proof serves those who ask while it is under way',
  'a hit does not wait for the position',
  'the floors admit everything',
  'what is read is labelled when it arrives',
] as const;

export type ReaderMistake = (typeof readerMistakes)[number];

export interface ReaderReport {
  /** What is wrong with an answer, or with a read that has none: the run ends there. */
  readonly wrong: string | null;
  /** Answers by their Cache-Status. */
  readonly answers: ReadonlyMap<string, number>;
  /** Timers, when all reads have long ended. */
  readonly timersLeft: number;
}

type KeyResult = Extract<QueryResult, { type: 'get' | 'list' }>;

interface LogEntry {
  readonly term: number;
  /** Null: it touches nothing. */
  readonly key: string | null;
  readonly isDelete: boolean;
}

interface Question<Answer> {
  /** Published when it was sent. */
  readonly sentAt: number;
  answer(answer: Answer): void;
}

interface Fetch extends Question<ReadOutcome> {
  readonly query: GetQuery | ListQuery;
}

interface OpenRead {
  readonly query: GetQuery | ListQuery;
  readonly publishedBefore: number;
  deadlineAt: number;
}

const keys = ['a', 'b/', 'b/1', 'b/2', 'b/2/x'];
const prefixes = ['b/', 'b/2/', ''];
const openReadsMax = 12;
const noOp = { key: null, isDelete: false } as const;

export async function runReaderModel(
  random: SeededRandom,
  steps: number,
  mistake: ReaderMistake | null,
): Promise<ReaderReport> {
  const world = new World(random, mistake);
  for (let step = 0; step < steps && world.wrong === null; step += 1) await world.step();
  if (world.wrong === null) await world.finish();
  const { wrong, answers, clock } = world;
  return { wrong, answers, timersLeft: clock.timers.length };
}

/** Deferred calls wait until the world lets them run. */
class WorldClock implements Clock {
  nowMs = 0;
  timers: { readonly at: number; readonly callback: () => void }[] = [];
  deferred: (() => void)[] = [];

  now(): number {
    return this.nowMs;
  }

  wallNow(): number {
    return this.nowMs;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const timer = { at: this.nowMs + Math.max(0, delayMs), callback };
    this.timers.push(timer);
    return {
      cancel: () => {
        this.timers = this.timers.filter((each) => each !== timer);
      },
    };
  }

  defer(callback: () => void): void {
    this.deferred.push(callback);
  }
}

class World {
  readonly clock = new WorldClock();
  wrong: string | null = null;
  readonly answers = new Map<string, number>();
  readonly #random: SeededRandom;
  readonly #mistake: ReaderMistake | null;
  /** Where little is written, much is kept. */
  readonly #appendWeight: number;
  readonly #electWeight: number;
  /** Of whoever leads; entry i stands at i - 1. */
  readonly #log: LogEntry[] = [{ term: 1, ...noOp }];
  #term = 1;
  #published = 1;
  /** A leader that has not published this much of its own confirms nothing. */
  #ownFrom = 1;
  readonly #fetches: Fetch[] = [];
  /** Evaluated, on their way back. */
  readonly #answersUnderWay: (() => void)[] = [];
  readonly #questions: Question<LinkAnswer>[] = [];
  #streamId = '';
  #streams = 0;
  #streamTerm = 0;
  #sentTo = 0;
  #announced = 0;
  #messages: Invalidations[] = [];
  readonly #state = { live: false };
  readonly #coherence: Coherence;
  readonly #reader: CachedReader;
  readonly #open = new Set<OpenRead>();
  #latestQuery: GetQuery | ListQuery = { type: 'get', key: 'a', withValue: true };

  constructor(random: SeededRandom, mistake: ReaderMistake | null) {
    this.#random = random;
    this.#mistake = mistake;
    this.#appendWeight = random.pick([0.5, 2, 10]);
    this.#electWeight = random.pick([0.5, 8]);
    const { clock } = this;
    const coherence = new Coherence({ lineage: 'one', onAdvance: (published) => validator.advanced(published) });
    this.#coherence = coherence;
    const link = {
      request: () => new Promise<LinkAnswer>((answer) => this.#questions.push({ sentAt: this.#published, answer })),
    };
    const leader = new ClientReadIndex(clock, () => (random.chance(0.95) ? link : null));
    const validator = new Validator({
      clock,
      readIndex: (timeoutMs) => leader.ask(timeoutMs),
      published: () =>
        mistake === 'a hit does not wait for the position' ? Number.POSITIVE_INFINITY : coherence.published,
      onBehind: () => this.#follow(),
      onProof() {},
    });
    this.#reader = new CachedReader({
      client: {
        leader: () => 'r1',
        read: (query, { timeoutMs }) => this.#ask(query, timeoutMs),
        readIndex: async (timeoutMs) =>
          mistake === 'who joins a fetch asks no leader' ? index(0) : leader.ask(timeoutMs),
      },
      cache: new Cache<Result>({ cacheBytes: random.pick([8_000, 1_000_000]) }, copyOf),
      coherence: {
        admits: (at, touches) => mistake === 'the floors admit everything' || coherence.admits(at, touches),
        get published() {
          const isIgnored = mistake === 'who joins a fetch does not look at the position';
          return isIgnored ? Number.POSITIVE_INFINITY : coherence.published;
        },
      },
      lease: null,
      validator: mistake === 'a proof serves those who ask while it is under way' ? sharing(validator) : validator,
      clock,
      stream: this.#state,
      metrics: { filled() {} },
      id: 'g1',
    });
    this.#follow();
  }

  async step(): Promise<void> {
    const deeds: readonly (readonly [weight: number, deed: () => void | Promise<void>])[] = [
      [this.#appendWeight, () => this.#append()],
      [14, () => this.#publish()],
      [this.#electWeight, () => this.#elect()],
      [16, () => this.#flushStream()],
      [20, () => this.#deliver()],
      [0.5, () => this.#follow()],
      [20, () => this.#read()],
      [30, () => this.#defer()],
      [25, () => this.#evaluate()],
      [30, () => this.#bringBack()],
      [25, () => this.#confirm()],
      [5, () => this.#advance(this.#random.pick([0.1, 1, 20, 60]))],
      [0.2, () => this.#pause()],
    ];
    let choice = this.#random.between(
      0,
      deeds.reduce((sum, [weight]) => sum + weight, 0),
    );
    for (const [weight, deed] of deeds) {
      choice -= weight;
      if (choice >= 0) continue;
      await deed();
      break;
    }
    await settled();
  }

  /** Nobody answers any more, for two minutes. */
  async finish(): Promise<void> {
    for (let turn = 0; turn < 20; turn += 1) {
      while (this.clock.deferred.length > 0) {
        this.#defer();
        await settled();
      }
      for (const { answer } of this.#fetches.splice(0)) answer({ type: 'unavailable' });
      for (const { answer } of this.#questions.splice(0)) answer({ type: 'lost' });
      while (this.#answersUnderWay.length > 0) this.#bringBack();
      await this.#advance(6000);
    }
    if (this.#open.size > 0) this.wrong ??= `${this.#open.size} reads never end`;
  }

  #append(): void {
    const key = this.#random.pick([...keys, null]);
    this.#log.push({ term: this.#term, key, isDelete: this.#random.chance(0.3) });
  }

  #publish(): void {
    this.#published = this.#random.integer(this.#published, this.#log.length);
  }

  /** What is not published may be lost. */
  #elect(): void {
    this.#log.length = this.#random.integer(this.#published, this.#log.length);
    this.#term += 1;
    this.#log.push({ term: this.#term, ...noOp });
    this.#ownFrom = this.#log.length;
    if (this.#random.chance(0.8)) this.#follow();
  }

  #follow(): void {
    this.#streamId = `stream ${++this.#streams}`;
    this.#state.live = false;
    const { published } = this.#coherence.follow(this.#streamId);
    this.#streamTerm = this.#term;
    this.#sentTo = this.#random.chance(0.7) ? published : this.#random.integer(published, this.#log.length);
    this.#announced = -1;
  }

  /** A stream is its leader's: with the next one nothing more comes until it is followed. */
  #flushStream(): void {
    if (this.#streamTerm !== this.#term) return;
    const [from, to, publishIndex] = [this.#sentTo, this.#log.length, this.#published];
    if (to === from && publishIndex === this.#announced) return;
    const touches = this.#log.slice(from, to).flatMap(({ key }, nth) => {
      return key === null ? [] : [{ index: from + nth + 1, touches: touchesOfKey(key) }];
    });
    this.#messages.push({
      ...{ lineage: 'one', streamId: this.#streamId, term: this.#streamTerm, from, to, publishIndex, touches },
    });
    this.#sentTo = to;
    this.#announced = publishIndex;
  }

  #deliver(): void {
    const message = this.#messages.shift();
    if (message === undefined) return;
    if (this.#random.chance(0.02)) {
      this.#messages = [];
      this.#follow();
    } else if (this.#coherence.receive(message) !== 'ignored') {
      this.#state.live = true;
    }
  }

  #defer(): void {
    const callbacks = this.clock.deferred;
    this.clock.deferred = [];
    for (const callback of callbacks) callback();
  }

  #ask(query: Query, timeoutMs: number): Promise<ReadOutcome> {
    if (query.type !== 'get' && query.type !== 'list') throw new Error(`this model knows no ${query.type}`);
    return new Promise((answer) => {
      this.#fetches.push({ query, sentAt: this.#published, answer });
      this.clock.setTimer(timeoutMs, () => answer({ type: 'unavailable' }));
    });
  }

  /** A replica answers, which has applied all that a leader has confirmed since it was asked. */
  #evaluate(): void {
    const fetch = this.#taken(this.#fetches);
    if (fetch === undefined) return;
    if (this.#random.chance(0.05)) {
      fetch.answer({ type: 'unavailable' });
      return;
    }
    const applied = this.#random.integer(fetch.sentAt, this.#published);
    const result = this.#resultAt(fetch.query, applied);
    const isMislabelled = this.#mistake === 'what is read is labelled when it arrives';
    this.#answersUnderWay.push(() => {
      const revision = index(isMislabelled ? this.#published : applied);
      fetch.answer({ type: 'done', replica: 'r2', result: { ...result, revision } });
    });
  }

  #bringBack(): void {
    this.#taken(this.#answersUnderWay)?.();
  }

  #confirm(): void {
    const question = this.#questions.shift();
    if (question === undefined) return;
    const isLost = this.#random.chance(0.05) || this.#published < this.#ownFrom;
    const confirmed = this.#random.integer(question.sentAt, this.#published);
    this.#answersUnderWay.push(() => {
      question.answer(isLost ? { type: 'lost' } : { type: 'readIndex', index: index(confirmed) });
    });
  }

  async #advance(milliseconds: number): Promise<void> {
    const { clock } = this;
    const until = clock.nowMs + milliseconds;
    for (;;) {
      const due = clock.timers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
      clock.nowMs = due === undefined ? until : Math.max(clock.nowMs, due.at);
      if (due === undefined) break;
      clock.timers = clock.timers.filter((each) => each !== due);
      due.callback();
      await settled();
    }
    for (const { deadlineAt, query } of this.#open) {
      if (clock.nowMs > deadlineAt) this.wrong ??= `${JSON.stringify(query)} has no answer at its deadline`;
    }
  }

  /** The gateway stops for half a minute, and the others do not. */
  async #pause(): Promise<void> {
    for (let deed = 0; deed < 10; deed += 1) {
      this.#append();
      this.#publish();
      this.#evaluate();
    }
    this.clock.nowMs += 30_000;
    // What was due meanwhile is late, by no more than the proof that a read may have been about to ask for.
    const dueAt = this.clock.nowMs + validationMsMax;
    for (const open of this.#open) open.deadlineAt = Math.max(open.deadlineAt, dueAt);
    await this.#advance(0);
  }

  #read(): void {
    if (this.#open.size === openReadsMax) return;
    const random = this.#random;
    const timeoutMs = random.pick([1, 60, 700, 5000]);
    const directives = {
      noCache: random.chance(0.05),
      noStore: random.chance(0.05),
      onlyIfCached: random.chance(0.05),
    };
    // Reads of one name come together.
    const query = random.chance(0.5) ? this.#latestQuery : this.#someQuery();
    this.#latestQuery = query;
    const open = { query, publishedBefore: this.#published, deadlineAt: this.clock.nowMs + timeoutMs };
    this.#open.add(open);
    const options: ReadOptions = { timeoutMs, directives };
    const reading = query.type === 'get' ? this.#reader.get(query, options) : this.#reader.list(query, options);
    reading.then(
      (answer) => this.#check(open, answer),
      (error) => {
        this.wrong ??= `a read throws ${error.stack}`;
      },
    );
  }

  #someQuery(): GetQuery | ListQuery {
    const random = this.#random;
    if (random.chance(0.6)) return { type: 'get', key: random.pick(keys), withValue: random.chance(0.8) };
    return {
      type: 'list',
      prefix: random.pick(prefixes),
      after: random.pick([null, null, 'b/1']),
      limit: random.pick([2, 10]),
      keysOnly: random.chance(0.3),
    };
  }

  #check(open: OpenRead, { cacheStatus, outcome }: Reading<Result>): void {
    this.#open.delete(open);
    this.answers.set(cacheStatus, (this.answers.get(cacheStatus) ?? 0) + 1);
    if (outcome.type !== 'done') return;
    const { query, publishedBefore } = open;
    const { revision } = outcome.result;
    const asked = `${JSON.stringify(query)}, ${cacheStatus}, at ${revision}`;
    if (revision < publishedBefore) this.wrong ??= `${asked}: ${publishedBefore} was published before`;
    if (revision > this.#published) this.wrong ??= `${asked}: ${this.#published} is published`;
    const [got, expected] = [outcome.result, shown(query, this.#resultAt(query, revision))].map(plain);
    if (got !== expected) this.wrong ??= `${asked}: ${got}, and not ${expected}`;
  }

  #resultAt(query: GetQuery | ListQuery, at: number): KeyResult {
    const revision = index(at);
    if (query.type === 'get') return { type: 'get', revision, item: this.#itemAt(query.key, at, query.withValue) };
    const { prefix, after, limit, keysOnly } = query;
    const all = keys
      .filter((key) => key.startsWith(prefix) && (after === null || key > after))
      .flatMap((key) => this.#itemAt(key, at, !keysOnly) ?? []);
    return { type: 'list', revision, items: all.slice(0, limit), more: all.length > limit };
  }

  #itemAt(key: string, at: number, withValue: boolean): KeyValue | null {
    const modRevision = 1 + this.#log.slice(0, at).findLastIndex((entry) => entry.key === key);
    if (modRevision === 0 || this.#log[modRevision - 1]?.isDelete) return null;
    const value = Buffer.from(`${modRevision}`);
    const item = { key, createRevision: 1, modRevision, version: 1, contentType: 'a/b', sizeBytes: value.byteLength };
    return withValue ? { ...item, value } : item;
  }

  #taken<Item>(items: Item[]): Item | undefined {
    return items.length === 0 ? undefined : items.splice(this.#random.integer(0, items.length - 1), 1)[0];
  }
}

function touchesOfKey(key: string): Touches {
  const stamp = { session: index(1), sequence: 1, lowestUnanswered: 1 };
  return touchesOf({ type: 'delete', stamp, key, precondition: noPrecondition });
}

/** In place of a validator: whoever asks while a proof is under way has its result. */
function sharing(validator: Validator): Pick<Validator, 'validate'> {
  let underWay: Promise<number | null> | null = null;
  return {
    validate() {
      underWay ??= validator.validate().finally(() => {
        underWay = null;
      });
      return underWay;
    },
  };
}

/** As it is to be shown. */
function shown(query: GetQuery | ListQuery, result: KeyResult): Result {
  return result.type === 'get' ? result : pageOf(query.type === 'list' ? query.prefix : '', result);
}

function plain(result: Result): string {
  const shown = result.type === 'list' ? { ...result, rest: result.rest.toString() } : result;
  return JSON.stringify(shown, (_, value) => (value instanceof Uint8Array ? Buffer.from(value).toString() : value));
}

/** Whatever can run without time passing has run, deferred calls apart. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 30; turn += 1) await null;
}
