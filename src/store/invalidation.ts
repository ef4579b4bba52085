/**
 * The stream on which a leader tells gateways what its log is about to change: one-way events, gateway to leader and
 * back, over a connection of their own. The byte form is in invalidation-codec.ts; the sender is invalidator.ts.
 */
import type { Index, Term } from '../raft/types.ts';
import type { Misconduct } from './quarantine.ts';
import type { Touches } from './touch.ts';

export interface TouchedEntry {
  readonly index: Index;
  readonly touches: Touches;
}

/** Gateway to replica: begin a stream, in place of any other over this connection. */
export interface Follow {
  readonly type: 'follow';
  /**
   * Names one history of the data: another one's indexes mean nothing here. For now it is the cluster's id: nothing
   * takes a cluster's data back to an earlier state yet.
   */
  readonly lineage: string;
  /** New and random each time, so that what was sent for an older one is told from this one. */
  readonly streamId: string;
  /** Grows with each over a connection: one that comes late, or twice, begins nothing. */
  readonly nth: number;
  /** The highest term the gateway has heard of. */
  readonly term: Term;
  /** The gateway has processed everything up to here, and knows that it is published. */
  readonly published: Index;
}

/**
 * Leader to gateway: what the entries after `from` up to and including `to` of its log in this term may change, be they
 * committed or not. Where `from` is beyond what the gateway has processed, what lies between is not told.
 */
export interface Invalidations {
  readonly type: 'invalidations';
  readonly lineage: string;
  readonly streamId: string;
  readonly term: Term;
  readonly from: Index;
  readonly to: Index;
  /** May be beyond `to`: the rest follows. */
  readonly publishIndex: Index;
  /** Ascending; entries that touch nothing are left out. */
  readonly touches: readonly TouchedEntry[];
}

/** Replica to gateway: nothing more comes on this stream. */
export interface Ended {
  readonly type: 'ended';
  readonly streamId: string;
}

/** Gateway to leader: I should like to serve without asking. Not answered where nothing can be granted at this moment. */
export interface Renew {
  readonly type: 'renew';
  readonly streamId: string;
  /** Grows with each. */
  readonly request: number;
}

/** Leader to gateway: from when you asked, for so long, once you have processed this term's log up to `index`. */
export interface Granted {
  readonly type: 'granted';
  readonly streamId: string;
  readonly request: number;
  readonly term: Term;
  readonly index: Index;
  readonly leaseMs: number;
}

/** Positions are on the wire: add at the end. */
export const refusalCauses = ['late', 'silent', 'undeclared'] as const satisfies readonly (Misconduct | 'undeclared')[];
/** As a gateway's misconduct; `undeclared`: a command has changed what it did not declare, and nobody gets leases. */
export type RefusalCause = (typeof refusalCauses)[number];

/** Leader to gateway: I grant you nothing for so long, and tell you of my log all the same. */
export interface Refused {
  readonly type: 'refused';
  readonly streamId: string;
  readonly request: number;
  readonly cause: RefusalCause;
  readonly forMs: number;
}

/** Gateway to leader: I have processed this term's log up to and including `through`. In another term's it says nothing. */
export interface Confirmed {
  readonly type: 'confirmed';
  readonly streamId: string;
  readonly term: Term;
  readonly through: Index;
}

/** Gateway to leader: I serve under no lease any more that I asked for with this request, or before. */
export interface Released {
  readonly type: 'released';
  readonly streamId: string;
  readonly request: number;
}

export type GatewayEvent = Follow | Renew | Confirmed | Released;
export type LeaderEvent = Invalidations | Ended | Granted | Refused;

/** What the messages of one stretch of the log have in common, whoever they are for. */
export type InvalidationBatch = Omit<Invalidations, 'type' | 'streamId'>;
