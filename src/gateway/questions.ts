/** Reads as the cache knows them: what is asked, under which name the answer is kept, and what would end it. */
import { type Touch, touchOfKey, touchOfPrefix } from '../store/client.ts';
import { keyName, listName } from './cache/entry.ts';
import type { GetQuery, ListQuery } from './store.ts';

export interface Question {
  /** What a replica is asked, to keep its answer: a value comes even where its head alone is wanted. */
  readonly query: GetQuery | ListQuery;
  readonly name: string;
  readonly touches: readonly Touch[];
}

export function questionOf(query: GetQuery | ListQuery): Question {
  return query.type === 'get' ? keyQuestion(query) : listQuestion(query);
}

export function keyQuestion(query: GetQuery): Question {
  const { key, withValue } = query;
  return { query: withValue ? query : { ...query, withValue: true }, name: keyName(key), touches: [touchOfKey(key)] };
}

/** The prefix must be cacheable. */
export function listQuestion(query: ListQuery): Question {
  return { query, name: listName(query), touches: [touchOfPrefix(query.prefix)] };
}
