/**
 * What documents are found by: texts, words and numbers, in one normal form. What is right in one version of Unicode is another
 * thing in the next: gateways and the leader's builder work terms out, evaluation only compares those it is given.
 */
import type { IndexDefinition } from './collection.ts';
import { isList, type Json, type JsonObject, type JsonProblem, pointer } from './json.ts';
import { compareTexts } from './text-order.ts';
import { type FieldTerms, type IndexKind, transactionLimits } from './transaction.ts';

export const termLimits = {
  /** Of the texts or numbers of an array, the first of so many different ones are indexed. */
  termsPerFieldMax: 256,
  /** Of the words of a field, the first of so many different ones. */
  wordsPerFieldMax: 1000,
} as const;

/**
 * NFKC, without differences of case, white space trimmed and collapsed. Lower case alone would keep apart what differs by case
 * only: `STRASSE` and `straße`, or `ΟΔΟΣ` and the beginning of `ΟΔΟΣΟ`, whose last letters have two small forms. So it is taken of the
 * capitals (of the small form, since ẞ is its own capital), and ς is σ. Lone surrogates are U+FFFD, and of a run of marks the first 30
 * stand, as many as any writing has (UAX #15, "Stream-Safe Text"): to bring longer ones into order takes the square of their length.
 */
export function normalText(text: string): string {
  const small = text.toWellFormed().replace(longRunsOfMarks, '$1').normalize('NFKC').toLowerCase();
  const folded = small.toUpperCase().toLowerCase().replaceAll('ς', 'σ').normalize('NFKC');
  return folded
    .replace(longRunsOfMarks, '$1')
    .replace(/\p{White_Space}+/gu, ' ')
    .trim();
}

/** The two letters are the only ones that NFKC makes marks of. */
const longRunsOfMarks = /([\p{M}\uff9e\uff9f]{30})[\p{M}\uff9e\uff9f]+/gu;

/** The whole text as one term, in its normal form, at most 256 bytes of it. */
export function termOf(text: string): string {
  return cut(normalText(text));
}

/** The different words of a text in its normal form, in their order: runs of letters, marks and digits that begin with no mark. */
export function wordsOf(text: string): readonly string[] {
  return [...new Set(eachWordOf(text))];
}

/** As they come, one several times: whoever wants the first of them stops there. */
function eachWordOf(text: string): Iterable<string> {
  return normalText(text)
    .matchAll(/[\p{L}\p{N}][\p{L}\p{M}\p{N}]*/gu)
    .map(([word]) => cut(word));
}

/** Behind a whole character, and never behind a space. */
function cut(text: string): string {
  // A UTF-16 unit takes at most three bytes.
  if (text.length * 3 <= transactionLimits.termBytesMax) return text;
  const bytes = Buffer.from(text);
  if (bytes.length <= transactionLimits.termBytesMax) return text;
  let end: number = transactionLimits.termBytesMax;
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.toString('utf8', 0, end).trimEnd();
}

/**
 * The terms of each field that the object gives a value, in the order of `indexes`. A value that cannot be indexed has none:
 * then the list is empty, which says that the field has none any more.
 */
export function termsOf(object: JsonObject, indexes: readonly IndexDefinition[]): FieldTerms[] {
  return indexes
    .filter(({ field }) => Object.hasOwn(object, field))
    .map(({ field, kind }) => ({ field, kind, terms: termsOfValue(object[field] ?? null, kind) }));
}

function termsOfValue(value: Json, kind: IndexKind): readonly (string | number)[] {
  const parts = isList(value) ? value : [value];
  if (kind === 'number') {
    const numbers = first(parts.filter((part) => typeof part === 'number').map((number) => number + 0));
    return numbers.sort((a, b) => a - b);
  }
  const texts = parts.filter((part) => typeof part === 'string');
  const terms = kind === 'term' ? first(texts.map(termOf)) : firstWords(texts);
  return terms.sort(compareTexts);
}

/** Bounded before anything is kept: an array may have half a million elements. */
function first<T>(terms: Iterable<T>): T[] {
  const different = new Set<T>();
  for (const term of terms) {
    different.add(term);
    if (different.size === termLimits.termsPerFieldMax) break;
  }
  return [...different];
}

function firstWords(texts: readonly string[]): string[] {
  const different = new Set<string>();
  for (const text of texts) {
    for (const word of eachWordOf(text)) {
      different.add(word);
      if (different.size === termLimits.wordsPerFieldMax) return [...different];
    }
  }
  return [...different];
}

/** What in the object is of a kind that its index cannot take, or has too many terms; null: nothing. */
export function termsProblem(object: JsonObject, indexes: readonly IndexDefinition[]): JsonProblem | null {
  for (const { field, kind } of indexes) {
    const value = Object.hasOwn(object, field) ? (object[field] ?? null) : null;
    const wanted = kind === 'number' ? 'number' : 'string';
    const parts = isList(value) ? value : [value];
    const wrong = parts.findIndex((part) => typeof part !== wanted && (part !== null || isList(value)));
    if (wrong >= 0) {
      const path = pointer(isList(value) ? [field, wrong] : [field]);
      return { path, problem: `this field is indexed as ${wordOf[kind]}: expected ${expected[kind]}` };
    }
  }
  const count = termCount(termsOf(object, indexes));
  if (count <= transactionLimits.termsPerDocumentMax) return null;
  const problem = `a document has at most ${transactionLimits.termsPerDocumentMax} index terms, this one has ${count}: shorten its lists and texts`;
  return { path: '', problem };
}

const wordOf: Readonly<Record<IndexKind, string>> = { term: 'text', words: 'words', number: 'numbers' };
const expected: Readonly<Record<IndexKind, string>> = {
  term: 'a text, an array of texts, or null',
  words: 'a text, an array of texts, or null',
  number: 'a number, an array of numbers, or null',
};

export function termCount(terms: readonly FieldTerms[]): number {
  return terms.reduce((count, field) => count + field.terms.length, 0);
}

/** Whether every term that is `stored` is among the `known`: only then does a write that states these tell caches of all. */
export function covers(known: readonly FieldTerms[], stored: readonly FieldTerms[]): boolean {
  return stored.every(({ field, kind, terms }) => {
    if (terms.length === 0) return true;
    const stated = known.filter((other) => other.field === field && other.kind === kind);
    const all = new Set(stated.flatMap((other) => other.terms));
    return terms.every((term) => all.has(term));
  });
}
