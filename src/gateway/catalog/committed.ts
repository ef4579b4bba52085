/** What becomes of a draft. */
import {
  type Collection,
  type Place,
  pointer,
  type ReplicaId,
  type TransactionFailure,
  type TransactionResult,
  type WriteOutcome,
} from '../../store/client.ts';
import { type Draft, placePath, writtenDocument } from './draft.ts';
import type { Malformed } from './malformed.ts';

export type Committed =
  | {
      readonly type: 'done';
      readonly result: Extract<TransactionResult, { readonly type: 'transaction' }>;
      readonly replica: ReplicaId;
    }
  | Failed
  | InvalidDocument
  | Malformed
  | Exclude<WriteOutcome<'transaction'>, { readonly type: 'done' }>;

/** Nothing was done. */
export interface Failed {
  readonly type: 'failed';
  readonly failure: TransactionFailure;
  /** Null for what concerns the whole transaction. */
  readonly place: Place | null;
  /** A JSON pointer into the body of `POST /v1/txn`. */
  readonly path: string;
  /** A JSON pointer into the document, or the patch; empty for the whole. */
  readonly within: string;
  /** Who said so; null: this gateway. */
  readonly replica: ReplicaId | null;
}

/** Nothing was done: a document, or a patch of one, is none that its collection can take. */
export interface InvalidDocument {
  readonly type: 'invalidDocument';
  readonly place: Place;
  /** As in `Failed`. */
  readonly path: string;
  readonly within: string;
  readonly problem: string;
}

/** `definitions`: those that it was proposed with. */
export function failed(
  draft: Draft,
  failure: TransactionFailure,
  replica: ReplicaId | null,
  definitions: readonly Collection[],
): Failed {
  const place = 'operation' in failure ? { branch: failure.branch, operation: failure.operation } : null;
  if (place === null) return { type: 'failed', failure, place, path: '', within: '', replica };
  const operation = draft[place.branch][place.operation];
  const name = operation && writtenDocument(operation)?.collection;
  const definition = definitions.find((each) => each.name === name);
  const within = failure.reason === 'idChanged' && definition !== undefined ? pointer([definition.idField]) : '';
  return { type: 'failed', failure, place, path: placePath(place), within, replica };
}
