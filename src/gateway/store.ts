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
  WriteType,
} from '../store/client.ts';
import type { CacheDirectives } from './cache-control.ts';
import { type NoPage, type SearchPage, searchAnswerOf } from './catalog/search-page.ts';
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
export type DocumentQuery = Extract<Query, { type: 'document' }>;
export type SearchQuery = Extract<Query, { type: 'search' }>;
export type CatalogQuery = DocumentQuery | SearchQuery;
export type ReadQuery = GetQuery | ListQuery | CatalogQuery;

export type GetResult = Extract<QueryResult, { type: 'get' }>;
export type DocumentResult = Extract<QueryResult, { type: 'document' }>;

interface Results {
  readonly get: GetResult;
  readonly list: ListPage;
  readonly document: DocumentResult;
  readonly search: SearchPage | NoPage;
}

/** What answers a query, as it is shown. */
export type ResultOf<Asked extends ReadQuery> = Results[Asked['type']];
export type Result = ResultOf<ReadQuery>;

/** What a replica has answered, or why none has. */
export type Fetched<Found extends Result = Result> =
  | {
      readonly type: 'done';
      readonly result: Found;
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
  /** As getAtOnce, of a document or a search. */
  atOnce<Asked extends CatalogQuery>(query: Asked, options: ReadOptions): Reading<ResultOf<Asked>> | null;
  read<Asked extends CatalogQuery>(query: Asked, options: ReadOptions): Promise<Reading<ResultOf<Asked>>>;
}

export interface StoreWriter {
  write<Type extends WriteType>(
    write: Extract<Write, { readonly type: Type }>,
    timeoutMs: number,
  ): Promise<WriteOutcome<Type>>;
}

const bypass = { cacheResult: 'bypass', cacheStatus: 'bazar; fwd=bypass' } as const;
export const notCached = {
  cacheResult: 'onlyIfCached',
  cacheStatus: 'bazar; detail=only-if-cached',
  outcome: { type: 'notCached' },
} as const;

/** Every read goes to a replica. */
export function createDirectReader(client: Pick<StoreClient, 'read'>): StoreReader {
  const read = async <Asked extends ReadQuery>(
    query: Asked,
    { directives, ...options }: ReadOptions,
  ): Promise<Reading<ResultOf<Asked>>> => {
    if (directives.onlyIfCached) return notCached;
    const outcome = fetched(query, await client.read(query, options));
    return { ...bypass, outcome: outcome.type === 'done' ? served(outcome, outcome.result) : outcome };
  };
  return { getAtOnce: () => null, listAtOnce: () => null, atOnce: () => null, get: read, list: read, read };
}

/** What has come, as it is shown. Throws if it answers another query. */
export function fetched<Asked extends ReadQuery>(query: Asked, outcome: ReadOutcome): Fetched<ResultOf<Asked>> {
  if (outcome.type !== 'done') return outcome;
  return { ...outcome, result: shown(query, outcome.result) as ResultOf<Asked> };
}

function shown(query: ReadQuery, result: QueryResult): Result {
  if (query.type === 'get' && result.type === 'get') return result;
  if (query.type === 'list' && result.type === 'list') return pageOf(query.prefix, result);
  if (query.type === 'document' && result.type === 'document') return result;
  if (query.type === 'search' && result.type === 'search') return searchAnswerOf(query, result);
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
