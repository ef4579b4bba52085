/**
 * The nouns of Raft, with the names of Ongaro's dissertation ("Consensus: Bridging Theory and Practice", 2014).
 * Data only; behaviour lives in the files beside this one.
 */
import { invariant } from './assert.ts';

declare const brand: unique symbol;
export type Brand<T, B extends string> = T & { readonly [brand]: B };

/** A leader's period of office; starts at 0, never falls. */
export type Term = Brand<number, 'Term'>;
/** A position in the log; the first entry is 1, and 0 stands before the log. */
export type Index = Brand<number, 'Index'>;

export function term(value: number): Term {
  invariant(Number.isSafeInteger(value) && value >= 0, `a term is a safe integer from 0, got ${value}`);
  return value as Term;
}

export function index(value: number): Index {
  invariant(Number.isSafeInteger(value) && value >= 0, `an index is a safe integer from 0, got ${value}`);
  return value as Index;
}

/** The name of a replica, as in the cluster file: `r1`. */
export type ReplicaId = string;

export interface EntryId {
  readonly term: Term;
  readonly index: Index;
}

export const beforeTheLog: EntryId = { term: 0 as Term, index: 0 as Index };

/** Is the log that ends in `a` at least as up-to-date as the one that ends in `b`? (§3.6.1) */
export function atLeastAsUpToDate(a: EntryId, b: EntryId): boolean {
  return a.term !== b.term ? a.term > b.term : a.index >= b.index;
}

export interface Member {
  readonly id: ReplicaId;
  /** The data directory's uuid; empty until the first leader's first entry binds it. */
  readonly uuid: string;
  /** Hex, 32 bytes. */
  readonly publicKey: string;
  /** `host:port`, UDP. */
  readonly rpc: string;
  /** `host:port`, TCP. */
  readonly http: string;
}

export interface GatewayMember {
  readonly id: string;
  readonly publicKey: string;
  readonly http: string;
}

/** Takes effect when it is appended, not when it commits (§4.1). */
export interface Configuration {
  readonly voters: readonly ReplicaId[];
  /** The outgoing voter set of joint consensus (§4.3); empty outside it. */
  readonly votersOutgoing: readonly ReplicaId[];
  /** Receive the log, never vote (§4.2.1). */
  readonly learners: readonly ReplicaId[];
  readonly members: readonly Member[];
  readonly gateways: readonly GatewayMember[];
}

export type Entry = EntryId &
  (
    | { readonly type: 'noop' }
    | { readonly type: 'command'; readonly command: Uint8Array }
    | { readonly type: 'configuration'; readonly configuration: Configuration }
  );

/** What must be on disk before a message that depends on it may leave (§3.8). */
export interface HardState {
  readonly currentTerm: Term;
  readonly votedFor: ReplicaId | null;
  /**
   * How far this replica's log once reached, while it has lost entries (RECOVERING); else null.
   * Invariant: while set, the log's end is below it, and every vote is judged by it.
   */
  readonly claim: EntryId | null;
}

/** What a snapshot stands for. Named here for the log's base; nothing makes snapshots yet. */
export interface SnapshotMetadata {
  readonly last: EntryId;
  readonly chainHash: Uint8Array;
  readonly configuration: Configuration;
}

export interface IndexedConfiguration {
  readonly index: Index;
  readonly configuration: Configuration;
}

/** One synced batch for the log store: first the truncation, then the entries, with the hard state, atomically. */
export interface LogBatch {
  readonly hardState: HardState;
  /** Every entry at or above this index leaves the log before `entries` are written. */
  readonly truncateFrom: Index | null;
  /** Contiguous; may be empty when only the hard state changed. */
  readonly entries: readonly Entry[];
}

/** What a log store found when it was opened and verified. */
export interface LogState {
  readonly hardState: HardState;
  /** The entry before the first one in the log. */
  readonly base: EntryId;
  readonly last: EntryId;
  /** The first entry of every term in the log, ascending: enough to know the term of any index. */
  readonly termStarts: readonly EntryId[];
  /** The configuration entries in the log, ascending. */
  readonly configurations: readonly IndexedConfiguration[];
  /** Grows with every start of one data directory, durably, so that a peer can tell an older life's messages. */
  readonly bootId: number;
  /** The data directory's own random name, made at its first start. */
  readonly uuid: string;
}

export interface ReadState {
  readonly requestId: string;
  /** Whoever asked may answer once it has applied this index; null: ask again, the leader is not known or changed. */
  readonly readIndex: Index | null;
}

/** A request to read entries that are no longer in memory; answered through `Raft.entriesRead`. */
export interface LogRead {
  readonly to: ReplicaId;
  readonly term: Term;
  readonly from: Index;
  readonly maxBytes: number;
}
