/** Searches and what they find, as parts of messages in the form of wire.ts. Documents are in the tail. */
import { unreachable } from '../raft/assert.ts';
import type { QueryResult } from './command.ts';
import { decodeDocument, encodeDocument } from './document-codec.ts';
import {
  type Filter,
  type Position,
  type SearchQuery,
  type SearchRefusal,
  searchLimits,
  searchProblem,
} from './search-query.ts';
import { indexKinds, transactionLimits } from './transaction.ts';
import { choice, flag, list, MalformedError, natural, orNull, type Tail, text, tuple } from './wire.ts';
import { collectionName, documentId, fieldName } from './wire-names.ts';

type Found = Extract<QueryResult, { type: 'search' }>['result'];

/** Positions are on the wire: add at the end. */
const filterTypes = ['term', 'contains', 'words', 'number'] as const;
const resultTypes = ['found', 'refused', 'definitionChanged', 'noCollection'] as const;
const refusalReasons = ['noIndex', 'indexNotReady', 'tooManyRows'] as const;

export function encodeSearchQuery(query: SearchQuery): readonly unknown[] {
  const { collection, filters, sort, after, limit, fields, count } = query;
  const order = sort && [sort.field, sort.descending];
  return [collection, filters.map(encodeFilter), order, after && encodePosition(after), limit, fields, count];
}

export function decodeSearchQuery(value: unknown): SearchQuery {
  const [collection, filters, sort, after, limit, fields, count] = tuple(value, 7);
  const query = {
    collection: collectionName(collection),
    filters: list(filters, searchLimits.filtersMax).map(decodeFilter),
    sort: orNull(sort, (order) => {
      const [field, descending] = tuple(order, 2);
      return { field: fieldName(field), descending: flag(descending) };
    }),
    after: orNull(after, decodePosition),
    limit: natural(limit),
    fields: orNull(fields, (names) => list(names, searchLimits.fieldsMax).map(fieldName)),
    count: flag(count),
  };
  if (searchProblem(query) !== null) throw new MalformedError();
  return query;
}

function encodeFilter(filter: Filter): readonly unknown[] {
  const { field } = filter;
  switch (filter.type) {
    case 'term':
      return [0, field, filter.term];
    case 'contains':
      return [1, field, filter.text];
    case 'words':
      return [2, field, filter.words];
    case 'number':
      return [3, field, [filter.min, filter.max, filter.minExclusive, filter.maxExclusive]];
    default:
      return unreachable(filter);
  }
}

function decodeFilter(value: unknown): Filter {
  const [position, name, content] = tuple(value, 3);
  const type = choice(position, filterTypes);
  const field = fieldName(name);
  switch (type) {
    case 'term':
      return { field, type, term: termText(content) };
    case 'contains':
      return { field, type, text: termText(content) };
    case 'words':
      return { field, type, words: list(content, searchLimits.wordsMax).map(termText) };
    case 'number': {
      const [min, max, minExclusive, maxExclusive] = tuple(content, 4);
      return {
        field,
        type,
        min: orNull(min, finite),
        max: orNull(max, finite),
        minExclusive: flag(minExclusive),
        maxExclusive: flag(maxExclusive),
      };
    }
    default:
      return unreachable(type);
  }
}

export function encodeSearchResult(result: Found, tail: Uint8Array[]): readonly unknown[] {
  switch (result.type) {
    case 'found': {
      const documents = result.documents.map((document) => encodeDocument(document, tail));
      const count = result.count && [result.count.documents, result.count.exact];
      return [0, documents, result.next && encodePosition(result.next), count];
    }
    case 'refused':
      return [1, encodeRefusal(result.refusal)];
    case 'definitionChanged':
      return [2];
    case 'noCollection':
      return [3];
    default:
      return unreachable(result);
  }
}

export function decodeSearchResult(value: unknown, tail: Tail): Found {
  const fields = list(value, 4);
  const type = choice(fields[0], resultTypes);
  switch (type) {
    case 'found': {
      const [, documents, next, count] = tuple(fields, 4);
      return {
        type,
        documents: list(documents, searchLimits.documentsMax).map((document) => decodeDocument(document, tail)),
        next: orNull(next, decodePosition),
        count: orNull(count, (counted) => {
          const [total, exact] = tuple(counted, 2);
          return { documents: natural(total), exact: flag(exact) };
        }),
      };
    }
    case 'refused':
      return { type, refusal: decodeRefusal(tuple(fields, 2)[1]) };
    case 'definitionChanged':
    case 'noCollection':
      tuple(fields, 1);
      return { type };
    default:
      return unreachable(type);
  }
}

function encodeRefusal(refusal: SearchRefusal): readonly unknown[] {
  switch (refusal.reason) {
    case 'noIndex': {
      const { field, kind, kinds } = refusal;
      return [0, field, indexKinds.indexOf(kind), kinds.map((each) => indexKinds.indexOf(each))];
    }
    case 'indexNotReady': {
      const { field, kind, cursor, documents } = refusal;
      return [1, field, indexKinds.indexOf(kind), cursor, documents];
    }
    case 'tooManyRows': {
      const { rows, help } = refusal;
      return [2, rows, help && [help.field, indexKinds.indexOf(help.kind)]];
    }
    default:
      return unreachable(refusal);
  }
}

function decodeRefusal(value: unknown): SearchRefusal {
  const fields = list(value, 5);
  const reason = choice(fields[0], refusalReasons);
  switch (reason) {
    case 'noIndex': {
      const [, field, kind, kinds] = tuple(fields, 4);
      const others = list(kinds, indexKinds.length).map((each) => choice(each, indexKinds));
      return { reason, field: fieldName(field), kind: choice(kind, indexKinds), kinds: others };
    }
    case 'indexNotReady': {
      const [, field, kind, cursor, documents] = tuple(fields, 5);
      const progress = { cursor: orNull(cursor, documentId), documents: natural(documents) };
      return { reason, field: fieldName(field), kind: choice(kind, indexKinds), ...progress };
    }
    case 'tooManyRows': {
      const [, rows, help] = tuple(fields, 3);
      const index = orNull(help, (each) => {
        const [field, kind] = tuple(each, 2);
        return { field: fieldName(field), kind: choice(kind, indexKinds) };
      });
      return { reason, rows: natural(rows), help: index };
    }
    default:
      return unreachable(reason);
  }
}

function encodePosition({ sortValue, id }: Position): readonly unknown[] {
  return [sortValue, id];
}

function decodePosition(value: unknown): Position {
  const [sortValue, id] = tuple(value, 2);
  return { sortValue: orNull(sortValue, finite), id: documentId(id) };
}

/** `searchProblem` looks at its bytes. */
function termText(value: unknown): string {
  const term = text(value, transactionLimits.termBytesMax);
  if (!term.isWellFormed()) throw new MalformedError();
  return term;
}

function finite(value: unknown): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new MalformedError();
  return value;
}
