/**
 * Reads from memory where that is proven to be as good as asking a replica, and from a replica where not. The ladder of
 * each read: a hit under a lease, a validated hit, then a fetch, which others may join. DESIGN.md says why no answer is
 * older than a write that was acknowledged before its read began.
 */
import { type FollowedStream, isCacheablePrefix, type StoreClient } from '../store/client.ts';
import type { Cache } from './cache/cache.ts';
import { type Entry, keyName, listName, queryNamed } from './cache/entry.ts';
import type { Purge } from './cache/purge.ts';
import { asAnswerTo, asGet, asList, standingAt } from './cached-result.ts';
import { type Answered, Fetcher, type FetcherOptions } from './fetcher.ts';
import type { ListPage } from './list-page.ts';
import { catalogName, catalogQuestion, keyQuestion, listQuestion, type Question, questionOf } from './questions.ts';
import {
  type CatalogQuery,
  fetched,
  type GetQuery,
  type GetResult,
  type ListQuery,
  notCached,
  type Reading,
  type ReadOptions,
  type ReadQuery,
  type Result,
  type ResultOf,
  type StoreReader,
  served,
} from './store.ts';
import { type Validator, validationMsMax } from './validator.ts';
import type { Question as HotQuestion } from './warm-up/hot-list.ts';
import type { KeptAnswers, Warmed } from './warm-up/warmer.ts';

export interface CachedReaderOptions extends FetcherOptions {
  readonly client: Pick<StoreClient, 'read' | 'readIndex' | 'leader'>;
  readonly cache: Cache<Result>;
  readonly validator: Pick<Validator, 'validate'>;
  /** Where the leader's invalidations arrive: without them nothing can be proven, and nothing is waited for. */
  readonly stream: Pick<FollowedStream, 'live'>;
  /** The gateway's own, for what it answers from memory. */
  readonly id: string;
}

const bypass = { cacheResult: 'bypass', cacheStatus: 'bazar; fwd=bypass' } as const;
/** The request itself does without the cache (RFC 9211 section 2.2). */
const asRequested = { cacheResult: 'request', cacheStatus: 'bazar; fwd=request' } as const;
const leased = { cacheResult: 'hit', cacheStatus: 'bazar; hit; detail=lease' } as const;
const validated = { cacheResult: 'hit', cacheStatus: 'bazar; hit; detail=validated' } as const;

export class CachedReader implements StoreReader, KeptAnswers {
  readonly #options: CachedReaderOptions;
  readonly #fetcher: Fetcher;
  /** One function for all hits, so that none allocates. */
  readonly #isCurrent = ({ index, touches }: Entry<Result>) => this.#options.coherence.admits(index, touches);

  constructor(options: CachedReaderOptions) {
    this.#options = options;
    this.#fetcher = new Fetcher(options);
  }

  getAtOnce(query: GetQuery, options: ReadOptions): Reading<GetResult> | null {
    const found = this.#leased(keyName(query.key), options);
    return found === null ? null : this.#hit(asGet(query, found));
  }

  listAtOnce(query: ListQuery, options: ReadOptions): Reading<ListPage> | null {
    const found = this.#leased(listName(query), options);
    return found === null ? null : this.#hit(asList(query, found));
  }

  async get(query: GetQuery, options: ReadOptions): Promise<Reading<GetResult>> {
    const atOnce = this.getAtOnce(query, options);
    if (atOnce !== null) return atOnce;
    const { outcome, ...answered } = goesPast(options)
      ? await this.#bypass(query, options)
      : await this.#read(keyQuestion(query), query, options);
    if (outcome.type !== 'done') return { ...answered, outcome };
    return { ...answered, outcome: served(outcome, asGet(query, outcome.result)) };
  }

  async list(query: ListQuery, options: ReadOptions): Promise<Reading<ListPage>> {
    const atOnce = this.listAtOnce(query, options);
    if (atOnce !== null) return atOnce;
    const { outcome, ...answered } =
      goesPast(options) || !isCacheablePrefix(query.prefix)
        ? await this.#bypass(query, options)
        : await this.#read(listQuestion(query), query, options);
    if (outcome.type !== 'done') return { ...answered, outcome };
    return { ...answered, outcome: served(outcome, asList(query, outcome.result)) };
  }

  atOnce<Asked extends CatalogQuery>(query: Asked, options: ReadOptions): Reading<ResultOf<Asked>> | null {
    const found = this.#leased(catalogName(query), options);
    return found === null ? null : this.#hit(asAnswerTo(query, found));
  }

  async read<Asked extends CatalogQuery>(query: Asked, options: ReadOptions): Promise<Reading<ResultOf<Asked>>> {
    const atOnce = this.atOnce(query, options);
    if (atOnce !== null) return atOnce;
    const { outcome, ...answered } = goesPast(options)
      ? await this.#bypass(query, options)
      : await this.#read(catalogQuestion(query), query, options);
    if (outcome.type !== 'done') return { ...answered, outcome };
    return { ...answered, outcome: served(outcome, asAnswerTo(query, outcome.result)) };
  }

  /** How many answers went. What is being fetched is not kept either, and nobody who comes after this is served from it. */
  purge(purge: Purge): number {
    this.#fetcher.purge(purge);
    return this.#options.cache.purge(purge);
  }

  get fetching(): number {
    return this.#fetcher.fetching;
  }

  get canKeep(): boolean {
    return this.#options.stream.live && this.#options.client.leader() !== null;
  }

  *hottest(): Iterable<HotQuestion> {
    for (const name of this.#options.cache.hottest()) {
      const query = queryNamed(name);
      if (query !== null) yield query;
    }
  }

  warm(query: HotQuestion, timeoutMs: number): Promise<Warmed> {
    return this.#fetcher.warm(questionOf(query), timeoutMs);
  }

  /** What is kept, under a lease. Whoever gets it answers in this turn. */
  #leased(name: string, options: ReadOptions): Result | null {
    const { lease, cache, clock, coherence } = this.#options;
    if (lease === null || goesPast(options) || asksAnew(options)) return null;
    const nowMs = clock.now();
    const kept = cache.peek(name, nowMs);
    // The lease last of all: it looks at the clock.
    if (kept === null || !this.#isCurrent(kept) || !lease.usable) return null;
    cache.get(name, nowMs, this.#isCurrent);
    return standingAt(kept.answer, Math.max(coherence.published, kept.index) as Result['revision']);
  }

  #hit<Found extends Result>(result: Found): Reading<Found> {
    return { ...leased, outcome: { type: 'done', result, servedBy: this.#options.id } };
  }

  /** `query` is what a replica is asked where its answer is not to be kept. */
  async #read(question: Question, query: ReadQuery, options: ReadOptions): Promise<Answered> {
    const { timeoutMs, directives } = options;
    const { onlyIfCached, noStore } = directives;
    const fetcher = this.#fetcher;
    if (asksAnew(options)) return fetcher.askAnew(noStore ? { ...question, query } : question, options);
    const { cache, clock } = this.#options;
    const { begun } = fetcher;
    const deadlineAt = clock.now() + timeoutMs;
    const kept = cache.peek(question.name, clock.now());
    if (kept === null || !this.#isCurrent(kept)) {
      // Nobody needs to be asked about it: it is counted as what it is, and is not looked at again.
      cache.get(question.name, clock.now(), this.#isCurrent);
      return onlyIfCached
        ? notCached
        : fetcher.fetch(question, kept === null ? 'uri-miss' : 'stale', deadlineAt, begun);
    }
    if (onlyIfCached) return (await this.#proven(question, timeoutMs)) ?? notCached;
    // A fetch must have a chance: another replica may answer where the leader does not.
    const hit = await this.#proven(question, timeoutMs / 2);
    return hit ?? fetcher.fetch(question, 'stale', deadlineAt, begun);
  }

  async #bypass(query: ReadQuery, { directives, ...options }: ReadOptions): Promise<Answered> {
    if (directives.onlyIfCached) return notCached;
    const status = options.consistency === 'stale' ? asRequested : bypass;
    return { ...status, outcome: fetched(query, await this.#options.client.read(query, options)) };
  }

  /** Null at once without a stream, and if it takes longer. */
  #proven({ name }: Question, timeoutMs: number): Promise<Answered | null> | null {
    if (!this.#options.stream.live) return null;
    const hit = this.#validated(name);
    // Most reads are more patient than any proof, and need no timer.
    return timeoutMs > validationMsMax ? hit : this.#within(timeoutMs, hit);
  }

  /** Null if what is kept is not proven to be current. */
  async #validated(name: string): Promise<Answered | null> {
    const { validator, cache, clock, id } = this.#options;
    const provenTo = await validator.validate();
    if (provenTo === null) return null;
    // The floors are asked in this turn, and know of everything up to here.
    const entry = cache.get(name, clock.now(), this.#isCurrent);
    if (entry === null) return null;
    const result = standingAt(entry.answer, Math.max(provenTo, entry.index) as Result['revision']);
    return { ...validated, outcome: { type: 'done', result, replica: id } };
  }

  /** Null if it takes longer. */
  #within<Found>(timeoutMs: number, result: Promise<Found | null>): Promise<Found | null> {
    const { promise, resolve, reject } = Promise.withResolvers<Found | null>();
    const timer = this.#options.clock.setTimer(timeoutMs, () => resolve(null));
    void result.then(resolve, reject).finally(() => timer.cancel());
    return promise;
  }
}

/** One replica's own state, or an old one, is wanted: what is kept is neither. */
function goesPast({ replica, consistency }: ReadOptions): boolean {
  return replica !== undefined || consistency === 'stale';
}

function asksAnew({ directives: { onlyIfCached, noCache, noStore } }: ReadOptions): boolean {
  return !onlyIfCached && (noCache || noStore);
}
