/** The replicated rows that evaluation changes, kind by kind; where they stand is in keys.ts. Sessions keep their own. */
import type { Index } from '../raft/types.ts';
import type { Collection } from './collection.ts';
import { readCollection, sealCollection } from './collection-row.ts';
import { readDocument, type StoredDocument, sealDocument } from './document.ts';
import { type IdempotencyRecord, readRecord, sealRecord } from './idempotency.ts';
import { type IndexPlace, type Posting, postingKey } from './index-rows.ts';
import {
  clockKey,
  collectionKey,
  documentKey,
  expiryKey,
  garbageKey,
  idempotencyEndKey,
  idempotencyKey,
  type Mortal,
  valueKey,
} from './keys.ts';
import { readStoredValue, type StoredValue, sealValue } from './kv.ts';
import { sealRow } from './row.ts';
import type { Table } from './rows.ts';
import { readUint64, writeUint64 } from './uint64.ts';

export const valueTable: Table<string, StoredValue> = {
  name: (key) => `k${key}`,
  rowKey: valueKey,
  seal: sealValue,
  open: (_, body) => readStoredValue(body),
};

interface DocumentPlace {
  readonly collection: Index;
  readonly id: string;
}

export const documentTable: Table<DocumentPlace, StoredDocument> = {
  name: ({ collection, id }) => nameOf(documentKey(collection, id)),
  rowKey: ({ collection, id }) => documentKey(collection, id),
  seal: ({ collection, id }, stored) => sealDocument(collection, id, stored),
  open: (_, body) => readDocument(body),
};

export const collectionTable: Table<string, Collection> = {
  name: (name) => `c${name}`,
  rowKey: collectionKey,
  seal: (_, collection) => sealCollection(collection),
  open: readCollection,
};

export const recordTable: Table<string, IdempotencyRecord> = {
  name: (key) => `q${key}`,
  rowKey: idempotencyKey,
  seal: sealRecord,
  open: (_, body) => readRecord(body),
};

/** Of the state as a whole. */
export interface StateClock {
  /** The stamp of the last tick, in milliseconds since 1970; 0 before the first. */
  readonly timeMs: number;
  /** How many keys and documents have a lifetime. */
  readonly mortals: number;
  readonly records: number;
  readonly recordBytes: number;
}

export const clockTable: Table<null, StateClock> = {
  name: () => 't',
  rowKey: () => clockKey,
  seal: (_, { timeMs, mortals, records, recordBytes }) =>
    sealRow(clockKey, 32, (body) => {
      const offset = writeUint64(body, mortals, writeUint64(body, timeMs, 0));
      writeUint64(body, recordBytes, writeUint64(body, records, offset));
    }),
  open: (_, body) => ({
    timeMs: readUint64(body, 0),
    mortals: readUint64(body, 8),
    records: readUint64(body, 16),
    recordBytes: readUint64(body, 24),
  }),
};

/** Rows with nothing in them: that they are there is all they say. */
function marks<Id>(rowKey: (id: Id) => Buffer): Table<Id, true> {
  return { name: (id) => nameOf(rowKey(id)), rowKey, seal: (id) => sealRow(rowKey(id), 0, () => {}), open: () => true };
}

export const postingTable: Table<{ readonly place: IndexPlace; readonly posting: Posting }, true> = marks(
  ({ place, posting }) => postingKey(place, posting),
);

export const expiryTable: Table<{ readonly atMs: number; readonly mortal: Mortal }, true> = marks(({ atMs, mortal }) =>
  expiryKey(atMs, mortal),
);

export const recordEndTable: Table<{ readonly atMs: number; readonly key: string }, true> = marks(({ atMs, key }) =>
  idempotencyEndKey(atMs, key),
);

/** What is to be swept; index 0: all of a collection. */
export const garbageTable: Table<{ readonly collection: number; readonly index: number }, true> = marks(
  ({ collection, index }) => garbageKey(collection, index),
);

/** A document or an index row by its key alone, to be swept. */
export const sweptTable: Table<Buffer, true> = marks((rowKey) => rowKey);

/** Rows that are swept have the names that they have in their own tables. */
function nameOf(rowKey: Buffer): string {
  return rowKey.toString('latin1');
}
