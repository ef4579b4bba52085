/**
 * What a replica may believe of its own log when it starts. Pure: evidence in, verdict out.
 *
 * Each batch is written to LevelDB and to the witness in parallel, and the next one only when both are durable; a start
 * writes its batch to the witness first. So after any crash the database is at the newest whole slot's generation, one
 * ahead, or one behind. Whatever else is found is damage: entries that this replica acknowledged may be gone.
 */
import { invariant } from '../raft/assert.ts';
import { atLeastAsUpToDate, type EntryId, type HardState, type Index, index } from '../raft/types.ts';
import { type LogHead, openClaim } from './log-head.ts';
import type { ChainHash } from './log-record.ts';
import { entryIdAt, type LogSummary } from './log-summary.ts';
import type { WitnessSlot } from './witness.ts';

export interface LogEvidence {
  /** Null if it is missing or damaged. */
  readonly meta: LogHead | null;
  /** The entries from the first one on that are contiguous, with right CRCs and an unbroken chain. */
  readonly prefix: LogSummary;
  /** What stands in the way behind the prefix; null: it is all there is. */
  readonly flaw: string | null;
  /** Of an entry of the prefix, or of 0. */
  readonly chainHashAt: (index: Index) => ChainHash;
}

export type BootVerdict =
  /** No whole slot: nobody knows what this replica has promised. */
  | { readonly type: 'replicaLost' }
  | { readonly type: 'normal'; readonly hardState: HardState; readonly nextGeneration: number }
  /** The database lacks only the newest slot's batch. */
  | {
      readonly type: 'applySlot';
      readonly slot: WitnessSlot;
      readonly hardState: HardState;
      readonly nextGeneration: number;
    }
  | {
      readonly type: 'recovering';
      readonly reason: string;
      /** How far the log once reached, at most. */
      readonly claim: EntryId;
      /** The last entry that stays. */
      readonly keep: EntryId;
      /** Its claim is null only if the kept entries are proven to reach the claim. */
      readonly hardState: HardState;
      /** A database that is rebuilt has the generation before this one, the highest there is: else boot ids would fall. */
      readonly nextGeneration: number;
    };

/** `slots`: the whole ones, newest first. */
export function bootVerdict(slots: readonly WitnessSlot[], log: LogEvidence): BootVerdict {
  const slot = slots[0];
  if (slot === undefined) return { type: 'replicaLost' };
  const { meta } = log;
  const heads = [...slots.map(({ head }) => head), ...(meta === null ? [] : [meta])];
  const { currentTerm, votedFor } = heads.map(({ hardState }) => hardState).reduce(newerHardState);
  const withClaim = (claim: EntryId | null, last: EntryId): HardState => ({
    currentTerm,
    votedFor,
    claim: openClaim(claim, last),
  });
  const { generation } = slot.head;
  const nextGeneration = Math.max(...heads.map((head) => head.generation)) + 1;

  const broken = meta === null ? (log.flaw ?? 'the meta row is missing or damaged') : flawOf(log, meta);
  if (meta !== null && broken === null) {
    const current =
      meta.generation === generation + 1 || (meta.generation === generation && meta.chainHash === slot.head.chainHash);
    if (current) return { type: 'normal', hardState: withClaim(meta.hardState.claim, meta.last), nextGeneration };
    if (meta.generation === generation - 1 && continues(log, slot)) {
      return {
        type: 'applySlot',
        slot,
        hardState: withClaim(slot.head.hardState.claim, slot.head.last),
        nextGeneration,
      };
    }
  }
  const claim = claimOf(slot.head, meta);
  const keep = keptEnd(log, slot.head, claim);
  return {
    type: 'recovering',
    reason: broken ?? `the log is whole at batch ${meta?.generation}, but the witness holds batch ${generation}`,
    claim,
    keep,
    hardState: withClaim(claim, keep),
    nextGeneration,
  };
}

/** The higher term wins, within it the vote that is set. */
function newerHardState(a: HardState, b: HardState): HardState {
  if (a.currentTerm !== b.currentTerm) return a.currentTerm > b.currentTerm ? a : b;
  invariant(
    a.votedFor === null || b.votedFor === null || a.votedFor === b.votedFor,
    `one vote per term: the records of term ${a.currentTerm} name ${a.votedFor} and ${b.votedFor}`,
  );
  return a.votedFor === null ? b : a;
}

function flawOf({ flaw, prefix }: LogEvidence, meta: LogHead): string | null {
  if (flaw !== null) return flaw;
  if (prefix.last.index !== meta.last.index) {
    return `the entries end at ${prefix.last.index}, the meta row says ${meta.last.index}`;
  }
  return prefix.chainHash === meta.chainHash ? null : 'the last entry is not the one that the meta row stands for';
}

/** Does the slot's batch stand on entries that are in the log? */
function continues({ prefix, chainHashAt }: LogEvidence, slot: WitnessSlot): boolean {
  const before = index(slot.head.last.index - slot.records.length);
  const inLog = slot.truncateFrom === null ? before === prefix.last.index : before <= prefix.last.index;
  return inLog && chainHashAt(before) === slot.previous;
}

function claimOf(slot: LogHead, meta: LogHead | null): EntryId {
  const claims = [slot.last, slot.hardState.claim];
  // After a rebuild the database may hold the claim while the slot that carries it on is not durable yet.
  if (meta !== null && meta.generation >= slot.generation) claims.push(meta.hardState.claim);
  // A newer slot may have been damaged together with the log.
  if (meta !== null && meta.generation > slot.generation) claims.push(meta.last);
  return claims.filter((claim) => claim !== null).reduce((a, b) => (atLeastAsUpToDate(a, b) ? a : b));
}

/**
 * If the prefix holds the entry that the newest slot ends with, by its chain hash, all the log is there. Else anything
 * in the prefix may be an entry that was replaced later and came back with the damage. Below the claim such entries are
 * harmless: the replica stays RECOVERING until a leader's entries have reached the claim. So the prefix must not.
 */
function keptEnd({ prefix, chainHashAt }: LogEvidence, slot: LogHead, claim: EntryId): EntryId {
  if (prefix.last.index >= slot.last.index && chainHashAt(slot.last.index) === slot.chainHash) return slot.last;
  if (!atLeastAsUpToDate(prefix.last, claim)) return prefix.last;
  const reaching = prefix.termStarts.find((start) => start.term > claim.term);
  const within = reaching === undefined ? prefix.last.index : index(reaching.index - 1);
  const end = entryIdAt(prefix, within);
  return atLeastAsUpToDate(end, claim) ? entryIdAt(prefix, index(claim.index - 1)) : end;
}
