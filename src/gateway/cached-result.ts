/** Results of queries as the cache keeps them. */
import type { KeyValue, QueryResult } from '../store/client.ts';
import type { GetQuery, ListQuery } from './store.ts';

/** Of an item in a list beside its characters, as measured: numbers, and the object around them. */
const itemBytes = 176;
/** Of the view of a value in a list, beside its bytes. */
const viewBytes = 152;
const resultOverheadBytes = 64;

/**
 * In memory of its own, one piece for all values: a value as it comes is a part of the whole message it came in, and
 * small buffers are parts of a pool. Whoever keeps a part keeps the whole.
 */
export function copyOf(result: QueryResult): QueryResult {
  const values = Buffer.allocUnsafeSlow(itemsOf(result).reduce((sum, { value }) => sum + (value?.byteLength ?? 0), 0));
  let end = 0;
  const copyOfItem = (item: KeyValue): KeyValue => {
    if (item.value === undefined) return item;
    const start = end;
    end += item.value.byteLength;
    values.set(item.value, start);
    return { ...item, value: values.subarray(start, end) };
  };
  if (result.type === 'list') return { ...result, items: result.items.map(copyOfItem) };
  return { ...result, item: result.item === null ? null : copyOfItem(result.item) };
}

/** What a copy keeps in memory, about. For the object and the view of an item that comes alone every entry has room. */
export function bytesOf(result: QueryResult): number {
  return itemsOf(result).reduce((sum, { key, contentType, value }) => {
    const objectsBytes = result.type === 'list' ? itemBytes + (value === undefined ? 0 : viewBytes) : 0;
    return sum + objectsBytes + 2 * (key.length + contentType.length) + (value?.byteLength ?? 0);
  }, resultOverheadBytes);
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

function itemsOf(result: QueryResult): readonly KeyValue[] {
  if (result.type === 'list') return result.items;
  return result.item === null ? [] : [result.item];
}
