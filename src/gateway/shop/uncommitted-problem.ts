/** What a write of one document of the shop is refused with. */
import { type Uncommitted, withoutPath } from '../catalog/transaction-problems.ts';
import { type HttpProblem, problemAt } from '../errors.ts';
import { sentenceAt } from '../json-body.ts';
import type { ShopCollection } from './collections.ts';

/** `collection`: the one that is written. Its path is a pointer into the document: of how that is written nobody has been told. */
export function uncommittedProblem(
  committed: Uncommitted,
  collection: ShopCollection,
  timeoutMs: number,
  notFound: () => HttpProblem,
): HttpProblem {
  if (committed.type !== 'invalidDocument') return withoutPath(committed, timeoutMs, notFound);
  const { within, problem } = committed;
  // The shop has checked the document: it is the collection that was defined otherwise.
  const remedy = `the shop cannot work with the collection ${collection} as it is defined: PUT /v1/collections/${collection} defines it anew`;
  return problemAt(within, 'invalid_document', `${sentenceAt(within, problem)}; ${remedy}`);
}
