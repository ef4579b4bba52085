/** What came of many cases, by what was done to them. */
import { alignColumns } from '../../../src/cli/output.ts';
import { outcomes } from './case.ts';
import type { CaseResult } from './run-case.ts';

const columns = ['damage', 'cases', ...outcomes, 'mismatches', 'seconds per case'];

/** Rows in the order of `kinds`, and the sum of all. */
export function table(kinds: readonly string[], results: readonly CaseResult[]): string {
  const rows = kinds.map((kind) => {
    const own = results.filter((result) => result.kind === kind);
    return own.length === 0 ? [] : [row(kind, own)];
  });
  return alignColumns([columns, ...rows.flat(), row('all', results)]);
}

function row(name: string, results: readonly CaseResult[]): readonly string[] {
  const counts = outcomes.map((outcome) => count(results.filter((result) => result.outcome === outcome)));
  const seconds = results.reduce((sum, result) => sum + result.seconds, 0) / Math.max(1, results.length);
  const mismatches = count(results.filter(({ outcome }) => outcome === null));
  return [name, count(results), ...counts, mismatches, seconds.toFixed(1)];
}

/** Nothing is easier to overlook than a zero that is not there. */
function count(results: readonly CaseResult[]): string {
  return results.length === 0 ? '-' : `${results.length}`;
}
