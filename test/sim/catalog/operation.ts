/** What a client of the catalog asked and was told. */

import type { CommandResult, QueryResult } from '../../../src/store/command.ts';
import type { Change, Watched } from '../../../src/store/watch.ts';
import type { ModelQuery } from '../../store/catalog-model-queries.ts';
import type { WriteOf } from './writes.ts';

export type Asked =
  | { readonly type: 'write'; readonly write: WriteOf }
  | { readonly type: 'query'; readonly query: ModelQuery };

export type CatalogOutcome =
  | { readonly type: 'result'; readonly result: CommandResult }
  | ({ readonly type: 'answer'; readonly answer: QueryResult } & FromCache)
  /** As it was shown, read again; its revision aside. */
  | ({ readonly type: 'page'; readonly revision: number; readonly page: unknown } & FromCache)
  /** Nothing was done, or it only asked: as if it had never been. */
  | { readonly type: 'notApplied' }
  | { readonly type: 'unknown' };

interface FromCache {
  /** A gateway had it in memory. */
  readonly isHit: boolean;
  /** It stood when it was asked for; the revision may be an earlier one. */
  readonly isLeased: boolean;
}

export interface CatalogOperation {
  /** In the order in which they were asked. */
  readonly number: number;
  readonly client: string;
  readonly asked: Asked;
  readonly invokedAt: number;
  readonly returnedAt: number;
  readonly outcome: CatalogOutcome;
}

/** What somebody who watches has been told, in the order of being told. */
export interface WatchLog {
  readonly id: string;
  readonly watched: Watched | null;
  readonly changes: Change[];
  /** Everything up to and including this revision is among them, and of the next one what is at places below `skip`. */
  through: number;
  skip: number;
  /** When a position was heard of. */
  readonly heard: { readonly through: number; readonly atMs: number }[];
}
