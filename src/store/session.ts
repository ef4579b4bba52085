/**
 * Client sessions (dissertation §6.3): a write that comes again is answered with its first result, not done again.
 *
 * A session row holds lowestUnanswered u64 · lastUsed u64. Its results stand in blocks of 64 sequences, so that a
 * write rewrites the few results around it however many are kept; a block row holds, for each kept result in order,
 * slot u8 · code u8 · revision u64 · version u64, where sequence = block × 64 + slot. Results of the catalog have their length in
 * the place of the revision, and follow it.
 * Which rows there are, and their bytes, depends on the entries applied alone.
 */
import { invariant } from '../raft/assert.ts';
import type { Index } from '../raft/types.ts';
import type { SessionStamp } from './command.ts';
import { DamagedRowError } from './damage.ts';
import { noChecksum } from './digest.ts';
import { type KeptCommandResult, type KeptSlot, keptSlot, readSlot, slotBytes, writeSlot } from './kept-result.ts';
import { resultsKey, sessionKey } from './keys.ts';
import { type OpenedRow, type SealedRow, sealRow } from './row.ts';
import { readUint64, writeUint64 } from './uint64.ts';

export const sessionLimits = {
  /** Opening one more drops the one that was used least recently. */
  sessionsMax: 10_000,
  /** Over all sessions, so that memory is bounded; beyond it the least recently used sessions go as well. */
  resultsMax: 1_048_576,
  /** Of these results in bytes, likewise. */
  resultBytesMax: 256 * 1024 * 1024,
  /** Sequences of one session, from its lowest unanswered one. */
  windowMax: 65_536,
} as const;

const blockSequences = 64;

interface Block {
  readonly number: number;
  /** By slot. Invariant: no result of a sequence below the session's lowestUnanswered. */
  readonly results: (KeptSlot | undefined)[];
  /** How many slots are filled, and with how many bytes. */
  kept: number;
  bytes: number;
  /** Of the row as it was last written; noChecksum if there is none. */
  checksum: bigint;
}

interface Session {
  readonly id: Index;
  /** The highest that any write of this session has stated; results below it are gone. */
  lowestUnanswered: number;
  /** The index of the last entry that named this session. */
  lastUsed: Index;
  readonly blocks: Map<number, Block>;
  readonly changedBlocks: Set<Block>;
  checksum: bigint;
}

export type Admission =
  | { readonly type: 'execute' }
  | { readonly type: 'answered'; readonly result: KeptCommandResult }
  | { readonly type: 'expired' };

/** Told of every row that changes: what it becomes (null: nothing), and the checksum it had. */
export type RowChange = (key: Buffer, row: SealedRow | null, previousChecksum: bigint) => void;

export class Sessions {
  /** Invariant: in the order of `lastUsed`, which no two sessions share. */
  readonly #sessions = new Map<Index, Session>();
  readonly #changed = new Set<Session>();
  readonly #dropped = new Set<Session>();
  #results = 0;
  #bytes = 0;

  get size(): number {
    return this.#sessions.size;
  }

  open(index: Index): void {
    const session = createSession(index, 1, index);
    this.#sessions.set(index, session);
    this.#changed.add(session);
    this.#bound();
  }

  /** Whether the write that bears this stamp, in the entry at `index`, is to be executed now. */
  admit({ session: id, sequence, lowestUnanswered }: SessionStamp, index: Index): Admission {
    const session = this.#sessions.get(id);
    if (session === undefined) return { type: 'expired' };
    this.#use(session, index);
    this.#forgetBelow(session, lowestUnanswered);
    if (sequence < session.lowestUnanswered) return { type: 'expired' };
    if (sequence >= session.lowestUnanswered + sessionLimits.windowMax) return { type: 'expired' };
    const kept = session.blocks.get(blockOf(sequence))?.results[slotOf(sequence)];
    return kept === undefined ? { type: 'execute' } : { type: 'answered', result: kept.result };
  }

  /** Keeps the result of a write that was admitted to be executed. */
  keep({ session: id, sequence }: SessionStamp, result: KeptCommandResult): void {
    const session = this.#sessions.get(id);
    invariant(session !== undefined, `a result is kept for an admitted write: session ${id}`);
    let block = session.blocks.get(blockOf(sequence));
    if (block === undefined) {
      block = createBlock(blockOf(sequence));
      session.blocks.set(block.number, block);
    }
    invariant(block.results[slotOf(sequence)] === undefined, `a write is executed once: ${id}/${sequence}`);
    const kept = keptSlot(result);
    block.results[slotOf(sequence)] = kept;
    this.#count(block, 1, slotBytes(kept));
    session.changedBlocks.add(block);
    this.#bound();
  }

  /** Hands over every row that changed since the last call. */
  takeChanges(change: RowChange): void {
    for (const session of this.#dropped) {
      change(sessionKey(session.id), null, session.checksum);
      for (const block of session.blocks.values()) session.changedBlocks.add(block);
      for (const { number, checksum } of session.changedBlocks) change(resultsKey(session.id, number), null, checksum);
    }
    this.#dropped.clear();
    for (const session of this.#changed) {
      const row = sealSession(session);
      change(sessionKey(session.id), row, session.checksum);
      session.checksum = row.checksum;
      for (const block of session.changedBlocks) {
        const blockRow = block.kept === 0 ? null : sealBlock(session.id, block);
        change(resultsKey(session.id, block.number), blockRow, block.checksum);
        block.checksum = blockRow?.checksum ?? noChecksum;
      }
      session.changedBlocks.clear();
    }
    this.#changed.clear();
  }

  /** From the rows that `takeChanges` handed over in an earlier life. Throws DamagedRowError. */
  static load(saved: readonly SavedSession[], blocks: readonly SavedBlock[]): Sessions {
    const sessions = new Sessions();
    sessions.#load(saved, blocks);
    return sessions;
  }

  #load(sessions: readonly SavedSession[], blocks: readonly SavedBlock[]): void {
    for (const { id, row } of sessions.toSorted((a, b) => lastUsedIn(a.row) - lastUsedIn(b.row))) {
      const session = createSession(id, readUint64(row.body, 0), lastUsedIn(row));
      session.checksum = row.checksum;
      this.#sessions.set(id, session);
    }
    for (const { session: id, number, row } of blocks) {
      const session = this.#sessions.get(id);
      if (session === undefined) throw new DamagedRowError(`results are kept for session ${id}, which is missing`);
      const block = readBlock(number, row);
      session.blocks.set(number, block);
      this.#results += block.kept;
      this.#bytes += block.bytes;
    }
  }

  #use(session: Session, index: Index): void {
    session.lastUsed = index;
    this.#sessions.delete(session.id);
    this.#sessions.set(session.id, session);
    this.#changed.add(session);
  }

  #forgetBelow(session: Session, lowestUnanswered: number): void {
    const from = session.lowestUnanswered;
    if (lowestUnanswered <= from) return;
    session.lowestUnanswered = lowestUnanswered;
    // Nothing is kept beyond the window, however far the lowest moves.
    const to = Math.min(lowestUnanswered, from + sessionLimits.windowMax);
    for (let number = blockOf(from); number <= blockOf(to); number += 1) {
      const block = session.blocks.get(number);
      if (block === undefined) continue;
      this.#forgetInBlock(block, number === blockOf(lowestUnanswered) ? slotOf(lowestUnanswered) : blockSequences);
      session.changedBlocks.add(block);
      if (number < blockOf(lowestUnanswered)) session.blocks.delete(number);
    }
  }

  #forgetInBlock(block: Block, slotsEnd: number): void {
    for (let slot = 0; slot < slotsEnd; slot += 1) {
      const kept = block.results[slot];
      if (kept === undefined) continue;
      block.results[slot] = undefined;
      this.#count(block, -1, -slotBytes(kept));
    }
  }

  #count(block: Block, results: 1 | -1, bytes: number): void {
    block.kept += results;
    block.bytes += bytes;
    this.#results += results;
    this.#bytes += bytes;
  }

  /** The session in use is the last in order, and alone within both bounds: it never goes. */
  #bound(): void {
    const { sessionsMax, resultsMax, resultBytesMax } = sessionLimits;
    for (const session of this.#sessions.values()) {
      const isBounded = this.#sessions.size <= sessionsMax && this.#results <= resultsMax;
      if (isBounded && this.#bytes <= resultBytesMax) return;
      this.#sessions.delete(session.id);
      this.#changed.delete(session);
      this.#dropped.add(session);
      for (const { kept, bytes } of session.blocks.values()) {
        this.#results -= kept;
        this.#bytes -= bytes;
      }
    }
  }
}

export interface SavedSession {
  readonly id: Index;
  readonly row: OpenedRow;
}

export interface SavedBlock {
  readonly session: Index;
  readonly number: number;
  readonly row: OpenedRow;
}

function blockOf(sequence: number): number {
  return Math.floor(sequence / blockSequences);
}

function slotOf(sequence: number): number {
  return sequence % blockSequences;
}

function createSession(id: Index, lowestUnanswered: number, lastUsed: Index): Session {
  return { id, lowestUnanswered, lastUsed, blocks: new Map(), changedBlocks: new Set(), checksum: noChecksum };
}

function createBlock(number: number): Block {
  return { number, results: new Array(blockSequences).fill(undefined), kept: 0, bytes: 0, checksum: noChecksum };
}

function sealSession(session: Session): SealedRow {
  return sealRow(sessionKey(session.id), 16, (body) => {
    writeUint64(body, session.lastUsed, writeUint64(body, session.lowestUnanswered, 0));
  });
}

function lastUsedIn(row: OpenedRow): Index {
  return readUint64(row.body, 8) as Index;
}

function sealBlock(session: Index, block: Block): SealedRow {
  return sealRow(resultsKey(session, block.number), block.bytes, (body) => {
    let offset = 0;
    for (const [slot, kept] of block.results.entries()) {
      if (kept !== undefined) offset = writeSlot(body, offset, slot, kept);
    }
  });
}

/** Throws DamagedRowError. */
function readBlock(number: number, row: OpenedRow): Block {
  const block = createBlock(number);
  block.checksum = row.checksum;
  while (block.bytes < row.body.length) {
    const { slot, kept } = readSlot(row.body, block.bytes);
    block.results[slot] = kept;
    block.kept += 1;
    block.bytes += slotBytes(kept);
  }
  return block;
}
