/**
 * Asks replicas, once for all who want the same at a time, and hands what comes to the cache. DESIGN.md says who may be
 * served with what another has fetched, and what may be kept.
 */
import type { CacheResult, GatewayMetrics } from '../metrics.ts';
import type { StoreClient, Touch } from '../store/client.ts';
import type { Clock } from '../system-clock.ts';
import type { Cache, PutOutcome } from './cache/cache.ts';
import { type Entry, type EntryKind, ofItsOwn } from './cache/entry.ts';
import { type Purge, takenBy } from './cache/purge.ts';
import { bytesOf, kindOf, standingAt } from './cached-result.ts';
import type { Coherence } from './coherence.ts';
import { type Fill, Fills } from './fills.ts';
import { type Flight, Flights } from './flights.ts';
import type { Lease } from './lease.ts';
import type { Question } from './questions.ts';
import { type Fetched, fetched, type NotCached, type ReadOptions, type ReadQuery, type Result } from './store.ts';
import { validationMsMax } from './validator.ts';
import type { Warmed } from './warm-up/warmer.ts';

export interface FetcherOptions {
  readonly client: Pick<StoreClient, 'read' | 'readIndex'>;
  readonly cache: Pick<Cache<Result>, 'peek' | 'put' | 'recall'>;
  readonly coherence: Pick<Coherence, 'admits' | 'published'>;
  /** Null where hits are always proven. */
  readonly lease: Pick<Lease, 'usable'> | null;
  readonly clock: Clock;
  readonly metrics: Pick<GatewayMetrics, 'filled'>;
}

export interface Answered {
  readonly cacheResult: CacheResult;
  readonly cacheStatus: string;
  readonly outcome: Fetched | NotCached;
}

interface Asked extends Answered {
  readonly outcome: Fetched;
  /** What ends the answer; null: it can end though nothing is touched. */
  readonly touches: readonly Touch[] | null;
}

/** What a fetch that was begun for another has brought. */
interface Joined {
  readonly isLeased: boolean;
  readonly outcome: Fetched;
}

/** What the cache makes of an answer. */
type Keep = (entry: Entry<Result>, atSecondSight: boolean) => PutOutcome;

/** Why a replica is asked, as Cache-Status names it. */
type Forward = 'uri-miss' | 'stale' | 'request';

const resultOf = { 'uri-miss': 'miss', stale: 'stale', request: 'request' } as const;
/**
 * A fetch goes on for so long at least, whatever hurry its beginner is in: when it fails, all who have joined it look
 * for the next one, and while nobody answers there would be one for each of them.
 */
const fetchMsMin = 1000;
/** A read that was patient for a minute has joined fewer: more of them fail so fast only where none can succeed. */
const joinsMax = 64;

/** Of an answer that has not come. */
const expectedKind: Readonly<Record<ReadQuery['type'], EntryKind>> = {
  get: 'value',
  list: 'list',
  document: 'document',
  search: 'search',
};

export class Fetcher {
  readonly #options: FetcherOptions;
  readonly #flights: Flights<Asked>;
  readonly #fills = new Fills();
  #fetching = 0;
  readonly #put: Keep = (entry, atSecondSight) => this.#options.cache.put(entry, atSecondSight);

  constructor(options: FetcherOptions) {
    this.#options = options;
    this.#flights = new Flights(options.clock);
  }

  /** That requests wait for at this moment. */
  get fetching(): number {
    return this.#fetching;
  }

  /** As in Flights. */
  get begun(): number {
    return this.#flights.begun;
  }

  /** What is being fetched is not kept, and nobody who comes after this is served from it. */
  purge(purge: Purge): void {
    const isTaken = takenBy(purge);
    // Of what a search will show, nobody knows yet what it touches.
    const isUnknown = ({ kind }: Fill) => purge.type === 'touches' && kind === 'search';
    for (const { name } of this.#fills.take((fill) => isUnknown(fill) || isTaken(fill))) this.#flights.close(name);
  }

  /** For a request of its own, which nobody joins. It is kept unless the request says otherwise. */
  async askAnew(question: Question, { timeoutMs, directives }: ReadOptions): Promise<Answered> {
    return this.#ask(question, 'request', timeoutMs, directives.noStore ? null : this.#put);
  }

  /** `begun`: as it was when the read arrived. */
  async fetch(question: Question, forward: Forward, deadlineAt: number, begun: number): Promise<Answered> {
    const { name } = question;
    const { clock } = this.#options;
    for (let joins = 0; joins < joinsMax; joins += 1) {
      const timeoutMs = deadlineAt - clock.now();
      if (timeoutMs <= 0) break;
      const flight = this.#flights.get(name);
      if (flight !== undefined) {
        const joined = await this.#join(flight, begun, timeoutMs);
        if (joined !== null) {
          const cacheStatus = `bazar; fwd=${forward}; collapsed${joined.isLeased ? '; detail=lease' : ''}`;
          return { cacheResult: 'collapsed', cacheStatus, outcome: joined.outcome };
        }
      } else {
        const begin = () => this.#ask(question, forward, Math.max(timeoutMs, fetchMsMin), this.#put);
        const answered = await this.#flights.begin(name, begin).wait(timeoutMs);
        if (answered !== null) return answered;
      }
    }
    const outcome = { type: 'unavailable' } as const;
    return { cacheResult: resultOf[forward], cacheStatus: `bazar; fwd=${forward}`, outcome };
  }

  /** Whoever asks meanwhile joins it, as he would any other fetch. */
  async warm(question: Question, timeoutMs: number): Promise<Warmed> {
    const { cache, clock } = this.#options;
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

  /** For a request. */
  async #ask(question: Question, forward: Forward, timeoutMs: number, keep: Keep | null): Promise<Asked> {
    this.#fetching += 1;
    try {
      return await this.#load(question, forward, timeoutMs, keep);
    } finally {
      this.#fetching -= 1;
    }
  }

  async #load(question: Question, forward: Forward, timeoutMs: number, keep: Keep | null): Promise<Asked> {
    const { query, name } = question;
    const fill: Fill = { name, kind: expectedKind[query.type], touches: question.touches };
    if (keep !== null) this.#fills.begin(fill);
    let mayKeep = false;
    let outcome: Fetched;
    try {
      outcome = fetched(query, await this.#options.client.read(query, { timeoutMs }));
    } finally {
      mayKeep = this.#fills.end(fill);
    }
    const touches = outcome.type === 'done' ? question.touchesOf(outcome.result) : null;
    const filled =
      mayKeep && keep !== null && outcome.type === 'done' ? this.#fill(question, outcome.result, touches, keep) : null;
    if (filled !== null) this.#options.metrics.filled(filled);
    const cacheStatus = `bazar; fwd=${forward}${filled === 'stored' ? '; stored' : ''}`;
    return { cacheResult: resultOf[forward], cacheStatus, outcome, touches };
  }

  /** Null for what is never kept. */
  #fill(
    { name, isKeptAtSecondSight }: Question,
    answer: Result,
    touches: readonly Touch[] | null,
    keep: Keep,
  ): PutOutcome | 'belowFloor' | null {
    const { clock, coherence } = this.#options;
    const kind = kindOf(answer);
    if (kind === null || touches === null) return null;
    if (!coherence.admits(answer.revision, touches)) return 'belowFloor';
    const index = answer.revision;
    const entry = { name: ofItsOwn(name), kind, touches, index, storedAtMs: clock.now(), expiresAtMs: null };
    return keep({ ...entry, bytes: bytesOf(answer), answer }, isKeptAtSecondSight);
  }

  /** Null if there is no answer in time, or it is not proven to be as new as whoever joined. */
  async #join(flight: Flight<Asked>, begun: number, timeoutMs: number): Promise<Joined | null> {
    const { client, coherence, lease } = this.#options;
    // It was sent after the read had arrived.
    const isOwn = flight.number > begun;
    const asksNobody = isOwn || lease?.usable === true;
    const [answered, index] = await Promise.all([
      flight.wait(timeoutMs),
      asksNobody ? null : client.readIndex(Math.min(timeoutMs, validationMsMax)),
    ]);
    if (answered?.outcome.type !== 'done') return null;
    const { outcome, touches } = answered;
    const { revision } = outcome.result;
    const at = (provenTo: number, isLeased: boolean): Joined => {
      const result = standingAt(outcome.result, Math.max(revision, provenTo) as Result['revision']);
      return { isLeased, outcome: { ...outcome, result } };
    };
    if (isOwn) return at(revision, false);
    const isAdmitted = touches !== null && coherence.admits(revision, touches);
    if (index !== null && (revision >= index || (coherence.published >= index && isAdmitted))) return at(index, false);
    // The lease last: it looks at the clock.
    return isAdmitted && lease?.usable === true ? at(coherence.published, true) : null;
  }
}
