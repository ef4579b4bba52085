/**
 * Quorum arithmetic: what a majority agrees on, and how a vote stands.
 *
 * In joint consensus (§4.3) a decision needs a majority of both voter sets, so each answer combines two majority
 * answers. A set without voters agrees to everything: outside joint consensus the outgoing set is empty, and no
 * case is special.
 */
import type { Configuration, Index, ReplicaId } from './types.ts';

export type VoteResult = 'won' | 'lost' | 'pending';

type Quorums = Pick<Configuration, 'voters' | 'votersOutgoing'>;

/** The highest value that a majority of each voter set has reached: a match index, a round, a time of contact. */
export function quorumReached(configuration: Quorums, reachedBy: (voter: ReplicaId) => number): number {
  return Math.min(
    majorityReached(configuration.voters, reachedBy),
    majorityReached(configuration.votersOutgoing, reachedBy),
  );
}

/** The highest index a majority of each voter set stores. The current-term rule is the caller's. */
export function committedIndex(configuration: Quorums, matchIndex: (voter: ReplicaId) => Index): Index {
  return quorumReached(configuration, matchIndex) as Index;
}

export function voteResult(configuration: Quorums, votes: ReadonlyMap<ReplicaId, boolean>): VoteResult {
  const incoming = majorityVote(configuration.voters, votes);
  const outgoing = majorityVote(configuration.votersOutgoing, votes);
  if (incoming === outgoing) return incoming;
  return incoming === 'lost' || outgoing === 'lost' ? 'lost' : 'pending';
}

/** The vote of a cluster that has no log yet: nobody may be missing, since nobody's directory is bound. */
export function unanimousResult(configuration: Quorums, votes: ReadonlyMap<ReplicaId, boolean>): VoteResult {
  const cast = [...configuration.voters, ...configuration.votersOutgoing].map((voter) => votes.get(voter));
  if (cast.includes(false)) return 'lost';
  return cast.includes(undefined) ? 'pending' : 'won';
}

function majorityReached(voters: readonly ReplicaId[], reachedBy: (voter: ReplicaId) => number): number {
  const descending = voters.map(reachedBy).sort((a, b) => b - a);
  // A majority of n is floor(n/2) + 1 voters, and ranks count from 0.
  return descending[Math.floor(descending.length / 2)] ?? Number.POSITIVE_INFINITY;
}

function majorityVote(voters: readonly ReplicaId[], votes: ReadonlyMap<ReplicaId, boolean>): VoteResult {
  if (voters.length === 0) return 'won';
  const majority = Math.floor(voters.length / 2) + 1;
  const cast = voters.map((voter) => votes.get(voter));
  const granted = cast.filter((vote) => vote === true).length;
  const rejected = cast.filter((vote) => vote === false).length;
  if (granted >= majority) return 'won';
  return voters.length - rejected < majority ? 'lost' : 'pending';
}
