/**
 * Linearizable reads without the log (§6.4): the leader names an index, and proves by a round of heartbeats, begun
 * after the request arrived, that it still led when it did.
 */

import type { ReadIndexReply } from './message.ts';
import { quorumRound, startRound } from './replication.ts';
import type { LeaderRole, RaftState } from './state.ts';
import { knownLeader, send } from './state.ts';
import type { ReplicaId } from './types.ts';

/** While nothing can be confirmed, followers go on asking. */
const readsWaitingMax = 10_000;

/** Asks for a read index; the answer comes as a ReadState under the same id, which must never be used again. */
export function requestReadIndex(state: RaftState, requestId: string): void {
  const leader = knownLeader(state);
  if (state.role.name === 'leader') {
    state.role.readsWaiting.push({ from: state.id, requestId });
  } else if (leader !== null) {
    state.forwardedReads.add(requestId);
    send(state, { type: 'readIndex', to: leader, requestId });
  } else {
    state.readStates.push({ requestId, readIndex: null });
  }
}

export function handleReadIndex(state: RaftState, from: ReplicaId, requestId: string): void {
  if (state.role.name === 'leader' && state.role.readsWaiting.length < readsWaitingMax) {
    state.role.readsWaiting.push({ from, requestId });
  } else {
    send(state, { type: 'readIndexReply', to: from, requestId, readIndex: null, publishIndex: state.publishIndex });
  }
}

export function handleReadIndexReply(state: RaftState, reply: ReadIndexReply): void {
  if (!state.forwardedReads.delete(reply.requestId)) return;
  state.readStates.push({ requestId: reply.requestId, readIndex: reply.readIndex });
}

/** Begins the next round if reads wait for one and none is on its way. */
export function startReadRound(state: RaftState, role: LeaderRole): void {
  if (role.readsWaiting.length === 0 || role.readsInRound !== null) return;
  // An entry of this term must be published first: before that, the leader may not know of the latest commit.
  if (state.publishIndex < role.termStartIndex) return;
  const requests = role.readsWaiting;
  role.readsWaiting = [];
  startRound(state, role);
  role.readsInRound = { round: role.round, readIndex: state.publishIndex, requests };
  confirmReads(state, role);
}

/** Answers the reads of a round that a quorum has acknowledged. */
export function confirmReads(state: RaftState, role: LeaderRole): void {
  const waiting = role.readsInRound;
  if (waiting === null) return;
  if (quorumRound(state, role) < waiting.round) return;
  role.readsInRound = null;
  for (const { from, requestId } of waiting.requests) {
    if (from === state.id) {
      state.readStates.push({ requestId, readIndex: waiting.readIndex });
    } else {
      send(state, {
        type: 'readIndexReply',
        to: from,
        requestId,
        readIndex: waiting.readIndex,
        publishIndex: state.publishIndex,
      });
    }
  }
}
