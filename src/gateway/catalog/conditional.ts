/**
 * Writes of one key or document that a precondition (RFC 9110 section 13.1) may rule out: it becomes compares, so that it holds
 * at the revision at which the write is done.
 */
import type { Compare, Index, Precondition, ReplicaId, Target } from '../../store/client.ts';
import type { Clock } from '../../system-clock.ts';
import { holdsAt } from '../preconditions.ts';
import type { Committed } from './committed.ts';
import type { Committer } from './committer.ts';
import type { DraftOperation } from './draft.ts';

export type ConditionallyCommitted =
  | Committed
  | {
      readonly type: 'preconditionFailed';
      /** At which the target is; 0: it does not exist. */
      readonly revision: number;
      readonly replica: ReplicaId | null;
    }
  | { readonly type: 'noCollection' };

/** The revision at which a target is, 0 where it is not. */
export type Standing =
  | { readonly type: 'at'; readonly revision: number }
  | { readonly type: 'noCollection' }
  | { readonly type: 'unavailable' };

export interface ConditionalWrite {
  readonly target: Target;
  readonly operation: DraftOperation;
  readonly precondition: Precondition;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly standing: (timeoutMs: number) => Promise<Standing>;
}

/** Rounds of looking and writing, where somebody else writes each time between the two. */
const roundsMax = 4;

export async function commitConditionally(
  committer: Committer,
  { target, operation, precondition, timeoutMs, clock, standing }: ConditionalWrite,
): Promise<ConditionallyCommitted> {
  const deadlineAt = clock.now() + timeoutMs;
  const leftMs = () => Math.max(1, deadlineAt - clock.now());
  let revision: number | null = null;
  let replica: ReplicaId | null = null;
  for (let round = 0; ; round += 1) {
    if (revision !== null && !holdsAt(precondition, revision)) return { type: 'preconditionFailed', revision, replica };
    if (round === roundsMax) {
      const failure = { reason: 'revisionChanged', branch: 'then', operation: 0 } as const;
      return { type: 'failed', failure, place: null, path: '', within: '', replica };
    }
    const compares = comparesOf(precondition, target, revision);
    if (compares !== null) {
      const draft = { compares, then: [operation], otherwise: [] };
      const committed = await committer.commit(draft, { timeoutMs: leftMs(), idempotency: null });
      if (committed.type !== 'done' || committed.result.succeeded) return committed;
      replica = committed.replica;
    }
    const stands = await standing(leftMs());
    if (stands.type === 'noCollection') return { type: 'noCollection' };
    // Without compares nothing was proposed; with them it was, and is not done: either way nothing is written.
    if (stands.type === 'unavailable') return { type: 'noLeader' };
    ({ revision } = stands);
  }
}

/** Null where it must be known what stands there: no compare says "one of these". */
function comparesOf(
  { ifMatch, ifNoneMatch }: Precondition,
  target: Target,
  revision: number | null,
): readonly Compare[] | null {
  if (ifMatch === null && ifNoneMatch === null) return [];
  if (revision !== null) return [isAt(target, revision)];
  if (ifMatch !== null && ifMatch !== '*') {
    const [only, ...others] = ifMatch;
    if (only === undefined || others.length > 0 || ifNoneMatch !== null) return null;
    return [isAt(target, only)];
  }
  if (ifMatch === '*' && ifNoneMatch === '*') return null;
  const exists = (is: boolean): Compare => ({ of: 'exists', target, is });
  const present = ifMatch === '*' ? [exists(true)] : [];
  if (ifNoneMatch === '*') return [exists(false)];
  const others = (ifNoneMatch ?? []).map((number): Compare => ({ of: 'modRevision', target, is: '!=', number }));
  return [...present, ...others];
}

function isAt(target: Target, revision: number): Compare {
  return revision === 0
    ? { of: 'exists', target, is: false }
    : { of: 'modRevision', target, is: '=', number: revision as Index };
}
