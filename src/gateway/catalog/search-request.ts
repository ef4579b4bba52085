/** What a search asks for, from its query parameters and the collection's definition. */
import { type Collection, fieldProblem, type Search, searchLimits, searchProblem } from '../../store/client.ts';
import { HttpProblem } from '../errors.ts';
import { badParameter, flagOf, limitOf } from '../parameters.ts';
import type { SearchQuery } from '../store.ts';
import { decodeSearchCursor } from './search-cursor.ts';
import { filtersOf, noIndex, searchParameters, wordsFilter } from './search-filters.ts';

const ownParameters: ReadonlySet<string> = new Set(searchParameters);

const documentsDefault = 50;

/**
 * Throws HttpProblem naming the parameter that is at fault, by this definition. Equal searches are equal however they are
 * written, as far as that costs nothing.
 */
export function parseSearch(collection: Collection, parameters: ReadonlyMap<string, string>): SearchQuery {
  const ofFields = [...parameters].filter(([name]) => !ownParameters.has(name));
  const words = parameters.get('q');
  const filters = [
    ...filtersOf(collection, ofFields),
    ...(words === undefined ? [] : [wordsFilter(collection, words)]),
  ];
  if (filters.length > searchLimits.filtersMax) {
    const expected = `expected at most ${searchLimits.filtersMax} of them, got ${filters.length}`;
    throw new HttpProblem('bad_parameter', `the query parameters that say which documents fit: ${expected}`);
  }
  const first: Search = {
    ...{ collection: collection.name, filters, sort: sortOf(collection, parameters.get('sort')), after: null },
    ...{ limit: limitOf(parameters, documentsDefault), fields: fieldsOf(parameters.get('fields')) },
    count: flagOf(parameters, 'count'),
  };
  const search = { ...first, after: positionOf(first, parameters.get('cursor')) };
  const problem = searchProblem(search);
  if (problem !== null) throw new HttpProblem('bad_parameter', `this search cannot be made: ${problem.problem}`);
  return { type: 'search', definition: collection.modRevision, search };
}

function positionOf(search: Search, cursor: string | undefined): Search['after'] {
  if (cursor === undefined) return null;
  const position = decodeSearchCursor(search, cursor);
  if (position !== null) return position;
  throw badParameter('cursor', 'the cursor of the page before, of the same search in the same order', cursor);
}

/** `-price`: from the highest on. A field may have a name that begins so. */
function sortOf(collection: Collection, text: string | undefined): Search['sort'] {
  if (text === undefined) return null;
  const hasNumbers = (field: string) =>
    collection.indexes.some((index) => index.field === field && index.kind === 'number');
  if (hasNumbers(text)) return { field: text, descending: false };
  const descending = text.startsWith('-');
  const field = descending ? text.slice(1) : text;
  if (!descending || !hasNumbers(field)) throw noIndex(collection, 'sort', field, ['number']);
  return { field, descending };
}

/** Each once, whatever their order: a JSON object has none. */
function fieldsOf(text: string | undefined): readonly string[] | null {
  if (text === undefined) return null;
  const fields = [...new Set(text.split(','))].sort();
  for (const field of fields) {
    const reason = fieldProblem(field);
    if (reason !== null) throw badParameter('fields', `names of fields, separated by commas (${reason})`, text);
  }
  if (fields.length <= searchLimits.fieldsMax) return fields;
  throw badParameter('fields', `at most ${searchLimits.fieldsMax} names of fields, separated by commas`, text);
}
