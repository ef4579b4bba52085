/**
 * What stands for the parts of a collection c (DESIGN-catalog.md, "What caches are told"). Names are, with 0xff between
 * their parts:
 *
 *   c  collection                               c/*
 *   m  collection                               c/members
 *   t  collection · field · letter and term     c/f=t, the letter that of the index's kind: t term, w words, n number
 *   b  collection · field                       c/f?
 *   f  collection · field                       c/f
 *   d  collection · id                          c:id
 *   e  collection · id · field                  c:id.f
 *
 * A text is in UTF-8, a number that a search is for a big-endian double: 1.0 is 1, -0 is 0, and neither is the text "1".
 */
import { crc32 } from 'node:zlib';
import { invariant } from '../raft/assert.ts';
import { joined, mixed, type Touch } from './touch-hash.ts';
import type { IndexKind } from './transaction.ts';

const ofCollections = crc32('c');
const ofMembers = crc32('m');
const ofTerms = crc32('t');
const ofBlindChanges = crc32('b');
const ofFields = crc32('f');
const ofDocuments = crc32('d');
const ofDocumentFields = crc32('e');

const kindLetters: Readonly<Record<IndexKind, string>> = { term: 't', words: 'w', number: 'n' };

/** Carried by every search of the collection, by what says that there is no such collection, and by nothing else. */
export function touchOfCollection(collection: string): Touch {
  return mixed(joined(ofCollections, collection));
}

/** Carried by a search that has no exact term. */
export function touchOfMembers(collection: string): Touch {
  return mixed(joined(ofMembers, collection));
}

/** Carried by a search for exactly this term. It is in its normal form, and a number if the index is of numbers. */
export function touchOfTerm(collection: string, field: string, kind: IndexKind, term: string | number): Touch {
  invariant((typeof term === 'number') === (kind === 'number'), 'a term is of the kind of its index');
  const crc = joined(ofTerms, collection, field, kindLetters[kind]);
  return mixed(crc32(typeof term === 'number' ? bytesOf(term) : term, crc));
}

/** Carried by a search for an exact term in the field, beside the touch of that term. */
export function touchOfBlindChange(collection: string, field: string): Touch {
  return mixed(joined(ofBlindChanges, collection, field));
}

/** Carried by a search with a range, a part of a text or an order in the field; by one that returns it of very many documents. */
export function touchOfField(collection: string, field: string): Touch {
  return mixed(joined(ofFields, collection, field));
}

/** Carried by the document, by its absence, and by a search that returns it whole. */
export function touchOfDocument(collection: string, id: string): Touch {
  return mixed(joined(ofDocuments, collection, id));
}

/** Carried by a search that returns this field of this document. */
export function touchOfDocumentField(collection: string, id: string, field: string): Touch {
  return mixed(joined(ofDocumentFields, collection, id, field));
}

function bytesOf(number: number): Uint8Array {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeDoubleBE(number + 0);
  return bytes;
}
