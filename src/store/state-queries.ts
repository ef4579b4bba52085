/** Questions, answered from what is on disk. `reader` is a snapshot wherever more than one row is read, and `revision` its own. */
import { unreachable } from '../raft/assert.ts';
import type { Index } from '../raft/types.ts';
import type { Collection } from './collection.ts';
import { readCollection } from './collection-row.ts';
import { type KeyValue, limits, type Query, type QueryResult } from './command.ts';
import type { KeyRange, KeyValueReader } from './disk.ts';
import { documentOf, readDocument, type StoredDocument } from './document.ts';
import { evaluateTransaction, succeeds, type TransactionView } from './evaluation.ts';
import { type PreparedRanges, pageName } from './evaluator.ts';
import {
  collectionKey,
  collectionRows,
  documentKey,
  keyOfValue,
  nameOfCollection,
  valueKey,
  valueRows,
} from './keys.ts';
import { readKeyValue, readStoredValue } from './kv.ts';
import { openRow } from './row.ts';
import { search } from './search.ts';
import { type Operation, type Transaction, type TransactionResult, transactionLimits } from './transaction.ts';
import { checkNothingSkipped } from './whole-rows.ts';

const noItems = { items: [], more: false } as const;

interface Page {
  readonly items: readonly KeyValue[];
  readonly more: boolean;
}

type ListQuery = Extract<Query, { type: 'list' }>;

/** Of any query but those that one row or none answers. */
export async function answer(
  reader: KeyValueReader,
  query: Exclude<Query, { type: 'get' | 'digests' }>,
  revision: Index,
): Promise<QueryResult> {
  switch (query.type) {
    case 'list':
      return listItems(reader, query, revision);
    case 'document': {
      const collection = collectionOf(reader, query.collection);
      const stored = collection && documentIn(reader, collection, query.id);
      const document = stored && documentOf(query.id, stored, query.withJson);
      return { type: 'document', revision, hasCollection: collection !== null, document };
    }
    case 'search': {
      const collection = collectionOf(reader, query.search.collection);
      if (collection === null) return { type: 'search', revision, result: { type: 'noCollection' } };
      if (collection.modRevision !== query.definition) {
        return { type: 'search', revision, result: { type: 'definitionChanged' } };
      }
      return { type: 'search', revision, result: await search(reader, collection, query.search) };
    }
    case 'transaction':
      return { type: 'transaction', revision, result: await readTransaction(reader, query.transaction, revision) };
    case 'collection':
      return { type: 'collection', revision, collection: collectionOf(reader, query.name) };
    case 'collections':
      return { type: 'collections', revision, collections: await collectionsIn(reader) };
    default:
      return unreachable(query);
  }
}

export function getItem(
  reader: KeyValueReader,
  { key, withValue }: Extract<Query, { type: 'get' }>,
  revision: Index,
): QueryResult {
  const row = getRow(reader, valueKey(key));
  return { type: 'get', revision, item: row === null ? null : readKeyValue(key, row.body, withValue) };
}

function getRow(reader: KeyValueReader, key: Buffer) {
  const row = reader.get(key);
  return row === undefined ? null : openRow(key, row);
}

async function readPage(
  reader: KeyValueReader,
  range: KeyRange,
  limit: number,
  keysOnly: boolean,
  bytesMax: number = limits.listBytesMax,
): Promise<Page> {
  const items: KeyValue[] = [];
  let bytes = 0;
  for await (const [rowKey, row] of reader.iterate({ ...range, limit: limit + 1 })) {
    const item = readKeyValue(keyOfValue(rowKey), openRow(rowKey, row).body, !keysOnly);
    bytes += rowKey.length - 1 + (item.value?.length ?? 0);
    if (items.length === limit || (items.length > 0 && bytes > bytesMax)) {
      await checkNothingSkipped(reader, { gte: range.gte, lt: rowKey }, items.length);
      return { items, more: true };
    }
    items.push(item);
  }
  return { items, more: false };
}

/** `revision`: of the reader. */
export async function listItems(
  reader: KeyValueReader,
  { prefix, after, limit, keysOnly }: Omit<ListQuery, 'type'>,
  revision: Index,
): Promise<Extract<QueryResult, { type: 'list' }>> {
  const range = valueRows(prefix, after);
  if (range === null) return { type: 'list', revision, ...noItems };
  return { type: 'list', revision, ...(await readPage(reader, range, limit, keysOnly)) };
}

/**
 * Whatever the ranges of a transaction that writes hold, in either branch. A page is no longer than all of its results may be,
 * and says that there is more.
 */
export async function readRanges(
  reader: KeyValueReader,
  { then, otherwise }: Transaction,
): Promise<Omit<PreparedRanges, 'index'>> {
  const pages = new Map<string, Page>();
  const { deleteRangeKeysMax, deleteRangeBytesMax } = transactionLimits;
  const found = new Map<string, KeysOfRange | null>();
  for (const branch of [then, otherwise]) {
    let [keysInBranch, bytesInBranch] = [0, 0];
    for (const operation of branch) {
      if (operation.type === 'range') {
        const { prefix, after, limit, keysOnly } = operation;
        const range = valueRows(prefix, after);
        const { resultBytesMax } = transactionLimits;
        const page = range === null ? noItems : await readPage(reader, range, limit, keysOnly, resultBytesMax);
        pages.set(pageName(operation), page);
      } else if (
        operation.type === 'deleteRange' &&
        keysInBranch <= deleteRangeKeysMax &&
        bytesInBranch <= deleteRangeBytesMax
      ) {
        const read = found.get(operation.prefix) ?? (await readKeys(reader, operation.prefix));
        found.set(operation.prefix, read);
        keysInBranch += read?.keys.length ?? Number.POSITIVE_INFINITY;
        bytesInBranch += read?.bytes ?? 0;
      }
    }
  }
  return { pages, keys: new Map([...found].map(([prefix, read]) => [prefix, read?.keys ?? null])) };
}

/** It has no operation that writes. */
async function readTransaction(
  reader: KeyValueReader,
  transaction: Transaction,
  revision: Index,
): Promise<TransactionResult> {
  const pages = new Map<Operation, Page>();
  const view: TransactionView = {
    timeMs: 0,
    value: (key) => {
      const row = getRow(reader, valueKey(key));
      return row && readStoredValue(row.body);
    },
    collection: (name) => collectionOf(reader, name),
    document: (collection, id) => documentIn(reader, collection, id),
    range: (operation) => pages.get(operation) ?? noItems,
    keysOf: () => null,
  };
  const { readBytesMax } = transactionLimits;
  let bytes = 0;
  const succeeded = succeeds(transaction, view);
  if (succeeded === null) return { type: 'transactionFailed', reason: 'tooLarge', branch: 'then', operation: 0 };
  const branch = succeeded ? 'then' : 'otherwise';
  for (const [nth, operation] of transaction[branch].entries()) {
    if (operation.type !== 'range') continue;
    const { items, more } = await listItems(reader, operation, revision);
    bytes += items.reduce((sum, { value }) => sum + (value?.length ?? 0), 0);
    if (bytes > readBytesMax) return { type: 'transactionFailed', reason: 'tooLarge', branch, operation: nth };
    pages.set(operation, { items, more });
  }
  const evaluated = evaluateTransaction(transaction, view, revision, readBytesMax);
  if (evaluated.type === 'failed') return { ...evaluated, type: 'transactionFailed' };
  const { results } = evaluated;
  return { type: 'transaction', revision, succeeded, results, replayed: false };
}

function collectionOf(reader: KeyValueReader, name: string): Collection | null {
  const row = getRow(reader, collectionKey(name));
  return row && readCollection(name, row.body);
}

function documentIn(reader: KeyValueReader, { number }: Collection, id: string): StoredDocument | null {
  const row = getRow(reader, documentKey(number, id));
  return row && readDocument(row.body);
}

async function collectionsIn(reader: KeyValueReader): Promise<readonly Collection[]> {
  const collections: Collection[] = [];
  for await (const [key, row] of reader.iterate(collectionRows)) {
    collections.push(readCollection(nameOfCollection(key), openRow(key, row).body));
  }
  return collections;
}

interface KeysOfRange {
  readonly keys: readonly string[];
  /** Of their rows. */
  readonly bytes: number;
}

/** Null: there is more than may be deleted together. */
async function readKeys(reader: KeyValueReader, prefix: string): Promise<KeysOfRange | null> {
  const range = valueRows(prefix, null);
  const keys: string[] = [];
  let bytes = 0;
  if (range === null) return { keys, bytes };
  const { deleteRangeKeysMax, deleteRangeBytesMax } = transactionLimits;
  for await (const [rowKey, row] of reader.iterate({ ...range, limit: deleteRangeKeysMax + 1 })) {
    bytes += row.length;
    if (keys.length === deleteRangeKeysMax || bytes > deleteRangeBytesMax) return null;
    keys.push(keyOfValue(rowKey));
  }
  return { keys, bytes };
}
