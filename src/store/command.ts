/**
 * Commands are what log entries hold; results are what sessions keep. Queries never enter the log.
 * The byte form is in command-codec.ts.
 */
import type { Index } from '../raft/types.ts';

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
    };

export type CommandResult =
  | { readonly type: 'sessionOpened'; readonly session: Index }
  | { readonly type: 'put'; readonly revision: Index; readonly version: number; readonly created: boolean }
  | { readonly type: 'deleted'; readonly revision: Index }
  | { readonly type: 'notFound' }
  /** `revision` is the key's current modRevision, 0 if it does not exist. */
  | { readonly type: 'preconditionFailed'; readonly revision: number }
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
    };

export interface KeyValue {
  readonly key: string;
  readonly createRevision: number;
  readonly modRevision: number;
  /** 1, 2, …; starts again after a delete. */
  readonly version: number;
  readonly contentType: string;
  readonly sizeBytes: number;
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
