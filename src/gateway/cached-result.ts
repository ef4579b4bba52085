/** Results of queries as the cache keeps them. */
import type { KeyValue, QueryResult } from '../store/client.ts';
import type { GetQuery, ListQuery } from './store.ts';

/** Numbers, and the object around them. */
const itemBytes = 96;
const resultOverheadBytes = 64;

/** In memory of its own: a value as it comes is a part of the whole message it came in. */
export function copyOf(result: QueryResult): QueryResult {
  if (result.type === 'list') return { ...result, items: result.items.map(copyOfItem) };
  return { ...result, item: result.item === null ? null : copyOfItem(result.item) };
}

/** What a copy keeps in memory, about. */
export function bytesOf(result: QueryResult): number {
  const items = result.type === 'list' ? result.items : result.item === null ? [] : [result.item];
  return items.reduce(
    (sum, { key, contentType, value }) =>
      sum + itemBytes + 2 * (key.length + contentType.length) + (value?.byteLength ?? 0),
    resultOverheadBytes,
  );
}

/** A kept result as the answer to this query, proven to be what stands there at `revision`. */
export function answerTo(
  query: GetQuery | ListQuery,
  kept: QueryResult,
  revision: QueryResult['revision'],
): QueryResult {
  if (kept.type === 'list' || kept.item === null || (query.type === 'get' && query.withValue)) {
    return { ...kept, revision };
  }
  const { value: _, ...item } = kept.item;
  return { ...kept, revision, item };
}

function copyOfItem(item: KeyValue): KeyValue {
  return item.value === undefined ? item : { ...item, value: Buffer.from(item.value) };
}
