/** What ends the answer to a search: src/store/DESIGN-catalog.md has the tags, ../DESIGN.md says why these are enough. */
import {
  type Filter,
  type IndexKind,
  type Search,
  type Touch,
  touchOfBlindChange,
  touchOfCollection,
  touchOfDocument,
  touchOfDocumentField,
  touchOfField,
  touchOfMembers,
  touchOfTerm,
} from '../../store/client.ts';

/** Of documents and fields in one answer: beyond, what it shows of them is told by field. */
const pairsMax = 256;

/** Of which documents fit, and in which order: known before anything has been found. */
export function touchesOfSearch({ collection, filters, sort }: Search): readonly Touch[] {
  const hasTerm = filters.some((filter) => exactTermsOf(filter).length > 0);
  return [
    touchOfCollection(collection),
    ...(hasTerm ? [] : [touchOfMembers(collection)]),
    ...filters.flatMap((filter) => touchesOfFilter(collection, filter)),
    ...(sort === null ? [] : [touchOfField(collection, sort.field)]),
  ];
}

/** Of what is shown of the documents with these ids. */
export function touchesOfShown({ collection, fields }: Search, ids: readonly string[]): readonly Touch[] {
  if (fields === null) return ids.map((id) => touchOfDocument(collection, id));
  if (ids.length * fields.length > pairsMax) return fields.map((field) => touchOfField(collection, field));
  return ids.flatMap((id) => fields.map((field) => touchOfDocumentField(collection, id, field)));
}

function touchesOfFilter(collection: string, filter: Filter): readonly Touch[] {
  const { field } = filter;
  const exact = exactTermsOf(filter);
  if (exact.length === 0) return [touchOfField(collection, field)];
  return [
    touchOfBlindChange(collection, field),
    ...exact.map(({ kind, term }) => touchOfTerm(collection, field, kind, term)),
  ];
}

interface ExactTerm {
  readonly kind: IndexKind;
  readonly term: string | number;
}

/** A document that fits has every one of these; none where it need not have a certain one. */
function exactTermsOf(filter: Filter): readonly ExactTerm[] {
  switch (filter.type) {
    case 'term':
      return [{ kind: 'term', term: filter.term }];
    case 'words':
      return filter.words.map((term) => ({ kind: 'words', term }));
    case 'number': {
      const { min, max, minExclusive, maxExclusive } = filter;
      return min !== null && min === max && !minExclusive && !maxExclusive ? [{ kind: 'number', term: min }] : [];
    }
    case 'contains':
      return [];
  }
}
