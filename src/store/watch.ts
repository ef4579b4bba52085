/** What has changed, in order (DESIGN-catalog.md, "History"). */
import type { Index } from '../raft/types.ts';
import type { KeyValue } from './command.ts';
import type { Document, Target } from './transaction.ts';

export type Change = {
  readonly revision: Index;
  /** Which of all changes of its revision, from 0, and of how many, of interest or not: those of one transaction have one revision. */
  readonly place: number;
  readonly count: number;
} & (
  | { readonly type: 'put'; readonly subject: Extract<Target, { type: 'key' }>; readonly item: KeyValue }
  | { readonly type: 'put'; readonly subject: Extract<Target, { type: 'document' }>; readonly document: Document }
  /** `expired`: its time was over; nobody deleted it. */
  | { readonly type: 'delete'; readonly subject: Target; readonly expired: boolean }
  /** The collection is gone, and all that was in it: of its documents nothing more is told. */
  | { readonly type: 'drop'; readonly subject: Extract<Subject, { type: 'collection' }> }
);

/** Of what there are changes. */
export type Subject = Target | { readonly type: 'collection'; readonly collection: string };

export type Watched =
  /** Those that begin with it; all keys if it is empty. */
  { readonly type: 'keys'; readonly prefix: string } | { readonly type: 'collection'; readonly name: string };

export interface ChangesQuery {
  /** Those of later revisions are wanted. */
  readonly after: Index;
  /** Of revision `after` + 1 what is at places below this is known already, and not wanted. 0 unless a watch broke off inside it. */
  readonly skip: number;
  /** Null: everything. */
  readonly watched: Watched | null;
  /** 1 to 1000; a page is at most 1 MiB as well, and one change at least if there is any. */
  readonly limit: number;
  /** So long a replica that has nothing yet waits for something, and one that has not applied `after` for that: 0 to 30,000. */
  readonly waitMs: number;
}

export type ChangesResult =
  | {
      readonly type: 'changes';
      /** In the order of revision and place, none twice. */
      readonly changes: readonly Change[];
      /**
       * Everything of interest up to and including this revision is known once these are: where to go on from. Where a page
       * breaks off inside a revision this is the one before it. Below `after` only where that has not been applied in time;
       * then there are no changes.
       */
      readonly through: Index;
      /** So are, of revision `through` + 1, those at places below this one; 0 unless the page broke off inside it. */
      readonly skip: number;
    }
  /** What comes after `after` is not kept any more in full: only that after `compactedRevision` is. */
  | { readonly type: 'compacted'; readonly compactedRevision: Index };

export const changesLimits = {
  changesMax: 1000,
  waitMsMax: 30_000,
} as const;
