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
        result.items.every((item) => item.key.startsWith(query.prefix) && hasValue(item, !query.keysOnly))
      );
    default:
      return unreachable(query);
  }
}

function hasValue({ value, sizeBytes }: KeyValue, wanted: boolean): boolean {
  return wanted ? value?.length === sizeBytes : value === undefined;
}
