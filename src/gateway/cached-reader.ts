/**
 * Reads from memory where that is proven to be as good as asking a replica, and from a replica where not. The ladder of
 * each read: a validated hit, then a fetch, which others may join. DESIGN.md says why no answer is older than a write
 * that was acknowledged before its read began.
 */
import type { CacheResult, GatewayMetrics } from '../metrics.ts';
import {
  type FollowedStream,
  isCacheablePrefix,
  type QueryResult,
  type ReadOutcome,
  type StoreClient,
  type Touch,
  touchOfKey,
  touchOfPrefix,
} from '../store/client.ts';
import type { Clock } from '../system-clock.ts';
import type { Cache, PutOutcome } from './cache/cache.ts';
import { type Entry, keyName, listName, queryNamed } from './cache/entry.ts';
import { type Purge, takenBy } from './cache/purge.ts';
import { answerTo, bytesOf, copyOf } from './cached-result.ts';
import type { Coherence } from './coherence.ts';
import { type Fill, Fills } from './fills.ts';
import { type Flight, Flights } from './flights.ts';
import type { Lease } from './lease.ts';
import {
  type GetQuery,
  type GetResult,
  kindOf,
  type ListQuery,
  type ListResult,
  type NotCached,
  notCached,
  type Reading,
  type ReadOptions,
  type StoreReader,
  served,
} from './store.ts';
import { type Validator, validationMsMax } from './validator.ts';
import type { Question as HotQuestion } from './warm-up/hot-list.ts';
import type { KeptAnswers, Warmed } from './warm-up/warmer.ts';

export interface CachedReaderOptions {
  readonly client: Pick<StoreClient, 'read' | 'readIndex' | 'leader'>;
  readonly cache: Cache<QueryResult>;
  readonly coherence: Pick<Coherence, 'admits' | 'published'>;
  /** Null where hits are always proven. */
  readonly lease: Pick<Lease, 'usable'> | null;
  readonly validator: Pick<Validator, 'validate'>;
  readonly clock: Clock;
  /** Where the leader's invalidations arrive: without them nothing can be proven, and nothing is waited for. */
  readonly stream: Pick<FollowedStream, 'live'>;
  readonly metrics: Pick<GatewayMetrics, 'filled'>;
  /** The gateway's own, for what it answers from memory. */
  readonly id: string;
}

interface Question {
  readonly query: GetQuery | ListQuery;
  readonly name: string;
  readonly touches: readonly Touch[];
}

interface Answered {
  readonly cacheResult: CacheResult;
  readonly cacheStatus: string;
  readonly outcome: ReadOutcome | NotCached;
}

/** What a fetch that was begun for another has brought. */
interface Joined {
  readonly isLeased: boolean;
  readonly outcome: ReadOutcome;
}

/** What the cache makes of an answer. */
type Keep = (entry: Entry<QueryResult>) => PutOutcome;

const unavailable: ReadOutcome = { type: 'unavailable' };
const bypass = { cacheResult: 'bypass', cacheStatus: 'bazar; fwd=bypass' } as const;
/**
 * A fetch goes on for so long at least, whatever hurry its beginner is in: when it fails, all who have joined it look
 * for the next one, and while nobody answers there would be one for each of them.
 */
const fetchMsMin = 1000;
/** A read that was patient for a minute has joined fewer: more of them fail so fast only where none can succeed. */
const joinsMax = 64;
/** The request itself does without the cache (RFC 9211 section 2.2). */
const asRequested = { cacheResult: 'request', cacheStatus: 'bazar; fwd=request' } as const;

/** Why a replica is asked, as Cache-Status names it. */
type Forward = 'uri-miss' | 'stale' | 'request';

const resultOf = { 'uri-miss': 'miss', stale: 'stale', request: 'request' } as const;

export class CachedReader implements StoreReader, KeptAnswers {
  readonly #options: CachedReaderOptions;
  readonly #flights: Flights<Answered>;
  readonly #fills = new Fills();
  #fetching = 0;
  readonly #put: Keep = (entry) => this.#options.cache.put(entry);
  /** One function for all hits, so that none allocates. */
  readonly #isCurrent = ({ index, touches }: Entry<QueryResult>) => this.#options.coherence.admits(index, touches);

  constructor(options: CachedReaderOptions) {
    this.#options = options;
    this.#flights = new Flights(options.clock);
  }

  async get(query: GetQuery, options: ReadOptions): Promise<Reading<GetResult>> {
    const answered = await this.#read(questionOf(query), options);
    const { outcome } = answered;
    if (outcome.type !== 'done') return { ...answered, outcome };
    if (outcome.result.type !== 'get') throw mismatch(query, outcome.result);
    return { ...answered, outcome: served(outcome, outcome.result) };
  }

  async list(query: ListQuery, options: ReadOptions): Promise<Reading<ListResult>> {
    const answered = isCacheablePrefix(query.prefix)
      ? await this.#read(questionOf(query), options)
      : await this.#bypass(query, options);
    const { outcome } = answered;
    if (outcome.type !== 'done') return { ...answered, outcome };
    if (outcome.result.type !== 'list') throw mismatch(query, outcome.result);
    return { ...answered, outcome: served(outcome, outcome.result) };
  }

  /** How many answers went. What is being fetched is not kept either, and nobody who comes after this is served from it. */
  purge(purge: Purge): number {
    const isTaken = takenBy(purge);
    for (const { name } of this.#fills.take(isTaken)) this.#flights.close(name);
    return this.#options.cache.purge(purge);
  }

  get fetching(): number {
    return this.#fetching;
  }

  get canKeep(): boolean {
    return this.#options.stream.live && this.#options.client.leader() !== null;
  }

  *hottest(): Iterable<HotQuestion> {
    for (const name of this.#options.cache.hottest()) yield queryNamed(name);
  }

  /** Whoever asks meanwhile joins it, as he would any other fetch. */
  async warm(query: HotQuestion, timeoutMs: number): Promise<Warmed> {
    const { cache, clock } = this.#options;
    const question = questionOf(query);
    const { name } = question;
    if (cache.peek(name, clock.now()) !== null || this.#flights.get(name) !== undefined) return 'skipped';
    let warmed: Warmed = 'skipped';
    const recall: Keep = (entry) => {
      const outcome = cache.recall(entry);
      if (outcome === 'stored') warmed = 'warmed';
      // Absences have room of their own, and little of it.
      else if (outcome === 'full' && entry.kind !== 'absence') warmed = 'full';
      return outcome;
    };
    await this.#flights.begin(name, () => this.#load(question, 'uri-miss', timeoutMs, recall)).wait(timeoutMs);
    return warmed;
  }

  async #read(question: Question, options: ReadOptions): Promise<Answered> {
    const { query, name } = question;
    const { replica, timeoutMs, consistency, directives } = options;
    if (replica !== undefined || consistency === 'stale') return this.#bypass(query, options);
    const { onlyIfCached, noCache, noStore } = directives;
    if (!onlyIfCached && (noCache || noStore)) {
      return this.#ask(question, 'request', timeoutMs, noStore ? null : this.#put);
    }
    const { cache, clock } = this.#options;
    const begun = this.#flights.begun;
    const deadlineAt = clock.now() + timeoutMs;
    const kept = cache.peek(name, clock.now());
    if (kept === null || !this.#isCurrent(kept)) {
      // Nobody needs to be asked about it: it is counted as what it is, and is not looked at again.
      cache.get(name, clock.now(), this.#isCurrent);
      return onlyIfCached ? notCached : this.#fetch(question, kept === null ? 'uri-miss' : 'stale', deadlineAt, begun);
    }
    const leased = this.#leased(question, kept);
    if (leased !== null) return leased;
    if (onlyIfCached) return (await this.#hit(question, timeoutMs)) ?? notCached;
    // A fetch must have a chance: another replica may answer where the leader does not.
    const hit = await this.#hit(question, timeoutMs / 2);
    return hit ?? this.#fetch(question, 'stale', deadlineAt, begun);
  }

  /** Null without a lease. `kept` was found to be current in this turn. */
  #leased({ query, name }: Question, kept: Entry<QueryResult>): Answered | null {
    const { lease, cache, coherence, clock, id } = this.#options;
    // Last of all: it looks at the clock.
    if (lease?.usable !== true) return null;
    cache.get(name, clock.now(), this.#isCurrent);
    const revision = Math.max(coherence.published, kept.index) as QueryResult['revision'];
    return {
      cacheResult: 'hit',
      cacheStatus: 'bazar; hit; detail=lease',
      outcome: { type: 'done', result: answerTo(query, kept.answer, revision), replica: id },
    };
  }

  /** Null at once without a stream, and if it takes longer. */
  #hit(question: Question, timeoutMs: number): Promise<Answered | null> | null {
    if (!this.#options.stream.live) return null;
    const hit = this.#validated(question);
    // Most reads are more patient than any proof, and need no timer.
    return timeoutMs > validationMsMax ? hit : this.#within(timeoutMs, hit);
  }

  async #bypass(query: GetQuery | ListQuery, { directives, ...options }: ReadOptions): Promise<Answered> {
    if (directives.onlyIfCached) return notCached;
    const status = options.consistency === 'stale' ? asRequested : bypass;
    return { ...status, outcome: await this.#options.client.read(query, options) };
  }

  /** Null if what is kept is not proven to be current. */
  async #validated({ query, name }: Question): Promise<Answered | null> {
    const { validator, cache, clock, id } = this.#options;
    const provenTo = await validator.validate();
    if (provenTo === null) return null;
    // The floors are asked in this turn, and know of everything up to here.
    const entry = cache.get(name, clock.now(), this.#isCurrent);
    if (entry === null) return null;
    const revision = Math.max(provenTo, entry.index) as QueryResult['revision'];
    return {
      cacheResult: 'hit',
      cacheStatus: 'bazar; hit; detail=validated',
      outcome: { type: 'done', result: answerTo(query, entry.answer, revision), replica: id },
    };
  }

  /** `begun`: as it was when the read arrived. */
  async #fetch(question: Question, forward: Forward, deadlineAt: number, begun: number): Promise<Answered> {
    const { query, name } = question;
    const { clock } = this.#options;
    for (let joins = 0; joins < joinsMax; joins += 1) {
      const timeoutMs = deadlineAt - clock.now();
      if (timeoutMs <= 0) break;
      const flight = this.#flights.get(name);
      if (flight !== undefined) {
        const joined = await this.#join(flight, question, begun, timeoutMs);
        if (joined !== null) {
          const cacheStatus = `bazar; fwd=${forward}; collapsed${joined.isLeased ? '; detail=lease' : ''}`;
          return { cacheResult: 'collapsed', cacheStatus, outcome: joined.outcome };
        }
      } else if (query.type === 'get' && !query.withValue) {
        // What comes without its value is of no use to others.
        return this.#ask(question, forward, timeoutMs);
      } else {
        const begin = () => this.#ask(question, forward, Math.max(timeoutMs, fetchMsMin));
        const answered = await this.#flights.begin(name, begin).wait(timeoutMs);
        if (answered !== null) return answered;
      }
    }
    return { cacheResult: resultOf[forward], cacheStatus: `bazar; fwd=${forward}`, outcome: unavailable };
  }

  /** For a request. */
  async #ask(
    question: Question,
    forward: Forward,
    timeoutMs: number,
    keep: Keep | null = this.#put,
  ): Promise<Answered> {
    this.#fetching += 1;
    try {
      return await this.#load(question, forward, timeoutMs, keep);
    } finally {
      this.#fetching -= 1;
    }
  }

  async #load(
    { query, name, touches }: Question,
    forward: Forward,
    timeoutMs: number,
    keep: Keep | null,
  ): Promise<Answered> {
    const fill: Fill = { name, kind: query.type === 'list' ? 'list' : 'value', touches };
    if (keep !== null) this.#fills.begin(fill);
    let mayKeep = false;
    let outcome: ReadOutcome;
    try {
      outcome = await this.#options.client.read(query, { timeoutMs });
    } finally {
      mayKeep = this.#fills.end(fill);
    }
    const entry = mayKeep && outcome.type === 'done' ? this.#entryOf(fill, query, outcome.result) : null;
    const filled = entry === null ? undefined : keep?.(entry);
    if (filled !== undefined) this.#options.metrics.filled(filled);
    const cacheStatus = `bazar; fwd=${forward}${filled === 'stored' ? '; stored' : ''}`;
    return { cacheResult: resultOf[forward], cacheStatus, outcome };
  }

  /** Null for what may not be kept. */
  #entryOf({ name, touches }: Fill, query: GetQuery | ListQuery, result: QueryResult): Entry<QueryResult> | null {
    const { clock, coherence, metrics } = this.#options;
    if (!coherence.admits(result.revision, touches)) {
      metrics.filled('belowFloor');
      return null;
    }
    const kind = kindOf(result);
    if (kind === 'value' && query.type === 'get' && !query.withValue) return null;
    return {
      ...{ name, kind, touches, index: result.revision, storedAtMs: clock.now(), expiresAtMs: null },
      ...{ bytes: bytesOf(result), answer: copyOf(result) },
    };
  }

  /** Null if there is no answer in time, or it is not proven to be as new as whoever joined. */
  async #join(
    flight: Flight<Answered>,
    { query, touches }: Question,
    begun: number,
    timeoutMs: number,
  ): Promise<Joined | null> {
    const { client, coherence, lease } = this.#options;
    // It was sent after the read had arrived.
    const isOwn = flight.number > begun;
    const asksNobody = isOwn || lease?.usable === true;
    const [answered, index] = await Promise.all([
      flight.wait(timeoutMs),
      asksNobody ? null : client.readIndex(Math.min(timeoutMs, validationMsMax)),
    ]);
    if (answered?.outcome.type !== 'done') return null;
    const { outcome } = answered;
    const { revision } = outcome.result;
    const at = (provenTo: number, isLeased: boolean): Joined => {
      const result = answerTo(query, outcome.result, Math.max(revision, provenTo) as QueryResult['revision']);
      return { isLeased, outcome: { ...outcome, result } };
    };
    if (isOwn) return at(revision, false);
    const isAdmitted = coherence.admits(revision, touches);
    if (index !== null && (revision >= index || (coherence.published >= index && isAdmitted))) return at(index, false);
    // The lease last: it looks at the clock.
    return isAdmitted && lease?.usable === true ? at(coherence.published, true) : null;
  }

  /** Null if it takes longer. */
  #within<Result>(timeoutMs: number, result: Promise<Result | null>): Promise<Result | null> {
    const { promise, resolve, reject } = Promise.withResolvers<Result | null>();
    const timer = this.#options.clock.setTimer(timeoutMs, () => resolve(null));
    void result.then(resolve, reject).finally(() => timer.cancel());
    return promise;
  }
}

/** A list must be of a cacheable prefix. */
function questionOf(query: GetQuery | ListQuery): Question {
  return query.type === 'get'
    ? { query, name: keyName(query.key), touches: [touchOfKey(query.key)] }
    : { query, name: listName(query), touches: [touchOfPrefix(query.prefix)] };
}

function mismatch(query: GetQuery | ListQuery, result: QueryResult): Error {
  return new Error(`a ${query.type} was answered with the result of a ${result.type}`);
}
