/**
 * Commands are what log entries hold; results are what sessions keep. Queries never enter the log.
 * The byte form is in command-codec.ts.
 */
import type { Index } from '../raft/types.ts';
import type { Collection, IndexDefinition, IndexNumber } from './collection.ts';
import type { SearchQuery, SearchResult } from './search-query.ts';
import type { Document, Idempotency, Target, Transaction, TransactionResult } from './transaction.ts';

/** Names one write of one client session, for exactly-once (dissertation §6.3). */
export interface SessionStamp {
  /** The index of the entry that opened the session. */
  readonly session: Index;
  /** Grows by one with each write of the session, from 1; a retry keeps its number. */
  readonly sequence: number;
  /** Every sequence below this one has been answered or given up: its result may go. */
  readonly lowestUnanswered: number;
}

/** Modification revisions, or any existing value. */
export type RevisionMatch = '*' | readonly number[];

/** RFC 9110 section 13.1: evaluated against the key's current modRevision, if-match first. */
export interface Precondition {
  readonly ifMatch: RevisionMatch | null;
  readonly ifNoneMatch: RevisionMatch | null;
}

export const noPrecondition: Precondition = { ifMatch: null, ifNoneMatch: null };

export type Command =
  | { readonly type: 'openSession' }
  | {
      readonly type: 'put';
      readonly stamp: SessionStamp;
      readonly key: string;
      readonly value: Uint8Array;
      readonly contentType: string;
      readonly precondition: Precondition;
    }
  | {
      readonly type: 'delete';
      readonly stamp: SessionStamp;
      readonly key: string;
      readonly precondition: Precondition;
    }
  | {
      readonly type: 'transaction';
      readonly stamp: SessionStamp;
      readonly idempotency: Idempotency | null;
      readonly transaction: Transaction;
    }
  /** The leader's own: what time it is, and what has expired by then. */
  | {
      readonly type: 'tick';
      /** In milliseconds since 1970. */
      readonly stampMs: number;
      /** At most 256, none twice. */
      readonly expired: readonly Expiry[];
      /** Keys of idempotency records whose time is over; at most 1000. */
      readonly forgotten: readonly string[];
    }
  | {
      readonly type: 'define';
      readonly stamp: SessionStamp;
      /** Of the collection. */
      readonly name: string;
      /** Null: there is to be none, nor any of its documents. */
      readonly definition: Definition | null;
      /** `modRevision` of the definition that this one takes the place of; 0: there must be none; null: whatever is there. */
      readonly replaces: number | null;
    }
  /** The leader's own: the terms of some documents, for an index that is being built. */
  | {
      readonly type: 'build';
      /** The collection's number, and that of its index. */
      readonly collection: Index;
      readonly index: IndexNumber;
      /** Where the index must stand: the last id that is in it; null at the start. */
      readonly from: string | null;
      /** Where it stands afterwards; null: at the end, and is ready. */
      readonly to: string | null;
      /** In ascending order of their ids, all after `from` and up to `to`; at most 1000. */
      readonly documents: readonly BuiltDocument[];
    }
  /** The leader's own: rows of what was dropped, which nothing refers to any more. */
  | {
      readonly type: 'sweep';
      /** The collection's number, and that of an index of it; 0: all of the collection. */
      readonly collection: Index;
      readonly index: number;
      /** The keys of document and index rows; at most 1000. */
      readonly rows: readonly Uint8Array[];
      /** There are no more. */
      readonly isLast: boolean;
    };

export interface Expiry {
  readonly target: Target;
  /** At any other it is not ended. */
  readonly modRevision: Index;
}

export interface Definition {
  readonly idField: string;
  /** At most 32, none twice. */
  readonly indexes: readonly IndexDefinition[];
}

export interface BuiltDocument {
  readonly id: string;
  /** At any other the document is passed over. */
  readonly modRevision: Index;
  /** In ascending order, none twice: texts, or numbers. */
  readonly terms: readonly string[] | readonly number[];
}

export type CommandResult =
  | { readonly type: 'sessionOpened'; readonly session: Index }
  | { readonly type: 'put'; readonly revision: Index; readonly version: number; readonly created: boolean }
  | { readonly type: 'deleted'; readonly revision: Index }
  | { readonly type: 'notFound' }
  /** `revision` is the key's current modRevision, 0 if it does not exist. */
  | { readonly type: 'preconditionFailed'; readonly revision: number }
  | TransactionResult
  /** `revision` is that of the definition as it stands: an older one if it was the same before. */
  | { readonly type: 'defined'; readonly revision: Index; readonly created: boolean }
  /** There was none before: `notFound`. */
  | { readonly type: 'dropped'; readonly revision: Index }
  /** `revision` is the present definition's modRevision, 0 if there is none. */
  | { readonly type: 'definitionConflict'; readonly revision: number }
  /** The collection has documents, whose ids stand under this field. */
  | { readonly type: 'idFieldDiffers'; readonly idField: string }
  | { readonly type: 'tooManyCollections' }
  /** Of what the leader proposes for itself. */
  | { readonly type: 'noted' }
  /** Unknown session, or a sequence whose result is gone: not executed now; it may have been, before. */
  | { readonly type: 'sessionExpired' }
  /** The bytes are no command this version knows: nothing was changed. */
  | { readonly type: 'invalidCommand' };

export type Query =
  | {
      readonly type: 'get';
      readonly key: string /** Without: HEAD, the value stays behind. */;
      readonly withValue: boolean;
    }
  | {
      readonly type: 'list';
      readonly prefix: string;
      /** Keys strictly after this one, in UTF-8 byte order; null from the start. */
      readonly after: string | null;
      /** 1 to 1000 items. */
      readonly limit: number;
      readonly keysOnly: boolean;
    }
  | {
      readonly type: 'document';
      readonly collection: string;
      readonly id: string /** Without: HEAD, the JSON stays behind. */;
      readonly withJson: boolean;
    }
  | {
      readonly type: 'search';
      /** `modRevision` of the definition that the search was worked out for: how a field is indexed says what its values mean. */
      readonly definition: Index;
      readonly search: SearchQuery;
    }
  /** It only reads: compares, `get` and `range`. */
  | { readonly type: 'transaction'; readonly transaction: Transaction }
  | { readonly type: 'collection'; readonly name: string }
  | { readonly type: 'collections' }
  /** Of the replica that answers, and of no other. */
  | { readonly type: 'digests' };

export interface KeyValue {
  readonly key: string;
  readonly createRevision: number;
  readonly modRevision: number;
  /** 1, 2, …; starts again after a delete. */
  readonly version: number;
  readonly contentType: string;
  readonly sizeBytes: number;
  /** On the cluster's clock, in milliseconds since 1970. Absent: the value stands for good. */
  readonly expiresAtMs?: number;
  /** Absent where it was not asked for. */
  readonly value?: Uint8Array;
}

export type QueryResult =
  /** `revision`: the applied index the answer was read at. */
  | { readonly type: 'get'; readonly revision: Index; readonly item: KeyValue | null }
  | {
      readonly type: 'list';
      readonly revision: Index;
      readonly items: readonly KeyValue[];
      /** True if more keys may follow the last item: the limit or the size bound of a page was reached. */
      readonly more: boolean;
    }
  | {
      readonly type: 'document';
      readonly revision: Index;
      /** There is such a collection. */
      readonly hasCollection: boolean;
      readonly document: Document | null;
    }
  | {
      readonly type: 'search';
      readonly revision: Index;
      readonly result:
        | SearchResult
        /** The collection has been defined anew: work the search out again. */
        | { readonly type: 'definitionChanged' }
        | { readonly type: 'noCollection' };
    }
  | { readonly type: 'transaction'; readonly revision: Index; readonly result: TransactionResult }
  | { readonly type: 'collection'; readonly revision: Index; readonly collection: Collection | null }
  /** In the order of their names' bytes. */
  | { readonly type: 'collections'; readonly revision: Index; readonly collections: readonly Collection[] }
  /** Of the state as it was at some of the last revisions, in their order: 16 hex digits, equal on all replicas at one revision. */
  | {
      readonly type: 'digests';
      readonly revision: Index;
      readonly digests: readonly { readonly revision: Index; readonly digest: string }[];
    };

export const limits = {
  keyBytesMax: 1024,
  valueBytesMax: 1024 * 1024,
  contentTypeBytesMax: 256,
  /** A page of a list, keys and values together; at least one item is returned. */
  listBytesMax: 4 * 1024 * 1024,
  listItemsMax: 1000,
  revisionsInPreconditionMax: 64,
} as const;

/** Why this is not a key, or null: 1 to 1024 bytes of well-formed UTF-8 (lone surrogates would all become one key). */
export function keyProblem(key: string): string | null {
  if (key.length === 0) return 'a key must not be empty';
  if (!key.isWellFormed()) return 'a key must be well-formed Unicode';
  // A UTF-16 unit takes at most three bytes: short keys need no count.
  if (key.length * 3 > limits.keyBytesMax && Buffer.byteLength(key) > limits.keyBytesMax) {
    return `a key is at most ${limits.keyBytesMax} bytes of UTF-8, got ${Buffer.byteLength(key)}`;
  }
  return null;
}

/** Why this is not a content type, or null: at most 256 characters of printable ASCII, since it goes back out as a header. */
export function contentTypeProblem(contentType: string): string | null {
  if (contentType.length > limits.contentTypeBytesMax) {
    return `a content type is at most ${limits.contentTypeBytesMax} characters, got ${contentType.length}`;
  }
  if (!/^[\x20-\x7e]*$/.test(contentType)) return 'a content type must be printable ASCII';
  return null;
}
