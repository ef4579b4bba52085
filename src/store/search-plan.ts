/** What a search demands of the indexes of its collection. */
import { unreachable } from '../raft/assert.ts';
import type { Collection, CollectionIndex } from './collection.ts';
import type { IndexTerms } from './document.ts';
import type { IndexPlace, NumberRange, Term } from './index-rows.ts';
import type { Filter, SearchQuery, SearchRefusal } from './search-query.ts';
import type { IndexKind } from './transaction.ts';

/** Of the terms that a document has in one index. */
export type Condition = { readonly field: string; readonly place: IndexPlace } & (
  | { readonly type: 'exact'; readonly term: string }
  | { readonly type: 'contains'; readonly text: string }
  | { readonly type: 'range'; readonly range: NumberRange }
);

export type RangeCondition = Extract<Condition, { type: 'range' }>;

export interface Plan {
  readonly conditions: readonly Condition[];
  /** `by` is one of the conditions, if one is of the field in question. */
  readonly sort: { readonly by: RangeCondition; readonly descending: boolean } | null;
}

const everyNumber: NumberRange = { min: null, max: null, minExclusive: false, maxExclusive: false };

const kindOf: Readonly<Record<Filter['type'], IndexKind>> = {
  term: 'term',
  contains: 'term',
  words: 'words',
  number: 'number',
};

export function planOf(collection: Collection, { filters, sort }: SearchQuery): Plan | SearchRefusal {
  const conditions: Condition[] = [];
  for (const filter of filters) {
    const index = readyIndex(collection, filter.field, kindOf[filter.type]);
    if ('reason' in index) return index;
    conditions.push(...conditionsOf(filter, { collection: collection.number, index: index.number }));
  }
  if (sort === null) return { conditions, sort: null };
  const index = readyIndex(collection, sort.field, 'number');
  if ('reason' in index) return index;
  const place = { collection: collection.number, index: index.number };
  const stated = conditions.find((condition) => condition.type === 'range' && condition.field === sort.field);
  const by =
    stated?.type === 'range' ? stated : ({ field: sort.field, place, type: 'range', range: everyNumber } as const);
  return { conditions, sort: { by, descending: sort.descending } };
}

function readyIndex(collection: Collection, field: string, kind: IndexKind): CollectionIndex | SearchRefusal {
  const indexes = collection.indexes.filter((index) => index.field === field);
  const index = indexes.find((candidate) => candidate.kind === kind);
  if (index === undefined) return { reason: 'noIndex', field, kind, kinds: indexes.map((other) => other.kind) };
  if (index.state.type === 'ready') return index;
  return { reason: 'indexNotReady', field, kind, cursor: index.state.cursor, documents: collection.documents };
}

function conditionsOf(filter: Filter, place: IndexPlace): readonly Condition[] {
  const { field } = filter;
  switch (filter.type) {
    case 'term':
      return [{ field, place, type: 'exact', term: filter.term }];
    case 'contains':
      return [{ field, place, type: 'contains', text: filter.text }];
    case 'words':
      return filter.words.map((term) => ({ field, place, type: 'exact', term }));
    case 'number':
      return [{ field, place, type: 'range', range: filter }];
    default:
      return unreachable(filter);
  }
}

export function holds(condition: Condition, stored: readonly IndexTerms[]): boolean {
  return termsIn(stored, condition).some((term) => isOf(condition, term));
}

export function isOf(condition: Condition, term: Term): boolean {
  switch (condition.type) {
    case 'exact':
      return term === condition.term;
    case 'contains':
      return typeof term === 'string' && term.includes(condition.text);
    case 'range':
      return typeof term === 'number' && isWithin(term, condition.range);
    default:
      return unreachable(condition);
  }
}

function isWithin(number: number, { min, max, minExclusive, maxExclusive }: NumberRange): boolean {
  const above = min === null || number > min || (number === min && !minExclusive);
  return above && (max === null || number < max || (number === max && !maxExclusive));
}

/** What a document is sorted by; null: it is not in the answer. */
export function sortValueOf(
  { by, descending }: NonNullable<Plan['sort']>,
  stored: readonly IndexTerms[],
): number | null {
  const numbers = termsIn(stored, by).filter((term) => typeof term === 'number' && isOf(by, term));
  const value = descending ? numbers.at(-1) : numbers[0];
  return typeof value === 'number' ? value : null;
}

function termsIn(stored: readonly IndexTerms[], { place }: Condition): readonly Term[] {
  return stored.find(({ index }) => index === place.index)?.terms ?? [];
}
