/** What the oracle remembers of one replica: its disk, its data directories, and its present life. */
import type { StateSummary } from '../../src/raft/invariants.ts';
import type { RaftState, Role } from '../../src/raft/state.ts';
import { beforeTheLog, type EntryId, type Index, type ReplicaId, type Term } from '../../src/raft/types.ts';
import type { DurableLog } from './oracle-disk.ts';
import { type KnownEntry, name, reaches } from './oracle-entries.ts';
import type { Office } from './oracle-office.ts';
import type { ReadRound } from './oracle-reads.ts';
import { Stickiness } from './oracle-stickiness.ts';
import { SafetyViolation } from './oracle-violation.ts';

/** A replica whose directory was wiped has another one: what the first has promised, the second knows nothing of. */
export interface Directory {
  readonly id: ReplicaId;
  readonly uuid: string;
  /** Those that were sent, or found to be durable. */
  readonly votes: Map<Term, ReplicaId>;
  /** By term and life: the highest index it has told that term's leader of. */
  readonly acknowledged: Map<string, Index>;
  /** Of its last life. */
  bootId: number;
  durableTerm: Term;
  /** How far its log was durable, or what it claimed: the next life must speak for no less. */
  basis: EntryId;
  /** The highest index its state machine has written. */
  appliedIndex: Index;
  /** Its disk was damaged, and no life has looked at it since. */
  damaged: boolean;
}

/** The state after the last event, as far as a difference to it matters. */
export interface Seen {
  readonly summary: StateSummary;
  readonly role: Role | null;
  /** The log keeps one object as long as its end stays: another one tells of a change even if it is equal. */
  readonly lastId: EntryId | null;
  readonly last: KnownEntry;
  readonly durableIndex: Index;
  readonly hardStateVersion: number;
  readonly durableHardStateVersion: number;
  readonly claim: EntryId | null;
}

export interface OracleLife {
  readonly state: () => Readonly<RaftState>;
  readonly directory: Directory;
  seen: Seen;
  /** Those that a leader's round is under way for. */
  reads: ReadRound | null;
  acknowledged: { readonly term: Term; readonly last: KnownEntry } | null;
  /** While it leads. */
  office: Office | null;
  readonly stickiness: Stickiness;
}

export class OracleReplica {
  readonly id: ReplicaId;
  readonly durable: DurableLog;
  readonly #directories = new Map<string, Directory>();
  /** That of the last life; null before the first. */
  directory: Directory | null = null;
  /** Null while it is down. */
  life: OracleLife | null = null;

  constructor(id: ReplicaId, durable: DurableLog) {
    this.id = id;
    this.durable = durable;
  }

  /** The directory of this uuid, new or known. */
  directoryOf(uuid: string): Directory {
    const known = this.#directories.get(uuid);
    if (known !== undefined) return known;
    const directory: Directory = {
      id: this.id,
      uuid,
      votes: new Map(),
      acknowledged: new Map(),
      bootId: -1,
      durableTerm: 0 as Term,
      basis: beforeTheLog,
      appliedIndex: 0 as Index,
      damaged: false,
    };
    this.#directories.set(uuid, directory);
    return directory;
  }

  /** The directory that the cluster knows by this replica's id; while none is bound, the one it has. */
  boundDirectory(uuid: string): Directory | null {
    return uuid === '' ? this.directory : (this.#directories.get(uuid) ?? null);
  }
}

/** Before the first look at a life, whose log ends with `last`. */
export function newLife(state: OracleLife['state'], directory: Directory, last: KnownEntry): OracleLife {
  return {
    state,
    directory,
    seen: nothingSeen(last),
    reads: null,
    acknowledged: null,
    office: null,
    stickiness: new Stickiness(),
  };
}

function nothingSeen(last: KnownEntry): Seen {
  const none = 0 as Index;
  return {
    summary: { term: 0 as Term, votedFor: null, leader: null, commitIndex: none, publishIndex: none, lastIndex: none },
    role: null,
    lastId: null,
    last,
    durableIndex: none,
    hardStateVersion: -1,
    durableHardStateVersion: -1,
    claim: null,
  };
}

export function see(state: Readonly<RaftState>, summary: StateSummary, last: KnownEntry): Seen {
  return {
    summary,
    role: state.role,
    lastId: state.log.last,
    last,
    durableIndex: state.log.durableIndex,
    hardStateVersion: state.hardStateVersion,
    durableHardStateVersion: state.durableHardStateVersion,
    claim: state.claim,
  };
}

export function hasChanged(seen: Seen, state: Readonly<RaftState>): boolean {
  const { summary } = seen;
  return (
    state.currentTerm !== summary.term ||
    state.votedFor !== summary.votedFor ||
    state.role !== seen.role ||
    state.log.last !== seen.lastId ||
    state.commitIndex !== summary.commitIndex ||
    state.publishIndex !== summary.publishIndex ||
    isDurableChanged(seen, state)
  );
}

export function isDurableChanged(seen: Seen, state: Readonly<RaftState>): boolean {
  return (
    state.log.durableIndex !== seen.durableIndex ||
    state.hardStateVersion !== seen.hardStateVersion ||
    state.durableHardStateVersion !== seen.durableHardStateVersion ||
    state.claim !== seen.claim
  );
}

export function acknowledgementKey(term: number, bootId: number): string {
  return `${term}/${bootId}`;
}

/** What the last life of this directory knew to be durable, the next one knows. */
export function checkSurvived(directory: Directory, state: Readonly<RaftState>): void {
  const lost = lossOf(directory, state);
  if (lost !== null) throw new SafetyViolation('what was durable survives', `${state.id} starts again ${lost}`);
}

function lossOf(directory: Directory, state: Readonly<RaftState>): string | null {
  const { durableTerm, basis, votes } = directory;
  const { currentTerm, votedFor, bootId, claim, log } = state;
  if (bootId <= directory.bootId) return `with boot id ${bootId}, after ${directory.bootId}`;
  if (currentTerm < durableTerm) return `in term ${currentTerm}, after ${durableTerm}`;
  const vote = votes.get(currentTerm) ?? votedFor;
  if (vote !== votedFor) return `in term ${currentTerm} with a vote for ${votedFor}, after one for ${vote}`;
  const basisNow = claim ?? log.last;
  return reaches(basisNow, basis) ? null : `with a log or claim up to ${name(basisNow)}, after ${name(basis)}`;
}
