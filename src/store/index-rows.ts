/**
 * The rows of an index: one for each term of each document, in the order of terms and then of ids, with nothing in it.
 *
 *   i · collection u64 · index u64 · term · id in UTF-8
 *   number   1 · the double, all bits turned if it is negative, else the first: its bytes sort as the numbers do
 *   text     2 · UTF-8, each zero in it followed by 0xff · 0
 *
 * UTF-8 has no 0xff, so a zero that no 0xff follows ends a text, and a text stands before all that it begins.
 */
import { invariant } from '../raft/assert.ts';
import type { Index } from '../raft/types.ts';
import type { IndexNumber } from './collection.ts';
import { DamagedRowError } from './damage.ts';
import { behind, type KeyBounds, numbered, successor } from './keys.ts';
import { type SealedRow, sealRow } from './row.ts';

export type Term = string | number;

export interface IndexPlace {
  readonly collection: Index;
  readonly index: IndexNumber;
}

/** Where a row of an index stands in it. */
export interface Posting {
  readonly term: Term;
  readonly id: string;
}

export interface NumberRange {
  readonly min: number | null;
  readonly max: number | null;
  readonly minExclusive: boolean;
  readonly maxExclusive: boolean;
}

const numberTag = 1;
const textTag = 2;
const prefixBytes = 17;

/** Numbers must be finite; -0 is 0. */
export function postingKey(place: IndexPlace, { term, id }: Posting): Buffer {
  return Buffer.concat([termPrefix(place, term), Buffer.from(id)]);
}

export function sealPosting(place: IndexPlace, posting: Posting): SealedRow {
  return sealRow(postingKey(place, posting), 0, () => {});
}

/** Throws DamagedRowError. */
export function readPostingKey(row: Uint8Array): Posting {
  const bytes = Buffer.from(row.buffer, row.byteOffset, row.byteLength);
  const from = prefixBytes + 1;
  if (bytes[prefixBytes] === numberTag && bytes.length >= from + 8) {
    return { term: readNumber(bytes, from), id: bytes.toString('utf8', from + 8) };
  }
  let end = bytes.indexOf(0, from);
  while (end >= 0 && bytes[end + 1] === 0xff) end = bytes.indexOf(0, end + 1);
  if (bytes[prefixBytes] !== textTag || end < 0) throw new DamagedRowError('the key of an index row is no such key');
  return { term: readText(bytes, from, end), id: bytes.toString('utf8', end + 1) };
}

/** All rows of an index. */
export function indexRows(place: IndexPlace): KeyBounds {
  const prefix = indexPrefix(place);
  return { gte: prefix, lt: successor(prefix) };
}

/** All rows of all indexes of a collection. */
export function indexRowsOf(collection: Index): KeyBounds {
  const prefix = numbered('i', collection);
  return { gte: prefix, lt: successor(prefix) };
}

/** The documents that have the term, with ids after `after`. */
export function termRows(place: IndexPlace, term: Term, after: string | null): KeyBounds {
  const prefix = termPrefix(place, term);
  return { gte: after === null ? prefix : behind(postingKey(place, { term, id: after })), lt: pastTerm(place, term) };
}

/** Where the next term after this one begins, at the earliest. */
export function pastTerm(place: IndexPlace, term: Term): Buffer {
  const prefix = termPrefix(place, term);
  // Behind a text's zero: ids are UTF-8, and a text that goes on has 0xff there.
  return typeof term === 'number' ? successor(prefix) : Buffer.concat([prefix, Buffer.of(0xff)]);
}

/** The rows of a range of numbers that stand behind `after` in the order in question; null if there can be none. */
export function numberRows(
  place: IndexPlace,
  { min, max, minExclusive, maxExclusive }: NumberRange,
  after: Posting | null,
  descending: boolean,
): KeyBounds | null {
  const all = indexRows(place);
  let gte = min === null ? all.gte : minExclusive ? pastTerm(place, min) : termPrefix(place, min);
  let lt = max === null ? all.lt : maxExclusive ? termPrefix(place, max) : pastTerm(place, max);
  if (after !== null) {
    const key = postingKey(place, after);
    if (descending) lt = Buffer.compare(key, lt) < 0 ? key : lt;
    else gte = Buffer.compare(behind(key), gte) > 0 ? behind(key) : gte;
  }
  return Buffer.compare(gte, lt) < 0 ? { gte, lt } : null;
}

function indexPrefix({ collection, index }: IndexPlace): Buffer {
  return numbered('i', collection, index);
}

function termPrefix(place: IndexPlace, term: Term): Buffer {
  return Buffer.concat([indexPrefix(place), typeof term === 'number' ? numberBytes(term) : textBytes(term)]);
}

function numberBytes(number: number): Buffer {
  invariant(Number.isFinite(number), `a number in an index is finite, got ${number}`);
  const bytes = Buffer.alloc(9);
  bytes[0] = numberTag;
  bytes.writeDoubleBE(number + 0, 1);
  turn(bytes, 1, number < 0);
  return bytes;
}

function readNumber(bytes: Buffer, from: number): number {
  const turned = Buffer.from(bytes.subarray(from, from + 8));
  turn(turned, 0, (turned.readUInt8(0) & 0x80) === 0);
  return turned.readDoubleBE(0);
}

function turn(bytes: Buffer, from: number, all: boolean): void {
  if (!all) bytes.writeUInt8(bytes.readUInt8(from) ^ 0x80, from);
  else for (let offset = from; offset < from + 8; offset += 1) bytes.writeUInt8(bytes.readUInt8(offset) ^ 0xff, offset);
}

function textBytes(text: string): Buffer {
  const utf8 = Buffer.from(text);
  const escaped = utf8.includes(0) ? Buffer.from([...utf8].flatMap((byte) => (byte === 0 ? [0, 0xff] : [byte]))) : utf8;
  return Buffer.concat([Buffer.of(textTag), escaped, Buffer.of(0)]);
}

function readText(bytes: Buffer, from: number, end: number): string {
  const escaped = bytes.subarray(from, end);
  // 0xff is nowhere else.
  return (escaped.includes(0) ? Buffer.from(escaped.filter((byte) => byte !== 0xff)) : escaped).toString();
}
