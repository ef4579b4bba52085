/**
 * The history against the committed log, in time linear but for sorting: the log is carried out once by a model of its
 * own, every reply must be what the model answers at that index, the order of the indexes must agree with real time,
 * and every write must have been carried out once, or never. The history holds every write that the log does.
 */
import { unreachable } from '../../src/raft/assert.ts';
import { attributeDeletes } from './delete-attribution.ts';
import { describe, shortened } from './describe.ts';
import { IndexOrder, type Placed } from './index-order.ts';
import { compareKeys } from './key-order.ts';
import { LogReplay } from './log-replay.ts';
import { conditionName, type LoggedWrite, loggedCondition } from './logged-write.ts';
import type { Finding, Item, Operation, Reply, Request, Value } from './operation.ts';
import { inRealTime, type Timed } from './real-time.ts';

export type { LoggedCondition, LoggedWrite } from './logged-write.ts';

const checker = 'replay';

/** `log` begins at index 1 and ends no sooner than the last answer. */
export function checkReplay(log: readonly LoggedWrite[], operations: readonly Operation[]): readonly Finding[] {
  const gaps = logProblems(log);
  return (gaps.length > 0 ? gaps : historyProblems(log, operations)).map((message) => ({
    checker,
    message,
    giveUp: false,
  }));
}

/** What a replica must hold once it has applied the whole log. */
export function finalState(log: readonly LoggedWrite[]): ReadonlyMap<string, Item> {
  const replay = new LogReplay(log);
  return new Map([...replay.itemsAt('', replay.lastIndex)].map((item) => [item.key, item]));
}

function logProblems(log: readonly LoggedWrite[]): readonly string[] {
  return log.flatMap(({ index, term }, place) => {
    if (index !== place + 1) return [`the log has index ${index} where ${place + 1} belongs`];
    const termBefore = log[place - 1]?.term ?? 0;
    return term < termBefore ? [`the log goes back from term ${termBefore} to ${term} at index ${index}`] : [];
  });
}

function historyProblems(log: readonly LoggedWrite[], operations: readonly Operation[]): readonly string[] {
  const replay = new LogReplay(log);
  const history = inRealTime(operations);
  const placed = history.flatMap((timed): readonly Placed[] => {
    const place = placeOf(timed.operation, replay);
    return place === null ? [] : [{ timed, ...place }];
  });
  const order = new IndexOrder(placed, history.length);
  return [
    ...executionProblems(replay, operations),
    ...history.flatMap((timed) => answerProblems(timed, replay, order)),
    ...order.problems(),
    ...attributeDeletes(log, replay, history, order),
  ];
}

/** Null if it is not known. */
function placeOf({ request, outcome }: Operation, replay: LogReplay): Omit<Placed, 'timed'> | null {
  if (outcome.type === 'notApplied') return null;
  if (outcome.type === 'answered' && 'revision' in outcome.reply) {
    if ('isLeased' in outcome.reply) return null;
    return { index: outcome.reply.revision, isWrite: request.type === 'put' || request.type === 'delete' };
  }
  const index = request.type === 'put' ? replay.indexesOf(request.value)[0] : undefined;
  return index === undefined ? null : { index, isWrite: true };
}

/** Of each put: at most once, and only if somebody asked for it. */
function executionProblems(replay: LogReplay, operations: readonly Operation[]): readonly string[] {
  const writers = new Map<Value, Operation>();
  for (const operation of operations) {
    if (operation.request.type === 'put') writers.set(operation.request.value, operation);
  }
  const problems: string[] = [];
  for (const value of replay.values) {
    const indexes = replay.indexesOf(value);
    const where = `the put of ${shortened(value)} was carried out at index ${indexes.join(' and ')}`;
    const writer = writers.get(value);
    if (writer === undefined) problems.push(`${where}, but nobody asked for it`);
    else if (indexes.length > 1) problems.push(`${where}:\n  ${describe(writer)}`);
    else if (!isAsAsked(writer.request, replay.entryAt(indexes[0] as number))) {
      problems.push(`${where}, but with another key or condition:\n  ${describe(writer)}`);
    } else if (writer.outcome.type === 'notApplied') problems.push(`${where}:\n  ${describe(writer)}`);
  }
  return problems;
}

function isAsAsked(request: Request, entry: LoggedWrite | null): boolean {
  if (request.type !== 'put' || entry?.type !== 'put') return false;
  return (
    request.key === entry.key && conditionName(loggedCondition(request.condition)) === conditionName(entry.condition)
  );
}

function answerProblems(timed: Timed, replay: LogReplay, order: IndexOrder): readonly string[] {
  const { operation } = timed;
  const { request, outcome } = operation;
  if (outcome.type !== 'answered') return [];
  const reply = atLeastAsNew(outcome.reply, order.indexAbove(timed));
  if ('revision' in reply && (reply.revision < 0 || reply.revision > replay.lastIndex)) {
    return [`the log ends at index ${replay.lastIndex}:\n  ${describe(operation)}`];
  }
  const problem = answerProblem(request, reply, replay);
  return problem === null ? [] : [`${problem}:\n  ${describe(operation)}`];
}

/** What was answered under a lease still stood where the log had come when it was asked for. */
function atLeastAsNew(reply: Reply, index: number): Reply {
  return 'isLeased' in reply ? { ...reply, revision: Math.max(reply.revision, index) } : reply;
}

/** What is wrong with an answer that tells what stood in the log at its revision, or null. */
export function answerProblem(request: Request, reply: Reply, replay: LogReplay): string | null {
  switch (request.type) {
    case 'get': {
      if (reply.type !== 'got' && reply.type !== 'checked') return 'that is no answer to a get';
      const item = replay.itemAt(request.key, reply.revision);
      const isSame = reply.type === 'got' ? isSameItem(item, reply.item) : item?.modRevision === reply.current;
      return isSame ? null : `the log says ${describeItem(item)}`;
    }
    case 'list':
      return reply.type === 'listed' ? listProblem(request, reply, replay) : 'that is no answer to a list';
    case 'put':
      return putProblem(request.value, reply, replay);
    case 'delete':
      // Which entry it was is to be found out for all of them together.
      return null;
    default:
      return unreachable(request);
  }
}

function putProblem(value: Value, reply: Reply, replay: LogReplay): string | null {
  const [index] = replay.indexesOf(value);
  const effect = index === undefined ? null : replay.effectAt(index);
  if (effect === null) return 'the log does not carry it out';
  switch (effect.type) {
    case 'put':
      return reply.type === 'put' &&
        reply.revision === effect.revision &&
        reply.version === effect.version &&
        reply.created === effect.created
        ? null
        : `by the log it was put, revision ${effect.revision}, version ${effect.version}`;
    case 'conditionFailed':
      return reply.type === 'conditionFailed' && reply.current === effect.current
        ? null
        : `by the log its condition failed at index ${index}, current ${effect.current}`;
    case 'deleted':
    case 'notFound':
      return 'the log has a delete in its place';
    default:
      return unreachable(effect);
  }
}

/** A page may end before its limit, since its bytes are bounded; it never leaves out what stands before its last item. */
function listProblem(
  { prefix, limit, after }: Extract<Request, { type: 'list' }>,
  { revision, items, more }: Extract<Reply, { type: 'listed' }>,
  replay: LogReplay,
): string | null {
  if (items.length > limit) return 'it is more than was asked for';
  if (more && items.length === 0) return 'an empty page that is not the last';
  let place = 0;
  for (const expected of replay.itemsAt(prefix, revision)) {
    if (after !== undefined && compareKeys(expected.key, after.key) <= 0) continue;
    const item = items[place++];
    if (item === undefined) return more ? null : `the log says that ${describeItem(expected)} is missing at its end`;
    if (item.key !== expected.key || item.version !== expected.version || !isSameItem(item, expected)) {
      return `the log says ${describeItem(expected)}, version ${expected.version}, in place ${place}`;
    }
  }
  if (place < items.length) return `the log says that there are only ${place}`;
  return more ? 'the log says that there is no more' : null;
}

type Seen = Omit<Item, 'version'>;

function isSameItem(a: Seen | null, b: Seen | null): boolean {
  if (a === null || b === null) return a === b;
  return a.key === b.key && a.value === b.value && a.modRevision === b.modRevision;
}

function describeItem(item: Seen | null): string {
  return item === null ? 'there is no such key' : `${item.key} = ${shortened(item.value)} of ${item.modRevision}`;
}
