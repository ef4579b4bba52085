/** What a search asks and answers. The evaluation is in search.ts. */
import { unreachable } from '../raft/assert.ts';
import type { NumberRange } from './index-rows.ts';
import type { JsonProblem } from './json.ts';
import { type Document, type IndexKind, transactionLimits } from './transaction.ts';

/** Texts, terms and words are in their normal form (terms.ts). Of a list of values, any one may be the one that fits. */
export type Filter =
  /** One of the field's texts is exactly this one. Needs an index of kind `term`. */
  | { readonly field: string; readonly type: 'term'; readonly term: string }
  /** One of the field's texts contains this one. Needs an index of kind `term`, and reads all of it at worst. */
  | { readonly field: string; readonly type: 'contains'; readonly text: string }
  /** The field has all these words. Needs an index of kind `words`. */
  | { readonly field: string; readonly type: 'words'; readonly words: readonly string[] }
  /** One of the field's numbers is in the range. Needs an index of kind `number`. */
  | ({ readonly field: string; readonly type: 'number' } & NumberRange);

/** Where a document stands in an answer. */
export interface Position {
  /** Null unless the answer is sorted by a field. */
  readonly sortValue: number | null;
  readonly id: string;
}

export interface SearchQuery {
  readonly collection: string;
  /** All of them must fit. */
  readonly filters: readonly Filter[];
  /**
   * Null: by id. Else by the number of a field that has an index of kind `number`, then by id, all in reverse if descending. Documents
   * without a number there are not in the answer. Of several numbers the smallest counts, or the largest if descending: of those
   * that the first range on that field allows, if there is one.
   */
  readonly sort: { readonly field: string; readonly descending: boolean } | null;
  /** What stands behind it is wanted, whether or not there is still a document at it. */
  readonly after: Position | null;
  /** 1 to 1000; a page is at most 1 MiB of documents as well, or picked from 8 MiB of them, and one document at least. */
  readonly limit: number;
  /** Of the top level; null: whole documents. */
  readonly fields: readonly string[] | null;
  /** Whether to count all that fit, on whatever page. */
  readonly count: boolean;
}

export type SearchRefusal =
  /** `kinds`: those of the indexes that the field has; none if the collection does not know it. */
  | {
      readonly reason: 'noIndex';
      readonly field: string;
      readonly kind: IndexKind;
      readonly kinds: readonly IndexKind[];
    }
  /** Documents with ids up to and including `cursor` are in it; `documents`: how many the collection has. */
  | {
      readonly reason: 'indexNotReady';
      readonly field: string;
      readonly kind: IndexKind;
      readonly cursor: string | null;
      readonly documents: number;
    }
  /** `help`: the index that would narrow it down; null: an exact term would, of any field. */
  | {
      readonly reason: 'tooManyRows';
      readonly rows: number;
      readonly help: { readonly field: string; readonly kind: IndexKind } | null;
    };

/** How many documents fit, on whatever page: exactly, or at least. */
export interface Count {
  readonly documents: number;
  readonly exact: boolean;
}

export type SearchResult =
  | {
      readonly type: 'found';
      /** With JSON: whole, or of the fields that were asked for. */
      readonly documents: readonly Document[];
      /** Of the last document, if others may follow it: a query with this `after` has them. */
      readonly next: Position | null;
      /** Null unless it was asked for. */
      readonly count: Count | null;
    }
  | { readonly type: 'refused'; readonly refusal: SearchRefusal };

export const searchLimits = {
  filtersMax: 8,
  wordsMax: 16,
  fieldsMax: 64,
  documentsMax: 1000,
  pageBytesMax: 1024 * 1024,
  /** Of whole documents, where a page has some of their fields. */
  pickedFromBytesMax: 8 * 1024 * 1024,
  /**
   * Rows that are looked at in one way to find a page, of two ways at most, and once more for a count; a large row counts once more for
   * each 4 KiB of it. Measured on LevelDB with documents of 1 KB: some 8 µs of processor a row, so a fifth of a second for all of them.
   */
  rowsMax: 25_000,
} as const;

/** What the text of the query alone shows to be wrong; null: nothing. */
export function searchProblem({ filters, sort, after, limit, fields }: SearchQuery): JsonProblem | null {
  if (filters.length > searchLimits.filtersMax) return tooMany('/filters', 'filters', searchLimits.filtersMax);
  for (const [position, filter] of filters.entries()) {
    const problem = filterProblem(filter, `/filters/${position}`);
    if (problem !== null) return problem;
  }
  if (fields !== null && fields.length > searchLimits.fieldsMax)
    return tooMany('/fields', 'fields', searchLimits.fieldsMax);
  if (!Number.isInteger(limit) || limit < 1 || limit > searchLimits.documentsMax) {
    return { path: '/limit', problem: `a page has 1 to ${searchLimits.documentsMax} documents, got ${limit}` };
  }
  if (after !== null && (sort === null) !== (after.sortValue === null)) {
    return { path: '/after', problem: 'this position is of an answer in another order: begin again without it' };
  }
  if (after !== null && after.sortValue !== null && !Number.isFinite(after.sortValue)) {
    return { path: '/after/sortValue', problem: `a position has a finite number, got ${after.sortValue}` };
  }
  return null;
}

function filterProblem(filter: Filter, path: string): JsonProblem | null {
  switch (filter.type) {
    case 'term':
      return textProblem(filter.term, `${path}/term`);
    case 'contains':
      if (filter.text === '')
        return { path: `${path}/text`, problem: 'every text contains the empty one: leave it out' };
      return textProblem(filter.text, `${path}/text`);
    case 'words': {
      if (filter.words.length === 0)
        return { path: `${path}/words`, problem: 'there is no word in it: name one at least' };
      if (filter.words.length > searchLimits.wordsMax) return tooMany(`${path}/words`, 'words', searchLimits.wordsMax);
      const problems = filter.words.map((word, position) => textProblem(word, `${path}/words/${position}`));
      return problems.find((problem) => problem !== null) ?? null;
    }
    case 'number':
      return rangeProblem(filter, path);
    default:
      return unreachable(filter);
  }
}

function textProblem(text: string, path: string): JsonProblem | null {
  const bytes = Buffer.byteLength(text);
  if (bytes <= transactionLimits.termBytesMax) return null;
  return { path, problem: `at most ${transactionLimits.termBytesMax} bytes can be searched for, got ${bytes}` };
}

function rangeProblem({ min, max }: NumberRange, path: string): JsonProblem | null {
  if (min !== null && !Number.isFinite(min))
    return { path: `${path}/min`, problem: `expected a finite number, got ${min}` };
  if (max !== null && !Number.isFinite(max))
    return { path: `${path}/max`, problem: `expected a finite number, got ${max}` };
  return null;
}

function tooMany(path: string, what: string, max: number): JsonProblem {
  return { path, problem: `at most ${max} ${what} in one search` };
}

/** For people: what was wrong, what was expected, and what to do. */
export function refusalText(refusal: SearchRefusal, collection: string): string {
  switch (refusal.reason) {
    case 'noIndex': {
      const { field, kind, kinds } = refusal;
      const known =
        kinds.length === 0
          ? `has no index on the field "${field}"`
          : `indexes "${field}" as ${kinds.join(' and ')} only`;
      return `the collection "${collection}" ${known}: this search needs one of kind "${kind}", define it first`;
    }
    case 'indexNotReady': {
      const { field, kind, cursor, documents } = refusal;
      const far = cursor === null ? 'nothing' : `what has an id up to "${cursor}"`;
      return `the index of kind "${kind}" on "${field}" is still being built: of ${documents} documents it has ${far}; try again later`;
    }
    case 'tooManyRows': {
      const { rows, help } = refusal;
      const advice =
        help === null
          ? 'ask for an exact term or a word as well, or for a narrower range'
          : `index "${help.field}" as "${help.kind}" and search by that, or ask for an exact term as well`;
      return `more than ${rows} rows would have to be looked at for this page: ${advice}`;
    }
    default:
      return unreachable(refusal);
  }
}
