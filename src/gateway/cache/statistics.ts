import type { EntryKind } from './entry.ts';

/**
 * Why an entry went. `size`: it had to make room; `expired`: too old; `purged`: told to; `stale`: it was
 * found to be true no longer, though it may hold its place for a while. One that was replaced by another under its name is none of these.
 */
export const evictionCauses = ['size', 'expired', 'purged', 'stale'] as const;
export type EvictionCause = (typeof evictionCauses)[number];

/** Hits, misses, stored and evictions only grow. */
export interface CacheStatistics {
  readonly hits: number;
  readonly misses: number;
  readonly stored: number;
  readonly evictions: Readonly<Record<EvictionCause, number>>;
  /** What is held at this moment, stale entries that wait for the next answer among it. */
  readonly bytes: Readonly<Record<EntryKind, number>>;
  readonly entries: Readonly<Record<EntryKind, number>>;
}
