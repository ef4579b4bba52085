/** Results as the cache keeps them. */
import type { QueryResult } from '../store/client.ts';
import { type EntryKind, ofItsOwn } from './cache/entry.ts';
import type { ListPage } from './list-page.ts';
import type {
  CatalogQuery,
  DocumentQuery,
  DocumentResult,
  GetQuery,
  GetResult,
  ListQuery,
  ReadQuery,
  Result,
  ResultOf,
} from './store.ts';

const resultOverheadBytes = 64;

/**
 * In memory of its own: values and texts as they come are parts of the whole message they came in, and small buffers are
 * parts of a pool. Whoever keeps a part keeps the whole.
 */
export function copyOf(result: Result): Result {
  switch (result.type) {
    case 'get':
      return copyOfGet(result);
    case 'list':
      return { ...result, rest: bytesOfItsOwn(result.rest) };
    case 'document':
      return copyOfDocument(result);
    case 'search':
      return { ...result, rest: bytesOfItsOwn(result.rest), ids: noIds };
    case 'noPage':
      return result;
  }
}

const noIds: readonly string[] = [];

function copyOfGet(result: GetResult): GetResult {
  const { item } = result;
  if (item?.value === undefined) return result;
  const { key, contentType, value } = item;
  const own = { key: ofItsOwn(key), contentType: ofItsOwn(contentType), value: bytesOfItsOwn(value) };
  return { ...result, item: { ...item, ...own } };
}

function copyOfDocument(result: DocumentResult): DocumentResult {
  const { document } = result;
  if (document?.json === undefined) return result;
  return { ...result, document: { ...document, id: ofItsOwn(document.id), json: bytesOfItsOwn(document.json) } };
}

/** What a copy keeps in memory, about. For the objects around it every entry has room. */
export function bytesOf(result: Result): number {
  return resultOverheadBytes + partBytesOf(result);
}

function partBytesOf(result: Result): number {
  switch (result.type) {
    case 'get': {
      const { item } = result;
      if (item === null) return 0;
      return 2 * (item.key.length + item.contentType.length) + (item.value?.byteLength ?? 0);
    }
    case 'document': {
      const { document } = result;
      return document === null ? 0 : 2 * document.id.length + (document.json?.byteLength ?? 0);
    }
    case 'list':
    case 'search':
      return result.rest.byteLength + result.tag.length;
    case 'noPage':
      return 0;
  }
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

/** Null for what is never kept. */
export function kindOf(result: Result): EntryKind | null {
  switch (result.type) {
    case 'get':
      return result.item === null ? 'absence' : 'value';
    case 'document':
      return result.document === null ? 'absence' : 'document';
    case 'list':
    case 'search':
      return result.type;
    case 'noPage':
      return null;
  }
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

/** As asGet. */
export function asAnswerTo<Asked extends CatalogQuery>(query: Asked, result: Result): ResultOf<Asked> {
  return answering(query, result) as ResultOf<Asked>;
}

function answering(query: CatalogQuery, result: Result): ResultOf<CatalogQuery> {
  if (query.type === 'document' && result.type === 'document') return documentShownTo(query, result);
  if (query.type === 'search' && (result.type === 'search' || result.type === 'noPage')) return result;
  throw mismatch(query, result);
}

/** Without the JSON, where that is not asked for. */
function documentShownTo({ withJson }: DocumentQuery, result: DocumentResult): DocumentResult {
  if (withJson || result.document?.json === undefined) return result;
  const { json: _, ...document } = result.document;
  return { ...result, document };
}

function bytesOfItsOwn(bytes: Uint8Array): Buffer {
  const own = Buffer.allocUnsafeSlow(bytes.byteLength);
  own.set(bytes);
  return own;
}

function mismatch(query: ReadQuery, result: Result): Error {
  return new Error(`a ${query.type} was answered with the result of a ${result.type}`);
}
