/** A page of a list as it is shown: written once when it comes from a replica, and given out again as it is. */
import { isUtf8 } from 'node:buffer';
import { hash } from 'node:crypto';
import type { KeyValue, QueryResult } from '../store/client.ts';
import { encodeCursor } from './cursor.ts';

export interface ListPage {
  readonly type: 'list';
  /** At which all of it stands so. */
  readonly revision: QueryResult['revision'];
  /** The JSON document, but for its beginning (see `pageStart`), which changes without the page. */
  readonly rest: Buffer;
  /** Of `rest`, opaque. The whole document is another one at each revision: for that it is a weak tag. */
  readonly tag: string;
}

/** Of the digest, in base64: 132 bits. */
const tagCharacters = 22;

/** For what is shown. */
export function tagOf(rest: Buffer): string {
  return hash('sha256', rest, 'base64url').slice(0, tagCharacters);
}

export function pageOf(
  prefix: string,
  { revision, items, more }: Extract<QueryResult, { readonly type: 'list' }>,
): ListPage {
  const last = items.at(-1);
  const cursor = more && last !== undefined ? encodeCursor(prefix, last.key) : null;
  const rest = Buffer.from(JSON.stringify({ items: items.map(listed), cursor }).slice(1));
  return { type: 'list', revision, rest, tag: tagOf(rest) };
}

/** What goes before `rest`. */
export function pageStart({ revision }: Pick<ListPage, 'revision'>): string {
  return `{"revision":${revision},`;
}

function listed({ key, modRevision, version, contentType, sizeBytes, value }: KeyValue): object {
  return { key, modRevision, version, contentType, size: sizeBytes, ...shownValue(value) };
}

/** As text where it is text. */
export function shownValue(value: Uint8Array | undefined): object {
  if (value === undefined) return {};
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  return isUtf8(bytes) ? { value: bytes.toString() } : { valueBase64: bytes.toString('base64') };
}
