/**
 * What has changed, for whoever watches (DESIGN-catalog.md, "History"). The newest changes are in memory; all that are kept
 * stand in rows of their own, one or more for each written batch:
 *
 *   previous u64 · wallMs u64 · changes (wire.ts: head [[change…]…], tail)
 *
 * under the revision of the last change in it. `previous` is that of the row before, so that a history which begins with this
 * row knows up to where it was cut. Each replica cuts for itself: the rows are not part of the replicated state.
 */
import type { Clock, Timer } from '../raft/interfaces.ts';
import { type Index, index } from '../raft/types.ts';
import { decodeChange, encodeChange } from './change-codec.ts';
import { isOfInterest } from './changes-check.ts';
import { DamagedRowError } from './damage.ts';
import type { KeyValueStore } from './disk.ts';
import { allDocumentRows, allValueRows, historyKey, historyRows, historyRowsAfter, revisionOfHistory } from './keys.ts';
import { openRow, type SealedRow, sealRow } from './row.ts';
import { readUint64, writeUint64 } from './uint64.ts';
import type { Change, ChangesQuery, ChangesResult } from './watch.ts';
import { decodeWire, encodeWire, list, type Tail } from './wire.ts';

export interface HistoryBounds {
  readonly ageMsMax: number;
  readonly changesMax: number;
  readonly bytesMax: number;
}

export const historyBoundsDefault: HistoryBounds = {
  ageMsMax: 3600_000,
  changesMax: 100_000,
  bytesMax: 256 * 1024 * 1024,
};

interface HistoryRow {
  readonly to: Index;
  readonly wallMs: number;
  readonly changes: number;
  readonly bytes: number;
}

type Found = Omit<Extract<ChangesResult, { type: 'changes' }>, 'type'>;

interface Waiter {
  readonly query: ChangesQuery;
  readonly resolve: () => void;
}

/** Of the newest changes; what is not in a row yet is kept beyond it. */
const memoryBytesMax = 16 * 1024 * 1024;
/** A larger one is cut between revisions. */
const rowBytesMax = 1024 * 1024;
const rowChangesMax = 10_000;
const pageBytesMax = 1024 * 1024;
/** Numbers and what is around them in a change, beside names and values. */
const overheadBytes = 100;
/** Of UTF-8 in a UTF-16 unit. */
const bytesPerUnitMax = 3;
const headBytes = 16;
const beforeAll = index(0);

export class History {
  readonly #store: KeyValueStore;
  readonly #clock: Clock;
  readonly #bounds: HistoryBounds;
  /** Those on disk, oldest first. */
  readonly #rows: HistoryRow[];
  #keptChanges = 0;
  #keptBytes = 0;
  /** Oldest first; invariant: all changes above `#recentAfter` are in it. */
  #recent: Change[] = [];
  #recentBytes = 0;
  #recentAfter: Index;
  /** How many of `#recent`, from the first on, are in rows that are on disk, and in rows that have been taken. */
  #recentWritten = 0;
  #recentTaken = 0;
  #lastChange: Index;
  #compacted: Index;
  #evaluated: Index;
  #closed = false;
  readonly #waiters = new Set<Waiter>();

  private constructor(
    store: KeyValueStore,
    clock: Clock,
    bounds: HistoryBounds,
    { rows, compacted, applied }: { readonly rows: HistoryRow[]; readonly compacted: Index; readonly applied: Index },
  ) {
    this.#store = store;
    this.#clock = clock;
    this.#bounds = bounds;
    this.#rows = rows;
    for (const row of rows) this.#weigh(row, 1);
    this.#compacted = compacted;
    this.#lastChange = rows.at(-1)?.to ?? compacted;
    this.#recentAfter = this.#lastChange;
    this.#evaluated = applied;
  }

  /** Throws DamagedRowError. */
  static async load(store: KeyValueStore, clock: Clock, bounds: HistoryBounds, applied: Index): Promise<History> {
    const rows: HistoryRow[] = [];
    let compacted: Index | null = null;
    let last = 0;
    for await (const [key, row] of store.iterate(historyRows)) {
      const { body } = openRow(key, row);
      const previous = readUint64(body, 0);
      compacted ??= index(previous);
      if (rows.length > 0 && previous !== last)
        throw new DamagedRowError(`the changes up to revision ${previous} are missing`);
      last = revisionOfHistory(key);
      const changes = decodeRow(body).length;
      rows.push({ to: index(last), wallMs: readUint64(body, 8), changes, bytes: body.length });
    }
    // The newest row stays for good: without one nothing has been changed yet, or the state is of a version that kept none.
    compacted ??= (await hasValues(store)) ? applied : beforeAll;
    return new History(store, clock, bounds, { rows, compacted, applied });
  }

  /** The last revision whose changes may be gone. */
  get compactedRevision(): Index {
    return this.#compacted;
  }

  /** The next entries were evaluated, up to `through`, and this is what they changed. Answers how much that is. */
  add(changes: readonly Change[], through: Index): number {
    let bytes = 0;
    for (const change of changes) {
      this.#recent.push(ofItsOwn(change));
      bytes += bytesOf(change);
    }
    this.#recentBytes += bytes;
    this.#evaluated = through;
    this.#wake(changes);
    return bytes;
  }

  /**
   * The rows of what has been added since the last call, and the keys of those that are to go. To be written together; `written`
   * is to be called before the next one.
   */
  takeRows(): { readonly rows: readonly SealedRow[]; readonly outdated: readonly Buffer[] } {
    const rows: SealedRow[] = [];
    for (const group of grouped(this.#recent.slice(this.#recentTaken))) rows.push(this.#seal(group));
    this.#recentTaken = this.#recent.length;
    return { rows, outdated: this.#takeOutdated() };
  }

  /** What was taken last is on disk: memory need not have it any longer. */
  written(): void {
    this.#recentWritten = this.#recentTaken;
    this.#trimMemory();
  }

  /** Rejects with a DamagedRowError. */
  async query(query: ChangesQuery): Promise<ChangesResult> {
    const endAt = this.#clock.now() + query.waitMs;
    // What held nothing is not looked at again.
    let rest = query;
    for (;;) {
      if (rest.after < this.#compacted) return { type: 'compacted', compactedRevision: this.#compacted };
      const found = await this.#find(rest);
      if (found === null) continue;
      const leftMs = endAt - this.#clock.now();
      if (found.changes.length > 0 || leftMs <= 0 || this.#closed) return { type: 'changes', ...found };
      const { through, skip } = found;
      if (through > rest.after) rest = { ...rest, after: through, skip };
      // It may have been added while this was on its way back from what it read.
      if (this.#evaluated === through) await this.#somethingNew(rest, leftMs);
    }
  }

  /** Whoever waits is answered, and nobody waits any longer. */
  close(): void {
    this.#closed = true;
    for (const { resolve } of this.#waiters) resolve();
    this.#waiters.clear();
  }

  /** Null if what was to be read has been compacted meanwhile. */
  async #find(query: ChangesQuery): Promise<Found | null> {
    const page = new Page(query);
    let from = query.after;
    // What was in memory may have left it while rows were read.
    while (from < this.#recentAfter) {
      const to = this.#recentAfter;
      if (!(await this.#readRows(page, from, to))) return null;
      if (page.isFull) return page.result(to);
      from = to;
    }
    page.add(this.#recent.slice(this.#firstAfter(from)));
    return page.result(this.#evaluated);
  }

  /** Adds the changes above `from`, up to `to`, or as many as the page holds. False if some have been compacted meanwhile. */
  async #readRows(page: Page, from: Index, to: Index): Promise<boolean> {
    let known: number = from;
    for await (const [key, row] of this.#store.iterate(historyRowsAfter(from))) {
      const { body } = openRow(key, row);
      // An iteration may leave out rows that are damaged.
      if (readUint64(body, 0) > known) break;
      known = revisionOfHistory(key);
      page.add(decodeRow(body).filter(({ revision }) => revision > from && revision <= to));
      if (page.isFull || known >= to) return true;
    }
    if (from < this.#compacted) return false;
    throw new DamagedRowError(`the changes above revision ${known} are missing`);
  }

  /** Of `#recent`, by halving. */
  #firstAfter(after: Index): number {
    let [low, high] = [0, this.#recent.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#recent[middle] as Change).revision > after) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** A change of interest was added, or it is over. */
  async #somethingNew(query: ChangesQuery, waitMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiter = { query, resolve };
    this.#waiters.add(waiter);
    const timer: Timer = this.#clock.setTimer(waitMs, resolve);
    await promise;
    timer.cancel();
    this.#waiters.delete(waiter);
  }

  #wake(changes: readonly Change[]): void {
    for (const { query, resolve } of this.#waiters) {
      if (changes.some((change) => isOfInterest(query.watched, change.subject))) resolve();
    }
  }

  #seal(changes: readonly Change[]): SealedRow {
    const to = (changes.at(-1) as Change).revision;
    const tail: Uint8Array[] = [];
    const heads = changes.map((change) => encodeChange(change, tail));
    const wire = encodeWire([heads], tail);
    const wallMs = Math.max(0, Math.floor(this.#clock.wallNow()));
    const previous = this.#lastChange;
    const sealed = sealRow(historyKey(to), headBytes + wire.length, (body) => {
      body.set(wire, writeUint64(body, wallMs, writeUint64(body, previous, 0)));
    });
    const row = { to, wallMs, changes: changes.length, bytes: headBytes + wire.length };
    this.#rows.push(row);
    this.#weigh(row, 1);
    this.#lastChange = to;
    return sealed;
  }

  /** The newest row stays: it is what tells up to where the history was cut. */
  #takeOutdated(): Buffer[] {
    const outdated: Buffer[] = [];
    const { ageMsMax, changesMax, bytesMax } = this.#bounds;
    const oldestMs = this.#clock.wallNow() - ageMsMax;
    let gone = 0;
    for (const row of this.#rows) {
      const isOver = this.#keptChanges > changesMax || this.#keptBytes > bytesMax || row.wallMs < oldestMs;
      if (!isOver || gone === this.#rows.length - 1) break;
      gone += 1;
      this.#weigh(row, -1);
      this.#compacted = row.to;
      outdated.push(historyKey(row.to));
    }
    this.#rows.splice(0, gone);
    return outdated;
  }

  #trimMemory(): void {
    let gone = 0;
    while (this.#recentBytes > memoryBytesMax && gone < this.#recentWritten) {
      const { revision } = this.#recent[gone] as Change;
      // Changes of one revision go together.
      while (gone < this.#recentWritten && this.#recent[gone]?.revision === revision) {
        this.#recentBytes -= bytesOf(this.#recent[gone] as Change);
        gone += 1;
      }
      this.#recentAfter = revision;
    }
    this.#recent.splice(0, gone);
    this.#recentWritten -= gone;
    this.#recentTaken -= gone;
  }

  #weigh({ changes, bytes }: HistoryRow, sign: 1 | -1): void {
    this.#keptChanges += sign * changes;
    this.#keptBytes += sign * bytes;
  }
}

async function hasValues(store: KeyValueStore): Promise<boolean> {
  for (const rows of [allValueRows, allDocumentRows]) {
    for await (const _row of store.iterate({ ...rows, limit: 1 })) return true;
  }
  return false;
}

/** What one answer holds: changes of interest, up to its bounds. */
class Page {
  readonly #query: ChangesQuery;
  readonly #changes: Change[] = [];
  #bytes = 0;
  #full: { readonly through: Index; readonly skip: number } | null = null;

  constructor(query: ChangesQuery) {
    this.#query = query;
  }

  get isFull(): boolean {
    return this.#full !== null;
  }

  add(changes: readonly Change[]): void {
    const { after, skip, watched, limit } = this.#query;
    for (const change of changes) {
      if (this.#full !== null) return;
      if (change.revision <= after || !isOfInterest(watched, change.subject)) continue;
      if (change.revision === after + 1 && change.place < skip) continue;
      const isOver = this.#changes.length === limit || this.#bytes + bytesOf(change) > pageBytesMax;
      if (isOver && this.#changes.length > 0) {
        const isInside = this.#changes.at(-1)?.revision === change.revision;
        this.#full = { through: index(change.revision - 1), skip: isInside ? change.place : 0 };
        return;
      }
      // A part of a row would keep all of it in memory.
      this.#changes.push(ofItsOwn(change));
      this.#bytes += bytesOf(change);
    }
  }

  /** `through`: up to where everything was added, if the page is not full. */
  result(through: Index): Found {
    if (this.#full !== null) return { changes: this.#changes, ...this.#full };
    // What is known of a revision that is not there yet stays known.
    return { changes: this.#changes, through, skip: through === this.#query.after ? this.#query.skip : 0 };
  }
}

/** Whole revisions, as many as a row takes. */
function grouped(changes: readonly Change[]): readonly (readonly Change[])[] {
  const groups: Change[][] = [];
  let bytes = 0;
  for (const change of changes) {
    const group = groups.at(-1);
    const isFull = bytes > rowBytesMax || (group?.length ?? 0) >= rowChangesMax;
    if (group === undefined || (isFull && group.at(-1)?.revision !== change.revision)) {
      groups.push([change]);
      bytes = 0;
    } else {
      group.push(change);
    }
    bytes += bytesOf(change);
  }
  return groups;
}

function decodeRow(body: Buffer): readonly Change[] {
  const readChanges = (head: unknown, tail: Tail) =>
    list(list(head, 1)[0], Number.POSITIVE_INFINITY).map((each) => decodeChange(each, tail));
  // One revision stands in one row, whatever it holds.
  const changes = decodeWire(body.subarray(headBytes), readChanges, Number.POSITIVE_INFINITY);
  if (changes === null) throw new DamagedRowError('a row of the history is malformed');
  return changes;
}

function bytesOf(change: Change): number {
  const { subject } = change;
  const { type: _, ...names } = subject;
  const nameUnits = Object.values(names).reduce((units, name) => units + name.length, 0);
  return overheadBytes + bytesPerUnitMax * nameUnits + valueBytesOf(change);
}

function valueBytesOf(change: Change): number {
  if (change.type !== 'put') return 0;
  return ('item' in change ? change.item.value : change.document.json)?.length ?? 0;
}

/** Small values are parts of the messages they came in, which would stay in memory whole. */
function ofItsOwn(change: Change): Change {
  if (change.type !== 'put') return change;
  if ('item' in change) {
    const { value } = change.item;
    return value === undefined ? change : { ...change, item: { ...change.item, value: Buffer.from(value) } };
  }
  const { json } = change.document;
  return json === undefined ? change : { ...change, document: { ...change.document, json: Buffer.from(json) } };
}
