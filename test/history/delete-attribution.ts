/**
 * Who asked for which delete. A value says which put an entry is; deletes bear no such mark, and an answer tells the
 * index only if something was deleted. So each delete that was carried out must find one operation that can have asked
 * for it, no two the same, and each that was answered must be among them.
 */
import { describe } from './describe.ts';
import type { IndexOrder } from './index-order.ts';
import type { Effect, LogReplay } from './log-replay.ts';
import { conditionName, type LoggedWrite, loggedCondition } from './logged-write.ts';
import type { Reply } from './operation.ts';
import type { Timed } from './real-time.ts';

/** Those of one key and condition. */
interface Group {
  readonly entries: { readonly index: number; readonly effect: Effect }[];
  readonly asked: Candidate[];
}

interface Candidate {
  readonly timed: Timed;
  /** Null: the outcome is unknown. */
  readonly reply: Reply | null;
  readonly indexAbove: number;
  readonly indexMax: number;
}

export function attributeDeletes(
  log: readonly LoggedWrite[],
  replay: LogReplay,
  history: readonly Timed[],
  order: IndexOrder,
): readonly string[] {
  const groups = new Map<string, Group>();
  const groupOf = (key: string, condition: string): Group => {
    const name = `${condition} ${key}`;
    const group = groups.get(name) ?? { entries: [], asked: [] };
    groups.set(name, group);
    return group;
  };
  for (const entry of log) {
    const effect = replay.effectAt(entry.index);
    if (entry.type !== 'delete' || effect === null) continue;
    groupOf(entry.key, conditionName(entry.condition)).entries.push({ index: entry.index, effect });
  }
  for (const timed of history) {
    const { request, outcome } = timed.operation;
    if (request.type !== 'delete' || outcome.type === 'notApplied') continue;
    const { asked } = groupOf(request.key, conditionName(loggedCondition(request.condition)));
    const reply = outcome.type === 'answered' ? outcome.reply : null;
    asked.push({ timed, reply, indexAbove: order.indexAbove(timed), indexMax: order.indexMax(timed) });
  }
  return [...groups.values()].flatMap(attribute);
}

/** By the index, to whoever can wait least: if that does not work out, nothing does. */
function attribute({ entries, asked }: Group): readonly string[] {
  const problems: string[] = [];
  const byIndex = asked.toSorted((a, b) => b.indexAbove - a.indexAbove);
  let answered: Candidate[] = [];
  let unknown = 0;
  const admitBelow = (index: number) => {
    for (let next = byIndex.at(-1); next !== undefined && next.indexAbove < index; next = byIndex.at(-1)) {
      byIndex.pop();
      if (next.reply === null) unknown++;
      else answered.push(next);
    }
  };
  for (const { index, effect } of entries) {
    admitBelow(index);
    const taker = answered
      .filter(({ reply, indexMax }) => indexMax >= index && isEffect(reply, effect))
      .reduce<Candidate | null>(
        (least, next) => (least === null || next.indexMax < least.indexMax ? next : least),
        null,
      );
    if (taker !== null) answered = answered.filter((candidate) => candidate !== taker);
    else if (unknown > 0) unknown--;
    else problems.push(`the delete at index ${index} was carried out, but nobody asked for it, or not so often`);
  }
  admitBelow(Number.POSITIVE_INFINITY);
  for (const { timed } of answered) {
    problems.push(`no delete in the log can have been answered so:\n  ${describe(timed.operation)}`);
  }
  return problems;
}

function isEffect(reply: Reply | null, effect: Effect): boolean {
  switch (effect.type) {
    case 'deleted':
      return reply?.type === 'deleted' && reply.revision === effect.revision;
    case 'conditionFailed':
      return reply?.type === 'conditionFailed' && reply.current === effect.current;
    case 'notFound':
      return reply?.type === 'notFound';
    case 'put':
      return false;
  }
}
