/**
 * Every entry that any leader ever made, with the one before it: whoever holds an entry of this term and index holds
 * this one, behind these (log matching, §3.5). So a log is known by its last entry.
 */
import { isDeepStrictEqual } from 'node:util';
import { beforeTheLog, type Entry, type EntryId, type Index, type ReplicaId, type Term } from '../../src/raft/types.ts';
import { firstPrevious, readEntryRow } from './oracle-rows.ts';
import { SafetyViolation } from './oracle-violation.ts';

export class KnownEntry implements EntryId {
  readonly term: Term;
  readonly index: Index;
  readonly entry: Entry;
  /** What stands before the log is its own predecessor. */
  readonly previous: KnownEntry;
  /** As the first disk that held it holds it; null before that. */
  row: Buffer | null = null;
  chainHash: string = firstPrevious;

  constructor(entry: Entry, previous: KnownEntry | null) {
    this.term = entry.term;
    this.index = entry.index;
    this.entry = entry;
    this.previous = previous ?? this;
  }
}

export class KnownEntries {
  /** Stands before the log. */
  readonly root: KnownEntry = new KnownEntry({ type: 'noop', ...beforeTheLog }, null);
  /** By index, from 1; one for each term that has an entry there. */
  readonly #byIndex: KnownEntry[][] = [];

  find(id: EntryId): KnownEntry | undefined {
    if (id.index === 0) return this.root;
    return this.#byIndex[id.index - 1]?.find((known) => known.term === id.term);
  }

  /** An entry that somebody speaks of. */
  get(id: EntryId): KnownEntry {
    const known = this.find(id);
    if (known === undefined) {
      throw new SafetyViolation('log matching', `${name(id)} is spoken of, and nobody made it`);
    }
    return known;
  }

  /** A leader has appended an entry that nobody has seen before. */
  create(previous: KnownEntry, entry: Entry): KnownEntry {
    const known = new KnownEntry(entry, previous);
    const others = this.#byIndex[entry.index - 1];
    if (others === undefined) this.#byIndex[entry.index - 1] = [known];
    else others.push(known);
    return known;
  }

  /** `holder` holds this entry, or sends it, behind `previous`. */
  check(known: KnownEntry, previous: KnownEntry, entry: Entry, holder: ReplicaId): void {
    if (known.previous !== previous) {
      const [one, other] = [name(known.previous), name(previous)];
      throw new SafetyViolation('log matching', `${name(known)} follows ${one}, with ${holder} it follows ${other}`);
    }
    if (known.entry !== entry && !isSame(known.entry, entry)) {
      throw new SafetyViolation('log matching', `${holder} has another entry ${name(known)} than was made`);
    }
  }

  /** The disk of `holder` holds this row behind `previous`. */
  ofRow(previous: KnownEntry, bytes: Uint8Array, holder: ReplicaId): KnownEntry {
    const at = previous.index + 1;
    const read = this.#byIndex[at - 1]?.find((known) => known.previous === previous && known.row?.compare(bytes) === 0);
    if (read !== undefined) return read;
    const row = readEntryRow(bytes);
    if (row === null || row.entry.index !== at) {
      const found = row === null ? 'nothing that can be read' : name(row.entry);
      throw new SafetyViolation('log matching', `the disk of ${holder} holds ${found} in the row of entry ${at}`);
    }
    const known = this.find(row.entry);
    if (known === undefined) {
      throw new SafetyViolation('log matching', `the disk of ${holder} holds ${name(row.entry)}, which nobody made`);
    }
    if (known.row === null) {
      this.check(known, previous, row.entry, holder);
      if (row.previous !== previous.chainHash) throw brokenChain(known, holder);
      known.row = Buffer.from(bytes);
      known.chainHash = row.chainHash;
    } else {
      throw new SafetyViolation('log matching', `the disk of ${holder} holds another ${name(known)} than other disks`);
    }
    return known;
  }
}

/** Is it in the log that ends with `last`? */
export function isIn(known: KnownEntry, last: KnownEntry): boolean {
  let at = last;
  while (at.index > known.index) at = at.previous;
  return at === known;
}

/** Is the log that ends with `a` at least as up-to-date as the one that ends with `b`? (§3.6.1) */
export function reaches(a: EntryId, b: EntryId): boolean {
  return a.term > b.term || (a.term === b.term && a.index >= b.index);
}

/** As messages name an entry: term/index. */
export function name(id: EntryId): string {
  return `${id.term}/${id.index}`;
}

function isSame(a: Entry, b: Entry): boolean {
  if (a.type === 'command') return b.type === 'command' && Buffer.compare(a.command, b.command) === 0;
  return isDeepStrictEqual(a, b);
}

function brokenChain(known: KnownEntry, holder: ReplicaId): SafetyViolation {
  return new SafetyViolation('log matching', `on the disk of ${holder} ${name(known)} names another hash before it`);
}
