/** Reads as the cache knows them: what is asked, under which name the answer is kept, and what would end it. */
import { type Touch, touchOfCollection, touchOfDocument, touchOfKey, touchOfPrefix } from '../store/client.ts';
import { documentName, keyName, listName, searchName } from './cache/entry.ts';
import { touchesOfSearch, touchesOfShown } from './catalog/search-touches.ts';
import type { CatalogQuery, DocumentQuery, GetQuery, ListQuery, ReadQuery, Result, SearchQuery } from './store.ts';

export interface Question {
  /** What a replica is asked, to keep its answer: a value comes even where its head alone is wanted. */
  readonly query: ReadQuery;
  readonly name: string;
  /** What ends any answer. */
  readonly touches: readonly Touch[];
  /**
   * What ends this answer, `touches` among it; null for one that may not be kept, as it can change though nothing is
   * touched. The answer has come from a replica.
   */
  readonly touchesOf: (answer: Result) => readonly Touch[] | null;
  /** The answer is one of many that are read once, and is kept when it comes for the second time. */
  readonly isKeptAtSecondSight: boolean;
}

export function questionOf(query: ReadQuery): Question {
  switch (query.type) {
    case 'get':
      return keyQuestion(query);
    case 'list':
      return listQuestion(query);
    case 'document':
    case 'search':
      return catalogQuestion(query);
  }
}

export function keyQuestion(query: GetQuery): Question {
  const { key, withValue } = query;
  return plainQuestion(withValue ? query : { ...query, withValue: true }, keyName(key), touchOfKey(key));
}

/** The prefix must be cacheable. */
export function listQuestion(query: ListQuery): Question {
  return plainQuestion(query, listName(query), touchOfPrefix(query.prefix));
}

export function catalogQuestion(query: CatalogQuery): Question {
  return query.type === 'document' ? documentQuestion(query) : searchQuestion(query);
}

export function catalogName(query: CatalogQuery): string {
  return query.type === 'document' ? documentName(query) : searchName(query);
}

function plainQuestion(query: GetQuery | ListQuery, name: string, touch: Touch): Question {
  const touches = [touch];
  return { query, name, touches, touchesOf: () => touches, isKeptAtSecondSight: query.type === 'list' };
}

/** That there is no such collection ends with its definition. */
function documentQuestion(query: DocumentQuery): Question {
  const { collection, id, withJson } = query;
  const touches = [touchOfDocument(collection, id)];
  return {
    query: withJson ? query : { ...query, withJson: true },
    name: documentName(query),
    touches,
    touchesOf: (answer) =>
      answer.type === 'document' && answer.hasCollection ? touches : [...touches, touchOfCollection(collection)],
    isKeptAtSecondSight: false,
  };
}

/** Of an answer in many pages those behind the first are read once, as a rule. */
function searchQuestion(query: SearchQuery): Question {
  const { search } = query;
  const touches = touchesOfSearch(search);
  return {
    query,
    name: searchName(query),
    touches,
    touchesOf: (answer) =>
      answer.type === 'search' ? [...new Set([...touches, ...touchesOfShown(search, answer.ids)])] : null,
    isKeptAtSecondSight: search.after !== null,
  };
}
