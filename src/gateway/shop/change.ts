/** A change of one document that must be there, perhaps at a revision that the client names. */
import type { IncomingHttpHeaders } from 'node:http';
import type { Compare, JsonObject, ReplicaId, Target } from '../../store/client.ts';
import type { Committed } from '../catalog/committer.ts';
import type { Draft, DraftOperation } from '../catalog/draft.ts';
import { documentPreconditionFailed } from '../catalog/problems.ts';
import { HttpProblem } from '../errors.ts';
import { parsePrecondition } from '../preconditions.ts';
import type { ShopCollection } from './collections.ts';
import { objectIn } from './item-answer.ts';
import { missingCollection, type Shop } from './shop.ts';
import { uncommittedProblem } from './uncommitted-problem.ts';

export interface Change {
  readonly collection: ShopCollection;
  readonly id: string;
  readonly operation: DraftOperation;
  /** Null: at whatever revision it is. */
  readonly ifMatch: number | null;
  readonly timeoutMs: number;
  readonly notFound: (id: string) => HttpProblem;
}

export type Changed =
  | {
      readonly type: 'changed';
      /** As it was. */
      readonly before: JsonObject;
      readonly revision: number;
      readonly replica: ReplicaId;
    }
  | { readonly type: 'refused'; readonly problem: HttpProblem };

export async function change(
  { committer }: Pick<Shop, 'committer'>,
  { collection, id, operation, ifMatch, timeoutMs, notFound }: Change,
): Promise<Changed> {
  const target: Target = { type: 'document', collection, id };
  const atRevision: readonly Compare[] =
    ifMatch === null ? [] : [{ of: 'modRevision', target, is: '=', number: ifMatch }];
  const draft: Draft = {
    compares: [{ of: 'exists', target, is: true }, ...atRevision],
    then: [{ type: 'get', target }, operation],
    otherwise: [{ type: 'get', target }],
  };
  const refused = (problem: HttpProblem): Changed => ({ type: 'refused', problem });
  const committed: Committed = await committer.commit(draft, { timeoutMs, idempotency: null });
  if (missingCollection(committed, draft) !== null) return refused(notFound(id));
  if (committed.type !== 'done') {
    return refused(uncommittedProblem(committed, collection, timeoutMs, () => notFound(id)));
  }
  const { replica, result } = committed;
  const [found] = result.results;
  if (found?.type !== 'document') throw new Error('a change was answered without what was there');
  if (found.document === null) return refused(notFound(id));
  const { modRevision, json } = found.document;
  if (!result.succeeded) return refused(documentPreconditionFailed(modRevision));
  return { type: 'changed', before: objectIn(json), revision: result.revision, replica };
}

/** No document is at it. */
const nowhere = Number.MAX_SAFE_INTEGER;

/** The revision that If-Match names. Throws HttpProblem for what this cannot be held to. */
export function ifMatchOf(headers: IncomingHttpHeaders): number | null {
  const { ifMatch, ifNoneMatch } = parsePrecondition(headers);
  if (ifNoneMatch !== null) {
    throw new HttpProblem('bad_header', 'If-None-Match: expected none; this changes what is there, and makes nothing');
  }
  if (ifMatch === null || ifMatch === '*') return null;
  if (ifMatch.length > 1) throw new HttpProblem('bad_header', 'If-Match: expected one entity tag, or *, got several');
  return ifMatch[0] ?? nowhere;
}
