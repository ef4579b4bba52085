/** Changes of term and role that every other file needs. */
import { invariant } from './assert.ts';
import type { RaftState } from './state.ts';
import { isVoter, knownLeader, send } from './state.ts';
import type { Index, ReplicaId, Term } from './types.ts';

export function resetElectionTimer(state: RaftState): void {
  const { electionTimeoutMinMs, electionTimeoutMaxMs } = state.constants;
  const spread = electionTimeoutMaxMs - electionTimeoutMinMs;
  state.electionDeadlineAt = state.now + electionTimeoutMinMs + state.random.next() * spread;
}

/** Enters a higher term, with no vote given in it (§3.3). What was owed in the old term is owed no more. */
export function enterTerm(state: RaftState, term: Term): void {
  invariant(term > state.currentTerm, `the term cannot go from ${state.currentTerm} to ${term}`);
  state.currentTerm = term;
  state.votedFor = null;
  state.hardStateVersion++;
  state.outboxAfterHardState = [];
}

/** Follows, in this term or a higher one; `leader` is null while unknown. */
export function becomeFollower(state: RaftState, term: Term, leader: ReplicaId | null): void {
  abandonReads(state);
  if (term > state.currentTerm) enterTerm(state, term);
  const before = knownLeader(state);
  state.role = { name: 'follower', leader };
  state.verifiedIndex = 0 as Index;
  state.acknowledgement = { round: 0, matchIndex: 0 as Index, owed: false };
  if (leader !== null) state.peerEnds.clear();
  if (leader !== null && leader !== before) state.leaderChanges++;
  resetElectionTimer(state);
}

/** Whoever waits for a read index through this replica must ask again. */
export function abandonReads(state: RaftState): void {
  for (const requestId of state.forwardedReads) state.readStates.push({ requestId, readIndex: null });
  state.forwardedReads.clear();
  if (state.role.name !== 'leader') return;
  for (const request of [...(state.role.readsInRound?.requests ?? []), ...state.role.readsWaiting]) {
    if (request.from === state.id) state.readStates.push({ requestId: request.requestId, readIndex: null });
    else {
      send(state, {
        type: 'readIndexReply',
        to: request.from,
        requestId: request.requestId,
        readIndex: null,
        publishIndex: state.publishIndex,
      });
    }
  }
  state.role.readsWaiting = [];
  state.role.readsInRound = null;
}

/** May it start an election? Not while its log is known to have lost entries, or its state machine is stuck. */
export function mayCampaign(state: RaftState): boolean {
  return isVoter(state) && state.claim === null && state.boundElsewhere === null && state.stateMachineUsable;
}
