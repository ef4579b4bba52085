/** The rows of a replica's state against the model: what is there, nothing else, and that it says the same. */
import type { Collection } from '../../src/store/collection.ts';
import { readCollection } from '../../src/store/collection-row.ts';
import { readDocument } from '../../src/store/document.ts';
import { readRecord } from '../../src/store/idempotency.ts';
import { postingKey } from '../../src/store/index-rows.ts';
import {
  clockKey,
  collectionKey,
  documentKey,
  expiryKey,
  idempotencyEndKey,
  idempotencyKey,
  nameOfCollection,
  readExpiryKey,
  valueKey,
} from '../../src/store/keys.ts';
import { readStoredValue } from '../../src/store/kv.ts';
import { openRow } from '../../src/store/row.ts';
import { clockTable } from '../../src/store/tables.ts';
import { readUint64 } from '../../src/store/uint64.ts';
import { canonical } from './canonical.ts';
import type { CatalogModel } from './catalog-model.ts';

type Row = readonly [key: Uint8Array, value: Uint8Array];

/** What is wrong with them; empty if nothing is. What was dropped and is not swept yet may be there. */
export function rowProblems(rows: readonly Row[], model: CatalogModel): readonly string[] {
  // Those that were dropped are counted until they are swept.
  const dropped = rows.filter(([key]) => letterOf(key) === 'e' && isOfNobody(key, model)).length;
  const expected = expectedRows(model, dropped);
  const problems: string[] = [];
  for (const [key, row] of rows) {
    const name = nameOf(key);
    const letter = letterOf(key);
    if ((letter !== 'd' && !readers.has(letter)) || isOfNobody(key, model)) continue;
    const wanted = expected.get(name);
    const { body } = openRow(Buffer.from(key), row);
    const found = canonical(letter === 'd' ? liveDocument(key, body, model) : readers.get(letter)?.(key, body));
    expected.delete(name);
    if (wanted === undefined) problems.push(`a row too many: ${printable(name)} ${found}`);
    else if (wanted !== found) problems.push(`the row ${printable(name)} is ${found}, by the log ${wanted}`);
  }
  return [...problems, ...[...expected].map(([name, wanted]) => `no row ${printable(name)}, by the log ${wanted}`)];
}

/** How many rows stand for what was dropped. */
export function garbageIn(rows: readonly Row[], model: CatalogModel): number {
  return rows.filter(([key]) => letterOf(key) === 'g' || isOfNobody(key, model)).length;
}

/** Without terms of indexes that are gone. */
function liveDocument(key: Uint8Array, body: Buffer, model: CatalogModel): unknown {
  const document = readDocument(body);
  const indexes = collectionAt(key, model)?.indexes ?? [];
  const terms = document.terms.filter(({ index }) => indexes.some(({ number }) => number === index));
  return { ...document, terms };
}

const there = () => true;

const readers: ReadonlyMap<string, (key: Uint8Array, body: Buffer) => unknown> = new Map<
  string,
  (key: Uint8Array, body: Buffer) => unknown
>([
  ['k', (_, body) => readStoredValue(body)],
  ['c', (key, body) => readCollection(nameOfCollection(key), body)],
  ['q', (_, body) => readRecord(body)],
  ['t', (_, body) => timeAndCounts(clockTable.open(null, body))],
  ['i', there],
  ['e', there],
  ['o', there],
]);

function timeAndCounts({ timeMs, mortals, records }: { timeMs: number; mortals: number; records: number }): unknown {
  return { timeMs, mortals, records };
}

function expectedRows(model: CatalogModel, droppedMortals: number): Map<string, string> {
  const rows = new Map<string, string>();
  const expect = (key: Uint8Array, value: unknown) => void rows.set(nameOf(key), canonical(value));
  let mortals = droppedMortals;
  for (const [key, { expiresAtMs, ...stored }] of model.values.all) {
    expect(valueKey(key), expiresAtMs === null ? stored : { ...stored, expiresAtMs });
    if (expiresAtMs === null) continue;
    mortals += 1;
    expect(expiryKey(expiresAtMs, { type: 'key', key }), true);
  }
  for (const [name, collection] of model.collections.all) {
    expect(collectionKey(name), collection);
    for (const [id, document] of model.documentsOf(collection)) {
      const terms = [...document.terms]
        .filter(([index]) => collection.indexes.some(({ number }) => number === index))
        .map(([index, list]) => ({ index, terms: list }))
        .sort((a, b) => a.index - b.index);
      expect(documentKey(collection.number, id), { ...document, terms });
      for (const { number } of collection.indexes) {
        const place = { collection: collection.number, index: number };
        for (const term of document.terms.get(number) ?? []) expect(postingKey(place, { term, id }), true);
      }
      if (document.expiresAtMs === null) continue;
      mortals += 1;
      expect(expiryKey(document.expiresAtMs, { type: 'document', collection: collection.number, id }), true);
    }
  }
  for (const [key, record] of model.records) {
    expect(idempotencyKey(key), record);
    expect(idempotencyEndKey(record.expiresAtMs, key), true);
  }
  const { timeMs } = model;
  const records = model.records.size;
  if (timeMs + mortals + records > 0) expect(clockKey, { timeMs, mortals, records });
  return rows;
}

/** Of a collection or an index that is gone: a document, its end, or an index row. */
function isOfNobody(key: Uint8Array, model: CatalogModel): boolean {
  const letter = letterOf(key);
  if (letter === 'e') {
    const { mortal } = readExpiryKey(key);
    return mortal.type === 'document' && isOfNobody(documentKey(mortal.collection, mortal.id), model);
  }
  if (letter !== 'd' && letter !== 'i') return false;
  const collection = collectionAt(key, model);
  if (collection === null) return true;
  return letter === 'i' && !collection.indexes.some((index) => index.number === readUint64(Buffer.from(key), 9));
}

/** Of a document or index row; null if it is gone. */
function collectionAt(key: Uint8Array, model: CatalogModel): Collection | null {
  const number = readUint64(Buffer.from(key), 1);
  const [, collection] = model.collections.all.find(([, each]) => each.number === number) ?? [];
  return collection ?? null;
}

function letterOf(key: Uint8Array): string {
  return String.fromCharCode(key[0] ?? 0);
}

function nameOf(key: Uint8Array): string {
  return Buffer.from(key).toString('latin1');
}

function printable(name: string): string {
  return JSON.stringify(name);
}
