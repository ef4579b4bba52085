/**
 * What the cache holds: answers under names, with what is needed to tell when they end. Whether an answer is still true
 * is for the holder of the floors to say.
 */
import type { Answer } from '../answer.ts';
import type { DocumentQuery, GetQuery, ListQuery, SearchQuery } from '../store.ts';

/** `absence`: there is no such key, or document. */
export const entryKinds = ['value', 'absence', 'list', 'document', 'search'] as const;
export type EntryKind = (typeof entryKinds)[number];

export interface Entry<Prepared> {
  readonly name: string;
  readonly kind: EntryKind;
  /** The log index at which the answer was read. */
  readonly index: number;
  /** Hashes of all whose change ends the answer. */
  readonly touches: readonly number[];
  /** On the caller's clock, as everything here that ends in `AtMs`. */
  readonly storedAtMs: number;
  /** From this moment the entry is gone; null if its age alone does not end it. */
  readonly expiresAtMs: number | null;
  /** What `answer` keeps in memory, its headers included (see `answerBytes`); what the cache adds, it counts itself. */
  readonly bytes: number;
  readonly answer: Prepared;
}

/** Under which a key's value and its absence are kept: one takes the other's place. */
export function keyName(key: string): string {
  return `k${key}`;
}

/** Equal for equal questions alone: the length tells where the prefix ends, whatever is in it. */
export function listName({ prefix, after, limit, keysOnly }: ListQuery): string {
  return `l${prefix.length}:${prefix}${limit}${keysOnly ? 'k' : 'v'}${after ?? ''}`;
}

/** Under which a document and its absence are kept. */
export function documentName({ collection, id }: Pick<DocumentQuery, 'collection' | 'id'>): string {
  return documentsNames(collection) + id;
}

/** With what the names of all documents of a collection begin, and no others: the length tells where it ends. */
export function documentsNames(collection: string): string {
  return `d${collection.length}:${collection}`;
}

/** As documentsNames, of searches. */
export function searchesNames(collection: string): string {
  return `s${collection.length}:${collection}`;
}

/** Equal for equal questions alone: what a field means is its definition's to say. */
export function searchName({ definition, search }: SearchQuery): string {
  const { collection, filters, sort, after, limit, fields, count } = search;
  return `${searchesNames(collection)}${definition}${JSON.stringify([filters, sort, after, limit, fields, count])}`;
}

/** The prefix in a list's name; null for the name of a key. */
export function listedPrefix(name: string): string | null {
  if (!name.startsWith('l')) return null;
  const start = name.indexOf(':') + 1;
  return name.slice(start, start + Number(name.slice(1, start - 1)));
}

/** What is answered under a name; null for a search, which is worked out anew for the definition of its day. */
export function queryNamed(name: string): GetQuery | ListQuery | DocumentQuery | null {
  switch (name[0]) {
    case 'k':
      return { type: 'get', key: name.slice(1), withValue: true };
    case 'd':
      return documentNamed(name);
    case 'l':
      return listNamed(name);
    default:
      return null;
  }
}

function documentNamed(name: string): DocumentQuery {
  const start = name.indexOf(':') + 1;
  const end = start + Number(name.slice(1, start - 1));
  return { type: 'document', collection: name.slice(start, end), id: name.slice(end), withJson: true };
}

function listNamed(name: string): ListQuery {
  const prefix = listedPrefix(name) ?? '';
  const [, limit, what, after = ''] =
    /^(\d+)([kv])(.*)$/s.exec(name.slice(name.indexOf(':') + 1 + prefix.length)) ?? [];
  return { type: 'list', prefix, after: after === '' ? null : after, limit: Number(limit), keysOnly: what === 'k' };
}

/** Of the objects around an entry: slot, place in the map, entry, arrays, answer, a buffer's handle. As measured, rounded up. */
export const overheadBytes = 640;
/** Of a number in a list. */
const touchBytes = 8;
/** Of a string beside its characters. */
const stringBytes = 16;

/** What an entry takes of the cache's bytes: the answer, the name, the touches and the overhead. */
export function chargedBytes({ bytes, name, touches }: Entry<unknown>): number {
  return bytes + charactersBytes(name) + touches.length * touchBytes + overheadBytes;
}

/** Of a prepared answer. A body is best a buffer of its own: a part of a larger one keeps all of it in memory. */
export function answerBytes({ headers, body }: Answer): number {
  // Headers are latin1, a byte for each character.
  const headersBytes = headers.reduce((sum, header) => sum + stringBytes + header.length, 0);
  if (body === null) return headersBytes;
  return headersBytes + (typeof body === 'string' ? stringBytes + charactersBytes(body) : body.byteLength);
}

/** The same characters in memory of their own: a part of a string, as a key is of its URL, keeps the whole in memory. */
export function ofItsOwn(text: string): string {
  return Buffer.from(text, 'utf16le').toString('utf16le');
}

/** At most: one character beyond latin1 makes two bytes of each. */
function charactersBytes(text: string): number {
  return 2 * text.length;
}
