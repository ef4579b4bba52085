/** Results as the cache keeps them. */
import type { QueryResult } from '../store/client.ts';
import { type EntryKind, ofItsOwn } from './cache/entry.ts';
import type { ListPage } from './list-page.ts';
import type { GetQuery, GetResult, ListQuery, Result } from './store.ts';

const resultOverheadBytes = 64;

/**
 * In memory of its own: values and texts as they come are parts of the whole message they came in, and small buffers are
 * parts of a pool. Whoever keeps a part keeps the whole.
 */
export function copyOf(result: Result): Result {
  if (result.type === 'list') return { ...result, rest: bytesOfItsOwn(result.rest) };
  const { item } = result;
  if (item?.value === undefined) return result;
  const { key, contentType, value } = item;
  const own = { key: ofItsOwn(key), contentType: ofItsOwn(contentType), value: bytesOfItsOwn(value) };
  return { ...result, item: { ...item, ...own } };
}

/** What a copy keeps in memory, about. For the objects around it every entry has room. */
export function bytesOf(result: Result): number {
  if (result.type === 'list') return resultOverheadBytes + result.rest.byteLength + result.tag.length;
  const { item } = result;
  if (item === null) return resultOverheadBytes;
  return resultOverheadBytes + 2 * (item.key.length + item.contentType.length) + (item.value?.byteLength ?? 0);
}

/** What was found, proven to be what stands there at `revision`. */
export function standingAt<Found extends Result>(found: Found, revision: QueryResult['revision']): Found {
  return { ...found, revision };
}

/** Without the value, where that is not asked for. */
export function shownTo({ withValue }: GetQuery, result: GetResult): GetResult {
  if (withValue || result.item?.value === undefined) return result;
  const { value: _, ...item } = result.item;
  return { ...result, item };
}

export function kindOf(result: Result): EntryKind {
  if (result.type === 'list') return 'list';
  return result.item === null ? 'absence' : 'value';
}

/** Throws if what is under a query's name answers another one. */
export function asGet(query: GetQuery, result: Result): GetResult {
  if (result.type !== 'get') throw mismatch(query, result);
  return shownTo(query, result);
}

/** As asGet. */
export function asList(query: ListQuery, result: Result): ListPage {
  if (result.type !== 'list') throw mismatch(query, result);
  return result;
}

function bytesOfItsOwn(bytes: Uint8Array): Buffer {
  const own = Buffer.allocUnsafeSlow(bytes.byteLength);
  own.set(bytes);
  return own;
}

function mismatch(query: GetQuery | ListQuery, result: Result): Error {
  return new Error(`a ${query.type} was answered with the result of a ${result.type}`);
}
