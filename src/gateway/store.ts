/**
 * What routes need of the store. A cache takes its place between them by being a StoreReader.
 */
import type { Query, QueryResult, ReadOutcome, StoreClient, Write, WriteOutcome } from '../store/client.ts';

export interface ReadOptions {
  readonly timeoutMs: number;
  readonly replica?: string;
}

export type GetQuery = Extract<Query, { type: 'get' }>;
export type ListQuery = Extract<Query, { type: 'list' }>;
export type GetResult = Extract<QueryResult, { type: 'get' }>;
export type ListResult = Extract<QueryResult, { type: 'list' }>;

export interface Reading<Result> {
  /** The value of Cache-Status (RFC 9211). */
  readonly cacheStatus: string;
  readonly outcome:
    | { readonly type: 'done'; readonly result: Result; readonly servedBy: string }
    | Exclude<ReadOutcome, { type: 'done' }>;
}

export interface StoreReader {
  get(query: GetQuery, options: ReadOptions): Promise<Reading<GetResult>>;
  list(query: ListQuery, options: ReadOptions): Promise<Reading<ListResult>>;
}

export interface StoreWriter {
  write(write: Write, timeoutMs: number): Promise<WriteOutcome>;
}

const cacheStatus = 'bazar; fwd=bypass';

/** Every read goes to a replica. */
export function createDirectReader(client: StoreClient): StoreReader {
  return {
    async get(query, options) {
      const outcome = await client.read(query, options);
      if (outcome.type !== 'done') return { cacheStatus, outcome };
      if (outcome.result.type !== 'get') throw mismatch(query, outcome.result);
      return { cacheStatus, outcome: { type: 'done', result: outcome.result, servedBy: outcome.replica } };
    },
    async list(query, options) {
      const outcome = await client.read(query, options);
      if (outcome.type !== 'done') return { cacheStatus, outcome };
      if (outcome.result.type !== 'list') throw mismatch(query, outcome.result);
      return { cacheStatus, outcome: { type: 'done', result: outcome.result, servedBy: outcome.replica } };
    },
  };
}

function mismatch(query: Query, result: QueryResult): Error {
  return new Error(`a ${query.type} was answered with the result of a ${result.type}`);
}
