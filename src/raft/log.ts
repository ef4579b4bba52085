/**
 * The log as the core knows it: the term of every index, the recent entries, and how much of it the disk holds.
 *
 *     base ≤ durable ≤ issued ≤ last
 *
 * - `durable`: the disk holds exactly these entries.
 * - `issued`: handed to the disk in a batch; at most one batch is being written.
 * - a truncation lowers both at once, and is written with the next batch.
 */
import { invariant } from './assert.ts';
import type { Configuration, Entry, EntryId, Index, IndexedConfiguration, LogState, Term } from './types.ts';

/** What an entry counts for in every bound on bytes. */
export function entryBytes(entry: Entry): number {
  return entryOverheadBytes + (entry.type === 'command' ? entry.command.length : 0);
}

export const entryOverheadBytes = 64;

export class RaftLog {
  readonly base: EntryId;
  #last: EntryId;
  /** The first entry of each term, ascending in both. */
  readonly #termStarts: EntryId[];
  readonly #bootstrap: Configuration;
  readonly #configurations: IndexedConfiguration[];

  /** The tail of the log, contiguous, ending at `last`; its live part begins at `#cacheHead`. */
  #cache: Entry[] = [];
  #cacheHead = 0;
  #cacheBytes = 0;

  #durableIndex: Index;
  #issuedIndex: Index;
  /** The lowest index at which disk and memory differ because of a truncation not yet issued. */
  #truncateFrom: Index | null = null;

  constructor(state: LogState, bootstrap: Configuration) {
    this.base = state.base;
    this.#last = state.last;
    this.#termStarts = [...state.termStarts];
    this.#configurations = [...state.configurations];
    this.#bootstrap = bootstrap;
    this.#durableIndex = state.last.index;
    this.#issuedIndex = state.last.index;
  }

  get last(): EntryId {
    return this.#last;
  }

  get lastIndex(): Index {
    return this.#last.index;
  }

  get durableIndex(): Index {
    return this.#durableIndex;
  }

  get cacheBytes(): number {
    return this.#cacheBytes;
  }

  /** The latest configuration, committed or not (§4.1). */
  get configuration(): Configuration {
    return this.#configurations.at(-1)?.configuration ?? this.#bootstrap;
  }

  /** Undefined outside the log. */
  term(index: Index): Term | undefined {
    if (index === this.base.index) return this.base.term;
    if (index < this.base.index || index > this.#last.index) return undefined;
    let low = 0;
    let high = this.#termStarts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#termStarts[middle] as EntryId).index <= index) low = middle;
      else high = middle - 1;
    }
    const start = this.#termStarts[low];
    invariant(start !== undefined && start.index <= index, `no term start covers index ${index}`);
    return start.term;
  }

  id(index: Index): EntryId {
    const term = this.term(index);
    invariant(term !== undefined, `index ${index} is outside the log (${this.base.index}, ${this.#last.index}]`);
    return { term, index };
  }

  matches(id: EntryId): boolean {
    return this.term(id.index) === id.term;
  }

  /** The highest entry at or below `index` whose term is at most `term`: the latest place two logs can still agree. */
  lastNotAbove(index: Index, term: Term): EntryId {
    const from = Math.min(index, this.#last.index) as Index;
    if ((this.term(from) ?? this.base.term) <= term) return from <= this.base.index ? this.base : this.id(from);
    for (let i = this.#termStarts.length - 1; i >= 0; i--) {
      const start = this.#termStarts[i] as EntryId;
      // The entry before the first one of a higher term ends the run of a lower one.
      const before = (start.index - 1) as Index;
      if (start.index <= from && (this.term(before) ?? this.base.term) <= term) return this.id(before);
    }
    return this.base;
  }

  append(entries: readonly Entry[]): void {
    for (const entry of entries) {
      invariant(
        entry.index === this.#last.index + 1 && entry.term >= this.#last.term,
        `entry ${entry.term}/${entry.index} cannot follow ${this.#last.term}/${this.#last.index}`,
      );
      if (this.#termStarts.length === 0 || entry.term > this.#last.term) {
        this.#termStarts.push({ term: entry.term, index: entry.index });
      }
      if (entry.type === 'configuration') {
        this.#configurations.push({ index: entry.index, configuration: entry.configuration });
      }
      this.#cache.push(entry);
      this.#cacheBytes += entryBytes(entry);
      this.#last = { term: entry.term, index: entry.index };
    }
  }

  /** Removes every entry at or above `index`. That none of them is committed is the caller's to check. */
  truncateFrom(index: Index): void {
    invariant(
      index > this.base.index && index <= this.#last.index,
      `cannot truncate from ${index}: the log is (${this.base.index}, ${this.#last.index}]`,
    );
    const kept = (index - 1) as Index;
    const keptTerm = this.term(kept) as Term;
    while (this.#cache.length > this.#cacheHead && (this.#cache.at(-1) as Entry).index >= index) {
      this.#cacheBytes -= entryBytes(this.#cache.pop() as Entry);
    }
    while ((this.#termStarts.at(-1)?.index ?? 0) >= index) this.#termStarts.pop();
    while ((this.#configurations.at(-1)?.index ?? 0) >= index) this.#configurations.pop();
    this.#last = { term: keptTerm, index: kept };
    if (this.#issuedIndex >= index) this.#truncateFrom = Math.min(this.#truncateFrom ?? index, index) as Index;
    this.#issuedIndex = Math.min(this.#issuedIndex, kept) as Index;
    this.#durableIndex = Math.min(this.#durableIndex, kept) as Index;
  }

  /** Is the entry at `index` in memory? */
  isCached(index: Index): boolean {
    return index > this.#last.index - (this.#cache.length - this.#cacheHead) && index <= this.#last.index;
  }

  /** Cached entries from `from` to `to`, inclusive, up to `maxBytes` but at least one. `from` must be cached. */
  slice(from: Index, to: Index, maxBytes: number): readonly Entry[] {
    invariant(this.isCached(from), `entry ${from} is not in memory`);
    const first = this.#cache.length - (this.#last.index - from) - 1;
    const limit = Math.min(this.#cache.length, first + (to - from) + 1);
    let end = first;
    let bytes = 0;
    while (end < limit) {
      bytes += entryBytes(this.#cache[end] as Entry);
      if (bytes > maxBytes && end > first) break;
      end++;
    }
    return this.#cache.slice(first, end);
  }

  get hasUnissued(): boolean {
    return this.#truncateFrom !== null || this.#issuedIndex < this.#last.index;
  }

  /** What the next batch must write. Only one batch may be on its way: `batchDurable` ends it. */
  issue(maxBytes: number): { readonly truncateFrom: Index | null; readonly entries: readonly Entry[] } {
    const truncateFrom = this.#truncateFrom;
    this.#truncateFrom = null;
    const from = (this.#issuedIndex + 1) as Index;
    const entries = from > this.#last.index ? [] : this.slice(from, this.#last.index, maxBytes);
    this.#issuedIndex = (this.#issuedIndex + entries.length) as Index;
    return { truncateFrom, entries };
  }

  /** The id up to which the log is issued: where it will end on disk once the batch on its way is durable. */
  get issued(): EntryId {
    return this.id(this.#issuedIndex);
  }

  /** The batch that ended at `issued` is durable; what was truncated since then does not count. */
  batchDurable(issued: Index): void {
    const agreed = this.#truncateFrom === null ? issued : Math.min(issued, this.#truncateFrom - 1);
    this.#durableIndex = Math.max(this.#durableIndex, Math.min(agreed, this.#issuedIndex)) as Index;
  }

  /** Forgets durable entries up to `upTo`, oldest first, while the cache is over `maxBytes`. */
  evict(upTo: Index, maxBytes: number): void {
    const bound = Math.min(upTo, this.#durableIndex);
    while (this.#cacheBytes > maxBytes && this.#cacheHead < this.#cache.length) {
      const oldest = this.#cache[this.#cacheHead] as Entry;
      if (oldest.index > bound) break;
      this.#cacheBytes -= entryBytes(oldest);
      this.#cacheHead++;
    }
    if (this.#cacheHead * 2 > this.#cache.length) {
      this.#cache = this.#cache.slice(this.#cacheHead);
      this.#cacheHead = 0;
    }
  }
}
