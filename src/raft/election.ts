/** Leader election with PreVote, vote stickiness and claims (§3.4, §3.6.1, §9.6). */
import { unreachable } from './assert.ts';
import type { RequestVote, RequestVoteReply } from './message.ts';
import { newProgress } from './progress.ts';
import type { VoteResult } from './quorum.ts';
import { unanimousResult, voteResult } from './quorum.ts';
import { advanceCommitIndex, startRound } from './replication.ts';
import { abandonReads, becomeFollower, enterTerm, mayCampaign, resetElectionTimer } from './role.ts';
import type { LeaderRole, RaftState, Vote } from './state.ts';
import { hardStateIsDurable, knownLeader, send, sendAfterHardState, voteBasis } from './state.ts';
import type { Configuration, Entry, Index, ReplicaId, Term } from './types.ts';
import { atLeastAsUpToDate } from './types.ts';

type Phase = RequestVote['phase'];

/** Asks everyone whether an election would be won, before disturbing anyone with a higher term. */
export function startElection(state: RaftState): void {
  if (mayCampaign(state)) {
    resetElectionTimer(state);
    // While a vote is being written, a new term would only take it back: with a slow disk for ever.
    if (hardStateIsDurable(state)) campaign(state, 'preVote');
  } else {
    becomeFollower(state, state.currentTerm, null);
  }
}

function campaign(state: RaftState, phase: Phase): void {
  abandonReads(state);
  const own = { granted: true, uuid: state.uuid, freeAt: freeAt(state, quietMs(state)) };
  const votes = new Map<ReplicaId, Vote>([[state.id, own]]);
  state.verifiedIndex = 0 as Index;
  // Neither role has a leader: whoever still believed in the old one would refuse every pre-vote.
  if (phase === 'preVote') {
    state.role = { name: 'preCandidate', votes, late: votesOfTerm(state) };
  } else {
    enterTerm(state, (state.currentTerm + 1) as Term);
    state.votedFor = state.id;
    state.role = { name: 'candidate', votes };
    resetElectionTimer(state);
  }
  for (const to of otherVoters(state)) {
    const request = { type: 'requestVote', to, phase, last: state.log.last } as const;
    if (phase === 'preVote') send(state, request, (state.currentTerm + 1) as Term);
    else sendAfterHardState(state, request);
  }
  tally(state);
}

export function handleRequestVote(state: RaftState, request: RequestVote): void {
  if (believesInLeader(state)) return;
  const upToDate = atLeastAsUpToDate(request.last, voteBasis(state));
  if (request.phase === 'preVote') {
    // A vote on its way to the disk would be taken back by the term that is asked about: with slow disks for ever.
    if (!hardStateIsDurable(state)) return;
    const granted = request.term > state.currentTerm && upToDate;
    // A grant speaks of the term asked about; a refusal tells the asker of ours.
    reply(state, request, granted, granted ? request.term : state.currentTerm);
    return;
  }
  if (request.term > state.currentTerm) becomeFollower(state, request.term, null);
  const free = state.votedFor === null || state.votedFor === request.from;
  const granted = request.term === state.currentTerm && free && upToDate && knownLeader(state) === null;
  if (granted && state.votedFor === null) {
    becomeFollower(state, state.currentTerm, null);
    state.votedFor = request.from;
    state.hardStateVersion++;
  }
  reply(state, request, granted, state.currentTerm);
}

/** Vote stickiness: within the minimum election timeout of hearing a leader, nobody else is heard (§4.2.3). */
function believesInLeader(state: RaftState): boolean {
  if (state.role.name === 'leader') return true;
  return knownLeader(state) !== null && state.now - state.leaderContactAt < state.constants.electionTimeoutMinMs;
}

function reply(state: RaftState, request: RequestVote, granted: boolean, term: Term): void {
  const message = {
    type: 'requestVoteReply',
    to: request.from,
    phase: request.phase,
    granted,
    last: state.log.last,
    claim: state.claim,
    quietMs: quietMs(state),
  } as const;
  if (request.phase === 'preVote') send(state, message, term);
  else sendAfterHardState(state, message);
}

export function handleRequestVoteReply(state: RaftState, message: RequestVoteReply): void {
  state.peerEnds.set(message.from, { last: message.last, claim: message.claim });
  const { role } = state;
  if (message.phase === 'preVote') {
    if (message.granted && message.term !== state.currentTerm + 1) return;
    if (!message.granted && message.term > state.currentTerm) {
      becomeFollower(state, message.term, null);
      return;
    }
    if (role.name !== 'preCandidate') return;
    role.votes.set(message.from, voteOf(state, message));
  } else {
    if (message.term > state.currentTerm) {
      becomeFollower(state, message.term, null);
      return;
    }
    if (message.term !== state.currentTerm) return;
    votesOfTerm(state)?.set(message.from, voteOf(state, message));
  }
  tally(state);
}

function voteOf(state: RaftState, { granted, uuid, quietMs }: RequestVoteReply): Vote {
  return { granted, uuid, freeAt: freeAt(state, quietMs) };
}

/** Of this replica, now: whatever it acknowledged, it acknowledged before. */
function quietMs({ now, roundSeenAt }: RaftState): number {
  return Math.floor(now - roundSeenAt);
}

/** Until when a lease may last that rests on a voter which has been quiet for so long by now. */
function freeAt({ now, constants: { leaseMs, leaseMargin } }: RaftState, voterQuietMs: number): number {
  return now + leaseMs * (1 + leaseMargin) - voterQuietMs;
}

/** Null if it has not stood for election in this term, or has heard since that it is lost. */
function votesOfTerm({ role }: RaftState): Map<ReplicaId, Vote> | null {
  switch (role.name) {
    case 'candidate':
      return role.votes;
    case 'preCandidate':
      return role.late;
    default:
      return null;
  }
}

function tally(state: RaftState): void {
  const { role } = state;
  if (role.name !== 'preCandidate' && role.name !== 'candidate') return;
  if (role.name === 'preCandidate' && role.late !== null && electionResult(state, role.late) === 'won') {
    becomeLeader(state, role.late);
    return;
  }
  const result = electionResult(state, role.votes);
  switch (result) {
    case 'pending':
      return;
    case 'lost':
      becomeFollower(state, state.currentTerm, null);
      return;
    case 'won':
      if (role.name === 'preCandidate') campaign(state, 'vote');
      else becomeLeader(state, role.votes);
      return;
    default:
      unreachable(result);
  }
}

/** Without a log nobody's directory is bound yet: one voter that lost its directory could go unnoticed. */
function electionResult(state: RaftState, votes: ReadonlyMap<ReplicaId, Vote>): VoteResult {
  const granted = new Map([...votes].map(([id, vote]) => [id, vote.granted]));
  const decide = state.log.lastIndex === 0 ? unanimousResult : voteResult;
  return decide(state.log.configuration, granted);
}

function becomeLeader(state: RaftState, votes: ReadonlyMap<ReplicaId, Vote>): void {
  const entry = firstEntryOfTerm(state, votes);
  const next = (state.log.lastIndex + 1) as Index;
  state.log.append([entry]);
  const { configuration } = state.log;
  const followers = configuration.members.map((member) => member.id).filter((id) => id !== state.id);
  const role: LeaderRole = {
    name: 'leader',
    progress: new Map(followers.map((id) => [id, newProgress(next, state.now)])),
    termStartIndex: entry.index,
    heartbeatDueAt: state.now + state.constants.heartbeatIntervalMs,
    round: 0,
    readsWaiting: [],
    readsInRound: null,
    uncommitted: [],
    uncommittedEntries: 0,
    uncommittedBytes: 0,
    // An earlier leader's round that a quorum acknowledged was acknowledged by one of these, before it voted.
    publishesFrom: Math.max(...[...votes.values()].filter(({ granted }) => granted).map((vote) => vote.freeAt)),
    publishLimit: Number.POSITIVE_INFINITY,
  };
  state.role = role;
  state.leaderChanges++;
  state.peerEnds.clear();
  startRound(state, role);
  advanceCommitIndex(state, role);
}

/** A no-op commits what earlier terms left (§3.6.2); the very first one binds ids to data directories as well. */
function firstEntryOfTerm(state: RaftState, votes: ReadonlyMap<ReplicaId, Vote>): Entry {
  const id = { term: state.currentTerm, index: (state.log.lastIndex + 1) as Index };
  if (state.log.lastIndex > 0) return { ...id, type: 'noop' };
  const configuration: Configuration = {
    ...state.log.configuration,
    members: state.log.configuration.members.map((member) => ({ ...member, uuid: votes.get(member.id)?.uuid ?? '' })),
  };
  return { ...id, type: 'configuration', configuration };
}

function otherVoters(state: RaftState): ReplicaId[] {
  const { voters, votersOutgoing } = state.log.configuration;
  return [...new Set([...voters, ...votersOutgoing])].filter((id) => id !== state.id);
}
