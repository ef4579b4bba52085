/**
 * What clients did and what they were told, as seen from outside over HTTP: what every checker of histories works on.
 * Times are in milliseconds of one clock that never runs backwards.
 */

/** A value names the one write that wrote it: no two puts of a history have the same. */
export type Value = string;

/** The condition of a write (RFC 9110 13.1), on the key's modification revision. */
export type Condition =
  | { readonly type: 'none' }
  /** If-Match: this revision. */
  | { readonly type: 'matches'; readonly revision: number }
  /** If-None-Match: * */
  | { readonly type: 'absent' };

export type Request =
  | { readonly type: 'get'; readonly key: string; readonly form?: GetForm }
  | { readonly type: 'put'; readonly key: string; readonly value: Value; readonly condition: Condition }
  | { readonly type: 'delete'; readonly key: string; readonly condition: Condition }
  /** One page, from the prefix's first key on, or from where the page before has ended. */
  | { readonly type: 'list'; readonly prefix: string; readonly limit: number; readonly after?: PageEnd };

/** HEAD; or If-None-Match: the value only if it is no more that of this revision. Without one it is a plain GET. */
export type GetForm = { readonly type: 'head' } | { readonly type: 'unlessAt'; readonly revision: number };

export interface PageEnd {
  readonly key: string;
  /** How the store calls it. */
  readonly cursor: string;
}

export interface Item {
  readonly key: string;
  readonly value: Value;
  /** The log index of the write that wrote it. */
  readonly modRevision: number;
  readonly version: number;
}

/** Of a read. */
interface Evaluated {
  /** What it was evaluated at. */
  readonly revision: number;
  /** Whoever answered under a lease knows that nothing has changed since, but not how far the log has come. */
  readonly isLeased?: true;
}

export type Reply =
  /** Item null: there is no such key. */
  | (Evaluated & { readonly type: 'got'; readonly item: Omit<Item, 'version'> | null })
  /** A read that was told which revision the key is at, and no value: the answer to HEAD, or 304. */
  | (Evaluated & { readonly type: 'checked'; readonly current: number })
  | { readonly type: 'put'; readonly revision: number; readonly version: number; readonly created: boolean }
  | { readonly type: 'deleted'; readonly revision: number }
  /** A delete of a key that is not there. */
  | { readonly type: 'notFound' }
  /** A write whose condition did not hold; `current` is the revision the key had, 0 if there was no such key. */
  | { readonly type: 'conditionFailed'; readonly current: number }
  | (Evaluated & {
      readonly type: 'listed';
      readonly items: readonly Item[];
      readonly more: boolean;
      /** Where to go on, if there is more. */
      readonly cursor?: string;
    });

export type Outcome =
  | { readonly type: 'answered'; readonly reply: Reply }
  /** It was said that nothing was done, or it only read: as if it had never been asked. */
  | { readonly type: 'notApplied' }
  /** A write that may have been done, once, at any time after it was asked. */
  | { readonly type: 'unknown' };

export interface Operation {
  /** In the order of `invokedAt`. */
  readonly number: number;
  readonly client: string;
  readonly request: Request;
  readonly invokedAt: number;
  /** When the client had the outcome. */
  readonly returnedAt: number;
  readonly outcome: Outcome;
}

/** What is wrong with a history, in words for a person; `giveUp`: it was too hard to say. */
export interface Finding {
  readonly checker: string;
  readonly message: string;
  readonly giveUp: boolean;
}
