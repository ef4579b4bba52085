/**
 * The safety properties that one replica can see for itself: of any state, and of any step between two states.
 * The ones between replicas (one leader per term, log matching, leader completeness) are the test cluster's to check.
 */
import { invariant } from './assert.ts';
import { committedIndex } from './quorum.ts';
import type { RaftState } from './state.ts';
import { hardStateIsDurable, knownLeader } from './state.ts';
import type { Index, ReplicaId, Term } from './types.ts';
import { atLeastAsUpToDate } from './types.ts';

/** What `checkStep` remembers of a state. */
export interface StateSummary {
  readonly term: Term;
  readonly votedFor: ReplicaId | null;
  readonly leader: ReplicaId | null;
  readonly commitIndex: Index;
  readonly publishIndex: Index;
  readonly lastIndex: Index;
}

export function summarize(state: Readonly<RaftState>): StateSummary {
  return {
    term: state.currentTerm,
    votedFor: state.votedFor,
    leader: knownLeader(state),
    commitIndex: state.commitIndex,
    publishIndex: state.publishIndex,
    lastIndex: state.log.lastIndex,
  };
}

export function checkState(state: Readonly<RaftState>): void {
  const { log, role } = state;
  invariant(state.publishIndex <= state.commitIndex, 'nothing is published before it is committed');
  invariant(state.commitIndex <= log.lastIndex, 'what is committed is in the log');
  invariant(log.durableIndex <= log.issued.index, 'what is durable was issued');
  invariant(state.verifiedIndex <= log.lastIndex, 'what is verified is in the log');
  invariant(log.last.term <= state.currentTerm, 'no entry is of a later term than the current one');
  invariant(state.durableTerm <= state.currentTerm, 'the disk holds no later term');
  invariant(
    state.outboxAfterHardState.length === 0 || !hardStateIsDurable(state),
    'nothing waits for a hard state that is durable',
  );
  if (state.claim !== null) {
    invariant(!atLeastAsUpToDate(log.issued, state.claim), 'a claim is given up when the log has reached it');
    invariant(role.name === 'follower', 'a replica that has lost entries does not campaign');
  }
  if (role.name === 'candidate') {
    invariant(state.votedFor === state.id, 'a candidate votes for itself');
  }
  if (role.name !== 'leader') return;
  invariant(state.votedFor === state.id, 'a leader voted for itself');
  invariant(log.last.term === state.currentTerm, 'a leader begins its term with an entry');
  invariant(log.term(role.termStartIndex) === state.currentTerm, 'a term starts with an entry of its own');
  for (const [id, progress] of role.progress) {
    invariant(progress.matchIndex < progress.nextIndex, `${id}: what is next comes after what matches`);
    invariant(progress.nextIndex <= log.lastIndex + 1, `${id}: nothing is sent that is not in the log`);
    invariant(progress.matchIndex <= log.lastIndex, `${id}: nothing matches that is not in the log`);
    invariant(
      progress.state === 'probe' ||
        (progress.inflight.at(-1)?.lastIndex ?? progress.matchIndex) + 1 === progress.nextIndex,
      `${id}: what was sent and is not acknowledged is in the window`,
    );
  }
  const agreed = committedIndex(log.configuration, (voter) =>
    voter === state.id ? log.durableIndex : (role.progress.get(voter)?.matchIndex ?? (0 as Index)),
  );
  invariant(
    agreed <= state.commitIndex || log.term(agreed) !== state.currentTerm,
    'what a majority stores of this term is committed',
  );
  invariant(
    role.uncommittedEntries >= 0 && role.uncommittedBytes >= 0,
    'no more proposals are released than were taken',
  );
}

export function checkStep(before: StateSummary, after: StateSummary): void {
  invariant(after.term >= before.term, 'a term never falls');
  invariant(after.commitIndex >= before.commitIndex, 'the commit index never falls');
  invariant(after.publishIndex >= before.publishIndex, 'the publish index never falls');
  invariant(after.lastIndex >= before.commitIndex, 'what is committed is never truncated');
  if (after.term !== before.term) return;
  invariant(before.votedFor === null || after.votedFor === before.votedFor, 'a vote is given once in a term');
  invariant(
    before.leader === null || after.leader === null || before.leader === after.leader,
    'a term has one leader at most',
  );
}
