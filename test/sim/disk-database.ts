/**
 * What LevelDB has on the disk: the rows, and the journal of the batches that made them. Crashes and damage take whole
 * batches away, and the rows become what the other batches make of them.
 *
 * A segment is a file of LevelDB's own log. A sync reaches the newest one alone: what was written to the one before
 * without a sync may still be lost, although a later batch is not.
 */
import { invariant } from '../../src/raft/assert.ts';
import type { DiskChance } from './disk-chance.ts';
import { diskError } from './disk-errors.ts';
import { type RowName, Rows, type RowsView, type Value } from './disk-rows.ts';
import type { Life } from './life.ts';

export interface Change {
  readonly name: RowName;
  /** Undefined: the row is deleted. */
  readonly after: Value | undefined;
  /** What it replaced, once it is applied. */
  before: Value | undefined;
}

export interface JournalBatch {
  readonly segment: number;
  readonly changes: readonly Change[];
  /** `doomed`: stands behind a torn record, so it can be read until the database is opened again. */
  durability: 'synced' | 'unsynced' | 'doomed';
}

/** Why the database cannot be opened. */
export type Refusal = 'CURRENT is missing' | 'the manifest is cut short' | 'a table is missing';

interface UnreadableSpan {
  readonly first: RowName;
  /** Included. */
  readonly last: RowName;
  /** Written since: the newer row can be read. */
  readonly rewritten: Set<RowName>;
}

/** How far back damage can reach. */
const journalBatchesMax = 256;
const rotationProbability = 0.01;

export class Database {
  /** Who has it open; one whose life has ended has not. */
  holder: Life | null = null;
  refusal: Refusal | null = null;
  #rows = new Rows();
  /** The last batches, oldest first. */
  #journal: JournalBatch[] = [];
  #unreadable: UnreadableSpan[] = [];
  #segment = 1;
  /** A record at the end of the newest segment is torn: what is written behind it is lost. */
  #torn = false;
  /** The changes of a batch whose sync failed: they may be there when the database is opened again. */
  #uncertain: readonly Change[] | null = null;
  #allSynced = true;

  get journal(): readonly JournalBatch[] {
    return this.#journal;
  }

  get names(): readonly RowName[] {
    return this.#rows.names;
  }

  get isHeld(): boolean {
    return this.holder !== null && !this.holder.dead;
  }

  /** Throws LEVEL_CORRUPTION where the rows cannot be read. */
  get(name: RowName): Value | undefined {
    if (this.isUnreadable(name)) throw unreadable();
    return this.#rows.get(name);
  }

  view(): RowsView {
    return this.#rows.view();
  }

  isUnreadable(name: RowName): boolean {
    return this.#unreadable.some(({ first, last, rewritten }) => name >= first && name <= last && !rewritten.has(name));
  }

  /** What any crash would leave. */
  durable(name: RowName): Value | undefined {
    if (this.refusal !== null || this.isUnreadable(name)) return undefined;
    let value = this.#rows.get(name);
    if (this.#allSynced) return value;
    for (const { changes, durability } of this.#journal.toReversed()) {
      const first = changes.find((change) => change.name === name);
      if (first === undefined) continue;
      if (durability === 'synced') return value;
      value = first.before;
    }
    return value;
  }

  write(changes: readonly Change[], sync: boolean, chance: DiskChance): void {
    if (chance.random.chance(rotationProbability)) {
      this.#segment++;
      this.#torn = false;
    }
    const batch: JournalBatch = {
      segment: this.#segment,
      changes,
      durability: this.#torn ? 'doomed' : sync ? 'synced' : 'unsynced',
    };
    this.#append(batch);
    if (batch.durability !== 'synced') this.#allSynced = false;
    else if (!this.#allSynced) this.#syncWith(batch);
  }

  /** The disk was full in the middle of a record. */
  tear(): void {
    this.#torn = true;
  }

  /** The sync of these failed. */
  doubt(changes: readonly Change[]): void {
    this.#uncertain = changes;
  }

  /** Opening replays LevelDB's log and writes what it holds to tables: from then on all of it is durable. */
  recover(chance: DiskChance): void {
    invariant(this.refusal === null, 'what is opened can be opened');
    this.#rows.dropViews();
    const doomed = this.#journal.filter((batch) => batch.durability === 'doomed');
    if (doomed.length > 0) {
      // Reading goes on at the next block, if there is one.
      const lost = chance.integer(1, doomed.length);
      chance.reached(lost === doomed.length ? 'all behind a torn record lost' : 'some behind a torn record lost');
      this.forget(new Set(doomed.slice(0, lost)));
    }
    if (this.#uncertain !== null) {
      if (chance.outcome('a batch whose sync failed', ['there', 'not there']) === 'there') {
        this.#append({ segment: this.#segment, changes: this.#uncertain, durability: 'synced' });
      }
      this.#uncertain = null;
    }
    for (const batch of this.#journal) batch.durability = 'synced';
    this.#allSynced = true;
    this.#torn = false;
    this.#segment++;
  }

  /** A power loss: of each segment a beginning is left of what was not synced. */
  loseUnsynced(chance: DiskChance): void {
    const unsynced = this.#journal.filter((batch) => batch.durability === 'unsynced');
    if (unsynced.length === 0) return;
    const lost = new Set<JournalBatch>();
    for (const segment of new Set(unsynced.map((batch) => batch.segment))) {
      const batches = unsynced.filter((batch) => batch.segment === segment);
      for (const batch of batches.slice(chance.integer(0, batches.length))) lost.add(batch);
    }
    chance.reached(lost.size === 0 ? 'unsynced batches kept' : 'unsynced batches lost');
    this.forget(lost);
    for (const batch of unsynced) batch.durability = 'synced';
    this.#allSynced = this.#journal.every((batch) => batch.durability === 'synced');
  }

  /** As if these had never been written. False if that changes no row. */
  forget(lost: ReadonlySet<JournalBatch>): boolean {
    const from = this.#journal.findIndex((batch) => lost.has(batch));
    if (from === -1) return false;
    const later = this.#journal.splice(from);
    const found = new Map<RowName, Value | undefined>();
    for (const { changes } of later.toReversed()) {
      for (const { name, before } of changes.toReversed()) {
        const value = this.#rows.set(name, before);
        if (!found.has(name)) found.set(name, value);
      }
    }
    for (const batch of later) if (!lost.has(batch)) this.#append(batch);
    for (const [name, value] of found) if (this.#rows.get(name) !== value) return true;
    return false;
  }

  /** Damages a row, behind the journal's back. */
  replaceRow(name: RowName, newName: RowName, value: Value): void {
    this.#rows.set(name, undefined);
    this.#rows.set(newName, value);
  }

  makeUnreadable(first: RowName, last: RowName): void {
    this.#unreadable.push({ first, last, rewritten: new Set() });
  }

  copy(): Database {
    const copy = new Database();
    copy.refusal = this.refusal;
    copy.#rows = this.#rows.copy();
    copy.#journal = this.#journal.map((batch) => ({ ...batch, changes: copies(batch.changes) }));
    copy.#unreadable = this.#unreadable.map((span) => ({ ...span, rewritten: new Set(span.rewritten) }));
    copy.#segment = this.#segment;
    copy.#torn = this.#torn;
    copy.#uncertain = this.#uncertain === null ? null : copies(this.#uncertain);
    copy.#allSynced = this.#allSynced;
    return copy;
  }

  #append(batch: JournalBatch): void {
    for (const change of batch.changes) {
      change.before = this.#rows.set(change.name, change.after);
      for (const span of this.#unreadable) span.rewritten.add(change.name);
    }
    this.#journal.push(batch);
    if (this.#journal.length >= 2 * journalBatchesMax) this.#journal.splice(0, journalBatchesMax);
  }

  /** The segment before the last one is in a table by now. */
  #syncWith({ segment }: JournalBatch): void {
    let allSynced = true;
    for (const batch of this.#journal) {
      if (batch.durability !== 'unsynced') {
        allSynced &&= batch.durability === 'synced';
      } else if (batch.segment === segment - 1) {
        allSynced = false;
      } else {
        batch.durability = 'synced';
      }
    }
    this.#allSynced = allSynced;
  }
}

export function unreadable(): Error {
  return diskError('LEVEL_CORRUPTION', 'Corruption: block checksum mismatch');
}

function copies(changes: readonly Change[]): readonly Change[] {
  return changes.map((change) => ({ ...change }));
}
