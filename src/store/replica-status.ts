/** What a replica says of itself, in figures and, where a person should look, in one line. */
import type { RaftStatus } from '../raft/raft.ts';
import type { EntryId, ReplicaId } from '../raft/types.ts';
import type { ReplicaStatus } from './protocol.ts';

export function replicaStatus(options: {
  readonly id: ReplicaId;
  readonly clusterId: string;
  readonly bootId: number;
  readonly raft: RaftStatus;
  readonly applied: EntryId;
  readonly stateDigest: string;
}): ReplicaStatus {
  const { raft } = options;
  return {
    id: options.id,
    clusterId: options.clusterId,
    bootId: options.bootId,
    role: raft.role,
    state: raft.claim === null ? 'normal' : 'recovering',
    term: raft.term,
    leader: raft.leader,
    firstIndex: raft.firstIndex,
    lastIndex: raft.last.index,
    commitIndex: raft.commitIndex,
    publishIndex: raft.publishIndex,
    appliedIndex: options.applied.index,
    claimIndex: raft.claim?.index ?? null,
    leaderChanges: raft.leaderChanges,
    stateDigest: options.stateDigest,
    message: messageFor(options.id, raft),
  };
}

function messageFor(id: ReplicaId, raft: RaftStatus): string | null {
  if (raft.claim !== null && raft.leader !== null) {
    return `recovering: the log lost entries, holds up to ${raft.last.index} and had reached ${raft.claim.index}; fetching them from ${raft.leader}`;
  }
  if (raft.leader !== null) return null;
  const ends = [[id, { last: raft.last, claim: raft.claim }] as const, ...raft.peerEnds];
  const damaged = ends.filter(([, end]) => end.claim !== null);
  if (damaged.length === 0) return null;
  const holdings = ends.map(([replica, { last, claim }]) =>
    claim === null
      ? `${replica} holds up to ${last.index}`
      : `${replica} holds up to ${last.index} and had reached ${claim.index}`,
  );
  return (
    `no leader: ${damaged.map(([replica]) => replica).join(', ')} lost log entries (${holdings.join('; ')}); ` +
    'waiting for a replica that holds what they had reached: start every replica with its own data directory'
  );
}
