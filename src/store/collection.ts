/** What a collection is: its id field and its indexes, and how far each of these has come. */
import { invariant } from '../raft/assert.ts';
import type { Brand, Index } from '../raft/types.ts';
import type { IndexKind } from './transaction.ts';

export interface IndexDefinition {
  /** At the top level of a document. */
  readonly field: string;
  readonly kind: IndexKind;
}

export type IndexState =
  | { readonly type: 'ready' }
  /** Documents with ids up to and including `cursor` are in it, and those written since it was defined. */
  | { readonly type: 'building'; readonly cursor: string | null };

/** Under which the rows of an index stand: one that is gone, or beside it, never has the same. */
export type IndexNumber = Brand<number, 'IndexNumber'>;

export interface CollectionIndex extends IndexDefinition {
  readonly number: IndexNumber;
  readonly state: IndexState;
}

export interface Collection {
  readonly name: string;
  /** Of the entry that created it: its rows stand under this number. */
  readonly number: Index;
  /** Of the last entry that defined it; chunks of a build do not count. */
  readonly modRevision: Index;
  readonly idField: string;
  readonly indexes: readonly CollectionIndex[];
  readonly documents: number;
}

export const collectionLimits = {
  collectionsMax: 1000,
  indexesMax: 32,
  /** Documents in one command that builds an index. */
  builtDocumentsMax: 1000,
  /** Keys and documents in one tick: with the touch of one collection caches are told of them one by one. */
  expiredMax: 255,
  /** Keys of idempotency records in one tick. */
  forgottenMax: 1000,
  /** Rows in one sweep. */
  sweptRowsMax: 1000,
} as const;

/** Of the index that is at `place` (from 0) in the definition that the entry states: it may define several. */
export function indexNumber(entry: Index, place: number): IndexNumber {
  invariant(
    place >= 0 && place < collectionLimits.indexesMax,
    `a definition has 32 indexes at most, got place ${place}`,
  );
  return (entry * collectionLimits.indexesMax + place) as IndexNumber;
}
