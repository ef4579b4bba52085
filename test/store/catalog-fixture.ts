/** A collection in rows, and the plainest way to search it. */
import { index } from '../../src/raft/types.ts';
import { type Collection, type CollectionIndex, indexNumber } from '../../src/store/collection.ts';
import { sealDocument, withFieldTerms } from '../../src/store/document.ts';
import { sealPosting } from '../../src/store/index-rows.ts';
import { type Json, type JsonObject, stringifyJson } from '../../src/store/json.ts';
import type { SealedRow } from '../../src/store/row.ts';
import type { Filter, Position, SearchQuery } from '../../src/store/search-query.ts';
import { normalText, termsOf, wordsOf } from '../../src/store/terms.ts';
import { compareTexts } from '../../src/store/text-order.ts';
import type { IndexKind } from '../../src/store/transaction.ts';
import { SortedReader } from './sorted-reader.ts';

export type Item = JsonObject & { readonly id: string };

const kinds: readonly (readonly [field: string, kind: IndexKind])[] = [
  ['author', 'term'],
  ['title', 'words'],
  ['title', 'term'],
  ['price', 'number'],
  ['rating', 'number'],
];

export function collectionOf(documents: number): Collection {
  const indexes = kinds.map(
    ([field, kind], place): CollectionIndex => ({
      number: indexNumber(index(7), place),
      field,
      kind,
      state: { type: 'ready' },
    }),
  );
  return { name: 'books', number: index(7), modRevision: index(7), idField: 'id', indexes, documents };
}

export function rowsOf(items: readonly Item[]): readonly SealedRow[] {
  const collection = collectionOf(items.length);
  return items.flatMap((item, at) => {
    const terms = withFieldTerms([], termsOf(item, collection.indexes), collection.indexes);
    const revision = index(10 + at);
    const row = sealDocument(collection.number, item.id, {
      createRevision: revision,
      modRevision: revision,
      version: 1,
      expiresAtMs: null,
      terms,
      json: stringifyJson(item),
    });
    const postings = terms.flatMap((list) =>
      list.terms.map((term) =>
        sealPosting({ collection: collection.number, index: list.index }, { term, id: item.id }),
      ),
    );
    return [row, ...postings];
  });
}

export const readerOf = (items: readonly Item[]): SortedReader => new SortedReader(rowsOf(items));

export const queryOf = (parts: Partial<SearchQuery>): SearchQuery => ({
  collection: 'books',
  filters: [],
  sort: null,
  after: null,
  limit: 1000,
  fields: null,
  count: false,
  ...parts,
});

const listOf = (value: Json | undefined): readonly Json[] => (Array.isArray(value) ? value : [value ?? null]);
const textsOf = (item: Item, field: string) => listOf(item[field]).filter((part) => typeof part === 'string');
const numbersOf = (item: Item, field: string) => listOf(item[field]).filter((part) => typeof part === 'number');

type Range = Extract<Filter, { type: 'number' }>;
const inRange = (range: Range) => (number: number) =>
  (range.min === null || (range.minExclusive ? number > range.min : number >= range.min)) &&
  (range.max === null || (range.maxExclusive ? number < range.max : number <= range.max));

function fits(item: Item, filter: Filter): boolean {
  switch (filter.type) {
    case 'term':
      return textsOf(item, filter.field).some((text) => normalText(text) === filter.term);
    case 'contains':
      return textsOf(item, filter.field).some((text) => normalText(text).includes(filter.text));
    case 'words': {
      const words = textsOf(item, filter.field).flatMap(wordsOf);
      return filter.words.every((word) => words.includes(word));
    }
    case 'number':
      return numbersOf(item, filter.field).some(inRange(filter));
  }
}

/** Every document that fits, in the order of the answer. */
export function scan(items: readonly Item[], { filters, sort }: SearchQuery): readonly Position[] {
  const found = items.filter((item) => filters.every((filter) => fits(item, filter)));
  if (sort === null) return found.map(({ id }) => ({ id, sortValue: null })).sort((a, b) => compareTexts(a.id, b.id));
  const range = filters.find((filter) => filter.type === 'number' && filter.field === sort.field) as Range | undefined;
  const sign = sort.descending ? -1 : 1;
  return found
    .map((item) => ({ id: item.id, numbers: numbersOf(item, sort.field).filter(range ? inRange(range) : () => true) }))
    .filter(({ numbers }) => numbers.length > 0)
    .map(({ id, numbers }) => ({ id, sortValue: sort.descending ? Math.max(...numbers) : Math.min(...numbers) }))
    .sort((a, b) => sign * (a.sortValue - b.sortValue || compareTexts(a.id, b.id)));
}
