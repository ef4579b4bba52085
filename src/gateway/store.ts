/**
 * What routes need of the store. A cache takes its place between them by being a StoreReader.
 */

import type { CacheResult } from '../metrics.ts';
import type {
  ReadOptions as ClientReadOptions,
  Query,
  QueryResult,
  ReadOutcome,
  ReplicaId,
  StoreClient,
  Write,
  WriteOutcome,
} from '../store/client.ts';
import type { CacheDirectives } from './cache-control.ts';
import { type ListPage, pageOf } from './list-page.ts';

export interface ReadOptions extends ClientReadOptions {
  /** Of the request's Cache-Control. */
  readonly directives: CacheDirectives;
}

/** Nothing is kept that could be given, and nobody is to be asked. */
export interface NotCached {
  readonly type: 'notCached';
}

export type GetQuery = Extract<Query, { type: 'get' }>;
export type ListQuery = Extract<Query, { type: 'list' }>;
export type GetResult = Extract<QueryResult, { type: 'get' }>;
/** As it is shown. */
export type Result = GetResult | ListPage;

/** What a replica has answered, or why none has. */
export type Fetched =
  | {
      readonly type: 'done';
      readonly result: Result;
      readonly replica: ReplicaId;
      /** As in ReadOutcome: of a stale read alone. */
      readonly staleMs?: number | null;
    }
  | Exclude<ReadOutcome, { type: 'done' }>;

export interface Reading<Found extends Result> {
  /** What `cacheStatus` says, for metrics. */
  readonly cacheResult: CacheResult;
  /** The value of Cache-Status (RFC 9211). */
  readonly cacheStatus: string;
  readonly outcome:
    | {
        readonly type: 'done';
        readonly result: Found;
        readonly servedBy: string;
        /** As in ReadOutcome: of a stale read alone. */
        readonly staleMs?: number | null;
      }
    | Exclude<ReadOutcome, { type: 'done' }>
    | NotCached;
}

export interface StoreReader {
  /** What can be answered in this turn, without asking anybody; null where `get` is to be called. */
  getAtOnce(query: GetQuery, options: ReadOptions): Reading<GetResult> | null;
  /** As getAtOnce. */
  listAtOnce(query: ListQuery, options: ReadOptions): Reading<ListPage> | null;
  get(query: GetQuery, options: ReadOptions): Promise<Reading<GetResult>>;
  list(query: ListQuery, options: ReadOptions): Promise<Reading<ListPage>>;
}

export interface StoreWriter {
  write(write: Write, timeoutMs: number): Promise<WriteOutcome>;
}

const bypass = { cacheResult: 'bypass', cacheStatus: 'bazar; fwd=bypass' } as const;
export const notCached = {
  cacheResult: 'onlyIfCached',
  cacheStatus: 'bazar; detail=only-if-cached',
  outcome: { type: 'notCached' },
} as const;

/** Every read goes to a replica. */
export function createDirectReader(client: Pick<StoreClient, 'read'>): StoreReader {
  return {
    getAtOnce: () => null,
    listAtOnce: () => null,
    async get(query, { directives, ...options }) {
      if (directives.onlyIfCached) return notCached;
      const outcome = await client.read(query, options);
      if (outcome.type !== 'done') return { ...bypass, outcome };
      if (outcome.result.type !== 'get') throw mismatch(query, outcome.result);
      return { ...bypass, outcome: served(outcome, outcome.result) };
    },
    async list(query, { directives, ...options }) {
      if (directives.onlyIfCached) return notCached;
      const outcome = await client.read(query, options);
      if (outcome.type !== 'done') return { ...bypass, outcome };
      if (outcome.result.type !== 'list') throw mismatch(query, outcome.result);
      return { ...bypass, outcome: served(outcome, pageOf(query.prefix, outcome.result)) };
    },
  };
}

/** What has come, as it is shown. */
export function fetched(query: GetQuery | ListQuery, outcome: ReadOutcome): Fetched {
  if (outcome.type !== 'done') return outcome;
  const { result } = outcome;
  if (query.type === 'get' && result.type === 'get') return { ...outcome, result };
  if (query.type === 'list' && result.type === 'list') return { ...outcome, result: pageOf(query.prefix, result) };
  throw mismatch(query, result);
}

/** `result` is the outcome's own, of a type that has been checked. */
export function served<Found extends Result>(
  { replica, staleMs }: Pick<Extract<Fetched, { type: 'done' }>, 'replica' | 'staleMs'>,
  result: Found,
): Extract<Reading<Found>['outcome'], { type: 'done' }> {
  return { type: 'done', result, servedBy: replica, ...(staleMs === undefined ? {} : { staleMs }) };
}

function mismatch(query: Query, result: QueryResult): Error {
  return new Error(`a ${query.type} was answered with the result of a ${result.type}`);
}
