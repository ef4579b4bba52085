/** What each query is answered with by the model, as it stands: every document is looked at. */
import { unreachable } from '../../src/raft/assert.ts';
import type { Index } from '../../src/raft/types.ts';
import type { Collection } from '../../src/store/collection.ts';
import type { Query, QueryResult } from '../../src/store/command.ts';
import type { Filter, Position, SearchQuery, SearchRefusal, SearchResult } from '../../src/store/search-query.ts';
import type { Document, IndexKind, Transaction, TransactionResult } from '../../src/store/transaction.ts';
import { documentIn, keyValueIn, type ModelDocument, type ModelState } from './catalog-model-state.ts';
import { evaluateInModel } from './catalog-model-transaction.ts';

type QueryOf<Type extends Query['type']> = Extract<Query, { readonly type: Type }>;
type SearchAnswer = Extract<QueryResult, { readonly type: 'search' }>['result'];
/** Digests are nobody's but the replica's. */
export type ModelQuery = Exclude<Query, { readonly type: 'digests' }>;

export function answerOf(state: ModelState, query: ModelQuery, revision: Index): QueryResult {
  switch (query.type) {
    case 'get': {
      const stored = state.values.at(query.key);
      const item = stored && withoutValue(keyValueIn(query.key, stored), query.withValue);
      return { type: 'get', revision, item };
    }
    case 'list': {
      const { prefix, after, limit, keysOnly } = query;
      const all = state.keysOf(prefix).filter(([key]) => after === null || isBehind(key, after));
      const items = all.slice(0, limit).map(([key, stored]) => withoutValue(keyValueIn(key, stored), !keysOnly));
      return { type: 'list', revision, items, more: all.length > limit };
    }
    case 'document': {
      const collection = state.collections.at(query.collection);
      const stored = collection && state.document(collection, query.id);
      const document = stored && shown(query.id, stored, query.withJson ? null : []);
      return { type: 'document', revision, hasCollection: collection !== null, document };
    }
    case 'search':
      return { type: 'search', revision, result: searchAt(state, query) };
    case 'transaction':
      return { type: 'transaction', revision, result: readTransaction(state, query.transaction, revision) };
    case 'collection':
      return { type: 'collection', revision, collection: state.collections.at(query.name) };
    case 'collections': {
      const all = state.collections.all.toSorted(([a], [b]) => (isBehind(a, b) ? 1 : -1));
      return { type: 'collections', revision, collections: all.map(([, collection]) => collection) };
    }
    default:
      return unreachable(query);
  }
}

function readTransaction(state: ModelState, transaction: Transaction, revision: Index): TransactionResult {
  const evaluated = evaluateInModel(transaction, state, revision);
  if (evaluated.type === 'failed') return { ...evaluated, type: 'transactionFailed' };
  const { succeeded, results } = evaluated;
  return { type: 'transaction', revision, succeeded, results, replayed: false };
}

function searchAt(state: ModelState, { definition, search }: QueryOf<'search'>): SearchAnswer {
  const collection = state.collections.at(search.collection);
  if (collection === null) return { type: 'noCollection' };
  if (collection.modRevision !== definition) return { type: 'definitionChanged' };
  const refusal = refusalOf(collection, search);
  if (refusal !== null) return { type: 'refused', refusal };
  const fitting = state
    .documentsOf(collection)
    .filter(([, document]) => search.filters.every((filter) => fits(document, filter, collection)))
    .flatMap(([id, stored]) => {
      const position = positionOf(id, stored, search, collection);
      return position === null ? [] : [{ ...position, stored }];
    })
    .sort((a, b) => inOrder(a, b, search));
  const { after, limit, fields, count } = search;
  const behind = fitting.filter((position) => after === null || inOrder(position, after, search) > 0);
  const page = behind.slice(0, limit);
  const documents = page.map(({ id, stored }) => shown(id, stored, fields));
  const last = page.at(-1);
  const next = last === undefined || behind.length <= limit ? null : { sortValue: last.sortValue, id: last.id };
  return {
    type: 'found',
    documents,
    next,
    count: count ? { documents: fitting.length, exact: true } : null,
  } satisfies SearchResult;
}

const kindOf: Readonly<Record<Filter['type'], IndexKind>> = {
  term: 'term',
  contains: 'term',
  words: 'words',
  number: 'number',
};

function refusalOf(collection: Collection, { filters, sort }: SearchQuery): SearchRefusal | null {
  const wanted = filters.map((filter) => ({ field: filter.field, kind: kindOf[filter.type] }));
  if (sort !== null) wanted.push({ field: sort.field, kind: 'number' });
  for (const { field, kind } of wanted) {
    const kinds = collection.indexes.filter((index) => index.field === field).map((index) => index.kind);
    const index = collection.indexes.find((each) => each.field === field && each.kind === kind);
    if (index === undefined) return { reason: 'noIndex', field, kind, kinds };
    if (index.state.type === 'ready') continue;
    return { reason: 'indexNotReady', field, kind, cursor: index.state.cursor, documents: collection.documents };
  }
  return null;
}

function termsIn(document: ModelDocument, field: string, kind: IndexKind, collection: Collection) {
  const index = collection.indexes.find((each) => each.field === field && each.kind === kind);
  return (index && document.terms.get(index.number)) ?? [];
}

function fits(document: ModelDocument, filter: Filter, collection: Collection): boolean {
  const terms = termsIn(document, filter.field, kindOf[filter.type], collection);
  switch (filter.type) {
    case 'term':
      return terms.includes(filter.term);
    case 'contains':
      return terms.some((term) => `${term}`.includes(filter.text));
    case 'words':
      return filter.words.every((word) => terms.includes(word));
    case 'number':
      return terms.some((term) => isWithin(Number(term), filter));
    default:
      return unreachable(filter);
  }
}

function isWithin(number: number, range: Extract<Filter, { type: 'number' }>): boolean {
  const { min, max, minExclusive, maxExclusive } = range;
  if (min !== null && (minExclusive ? number <= min : number < min)) return false;
  return max === null || (maxExclusive ? number < max : number <= max);
}

/** Null: it is in no answer in this order. */
function positionOf(
  id: string,
  document: ModelDocument,
  { sort, filters }: SearchQuery,
  collection: Collection,
): Position | null {
  if (sort === null) return { id, sortValue: null };
  const range = filters.find((filter) => filter.type === 'number' && filter.field === sort.field);
  const numbers = termsIn(document, sort.field, 'number', collection)
    .map(Number)
    .filter((number) => range?.type !== 'number' || isWithin(number, range));
  if (numbers.length === 0) return null;
  return { id, sortValue: sort.descending ? Math.max(...numbers) : Math.min(...numbers) };
}

function inOrder(a: Position, b: Position, { sort }: SearchQuery): number {
  const ascending = (a.sortValue ?? 0) - (b.sortValue ?? 0) || (a.id === b.id ? 0 : isBehind(a.id, b.id) ? 1 : -1);
  return sort?.descending ? -ascending : ascending;
}

/** `fields` null: all of it; none: no JSON. */
function shown(id: string, stored: ModelDocument, fields: readonly string[] | null): Document {
  const { json, ...document } = documentIn(id, stored);
  if (json === undefined || fields?.length === 0) return document;
  if (fields === null) return { ...document, json };
  const members = Object.entries(JSON.parse(Buffer.from(json).toString()) as object);
  const picked = Object.fromEntries(members.filter(([name]) => fields.includes(name)));
  return { ...document, json: Buffer.from(JSON.stringify(picked)) };
}

function withoutValue<Item extends { readonly value?: Uint8Array }>(item: Item, withValue: boolean): Item {
  if (withValue) return item;
  const { value: _, ...head } = item;
  return head as Item;
}

function isBehind(name: string, other: string): boolean {
  return Buffer.compare(Buffer.from(name), Buffer.from(other)) > 0;
}
