/** From query parameters such as `author=Tanenbaum` or `price.lt=1500` to filters: how the field is indexed says which. */
import {
  type Collection,
  type Filter,
  type IndexKind,
  normalText,
  searchLimits,
  termOf,
  wordsOf,
} from '../../store/client.ts';
import { type HttpProblem, problemAt, quote } from '../errors.ts';
import { badField } from '../parameters.ts';
import { readParameters } from '../reads.ts';

/** What may stand behind a field's name and a dot, and the indexes that answer it: the first of these that there is. */
const kindsOfOperators = {
  eq: ['term', 'number', 'words'],
  contains: ['term'],
  words: ['words'],
  gt: ['number'],
  gte: ['number'],
  lt: ['number'],
  lte: ['number'],
} as const satisfies Readonly<Record<string, readonly IndexKind[]>>;

/** Parameters of these names are no fields: a field of such a name is searched for as `limit.eq`. */
export const searchParameters = ['q', 'sort', 'limit', 'cursor', 'fields', 'count', ...readParameters] as const;

type Operator = keyof typeof kindsOfOperators;
type Bound = 'gt' | 'gte' | 'lt' | 'lte';

type NumberFilter = Extract<Filter, { readonly type: 'number' }>;

/** The bounds of one field, with the names of the parameters that stated them. */
interface Range {
  min: { readonly number: number; readonly isExclusive: boolean; readonly name: string } | null;
  max: { readonly number: number; readonly isExclusive: boolean; readonly name: string } | null;
}

/** In an order that does not depend on that of the parameters. Throws HttpProblem naming the one that is at fault. */
export function filtersOf(collection: Collection, parameters: Iterable<readonly [string, string]>): readonly Filter[] {
  const filters: Filter[] = [];
  const ranges = new Map<string, Range>();
  for (const [name, text] of parameters) {
    const { field, operator } = statedBy(collection, name);
    const kind = kindFor(collection, name, field, operator);
    if (isBound(operator)) {
      const range = ranges.get(field) ?? { min: null, max: null };
      ranges.set(field, range);
      addBound(range, operator, { number: numberOf(name, text), isExclusive: operator.length === 2, name });
    } else {
      filters.push(filterOf(name, text, field, operator, kind));
    }
  }
  for (const [field, { min, max }] of ranges) filters.push(rangeOf(field, min, max));
  return filters
    .map((filter) => [JSON.stringify(filter), filter] as const)
    .sort(byFirst)
    .map(([, filter]) => filter);
}

/** All words of the text, in the one index of words that the collection has. */
export function wordsFilter(collection: Collection, text: string): Filter {
  const [field, ...others] = collection.indexes.filter(({ kind }) => kind === 'words').map((index) => index.field);
  if (field === undefined) {
    const detail = `query parameter "q": the collection ${quote(collection.name)} has no index of kind "words": define one, or search by a field: ${fieldsOf(collection)}`;
    throw problemAt('q', 'no_index', detail);
  }
  if (others.length > 0) {
    const named = [field, ...others].map((each) => quote(`${each}.words`)).join(', ');
    throw problemAt(
      'q',
      'bad_parameter',
      `query parameter "q": several fields have words; name the one that is meant: ${named}`,
    );
  }
  return { field, type: 'words', words: searchedWords('q', text) };
}

/** Throws HttpProblem: there is no index of this kind on the field. */
export function noIndex(
  collection: Collection,
  name: string,
  field: string,
  needed: readonly IndexKind[],
): HttpProblem {
  const kinds = collection.indexes.filter((index) => index.field === field).map(({ kind }) => kind);
  const has =
    kinds.length === 0
      ? `has no index on ${quote(field)}`
      : `indexes ${quote(field)} as ${kinds.join(' and ')} only, and this needs ${needed.join(' or ')}`;
  const advice = `define an index, or search by what has one: ${fieldsOf(collection)}`;
  const others = kinds.length === 0 && name === field ? `; other parameters are ${searchParameters.join(', ')}` : '';
  const detail = `query parameter ${quote(name)}: the collection ${quote(collection.name)} ${has}; ${advice}${others}`;
  return problemAt(name, 'no_index', detail);
}

function fieldsOf({ indexes }: Collection): string {
  return indexes.length === 0 ? 'nothing yet' : indexes.map(({ field, kind }) => `${field} (${kind})`).join(', ');
}

/** A field that is indexed may have a dot in its name. */
function statedBy(collection: Collection, name: string): { readonly field: string; readonly operator: Operator } {
  if (collection.indexes.some(({ field }) => field === name)) return { field: name, operator: 'eq' };
  const dot = name.lastIndexOf('.');
  const operator = name.slice(dot + 1);
  return dot > 0 && isOperator(operator) ? { field: name.slice(0, dot), operator } : { field: name, operator: 'eq' };
}

function isOperator(text: string): text is Operator {
  return Object.hasOwn(kindsOfOperators, text);
}

function isBound(operator: Operator): operator is Bound {
  return operator.startsWith('g') || operator.startsWith('l');
}

function kindFor(collection: Collection, name: string, field: string, operator: Operator): IndexKind {
  const wanted: readonly IndexKind[] = kindsOfOperators[operator];
  const kind = wanted.find((each) => collection.indexes.some((index) => index.field === field && index.kind === each));
  if (kind === undefined) throw noIndex(collection, name, field, wanted);
  return kind;
}

function filterOf(name: string, text: string, field: string, operator: Operator, kind: IndexKind): Filter {
  if (operator === 'contains') return { field, type: 'contains', text: containedText(name, text) };
  switch (kind) {
    case 'term':
      return { field, type: 'term', term: termOf(text) };
    case 'words':
      return { field, type: 'words', words: searchedWords(name, text) };
    case 'number': {
      const number = numberOf(name, text);
      return { field, type: 'number', min: number, max: number, minExclusive: false, maxExclusive: false };
    }
  }
}

/** As long as a term at most: a longer text is in none. */
function containedText(name: string, text: string): string {
  const contained = normalText(text);
  if (contained === '') throw badField(name, 'a part of a text', text);
  if (termOf(text) !== contained) throw badField(name, 'at most 256 bytes of UTF-8', text);
  return contained;
}

function searchedWords(name: string, text: string): readonly string[] {
  const words = wordsOf(text);
  if (words.length === 0) throw badField(name, 'a word at least', text);
  if (words.length > searchLimits.wordsMax) {
    throw badField(name, `at most ${searchLimits.wordsMax} different words`, text);
  }
  return words.toSorted();
}

const decimal = /^-?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE]-?\d+)?$/;

function numberOf(name: string, text: string): number {
  const number = decimal.test(text) ? Number(text) : Number.NaN;
  // -0 is 0.
  if (Number.isFinite(number)) return number + 0;
  throw badField(name, 'a number, such as 42 or -0.5', text);
}

function addBound(range: Range, operator: Bound, bound: NonNullable<Range['min']>): void {
  const side = operator.startsWith('g') ? 'min' : 'max';
  const other = range[side];
  if (other !== null) {
    const names = `${quote(other.name)} and ${quote(bound.name)}`;
    throw problemAt(
      bound.name,
      'bad_parameter',
      `query parameters ${names}: expected one of the two, as one says more`,
    );
  }
  range[side] = bound;
}

function rangeOf(field: string, min: Range['min'], max: Range['max']): NumberFilter {
  return {
    ...{ field, type: 'number', min: min?.number ?? null, max: max?.number ?? null },
    ...{ minExclusive: min?.isExclusive ?? false, maxExclusive: max?.isExclusive ?? false },
  };
}

function byFirst([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : Number(a > b);
}
