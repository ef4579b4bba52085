/** What is wrong with index terms as a command states them. */
import { collectionLimits } from './collection.ts';
import { fieldProblem } from './names.ts';
import { compareTexts } from './text-order.ts';
import { type FieldTerms, transactionLimits } from './transaction.ts';

const { termBytesMax, termsPerDocumentMax } = transactionLimits;

interface Problem {
  /** As in `terms[2].field`. */
  readonly path: string;
  readonly problem: string;
}

/** Of all the fields of one document. */
export function fieldTermsProblem(all: readonly FieldTerms[], path: string): Problem | null {
  const { indexesMax } = collectionLimits;
  if (all.length > indexesMax) {
    return { path, problem: `expected the terms of at most ${indexesMax} indexes, got ${all.length}` };
  }
  const count = all.reduce((total, { terms }) => total + terms.length, 0);
  if (count > termsPerDocumentMax) {
    return { path, problem: `expected at most ${termsPerDocumentMax} terms in all, got ${count}` };
  }
  const seen = new Set<string>();
  for (const [place, { field, kind, terms }] of all.entries()) {
    const problem = fieldProblem(field);
    if (problem !== null) return { path: `${path}[${place}].field`, problem };
    const name = `${kind}:${field}`;
    if (seen.has(name)) return { path: `${path}[${place}]`, problem: 'the terms of this index are stated twice' };
    seen.add(name);
    const wrong = termsProblem(terms, kind === 'number');
    if (wrong !== null) return { path: `${path}[${place}].terms`, problem: wrong };
  }
  return null;
}

/** Of one index: finite numbers, or well-formed texts of at most 256 bytes, in ascending order. */
export function termsProblem(terms: readonly (string | number)[], areNumbers: boolean): string | null {
  for (const [place, term] of terms.entries()) {
    if ((typeof term === 'number') !== areNumbers) return `expected ${areNumbers ? 'numbers' : 'texts'} alone`;
    if (typeof term === 'number' ? !Number.isFinite(term) : !isSoundText(term)) {
      return `expected finite numbers, or well-formed texts of at most ${termBytesMax} bytes`;
    }
    const before = terms[place - 1];
    if (before !== undefined && !isAscending(before, term)) return 'expected ascending order, and none twice';
  }
  return null;
}

function isSoundText(text: string): boolean {
  if (!text.isWellFormed()) return false;
  return text.length * 3 <= termBytesMax || Buffer.byteLength(text) <= termBytesMax;
}

function isAscending(before: string | number, term: string | number): boolean {
  if (typeof before === 'string' && typeof term === 'string') return compareTexts(before, term) < 0;
  return before < term;
}
