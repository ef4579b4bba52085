/**
 * The row of a document:
 *
 *   createRevision u64 · modRevision u64 · version u64 · indexes u8 · [expiresAtMs u64] · indexes × terms · JSON (to the end)
 *   terms   index u64 · count u16 · count × (a double, or length u16 and UTF-8)
 *
 * If the document ends by itself, the highest bit of `indexes` is set, and its end is there; if the terms of an index are numbers, that of
 * `count` is. The terms are those that have index rows: what made them is not asked again.
 */
import { invariant } from '../raft/assert.ts';
import type { Index } from '../raft/types.ts';
import { BodyReader } from './body-reader.ts';
import type { CollectionIndex, IndexNumber } from './collection.ts';
import type { Term } from './index-rows.ts';
import { documentKey } from './keys.ts';
import type { Revisions } from './kv.ts';
import { type SealedRow, sealRow } from './row.ts';
import type { Document, FieldTerms } from './transaction.ts';
import { writeUint64 } from './uint64.ts';

/** Of one index: at least one term, all texts or all numbers. */
export interface IndexTerms {
  readonly index: IndexNumber;
  readonly terms: readonly Term[];
}

export interface StoredDocument extends Revisions {
  /** On the cluster's clock, in milliseconds since 1970; null: for good. */
  readonly expiresAtMs: number | null;
  /** In the order of their indexes' numbers, each index once. */
  readonly terms: readonly IndexTerms[];
  readonly json: Uint8Array;
}

const expiresBit = 0x80;
const numbersBit = 0x8000;

export function sealDocument(collection: Index, id: string, stored: StoredDocument): SealedRow {
  const { expiresAtMs, terms, json } = stored;
  const head = [uint64s(stored.createRevision, stored.modRevision, stored.version)];
  invariant(
    terms.length < expiresBit,
    `a document has terms of at most ${expiresBit - 1} indexes, got ${terms.length}`,
  );
  head.push(Buffer.of(terms.length | (expiresAtMs === null ? 0 : expiresBit)));
  if (expiresAtMs !== null) head.push(uint64s(expiresAtMs));
  for (const list of terms) head.push(...encodedTerms(list));
  const headBytes = Buffer.concat(head);
  return sealRow(documentKey(collection, id), headBytes.length + json.length, (body) => {
    body.set(headBytes);
    body.set(json, headBytes.length);
  });
}

function encodedTerms({ index, terms }: IndexTerms): readonly Buffer[] {
  const numbers = terms.filter((term) => typeof term === 'number');
  invariant(terms.length > 0 && terms.length < numbersBit, `an index has 1 to 32,767 terms, got ${terms.length}`);
  if (numbers.length === 0)
    return [uint64s(index), uint16(terms.length), ...terms.map((term) => encodedText(`${term}`))];
  invariant(numbers.length === terms.length, 'the terms of an index are all texts or all numbers');
  return [uint64s(index), uint16(terms.length | numbersBit), ...numbers.map(float64)];
}

function encodedText(text: string): Buffer {
  return Buffer.concat([uint16(Buffer.byteLength(text)), Buffer.from(text)]);
}

function uint64s(...numbers: readonly number[]): Buffer {
  const bytes = Buffer.alloc(8 * numbers.length);
  for (const [position, number] of numbers.entries()) writeUint64(bytes, number, 8 * position);
  return bytes;
}

function uint16(number: number): Buffer {
  invariant(number <= 0xffff, `a term is at most 65,535 bytes, got ${number}`);
  return Buffer.of(number >> 8, number & 0xff);
}

function float64(number: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(number);
  return bytes;
}

/** The JSON is a view of `body`. Throws DamagedRowError. */
export function readDocument(body: Buffer): StoredDocument {
  const reader = new BodyReader(body);
  const createRevision = reader.uint53() as Index;
  const modRevision = reader.uint53() as Index;
  const version = reader.uint53();
  const indexes = reader.uint8();
  const expiresAtMs = indexes < expiresBit ? null : reader.uint53();
  const terms = Array.from({ length: indexes & ~expiresBit }, () => readTerms(reader));
  return { createRevision, modRevision, version, expiresAtMs, terms, json: reader.rest() };
}

function readTerms(reader: BodyReader): IndexTerms {
  const index = reader.uint53() as IndexNumber;
  const count = reader.uint16();
  const length = count & ~numbersBit;
  const terms = Array.from({ length }, () => (count < numbersBit ? reader.text() : reader.float64()));
  return { index, terms };
}

export function documentOf(id: string, stored: StoredDocument, withJson: boolean): Document {
  const { createRevision, modRevision, version, expiresAtMs, json } = stored;
  const document = { id, createRevision, modRevision, version, expiresAtMs };
  return withJson ? { ...document, json } : document;
}

/** By field and kind, as commands state them: those of the indexes that are defined. */
export function fieldTermsOf(
  stored: readonly IndexTerms[],
  indexes: readonly CollectionIndex[],
): readonly FieldTerms[] {
  return indexes.flatMap(({ number, field, kind }) => {
    const terms = stored.find(({ index }) => index === number)?.terms;
    return terms === undefined ? [] : [{ field, kind, terms }];
  });
}

/**
 * What a document has once these fields have these terms: of the indexes that are defined, each field that is not among
 * them keeps what it has in `stored`.
 */
export function withFieldTerms(
  stored: readonly IndexTerms[],
  stated: readonly FieldTerms[],
  indexes: readonly CollectionIndex[],
): readonly IndexTerms[] {
  return indexes
    .map(({ number, field, kind }): IndexTerms => {
      const fresh = stated.find((other) => other.field === field && other.kind === kind);
      const kept = stored.find(({ index }) => index === number);
      return { index: number, terms: fresh?.terms ?? kept?.terms ?? [] };
    })
    .filter(({ terms }) => terms.length > 0)
    .sort((a, b) => a.index - b.index);
}
