/** What happens to a disk while nobody looks. Each answers in words what was done; null if it is not possible there. */
import { unreachable } from '../../src/raft/assert.ts';
import { decodeSlot, slotBytes } from '../../src/store/witness.ts';
import type { DiskChance } from './disk-chance.ts';
import type { Database, JournalBatch } from './disk-database.ts';
import { pageBytes, type SparseFile } from './disk-file.ts';
import type { RowName, Value } from './disk-rows.ts';

export const databaseDamages = [
  /** Batches in the middle are gone: a wrong bit or a page of zeros in LevelDB's log. */
  'hole',
  /** The newest batches are gone: LevelDB's log is cut short. */
  'lostTail',
  /** All of an older segment is gone: the manifest lost its end. */
  'lostMiddle',
  /** All of the newest segment is gone. */
  'lostNewestLog',
  /** A bit of a row is wrong, and nobody notices. */
  'rot',
  /** Rows in a range cannot be read. */
  'unreadableTable',
  'missingCurrent',
  'missingTable',
  'truncatedManifest',
] as const;

export type DatabaseDamage = (typeof databaseDamages)[number];

/** How many of the newest batches are in reach of a hole, a cut or a wrong bit. */
const recentBatches = 32;
const lostBatchesMax = 8;

export function damageDatabase(database: Database, kind: DatabaseDamage, chance: DiskChance): string | null {
  const done = inflict(database, kind, chance);
  if (done !== null) chance.reached(`damage: ${kind}`);
  return done;
}

function inflict(database: Database, kind: DatabaseDamage, chance: DiskChance): string | null {
  const { journal } = database;
  const recent = journal.slice(-recentBatches);
  switch (kind) {
    case 'hole': {
      if (recent.length < 2) return null;
      const from = chance.integer(0, recent.length - 2);
      const count = chance.integer(1, Math.min(lostBatchesMax, recent.length - 1 - from));
      return lose(database, recent.slice(from, from + count), `before the last ${recent.length - from - count}`);
    }
    case 'lostTail': {
      if (recent.length === 0) return null;
      return lose(database, recent.slice(-lostTailLength(recent, chance)), 'at the end');
    }
    case 'lostMiddle': {
      const newest = journal.at(-1)?.segment;
      const older = [...new Set(journal.map(({ segment }) => segment))].filter((segment) => segment !== newest);
      if (older.length === 0) return null;
      const lost = chance.pick(older);
      return lose(
        database,
        journal.filter(({ segment }) => segment === lost),
        'of an older segment',
      );
    }
    case 'lostNewestLog': {
      const newest = journal.at(-1)?.segment;
      return lose(
        database,
        journal.filter(({ segment }) => segment === newest),
        'of the newest segment',
      );
    }
    case 'rot':
      return rot(database, recent, chance);
    case 'unreadableTable': {
      const { names } = database;
      if (names.length === 0) return null;
      const from = chance.integer(0, names.length - 1);
      const to = Math.min(names.length - 1, from + chance.integer(0, Math.ceil(names.length / 4)));
      database.makeUnreadable(names[from] as RowName, names[to] as RowName);
      return `${to - from + 1} of ${names.length} rows cannot be read, from ${hex(names[from] as RowName)} on`;
    }
    case 'missingCurrent':
      return refuse(database, 'CURRENT is missing');
    case 'missingTable':
      return refuse(database, 'a table is missing');
    case 'truncatedManifest':
      return refuse(database, 'the manifest is cut short');
    default:
      return unreachable(kind);
  }
}

/** Its removal was cut short. */
export function breakDatabase(database: Database, chance: DiskChance): void {
  inflict(
    database,
    chance.outcome('database half removed', ['lostNewestLog', 'missingTable', 'missingCurrent']),
    chance,
  );
}

function lose(database: Database, batches: readonly JournalBatch[], where: string): string | null {
  return database.forget(new Set(batches)) ? `${batches.length} batches lost ${where}` : null;
}

function refuse(database: Database, refusal: NonNullable<Database['refusal']>): string {
  database.refusal ??= refusal;
  return database.refusal;
}

/** The newest batch alone, and a tail whose loss brings back what it had deleted, are harder to notice than any other. */
function lostTailLength(recent: readonly JournalBatch[], chance: DiskChance): number {
  const deleting = recent.findLastIndex(({ changes }) =>
    changes.some(({ before, after }) => before !== undefined && after === undefined),
  );
  const what = chance.pick(['the newest', 'any', 'the deleting', 'the deleting'] as const);
  if (what === 'the deleting' && deleting !== -1) return recent.length - deleting;
  return what === 'the newest' ? 1 : chance.integer(1, Math.min(lostBatchesMax, recent.length));
}

function rot(database: Database, recent: readonly JournalBatch[], chance: DiskChance): string | null {
  const isThere = (name: RowName) => !database.isUnreadable(name) && database.get(name) !== undefined;
  const newestFirst = recent.flatMap(({ changes }) => changes.map(({ name }) => name)).toReversed();
  const names = [...new Set(newestFirst)].filter(isThere);
  if (names.length === 0) return null;
  const name = rottenRow(names, chance);
  const value = database.get(name) as Value;
  if (value.length === 0 || chance.integer(0, 1) === 0) {
    database.replaceRow(name, withTurnedBit(name, chance), value);
    return `a bit turned in key ${hex(name)}`;
  }
  database.replaceRow(name, name, turnBit(value, chance));
  return `a bit turned in the value of ${hex(name)}`;
}

/** What begins the keys of entries in log/ and of values in state/: the rows that nothing else stands for. */
const lettersOfContent = ['e', 'k'];

function rottenRow(newestFirst: readonly RowName[], chance: DiskChance): RowName {
  const content = newestFirst.filter((name) => lettersOfContent.includes(name.charAt(0)));
  const what = chance.pick(['any', 'content', 'newest content', 'newest content'] as const);
  if (what === 'any' || content.length === 0) return chance.pick(newestFirst);
  return chance.pick(what === 'content' ? content : content.slice(0, 1));
}

/** The first letter tells the kinds of rows apart: with another one a row is out of every reader's sight. */
function withTurnedBit(name: RowName, chance: DiskChance): RowName {
  const turnedUpTo = chance.pick([1, name.length]);
  const turned = turnBit(Buffer.from(name.slice(0, turnedUpTo), 'latin1'), chance);
  return turned.toString('latin1') + name.slice(turnedUpTo);
}

export type WitnessSlotKind = 'newest' | 'older' | 'both';
export type WitnessDamage = 'rot' | 'zeros' | 'torn';

/** Afterwards the slots are not whole. */
export function damageWitnessFile(
  file: SparseFile,
  kind: WitnessSlotKind,
  how: WitnessDamage,
  chance: DiskChance,
): string | null {
  const slots = [0, 1].flatMap((position) => {
    const slot = decodeSlot(
      file.read(position * slotBytes, Math.min(slotBytes, file.sizeBytes - position * slotBytes)),
    );
    return slot === null ? [] : [{ position, generation: slot.head.generation }];
  });
  // A crash in the middle of a write may have cost the other one: then nothing would be left.
  if (kind !== 'both' && slots.length < 2) return null;
  slots.sort((a, b) => b.generation - a.generation);
  const hit = kind === 'both' ? slots : slots.slice(kind === 'newest' ? 0 : 1).slice(0, 1);
  if (hit.length === 0) return null;
  for (const { position } of hit) damageSlot(file, position * slotBytes, how, chance);
  chance.reached(`damage: witness ${kind} ${how}`);
  return `witness: ${how} in slot ${hit.map(({ generation }) => `of batch ${generation}`).join(' and ')}`;
}

/** Of a slot's length, which counts what follows it. */
const lengthFrom = 5;

function damageSlot(file: SparseFile, offset: number, how: WitnessDamage, chance: DiskChance): void {
  const header = file.read(offset, lengthFrom + 4);
  const slot = file.read(offset, header.length + header.readUInt32BE(lengthFrom));
  switch (how) {
    case 'rot':
      file.write(offset, turnBit(slot, chance));
      return;
    case 'zeros': {
      const starts = Array.from({ length: Math.ceil(slot.length / pageBytes) }, (_, page) => page * pageBytes);
      const filled = starts.filter((start) => slot.subarray(start, start + pageBytes).some((byte) => byte !== 0));
      file.write(offset + chance.pick(filled), Buffer.alloc(pageBytes));
      return;
    }
    case 'torn': {
      const from = chance.integer(1, slot.length - 1);
      file.write(
        offset + from,
        slot.subarray(from).map((byte) => byte ^ 0xff),
      );
      return;
    }
    default:
      unreachable(how);
  }
}

function turnBit(bytes: Uint8Array, chance: DiskChance): Buffer {
  const turned = Buffer.from(bytes);
  const at = chance.integer(0, bytes.length - 1);
  turned[at] = (turned[at] ?? 0) ^ (1 << chance.integer(0, 7));
  return turned;
}

function hex(name: RowName): string {
  return Buffer.from(name, 'latin1').toString('hex');
}
