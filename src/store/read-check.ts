/** Is what came back an answer to what was asked? Whoever sent anything else cannot be believed in the rest of it either. */
import { unreachable } from '../raft/assert.ts';
import type { KeyValue, Query, QueryResult } from './command.ts';
import type { LinkAnswer } from './replica-link.ts';

/**
 * `served`: at least one query was answered; the others, if any, did not fit. `unavailable`: no leader
 * confirmed the reads. `failed`: no answer, or not one to these queries.
 */
export type ReadVerdict = 'served' | 'unavailable' | 'failed';

export function verdictOn(answer: LinkAnswer, queries: readonly Query[]): ReadVerdict {
  if (answer.type !== 'read' || answer.replies.length !== queries.length) return 'failed';
  const { replies } = answer;
  for (const [position, reply] of replies.entries()) {
    if (reply.type === 'done' && !answersQuery(queries[position] as Query, reply.result)) return 'failed';
  }
  if (replies.some(({ type }) => type === 'done')) return 'served';
  // An empty message has room for its first answer.
  return replies.some(({ type }) => type === 'full') ? 'failed' : 'unavailable';
}

function answersQuery(query: Query, result: QueryResult): boolean {
  switch (query.type) {
    case 'get':
      return (
        result.type === 'get' &&
        (result.item === null || (result.item.key === query.key && hasValue(result.item, query.withValue)))
      );
    case 'list':
      return (
        result.type === 'list' &&
        result.items.length <= query.limit &&
        (result.items.length > 0 || !result.more) &&
        result.items.every((item, nth) => {
          const before = result.items[nth - 1]?.key ?? query.after;
          return item.key.startsWith(query.prefix) && isAfter(item.key, before) && hasValue(item, !query.keysOnly);
        })
      );
    default:
      return unreachable(query);
  }
}

/** In the order of their bytes, as replicas list them: that of UTF-16 is another one. */
function isAfter(key: string, before: string | null): boolean {
  return before === null || Buffer.compare(Buffer.from(key), Buffer.from(before)) > 0;
}

function hasValue({ value, sizeBytes }: KeyValue, wanted: boolean): boolean {
  return wanted ? value?.length === sizeBytes : value === undefined;
}
