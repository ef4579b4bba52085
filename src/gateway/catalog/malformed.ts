/** What is wrong with a draft whatever the state is. */
import { type Branch, type Transaction, transactionLimits, transactionProblem } from '../../store/client.ts';
import { bodyPath, type Draft } from './draft.ts';
import { resolved } from './resolve.ts';

/** Nothing was done, and never will be. */
export interface Malformed {
  readonly type: 'malformed';
  /** A JSON pointer into the body of `POST /v1/txn`. */
  readonly path: string;
  readonly problem: string;
  /** All that is wrong is its size. */
  readonly isTooLarge: boolean;
}

export function malformationOf(draft: Draft): Malformed | null {
  const of = (branch: Branch) =>
    draft[branch].map((operation) => resolved(operation, { definition: null, found: undefined }));
  const transaction: Transaction = { compares: draft.compares, then: of('then'), otherwise: of('otherwise') };
  const problem = transactionProblem(transaction);
  if (problem === null) return null;
  const path = bodyPath(problem.path, draft);
  return { type: 'malformed', path, problem: problem.problem, isTooLarge: isTooLarge(problem.path, transaction) };
}

/** The bytes at `path` are too many, or those of the whole. */
function isTooLarge(path: string, { compares, then, otherwise }: Transaction): boolean {
  if (path === '') return compares.length + then.length + otherwise.length <= transactionLimits.partsMax;
  for (const [branch, operations] of [
    ['then', then],
    ['otherwise', otherwise],
  ] as const) {
    for (const [place, operation] of operations.entries()) {
      if (path === `${branch}[${place}].value` && operation.type === 'put') return true;
      if (path === `${branch}[${place}].json`) return true;
    }
  }
  return /^compares\[\d+\]\.value$/.test(path);
}
