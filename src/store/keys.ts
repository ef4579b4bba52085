/**
 * Where everything stands in state/: one letter for the kind of row, then what tells rows of one kind apart.
 *
 *   a                                  what was applied last
 *   b  to u64                          one written batch
 *   c  UTF-8 name                      the definition of a collection
 *   d  collection u64 UTF-8 id         a document
 *   e  time u64 k UTF-8 key            a key that ends at that time
 *   e  time u64 d collection u64 id    a document that does
 *   g  collection u64 index u64        what is to be swept: an index, or, if it is 0, all of a collection
 *   h  revision u64                    changes, up to this one
 *   i  collection u64 index u64 term   (index-rows.ts) a document that has the term
 *      UTF-8 id
 *   k  UTF-8 key                       a value
 *   o  time u64 key                    an idempotency record that is kept until that time
 *   q  key                             an idempotency record
 *   r  session u64 block u64           kept results of a session
 *   s  session u64                     a session
 *   t                                  the time, and what is counted
 *
 * A collection is the entry that made it, an index an `IndexNumber`. All but a, b and h are the replicated keyspace: equal
 * on replicas with equal applied index. The rest is each replica's own.
 */
import type { Index } from '../raft/types.ts';
import type { IndexNumber } from './collection.ts';
import { readUint64, writeUint64 } from './uint64.ts';

type Letter = 'a' | 'b' | 'c' | 'd' | 'e' | 'g' | 'h' | 'i' | 'k' | 'o' | 'q' | 'r' | 's' | 't';

export interface KeyBounds {
  readonly gte: Buffer;
  readonly lt: Buffer;
}

export const appliedKey: Buffer = Buffer.from('a');
export const clockKey: Buffer = Buffer.from('t');

export function batchKey(to: number): Buffer {
  return numbered('b', to);
}

export function valueKey(key: string): Buffer {
  return Buffer.from(`k${key}`);
}

export function keyOfValue(row: Uint8Array): string {
  return textFrom(row, 1);
}

export function collectionKey(name: string): Buffer {
  return Buffer.from(`c${name}`);
}

export function nameOfCollection(row: Uint8Array): string {
  return textFrom(row, 1);
}

export function documentKey(collection: Index, id: string): Buffer {
  return Buffer.concat([numbered('d', collection), Buffer.from(id)]);
}

export function idOfDocument(row: Uint8Array): string {
  return textFrom(row, 9);
}

/** What may end by itself. */
export type Mortal =
  | { readonly type: 'key'; readonly key: string }
  | { readonly type: 'document'; readonly collection: Index; readonly id: string };

/** `atMs` is the cluster's time. */
export function expiryKey(atMs: number, mortal: Mortal): Buffer {
  const target = mortal.type === 'key' ? valueKey(mortal.key) : documentKey(mortal.collection, mortal.id);
  return Buffer.concat([numbered('e', atMs), target]);
}

export function readExpiryKey(row: Uint8Array): { readonly atMs: number; readonly mortal: Mortal } {
  const bytes = asBuffer(row);
  const target = bytes.subarray(9);
  const mortal: Mortal =
    target[0] === letterOfValues
      ? { type: 'key', key: keyOfValue(target) }
      : { type: 'document', collection: readUint64(target, 1) as Index, id: idOfDocument(target) };
  return { atMs: readUint64(bytes, 1), mortal };
}

export function idempotencyKey(key: string): Buffer {
  return Buffer.from(`q${key}`);
}

export function idempotencyEndKey(atMs: number, key: string): Buffer {
  return Buffer.concat([numbered('o', atMs), Buffer.from(key)]);
}

export function readIdempotencyEndKey(row: Uint8Array): { readonly atMs: number; readonly key: string } {
  return { atMs: readUint64(asBuffer(row), 1), key: textFrom(row, 9) };
}

/** `index` 0: the whole collection. */
export function garbageKey(collection: number, index: number): Buffer {
  return numbered('g', collection, index);
}

export function readGarbageKey(row: Uint8Array): { readonly collection: Index; readonly index: IndexNumber } {
  const bytes = asBuffer(row);
  return { collection: readUint64(bytes, 1) as Index, index: readUint64(bytes, 9) as IndexNumber };
}

/** Whether this is the key of a row of that index, or, if it is 0, of a document or an index row of the collection. */
export function isRowOf(row: Uint8Array, collection: number, index: number): boolean {
  const isDocument = isDocumentRow(row);
  if ((!isDocument && row[0] !== letterOfPostings) || row.length <= (isDocument ? 9 : 17)) return false;
  const bytes = asBuffer(row);
  if (readUint64(bytes, 1) !== collection) return false;
  return index === 0 || (!isDocument && readUint64(bytes, 9) === index);
}

export function isDocumentRow(row: Uint8Array): boolean {
  return row[0] === letterOfDocuments;
}

export function historyKey(to: number): Buffer {
  return numbered('h', to);
}

export function revisionOfHistory(row: Uint8Array): number {
  return readUint64(asBuffer(row), 1);
}

export function resultsKey(session: number, block: number): Buffer {
  return numbered('r', session, block);
}

export function sessionKey(session: number): Buffer {
  return numbered('s', session);
}

export const batchRows: KeyBounds = rowsOf('b');
export const resultsRows: KeyBounds = rowsOf('r');
export const sessionRows: KeyBounds = rowsOf('s');
export const allValueRows: KeyBounds = rowsOf('k');
export const collectionRows: KeyBounds = rowsOf('c');
export const allDocumentRows: KeyBounds = rowsOf('d');
export const expiryRows: KeyBounds = rowsOf('e');
export const allIndexRows: KeyBounds = rowsOf('i');
export const idempotencyRows: KeyBounds = rowsOf('q');
export const idempotencyEndRows: KeyBounds = rowsOf('o');
export const garbageRows: KeyBounds = rowsOf('g');
export const clockRows: KeyBounds = rowsOf('t');
export const historyRows: KeyBounds = rowsOf('h');

/** Those that hold changes of later revisions. */
export function historyRowsAfter(revision: number): KeyBounds {
  return { gte: historyKey(revision + 1), lt: historyRows.lt };
}

/** What ends at `untilMs` or before. */
export function expiryRowsUntil(untilMs: number): KeyBounds {
  return { gte: expiryRows.gte, lt: successor(numbered('e', untilMs)) };
}

/** The records that are kept until `untilMs` or a time before it. */
export function idempotencyEndRowsUntil(untilMs: number): KeyBounds {
  return { gte: idempotencyEndRows.gte, lt: successor(numbered('o', untilMs)) };
}

/** The values whose keys begin with `prefix` and stand after `after`; null if there can be none. */
export function valueRows(prefix: string, after: string | null): KeyBounds | null {
  return startingWith(valueKey(prefix), after === null ? null : behind(valueKey(after)));
}

/** The documents of a collection whose ids stand after `after`. */
export function documentRows(collection: Index, after: string | null): KeyBounds {
  const prefix = numbered('d', collection);
  return { gte: after === null ? prefix : behind(documentKey(collection, after)), lt: successor(prefix) };
}

function startingWith(prefix: Buffer, from: Buffer | null): KeyBounds | null {
  const lt = successor(prefix);
  if (from === null || Buffer.compare(from, prefix) <= 0) return { gte: prefix, lt };
  return Buffer.compare(from, lt) >= 0 ? null : { gte: from, lt };
}

function rowsOf(letter: Letter): KeyBounds {
  const gte = Buffer.from(letter);
  return { gte, lt: successor(gte) };
}

/** The first key after all that begin with `prefix`, which has a byte that is not 0xff: its letter. */
export function successor(prefix: Buffer): Buffer {
  let end = prefix.length;
  while (prefix[end - 1] === 0xff) end -= 1;
  const next = Buffer.from(prefix.subarray(0, end));
  next[end - 1] = (next[end - 1] ?? 0) + 1;
  return next;
}

/** The first key after this one. */
export function behind(key: Uint8Array): Buffer {
  return Buffer.concat([key, Buffer.of(0)]);
}

export function numbered(letter: Letter, ...numbers: readonly number[]): Buffer {
  const key = Buffer.allocUnsafe(1 + 8 * numbers.length);
  let offset = key.write(letter);
  for (const number of numbers) offset = writeUint64(key, number, offset);
  return key;
}

const letterOfValues = 'k'.charCodeAt(0);
const letterOfDocuments = 'd'.charCodeAt(0);
const letterOfPostings = 'i'.charCodeAt(0);

function textFrom(row: Uint8Array, offset: number): string {
  return asBuffer(row).toString('utf8', offset);
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
