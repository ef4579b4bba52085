/**
 * Linearizability as its definition says it, for one key and a handful of operations: every order is tried, and every
 * revision that a write of unknown outcome could have had. What the real checker says is judged by it.
 */
import { invariant } from '../../src/raft/assert.ts';
import type { Condition, Operation, Outcome, Reply, Request, Value } from './operation.ts';
import { inRealTime, type Timed } from './real-time.ts';

interface State {
  /** 0: absent; NaN: one that nobody knows. */
  readonly revision: number;
  readonly value: string;
  readonly version: number;
  /** The last write's revision is not below this. */
  readonly revisionMin: number;
}

export function isLinearizable(operations: readonly Operation[]): boolean {
  const timed = inRealTime(operations).filter(({ operation }) => operation.outcome.type !== 'notApplied');
  const revisions = revisionsTold(operations);
  return canGoOn(timed, { revision: 0, value: '', version: 0, revisionMin: 0 }, revisions);
}

function canGoOn(left: readonly Timed[], state: State, revisions: readonly number[]): boolean {
  if (left.every(({ returned }) => returned === Number.POSITIVE_INFINITY)) return true;
  const deadline = Math.min(...left.map(({ returned }) => returned));
  return left.some((timed, place) => {
    if (timed.invoked > deadline) return false;
    const others = left.toSpliced(place, 1);
    return after(timed.operation, state, revisions).some((next) => canGoOn(others, next, revisions));
  });
}

/** What the operation can make of the state; nothing if it cannot have happened there. */
function after({ request, outcome }: Operation, state: State, revisions: readonly number[]): readonly State[] {
  if (outcome.type === 'answered') return afterReply(request, outcome.reply, state);
  invariant(request.type === 'put' || request.type === 'delete', 'only writes have an unknown outcome');
  if (!holds(request.condition, state)) return [];
  const unseen = state.revisionMin + 1;
  if (request.type === 'delete') return state.revision === 0 ? [] : [absent(unseen)];
  const { value } = request;
  const { version } = state;
  const told = revisions.filter((revision) => revision >= unseen);
  return [
    { revision: Number.NaN, value, version: version + 1, revisionMin: unseen },
    ...told.map((revision) => ({ revision, value, version: version + 1, revisionMin: revision })),
  ];
}

function afterReply(request: Request, reply: Reply, state: State): readonly State[] {
  switch (reply.type) {
    case 'got': {
      const { item, revision } = reply;
      if (request.type !== 'get') return [];
      if (item === null) return state.revision === 0 ? [state] : [];
      const fits = item.key === request.key && item.modRevision === state.revision && item.value === state.value;
      return fits && item.modRevision <= revision ? [state] : [];
    }
    case 'checked':
      return request.type === 'get' && reply.current === state.revision && state.revision > 0 ? [state] : [];
    case 'put': {
      const { revision, version, created } = reply;
      const fits = version === state.version + 1 && created === (state.revision === 0) && revision > state.revisionMin;
      if (request.type !== 'put' || !fits || !holds(request.condition, state)) return [];
      return [{ revision, value: request.value, version, revisionMin: revision }];
    }
    case 'deleted': {
      const fits = state.revision !== 0 && reply.revision > state.revisionMin;
      return request.type === 'delete' && fits && holds(request.condition, state) ? [absent(reply.revision)] : [];
    }
    case 'notFound':
      return request.type === 'delete' && state.revision === 0 && holds(request.condition, state) ? [state] : [];
    case 'conditionFailed': {
      if (request.type !== 'put' && request.type !== 'delete') return [];
      return reply.current === state.revision && !holds(request.condition, state) ? [state] : [];
    }
    case 'listed':
      throw new Error('lists are not for this');
  }
}

function absent(revisionMin: number): State {
  return { revision: 0, value: '', version: 0, revisionMin };
}

function holds(condition: Condition, { revision }: State): boolean {
  if (condition.type === 'none') return true;
  return condition.type === 'absent' ? revision === 0 : revision === condition.revision;
}

/** By any reply, or by the condition of a write that was done: no client asks for a revision that it was never told. */
function revisionsTold(operations: readonly Operation[]): readonly number[] {
  const told = new Set<number>();
  const seen = new Set(operations.flatMap(({ outcome }) => valueSeen(outcome)));
  for (const { request, outcome } of operations) {
    const isDone = outcome.type === 'answered' || (request.type === 'put' && seen.has(request.value));
    if (isDone && 'condition' in request && request.condition.type === 'matches') told.add(request.condition.revision);
    if (outcome.type !== 'answered') continue;
    const { reply } = outcome;
    if (reply.type === 'put' || reply.type === 'deleted') told.add(reply.revision);
    if (reply.type === 'conditionFailed' || reply.type === 'checked') told.add(reply.current);
    if (reply.type === 'got' && reply.item !== null) told.add(reply.item.modRevision);
  }
  return [...told];
}

function valueSeen(outcome: Outcome): readonly Value[] {
  return outcome.type === 'answered' && outcome.reply.type === 'got' && outcome.reply.item !== null
    ? [outcome.reply.item.value]
    : [];
}
