/** What a leader has to propose of itself, read off a snapshot of the state (DESIGN-catalog.md). */
import { readApplied } from './batch-chain.ts';
import { type Collection, type CollectionIndex, collectionLimits } from './collection.ts';
import type { Command, Expiry } from './command.ts';
import type { KeyValueReader } from './disk.ts';
import { readDocument } from './document.ts';
import { indexRows, indexRowsOf } from './index-rows.ts';
import { isObject, parseJson } from './json.ts';
import {
  documentKey,
  documentRows,
  expiryRowsUntil,
  garbageRows,
  idempotencyEndRowsUntil,
  idOfDocument,
  type KeyBounds,
  type Mortal,
  readExpiryKey,
  readGarbageKey,
  readIdempotencyEndKey,
  valueKey,
} from './keys.ts';
import { readRevisions } from './kv.ts';
import { openRow } from './row.ts';
import { termsOf } from './terms.ts';
import { type Touch, touchesMax, touchesOfExpiry } from './touch.ts';
import { wholeRows } from './whole-rows.ts';

type CommandOf<Type extends Command['type']> = Extract<Command, { readonly type: Type }>;

/** Of one chunk: work for a part of an election's time, and a message of its own. */
const chunkDocumentsMax = 200;
const chunkBytesMax = 512 * 1024;
/** Of one chunk or tick, and those of one document more: each is a row to be read and written, some 10 µs of processor. */
const termsMax = 2000;
/** Of what is swept at a time: each row is read before it goes. */
const sweptBytesMax = 4 * 1024 * 1024;
const sweptRowsSoon = 64;
/** A chunk of texts ends long before it has all the documents that it may have. */
const chunkDocumentsSoon = 32;

/** A stamp, and what is over by then. */
export async function dueBy(
  reader: KeyValueReader,
  collections: readonly Collection[],
  stampMs: number,
): Promise<CommandOf<'tick'>> {
  const expired: Expiry[] = [];
  const touched = new Set<Touch>();
  let terms = 0;
  const mortals = expiryRowsUntil(stampMs);
  for await (const [key] of reader.iterate({ ...mortals, limit: collectionLimits.expiredMax })) {
    const due = expiryOf(reader, collections, readExpiryKey(key).mortal);
    if (due === null) continue;
    for (const touch of touchesOfExpiry(due.expiry.target)) touched.add(touch);
    // Beyond that the tick would touch everything. What is left comes with the next one.
    if (touched.size > touchesMax || terms > termsMax) break;
    terms += due.terms;
    expired.push(due.expiry);
  }
  const forgotten: string[] = [];
  const ends = idempotencyEndRowsUntil(stampMs);
  for await (const [key] of reader.iterate({ ...ends, limit: collectionLimits.forgottenMax })) {
    forgotten.push(readIdempotencyEndKey(key).key);
  }
  return { type: 'tick', stampMs, expired, forgotten };
}

interface Due {
  readonly expiry: Expiry;
  /** How many index rows go with it. */
  readonly terms: number;
}

/** Null where it is of a collection that is gone: it is swept. */
function expiryOf(reader: KeyValueReader, collections: readonly Collection[], mortal: Mortal): Due | null {
  if (mortal.type === 'key') {
    const key = valueKey(mortal.key);
    const row = reader.get(key);
    if (row === undefined) return null;
    return { expiry: { target: mortal, modRevision: readRevisions(openRow(key, row).body).modRevision }, terms: 0 };
  }
  const { collection: number, id } = mortal;
  const collection = collections.find((each) => each.number === number);
  const key = documentKey(number, id);
  const row = collection === undefined ? undefined : reader.get(key);
  if (collection === undefined || row === undefined) return null;
  const { modRevision, terms } = readDocument(openRow(key, row).body);
  return {
    expiry: { target: { type: 'document', collection: collection.name, id }, modRevision },
    terms: terms.reduce((count, index) => count + index.terms.length, 0),
  };
}

/** The next documents for an index that is being built; null: none is, as far as this reader can tell. */
export async function chunkToBuild(
  reader: KeyValueReader,
  collections: readonly Collection[],
): Promise<CommandOf<'build'> | null> {
  const { last } = readApplied(reader);
  for (const collection of collections) {
    // What was written before the definition has no terms of it: the reader must have all of that, and none of its terms.
    if (collection.modRevision > last.index) continue;
    const index = collection.indexes.find(({ state }) => state.type === 'building');
    if (index !== undefined) return chunkOf(reader, collection, index);
  }
  return null;
}

async function chunkOf(
  reader: KeyValueReader,
  collection: Collection,
  index: CollectionIndex,
): Promise<CommandOf<'build'>> {
  const from = index.state.type === 'building' ? index.state.cursor : null;
  const documents: CommandOf<'build'>['documents'][number][] = [];
  let [bytes, count] = [0, 0];
  let to: string | null = null;
  for await (const [key, row] of wholeRows(reader, documentRows(collection.number, from), {
    soon: chunkDocumentsSoon,
  })) {
    if (documents.length === chunkDocumentsMax || bytes > chunkBytesMax || count > termsMax) {
      to = documents.at(-1)?.id ?? null;
      break;
    }
    const { modRevision, json } = readDocument(openRow(key, row).body);
    const parsed = parseJson(json);
    const object = parsed.type === 'json' && isObject(parsed.value) ? parsed.value : {};
    const terms = (termsOf(object, [index])[0]?.terms ?? []) as readonly string[] | readonly number[];
    documents.push({ id: idOfDocument(key), modRevision, terms });
    bytes += json.length;
    count += terms.length;
  }
  return { type: 'build', collection: collection.number, index: index.number, from, to, documents };
}

/** Rows of what was dropped; null: there are none. */
export async function chunkToSweep(reader: KeyValueReader): Promise<CommandOf<'sweep'> | null> {
  for await (const [key] of reader.iterate({ ...garbageRows, limit: 1 })) {
    const { collection, index } = readGarbageKey(key);
    const ranges =
      index === 0 ? [documentRows(collection, null), indexRowsOf(collection)] : [indexRows({ collection, index })];
    const rows: Uint8Array[] = [];
    const isLast = await addRows(reader, ranges, rows);
    return { type: 'sweep', collection, index, rows, isLast };
  }
  return null;
}

/** Whether they are all there. */
async function addRows(reader: KeyValueReader, ranges: readonly KeyBounds[], rows: Uint8Array[]): Promise<boolean> {
  let bytes = 0;
  for (const range of ranges) {
    for await (const [key, row] of wholeRows(reader, range, { soon: sweptRowsSoon })) {
      if (rows.length === collectionLimits.sweptRowsMax || bytes > sweptBytesMax) return false;
      rows.push(key);
      bytes += row.length;
    }
  }
  return true;
}
