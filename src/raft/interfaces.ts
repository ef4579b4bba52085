/**
 * What the driver needs from the world. Production and simulation differ only behind these.
 */
import type { Message } from './message.ts';
import type { Entry, EntryId, Index, LogBatch, LogState, ReplicaId, Term } from './types.ts';

export interface Timer {
  cancel(): void;
}

/** The only source of time for raft, store and gateway logic. */
export interface Clock {
  /** Monotonic milliseconds from an arbitrary origin, with fractions; never compared across processes. */
  now(): number;
  /** Wall time in milliseconds: it goes on while the machine sleeps, and may jump. For leases alone. */
  wallNow(): number;
  /** Calls once, not before `delayMs` have passed. */
  setTimer(delayMs: number, callback: () => void): Timer;
  /** Calls once, after what already waits on the loop: the end of a batch. */
  defer(callback: () => void): void;
}

export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
}

/**
 * The durable log of one replica. Batches are written in call order; the driver never has two in flight.
 * Any rejection is final: the replica must stop, acknowledge nothing more, and verify again when it starts.
 */
export interface LogStore {
  /** What was found and verified at open. */
  readonly state: LogState;
  /** Resolves when the batch is durable; until then nothing may depend on it. */
  append(batch: LogBatch): Promise<void>;
  /**
   * Entries from `from` on, contiguous and verified, at least one if `from` is in the log, up to and including `to`,
   * stopping before `maxBytes` of payload are exceeded (the first entry is always returned).
   */
  read(from: Index, to: Index, maxBytes: number): Promise<readonly Entry[]>;
  /** The hash over the log up to and including this durable entry; equal on all replicas where the logs are equal. */
  chainHash(index: Index): Uint8Array;
  close(): Promise<void>;
}

export interface AppliedGroup<Result> {
  /** One for each entry handed in, in order; null for entries that are not commands. */
  readonly results: readonly (Result | null)[];
  /** Resolves when the group is durable and visible to reads. A rejection is final, as in LogStore. */
  readonly written: Promise<void>;
  /** What the group keeps in memory until then beside its entries, about: a small one may leave much behind. */
  readonly changedBytes: number;
}

/**
 * The replicated state. `apply` is a pure, total function of entry and state: no clock, chance or locale.
 * Groups are handed in log order, the next may come before the last one is written.
 */
export interface StateMachine<Result> {
  /** The last entry whose effects are durable and visible to reads; only grows. */
  readonly applied: EntryId;
  /** How many of these, the next ones, can be evaluated in this turn; 0: the first one must be prepared for. */
  applicable(entries: readonly Entry[]): number;
  /** Reads what the next entry's evaluation takes. Until it resolves, nothing is to be applied; then that entry. */
  prepare(entry: Entry): Promise<void>;
  /** `chainHash` is the log's hash at the last entry of the group. */
  apply(entries: readonly Entry[], chainHash: Uint8Array): AppliedGroup<Result>;
  /** Somebody waits for what has been applied to be written: no more gathering. */
  hurry(): void;
  close(): Promise<void>;
}

/** How far a replica's log and what it publishes have come, for whoever passes on what a leader is about to change. */
export interface LogTail {
  readonly term: Term;
  readonly leads: boolean;
  /** Of the log in memory: the last entries may be on no disk yet, and may never be committed. */
  readonly lastIndex: Index;
  readonly commitIndex: Index;
  readonly publishIndex: Index;
  /** The last round of heartbeats that a quorum has acknowledged; 0 before there is one, and where this replica does not lead. */
  readonly acknowledgedRound: number;
  /**
   * The entries from `from` to `to`, inclusive, both at most `lastIndex`. Null if they are not all in memory, and when
   * this replica does not lead in `term`, or no longer does: another's entries may have taken their place.
   */
  entries(from: Index, to: Index): readonly Entry[] | null;
}

/** What a grant of a lease rests on. */
export interface Leadership {
  readonly term: Term;
  /** The end of the log, of whatever has been proposed until now. */
  readonly lastIndex: Index;
  /** The last round of heartbeats that has left; they are counted from 1 in each term. */
  readonly round: number;
}

/** Carries messages between replicas, best effort: they may be lost, late, twice, or out of order. */
export interface Transport {
  /** Never throws and never blocks; what cannot be sent is dropped. */
  send(to: ReplicaId, messages: readonly Message[]): void;
}

/** What the transport tells its owner. */
export interface TransportEvents {
  onMessages(from: ReplicaId, messages: readonly Message[]): void;
  /** The connection to this peer broke: what was in flight may be lost. */
  onDisconnect(peer: ReplicaId): void;
}
