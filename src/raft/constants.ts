/**
 * Every constant of the consensus core, with its reason; their relations are asserted below.
 */
import { invariant } from './assert.ts';

export interface RaftConstants {
  /** A leader is heard at least this often. */
  readonly heartbeatIntervalMs: number;
  /** A follower that has heard nothing for a random time in this range starts a pre-vote (§3.4). */
  readonly electionTimeoutMinMs: number;
  readonly electionTimeoutMaxMs: number;
  /** A gateway may serve from memory for this long after it asked, if the leader proves that it still led then; of the whole cluster. */
  readonly leaseMs: number;
  /** By this part of itself whoever waits for a lease to end waits longer, and whoever holds one ends it earlier. */
  readonly leaseMargin: number;
  /** One AppendEntries holds entries up to this size, or a single larger one: bulk must not hold up heartbeats. */
  readonly appendBytesMax: number;
  /** The window of unacknowledged AppendEntries per follower. */
  readonly inflightMessagesMax: number;
  readonly inflightBytesMax: number;
  /** A window in which nothing was acknowledged for this long is taken for lost, and probed anew. */
  readonly inflightTimeoutMs: number;
  /** A leader whose disk has not finished a batch for this long steps down: it could answer nobody. */
  readonly writeTimeoutMs: number;
  /** One synced log batch holds entries up to this size, or a single larger one (the witness slot is sized by it). */
  readonly batchBytesMax: number;
  /** A single entry's payload, at most. */
  readonly entryBytesMax: number;
  /** Proposals beyond either bound are refused at once. */
  readonly uncommittedEntriesMax: number;
  readonly uncommittedBytesMax: number;
  /** Committed entries are dropped from memory beyond this; they are read from disk when a follower needs them. */
  readonly logCacheBytesMax: number;
}

const MiB = 1024 * 1024;

export const raftConstants: RaftConstants = {
  heartbeatIntervalMs: 50,
  electionTimeoutMinMs: 300,
  electionTimeoutMaxMs: 600,
  leaseMs: 250,
  leaseMargin: 0.05,
  appendBytesMax: 256 * 1024,
  inflightMessagesMax: 64,
  inflightBytesMax: 4 * MiB,
  inflightTimeoutMs: 600,
  writeTimeoutMs: 2000,
  batchBytesMax: MiB,
  entryBytesMax: 1.5 * MiB,
  uncommittedEntriesMax: 65_536,
  uncommittedBytesMax: 32 * MiB,
  logCacheBytesMax: 32 * MiB,
};

export function checkConstants(constants: RaftConstants): void {
  invariant(
    constants.heartbeatIntervalMs * 3 <= constants.electionTimeoutMinMs,
    'two lost heartbeats must not start an election',
  );
  invariant(
    constants.electionTimeoutMinMs < constants.electionTimeoutMaxMs,
    'election timeouts need a spread, or candidates split the vote for ever',
  );
  invariant(
    constants.leaseMs * (1 + constants.leaseMargin) <= constants.electionTimeoutMinMs,
    'the leases of a leader that has died must have ended when the next one is elected',
  );
  invariant(constants.leaseMargin > 0, 'clocks differ');
  invariant(constants.appendBytesMax <= constants.inflightBytesMax, 'the window must hold a full message');
  invariant(constants.inflightMessagesMax >= 1, 'the window must hold a message');
  invariant(
    constants.inflightTimeoutMs > constants.heartbeatIntervalMs,
    'an acknowledgement must have time to arrive before its window counts as lost',
  );
  invariant(constants.uncommittedBytesMax >= constants.entryBytesMax, 'the largest entry must be proposable');
}
