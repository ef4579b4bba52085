/** Rare turns of the protocol, as they are seen from outside. */
import type { Message } from '../../src/raft/message.ts';
import type { RaftState } from '../../src/raft/state.ts';
import type { Term } from '../../src/raft/types.ts';
import type { Election } from './oracle-elections.ts';
import type { KnownEntry } from './oracle-entries.ts';
import type { Seen } from './oracle-replica.ts';
import type { Probes } from './probes.ts';

const longAdvance = 10;

export function probeStep(probes: Probes, seen: Seen, state: Readonly<RaftState>): void {
  if (seen.role?.name === 'leader' && state.role.name !== 'leader') probes.sometimes(whyItFell(seen, state));
  if (seen.role?.name === 'candidate' && state.role.name === 'follower' && seen.summary.term === state.currentTerm) {
    probes.sometimes('raft: a candidate gave way in its own term');
  }
  if (seen.claim !== null && state.claim === null) probes.sometimes('raft: a RECOVERING replica recovered');
}

function whyItFell(seen: Seen, state: Readonly<RaftState>): string {
  if (state.currentTerm > seen.summary.term) return 'raft: a leader was deposed by a higher term';
  if (!state.stateMachineUsable) return 'raft: a leader stepped down, its state machine being stuck';
  const batch = state.batchInFlight;
  const stuck = batch !== null && state.now - batch.issuedAt > state.constants.writeTimeoutMs;
  return stuck ? 'raft: a leader stepped down, its log being stuck' : 'raft: a leader stepped down without a quorum';
}

export function probeElection(probes: Probes, election: Election, before: Election | null, candidates: number): void {
  if (candidates > 1) probes.sometimes('raft: a leader was elected against another candidate');
  if (before === null) return;
  if (election.term < before.term) probes.sometimes('raft: a leader was elected when a later term had one');
  if (election.term > before.term + 1) probes.sometimes('raft: a term had no leader');
  if (election.leader === before.leader) probes.sometimes('raft: a leader was elected again');
}

/** `fresh`: the entries that nobody had counted as committed before this leader of `term` did. */
export function probeCommit(probes: Probes, fresh: readonly KnownEntry[], term: Term): void {
  if (fresh.length > longAdvance) probes.sometimes(`raft: a commit advanced by more than ${longAdvance}`);
  if (fresh.some((entry) => entry.term < term)) probes.sometimes('raft: a new leader committed entries of older terms');
}

export function probeMessage(probes: Probes, state: Readonly<RaftState>, message: Message): void {
  const recovering = state.claim !== null;
  switch (message.type) {
    case 'requestVote':
      return;
    case 'requestVoteReply':
      if (!message.granted) probes.sometimes(`raft: a ${message.phase} was refused`);
      else if (recovering) probes.sometimes(`raft: a RECOVERING replica granted a ${message.phase}`);
      return;
    case 'appendEntries': {
      const first = message.entries[0];
      if (first !== undefined && state.log.matches(first) && !state.log.isCached(first.index)) {
        probes.sometimes('raft: a laggard was fed from disk');
      }
      if (message.term < state.currentTerm) probes.sometimes('raft: a deposed leader’s entries left late');
      return;
    }
    case 'appendEntriesReply':
      if (message.result.type === 'rejected') probes.sometimes('raft: entries were rejected');
      else if (recovering && message.result.matchIndex > 0) probes.sometimes('raft: a RECOVERING replica acknowledged');
      return;
    case 'readIndex':
      return;
    case 'readIndexReply':
      if (message.readIndex === null) probes.sometimes('raft: a read index was refused');
      return;
    case 'identityRefused':
      probes.sometimes('raft: an identity was refused');
      return;
  }
}
