/**
 * The row of a collection's definition:
 *
 *   number u64 · modRevision u64 · documents u64 · idField · count u8 · count × index
 *   index   number u64 · kind u8 (1 term, 2 words, 3 number) · state u8 (0 ready, 1 building, 2 building up to a cursor) · field · [cursor]
 *
 * Texts are length u16 and UTF-8.
 */
import type { Index } from '../raft/types.ts';
import { BodyReader } from './body-reader.ts';
import type { Collection, CollectionIndex, IndexNumber, IndexState } from './collection.ts';
import { collectionKey } from './keys.ts';
import { type SealedRow, sealRow } from './row.ts';
import type { IndexKind } from './transaction.ts';
import { writeUint64 } from './uint64.ts';

/** On disk: never change their order. */
const kinds: readonly (IndexKind | undefined)[] = [undefined, 'term', 'words', 'number'];

const readyCode = 0;
const buildingCode = 1;
const buildingFromCode = 2;

export function sealCollection(collection: Collection): SealedRow {
  const { name, number, modRevision, documents, idField, indexes } = collection;
  const body = Buffer.concat([
    uint64(number),
    uint64(modRevision),
    uint64(documents),
    text(idField),
    Buffer.of(indexes.length),
    ...indexes.flatMap(encodedIndex),
  ]);
  return sealRow(collectionKey(name), body.length, (row) => row.set(body));
}

function encodedIndex({ number, kind, field, state }: CollectionIndex): readonly Buffer[] {
  const cursor = state.type === 'building' ? state.cursor : null;
  const code = state.type === 'ready' ? readyCode : cursor === null ? buildingCode : buildingFromCode;
  const head = [uint64(number), Buffer.of(kinds.indexOf(kind), code), text(field)];
  return cursor === null ? head : [...head, text(cursor)];
}

/** Throws DamagedRowError. */
export function readCollection(name: string, body: Buffer): Collection {
  const reader = new BodyReader(body);
  const number = reader.uint53() as Index;
  const modRevision = reader.uint53() as Index;
  const documents = reader.uint53();
  const idField = reader.text();
  const indexes = Array.from({ length: reader.uint8() }, () => readIndex(reader));
  reader.end();
  return { name, number, modRevision, idField, indexes, documents };
}

function readIndex(reader: BodyReader): CollectionIndex {
  const number = reader.uint53() as IndexNumber;
  const kindCode = reader.uint8();
  const kind = kinds[kindCode] ?? reader.fail(`names an index of the unknown kind ${kindCode}`);
  const stateCode = reader.uint8();
  const field = reader.text();
  return { number, kind, field, state: readState(stateCode, reader) };
}

function readState(code: number, reader: BodyReader): IndexState {
  switch (code) {
    case readyCode:
      return { type: 'ready' };
    case buildingCode:
      return { type: 'building', cursor: null };
    case buildingFromCode:
      return { type: 'building', cursor: reader.text() };
    default:
      return reader.fail(`names an index in the unknown state ${code}`);
  }
}

function uint64(number: number): Buffer {
  const bytes = Buffer.alloc(8);
  writeUint64(bytes, number, 0);
  return bytes;
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.of(bytes.length >> 8, bytes.length & 0xff), bytes]);
}
