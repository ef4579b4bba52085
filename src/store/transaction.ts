/**
 * What a transaction asks and answers (DESIGN-catalog.md). Bytes are in transaction-codec.ts, the rules in evaluation.ts.
 * A problem that the text alone shows is refused by `transactionProblem` before anything is proposed.
 */
import type { Index } from '../raft/types.ts';
import type { KeyValue } from './command.ts';

/** One key, or one document of a collection. */
export type Target =
  | { readonly type: 'key'; readonly key: string }
  | { readonly type: 'document'; readonly collection: string; readonly id: string };

export const comparisons = ['=', '!=', '<', '<=', '>', '>='] as const;
export type Comparison = (typeof comparisons)[number];

export type Scalar = string | number | boolean | null;

export type Compare =
  | { readonly of: 'exists'; readonly target: Target; readonly is: boolean }
  /** Of what is not there, all three are 0. */
  | {
      readonly of: 'version' | 'modRevision' | 'createRevision';
      readonly target: Target;
      readonly is: Comparison;
      readonly number: number;
    }
  /** The whole value of a key, byte for byte. False where there is no such key. */
  | { readonly of: 'value'; readonly key: string; readonly is: '=' | '!='; readonly value: Uint8Array }
  /**
   * A field at the top level of a document, or of a value that is a JSON object. An order is between numbers alone; false
   * where there is no such field, or it is of another type.
   */
  | {
      readonly of: 'field';
      readonly target: Target;
      readonly field: string;
      readonly is: Comparison;
      readonly scalar: Scalar;
    };

export const indexKinds = ['term', 'words', 'number'] as const;
export type IndexKind = (typeof indexKinds)[number];

/** Of one field: what stands in the index of it. Texts are in their normal form, none twice, in ascending order. */
export interface FieldTerms {
  readonly field: string;
  readonly kind: IndexKind;
  readonly terms: readonly (string | number)[];
}

/** What a write to a document says of the definition it was made for, and of what it knows of the document. */
export interface DocumentBasis {
  /** `modRevision` of the definition that `terms` are of. */
  readonly definition: Index;
  /** Of the fields that the operation gives a value, in the order of the definition's indexes. */
  readonly terms: readonly FieldTerms[];
  /**
   * The document as the writer knows it: it must still be at this revision (0: not be there), and have no other terms than
   * these. Null: whatever is there; caches are told that everything in the collection may have changed.
   */
  readonly known: KnownDocument | null;
}

export interface KnownDocument {
  readonly revision: number;
  readonly terms: readonly FieldTerms[];
  /** Of the fields at the top level that the write gives another value, takes away or adds. */
  readonly changed: readonly string[];
}

export type Operation =
  | { readonly type: 'get'; readonly target: Target }
  | {
      readonly type: 'range';
      readonly prefix: string;
      /** As in a list. */
      readonly after: string | null;
      readonly limit: number;
      readonly keysOnly: boolean;
    }
  | {
      readonly type: 'put';
      readonly key: string;
      readonly value: Uint8Array;
      readonly contentType: string;
      /** From now on by the cluster's time; null: for good. */
      readonly ttlMs: number | null;
    }
  | {
      readonly type: 'putDocument';
      readonly collection: string;
      readonly id: string;
      /** JSON, an object with `id` under the collection's id field. */
      readonly json: Uint8Array;
      readonly ttlMs: number | null;
      readonly basis: DocumentBasis;
    }
  /** RFC 7396, into what is there. A lifetime is kept. */
  | {
      readonly type: 'patch';
      readonly target: Target;
      readonly json: Uint8Array;
      /** Null for a key. */
      readonly basis: Omit<DocumentBasis, 'known'> | null;
    }
  | {
      readonly type: 'add';
      readonly target: Target;
      readonly field: string;
      readonly amount: number;
      /** The sum must not be beyond; null: no bound. */
      readonly min: number | null;
      readonly max: number | null;
    }
  | { readonly type: 'delete'; readonly target: Target; readonly known: KnownDocument | null }
  | { readonly type: 'deleteRange'; readonly prefix: string };

export interface Transaction {
  readonly compares: readonly Compare[];
  readonly then: readonly Operation[];
  readonly otherwise: readonly Operation[];
}

/** Of a request that may be made again. */
export interface Idempotency {
  /** 1 to 255 characters of printable ASCII. */
  readonly key: string;
  /** SHA-256 of what was asked. */
  readonly fingerprint: Uint8Array;
}

export interface Document {
  readonly id: string;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version: number;
  /** On the cluster's clock, in milliseconds since 1970; null: for good. */
  readonly expiresAtMs: number | null;
  /** JSON. Absent where it was not asked for. */
  readonly json?: Uint8Array;
}

export type OperationResult =
  | { readonly type: 'key'; readonly item: KeyValue | null }
  | { readonly type: 'document'; readonly document: Document | null }
  | { readonly type: 'range'; readonly items: readonly KeyValue[]; readonly more: boolean }
  /** Of put, putDocument, patch and add. */
  | {
      readonly type: 'written';
      readonly version: number;
      readonly created: boolean;
      /** Of `add` alone: the sum. */
      readonly sum?: number;
    }
  | { readonly type: 'deleted'; readonly count: number };

export const branches = ['then', 'otherwise'] as const;
export type Branch = (typeof branches)[number];

/** One operation of a transaction; they count from 0 in each branch. */
export interface Place {
  readonly branch: Branch;
  readonly operation: number;
}

/** Why a transaction changed nothing, and at which of its operations. */
export type TransactionFailure =
  | ({
      readonly reason: /** The collection is not there. */
        | 'noCollection'
        /** It is not the one that the terms were made for: read it and try again. */
        | 'definitionChanged'
        /** The document is not at the revision that the write knows: read it and try again. */
        | 'revisionChanged'
        /** It has terms, or changed fields, that the write does not state: write without knowing. */
        | 'termsDiffer'
        /** A patch or a sum of what is not there, of what is no JSON object, or a sum of what is no number. */
        | 'notFound'
        | 'notJson'
        | 'notANumber'
        /** The id of a document is not to be changed. */
        | 'idChanged'
        | 'outOfBounds'
        /** The document or value, the results, the keys of a range, or what is compared (then at the first) are beyond the bounds. */
        | 'tooLarge';
    } & Place)
  | { readonly reason: 'idempotencyMismatch' | 'idempotencyFull' };

export type TransactionResult =
  | {
      readonly type: 'transaction';
      readonly revision: Index;
      /** All compares held. */
      readonly succeeded: boolean;
      readonly results: readonly OperationResult[];
      /** It was given before, to a request with the same idempotency key. */
      readonly replayed: boolean;
    }
  | ({ readonly type: 'transactionFailed' } & TransactionFailure);

/** A result as it is kept for whoever asks again: whether it was given before is not part of it. */
export type KeptResult =
  | Omit<Extract<TransactionResult, { type: 'transaction' }>, 'replayed'>
  | Extract<TransactionResult, { type: 'transactionFailed' }>;

export const transactionLimits = {
  /** Compares and operations of both branches together. */
  partsMax: 128,
  /** Of a whole command: no entry of the log is larger. */
  encodedBytesMax: 1.5 * 1024 * 1024,
  /** Of one that writes. */
  resultBytesMax: 64 * 1024,
  /** Of one that only reads. */
  readBytesMax: 4 * 1024 * 1024,
  /** Of all ranges that a branch deletes, together. */
  deleteRangeKeysMax: 10_000,
  /** Of the values of one range: each is read, and held against its checksum, before it goes. */
  deleteRangeBytesMax: 32 * 1024 * 1024,
  /** What the writes of a branch leave behind, values and documents together. */
  writtenBytesMax: 4 * 1024 * 1024,
  /** JSON that one has to be parsed for, values and documents together, each once: some hundred milliseconds of processor. */
  parsedBytesMax: 16 * 1024 * 1024,
  ttlMsMax: 10 * 365 * 24 * 3600 * 1000,
  documentBytesMax: 1024 * 1024,
  jsonDepthMax: 32,
  idBytesMax: 512,
  fieldBytesMax: 128,
  collectionNameBytesMax: 128,
  termBytesMax: 256,
  termsPerDocumentMax: 1024,
  /** A write that changes more fields is made without knowing: it would touch everything in its collection as well. */
  changedFieldsMax: 256,
} as const;
