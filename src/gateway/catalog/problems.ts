/** What reads of collections and documents are refused with. */
import { refusalText, type SearchRefusal } from '../../store/client.ts';
import { HttpProblem, type ProblemCode, quote } from '../errors.ts';

export function collectionNotFound(name: string): HttpProblem {
  const detail = `there is no collection ${quote(name)}; GET /v1/collections lists those there are, PUT makes one`;
  return new HttpProblem('collection_not_found', detail);
}

export function documentNotFound(): HttpProblem {
  return new HttpProblem('document_not_found', 'there is no document with this id in the collection');
}

/** `revision`: 0 where there is no document. */
export function documentPreconditionFailed(revision: number): HttpProblem {
  const current = revision === 0 ? 'the document does not exist' : `the document is at revision ${revision}`;
  return new HttpProblem('precondition_failed', `${current}, which the precondition rules out`);
}

/** The definition was another one each time that the request was worked out for it. */
export function definitionChanged(name: string): HttpProblem {
  const detail = `the replica that answers has another definition of the collection ${quote(name)} than this gateway; try again`;
  return new HttpProblem('definition_changed', detail);
}

const codeOf = {
  noIndex: 'no_index',
  indexNotReady: 'index_not_ready',
  tooManyRows: 'search_too_wide',
} as const satisfies Readonly<Record<SearchRefusal['reason'], ProblemCode>>;

export function searchRefused(refusal: SearchRefusal, collection: string): HttpProblem {
  return new HttpProblem(codeOf[refusal.reason], refusalText(refusal, collection));
}
