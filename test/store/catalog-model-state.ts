/** What the model of the catalog holds. */
import type { Index } from '../../src/raft/types.ts';
import type { Collection } from '../../src/store/collection.ts';
import type { KeyValue } from '../../src/store/command.ts';
import type { Document } from '../../src/store/transaction.ts';
import { Standing } from './standing.ts';

export interface ModelRevisions {
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version: number;
  readonly expiresAtMs: number | null;
}

export interface ModelValue extends ModelRevisions {
  readonly contentType: string;
  readonly value: Uint8Array;
}

export type ModelTerms = ReadonlyMap<number, readonly (string | number)[]>;

export interface ModelDocument extends ModelRevisions {
  /** By the index's number; none is empty. */
  readonly terms: ModelTerms;
  readonly json: Uint8Array;
}

export type ModelEdit =
  | { readonly type: 'value'; readonly key: string; readonly next: ModelValue | null }
  | {
      readonly type: 'document';
      readonly collection: Collection;
      readonly id: string;
      readonly next: ModelDocument | null;
    };

export class ModelState {
  readonly values = new Standing<ModelValue>();
  /** By `documentName`. */
  readonly documents = new Standing<ModelDocument>();
  readonly collections = new Standing<Collection>();
  /** The cluster's. */
  timeMs = 0;

  document(collection: Collection, id: string): ModelDocument | null {
    return this.documents.at(documentName(collection.number, id));
  }

  /** In the order of ids. */
  documentsOf(collection: Collection): readonly (readonly [id: string, document: ModelDocument])[] {
    const prefix = documentName(collection.number, '');
    return this.documents.all
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, document]) => [name.slice(prefix.length), document] as const)
      .sort(([a], [b]) => inUtf8(a, b));
  }

  /** In the order of keys. */
  keysOf(prefix: string): readonly (readonly [key: string, value: ModelValue])[] {
    return this.values.all.filter(([key]) => key.startsWith(prefix)).sort(([a], [b]) => inUtf8(a, b));
  }
}

export function documentName(collection: number, id: string): string {
  return `${collection}/${id}`;
}

export function revisionsAfter(
  before: ModelRevisions | null,
  at: Index,
): Pick<ModelRevisions, 'createRevision' | 'modRevision' | 'version'> {
  return { createRevision: before?.createRevision ?? at, modRevision: at, version: (before?.version ?? 0) + 1 };
}

export function keyValueIn(key: string, { value, expiresAtMs, ...stored }: ModelValue): KeyValue {
  const ends = expiresAtMs === null ? {} : { expiresAtMs };
  return { key, ...stored, ...ends, sizeBytes: value.length, value };
}

export function documentIn(id: string, { terms: _, ...stored }: ModelDocument): Document {
  return { id, ...stored };
}

function inUtf8(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
