/** Log replication, both sides (§3.5, §3.6.2, §10.2.1). */
import { invariant } from './assert.ts';
import { entryBytes } from './log.ts';
import type { AppendEntries, AppendEntriesReply } from './message.ts';
import type { Progress } from './progress.ts';
import { acknowledged, becomeProbe, beginNewLife, sent, windowIsFull } from './progress.ts';
import { committedIndex, quorumReached } from './quorum.ts';
import { becomeFollower, resetElectionTimer } from './role.ts';
import type { LeaderRole, RaftState } from './state.ts';
import { knownLeader, send, sendAfterHardState } from './state.ts';
import type { Entry, Index, ReplicaId, Term } from './types.ts';

// The leader's side

/** A round of heartbeats to everyone; whoever answers it still followed this leader when it left. */
export function startRound(state: RaftState, role: LeaderRole): void {
  role.round++;
  state.roundSeenAt = state.now;
  for (const [to, progress] of role.progress) {
    sendAppend(state, role, to, progress.matchIndex, []);
  }
}

/** At the heartbeat's time: what was lost on the way is taken up again. */
export function refreshProgress(state: RaftState, role: LeaderRole): void {
  for (const progress of role.progress.values()) {
    progress.paused = false;
    const stuck =
      progress.inflight.length > 0 && state.now - progress.inflightSince > state.constants.inflightTimeoutMs;
    if (stuck) becomeProbe(progress, (progress.matchIndex + 1) as Index);
  }
}

/** Sends every follower what its window has room for. */
export function replicate(state: RaftState, role: LeaderRole): void {
  for (const [to, progress] of role.progress) {
    while (mayReceive(state, progress)) {
      if (progress.state === 'probe') {
        // Without entries: the question is answered from memory there, and a silent follower costs little.
        sendAppend(state, role, to, (progress.nextIndex - 1) as Index, []);
        progress.paused = true;
      } else if (state.log.isCached(progress.nextIndex)) {
        const { appendBytesMax } = state.constants;
        sendEntries(
          state,
          role,
          to,
          progress,
          state.log.slice(progress.nextIndex, state.log.lastIndex, appendBytesMax),
        );
      } else {
        progress.reading = true;
        const maxBytes = state.constants.appendBytesMax;
        state.logReads.push({ to, term: state.currentTerm, from: progress.nextIndex, maxBytes });
      }
    }
  }
}

function mayReceive(state: RaftState, progress: Progress): boolean {
  if (progress.reading) return false;
  if (progress.state === 'probe') return !progress.paused;
  return progress.nextIndex <= state.log.lastIndex && !windowIsFull(progress, state.constants);
}

/** Entries that had to be read from disk; late or superseded ones are dropped. */
export function entriesRead(state: RaftState, to: ReplicaId, term: Term, entries: readonly Entry[]): void {
  if (state.role.name !== 'leader' || state.currentTerm !== term) return;
  const progress = state.role.progress.get(to);
  if (progress === undefined || !progress.reading) return;
  progress.reading = false;
  if (entries[0]?.index === progress.nextIndex && mayReceive(state, progress)) {
    sendEntries(state, state.role, to, progress, entries);
  }
}

function sendEntries(
  state: RaftState,
  role: LeaderRole,
  to: ReplicaId,
  progress: Progress,
  entries: readonly Entry[],
): void {
  sendAppend(state, role, to, (progress.nextIndex - 1) as Index, entries);
  const bytes = entries.reduce((total, entry) => total + entryBytes(entry), 0);
  sent(progress, (entries.at(-1) as Entry).index, bytes, state.now);
}

function sendAppend(
  state: RaftState,
  role: LeaderRole,
  to: ReplicaId,
  previousIndex: Index,
  entries: readonly Entry[],
): void {
  // A single voter leads before its disk knows of the term.
  sendAfterHardState(state, {
    type: 'appendEntries',
    to,
    previous: state.log.id(previousIndex),
    entries,
    commitIndex: state.commitIndex,
    publishIndex: state.publishIndex,
    round: role.round,
  });
}

export function handleAppendEntriesReply(state: RaftState, role: LeaderRole, reply: AppendEntriesReply): void {
  const progress = role.progress.get(reply.from);
  if (progress === undefined) return;
  if (progress.bootId === null) progress.bootId = reply.bootId;
  if (reply.bootId < progress.bootId) return;
  progress.lastContactAt = state.now;
  if (reply.bootId > progress.bootId) {
    beginNewLife(progress, reply.bootId, (state.log.lastIndex + 1) as Index);
    return;
  }
  progress.ackedRound = Math.max(progress.ackedRound, reply.round);
  if (reply.result.type === 'accepted') {
    invariant(
      reply.result.matchIndex <= state.log.lastIndex,
      `${reply.from} acknowledged ${reply.result.matchIndex}, the leader's log ends at ${state.log.lastIndex}`,
    );
    acknowledged(progress, reply.result.matchIndex, state.now);
    // A heartbeat is accepted wherever the logs agree: the search ends with an answer from where it now asks.
    if (progress.matchIndex + 1 === progress.nextIndex) progress.state = 'replicate';
    advanceCommitIndex(state, role);
  } else {
    rejected(state, progress, reply.result.rejectedIndex, reply.result.hint.index, reply.result.hint.term);
  }
}

function rejected(state: RaftState, progress: Progress, rejectedIndex: Index, hintIndex: Index, hintTerm: Term): void {
  if (rejectedIndex <= progress.matchIndex) return;
  if (progress.state === 'replicate') {
    becomeProbe(progress, (progress.matchIndex + 1) as Index);
    return;
  }
  if (rejectedIndex !== progress.nextIndex - 1) return;
  const agreed = state.log.lastNotAbove(hintIndex, hintTerm).index;
  progress.nextIndex = (Math.max(progress.matchIndex, Math.min(agreed, rejectedIndex - 1)) + 1) as Index;
  progress.paused = false;
}

/** Only entries of the leader's own term are committed by counting (§3.6.2, figure 3.7); older ones follow. */
export function advanceCommitIndex(state: RaftState, role: LeaderRole): void {
  const index = committedIndex(state.log.configuration, (voter) =>
    voter === state.id ? state.log.durableIndex : (role.progress.get(voter)?.matchIndex ?? (0 as Index)),
  );
  if (index <= state.commitIndex || state.log.term(index) !== state.currentTerm) return;
  state.commitIndex = index;
  publish(state, role);
}

/** Publishes what is committed, as far as leases allow. */
export function publish(state: RaftState, role: LeaderRole): void {
  if (state.now < role.publishesFrom) return;
  state.publishIndex = Math.max(state.publishIndex, Math.min(state.commitIndex, role.publishLimit)) as Index;
}

/** The last round that a quorum has acknowledged; a replica alone acknowledges its own when they leave. */
export function quorumRound(state: RaftState, role: LeaderRole): number {
  return quorumReached(state.log.configuration, (voter) =>
    voter === state.id ? role.round : (role.progress.get(voter)?.ackedRound ?? 0),
  );
}

/** A proposal counts until it is committed and on this disk: before that its entry can neither be applied nor forgotten. */
export function releaseProposals(state: RaftState, role: LeaderRole): void {
  const done = Math.min(state.commitIndex, state.log.durableIndex);
  let released = 0;
  for (const proposal of role.uncommitted) {
    if (proposal.lastIndex > done) break;
    role.uncommittedEntries -= proposal.entries;
    role.uncommittedBytes -= proposal.bytes;
    released++;
  }
  if (released > 0) role.uncommitted.splice(0, released);
}

/** Has a quorum answered lately? If not, another leader may be there already (§6.2, CheckQuorum). */
export function quorumIsInContact(state: RaftState, role: LeaderRole): boolean {
  const contactAt = quorumReached(state.log.configuration, (voter) =>
    voter === state.id ? state.now : (role.progress.get(voter)?.lastContactAt ?? Number.NEGATIVE_INFINITY),
  );
  return state.now - contactAt <= state.constants.electionTimeoutMaxMs;
}

// The follower's side

export function handleAppendEntries(state: RaftState, message: AppendEntries): void {
  if (message.term < state.currentTerm) {
    // Tells a deposed leader, or one that was elected without this replica, of the higher term.
    rejectAppend(state, message);
    return;
  }
  invariant(
    state.role.name !== 'leader' || message.term > state.currentTerm,
    `two leaders in term ${message.term}: ${state.id} and ${message.from}`,
  );
  if (message.term > state.currentTerm || knownLeader(state) !== message.from) {
    becomeFollower(state, message.term, message.from);
  }
  state.leaderContactAt = state.now;
  state.roundSeenAt = state.now;
  resetElectionTimer(state);
  state.acknowledgement.round = Math.max(state.acknowledgement.round, message.round);

  if (message.previous.index > state.log.base.index && !state.log.matches(message.previous)) {
    rejectAppend(state, message);
    return;
  }
  appendMissing(state, message.entries);
  const verified = (message.previous.index + message.entries.length) as Index;
  state.verifiedIndex = Math.max(state.verifiedIndex, verified) as Index;
  learnPublished(state, message.commitIndex, message.publishIndex);
  state.acknowledgement.owed = true;
  // With entries still to be written the answer waits for the disk; a heartbeat's does not.
  if (message.entries.length === 0 || verified <= state.log.durableIndex) acknowledge(state);
}

/** Only a conflict removes anything: a late, short message must not cut off what followed it. */
function appendMissing(state: RaftState, entries: readonly Entry[]): void {
  const firstMissing = entries.findIndex((entry) => !state.log.matches(entry));
  if (firstMissing < 0) return;
  const missing = entries.slice(firstMissing);
  const from = (missing[0] as Entry).index;
  if (from <= state.log.lastIndex) {
    invariant(from > state.commitIndex, `entry ${from} conflicts below the commit index ${state.commitIndex}`);
    state.log.truncateFrom(from);
  }
  state.log.append(missing);
}

/** Bounded by what is known to equal this leader's log: beyond it the log may hold something else (§3.5, rule 5). */
export function learnPublished(state: RaftState, commitIndex: Index, publishIndex: Index): void {
  state.commitIndex = Math.max(state.commitIndex, Math.min(commitIndex, state.verifiedIndex)) as Index;
  state.publishIndex = Math.max(state.publishIndex, Math.min(publishIndex, state.commitIndex)) as Index;
}

/** Answers the leader with what is durable here, once the term is; called again when the disk has more. */
export function acknowledge(state: RaftState): void {
  const leader = knownLeader(state);
  if (state.role.name !== 'follower' || leader === null || state.durableTerm !== state.currentTerm) return;
  const matchIndex = Math.min(state.verifiedIndex, state.log.durableIndex) as Index;
  const owed = state.acknowledgement;
  if (!owed.owed && matchIndex <= owed.matchIndex) return;
  owed.owed = false;
  owed.matchIndex = matchIndex;
  send(state, {
    type: 'appendEntriesReply',
    to: leader,
    round: owed.round,
    result: { type: 'accepted', matchIndex },
  });
}

function rejectAppend(state: RaftState, message: AppendEntries): void {
  const { index, term } = message.previous;
  const to = message.from;
  // The newest refusal says all: leaders ask with every heartbeat, and a disk that hangs takes minutes for a term.
  state.outboxAfterHardState = state.outboxAfterHardState.filter(
    (waiting) => waiting.to !== to || waiting.type !== 'appendEntriesReply',
  );
  sendAfterHardState(state, {
    type: 'appendEntriesReply',
    to,
    // A deposed leader's round must not count in a later term: its own rounds begin anew with each.
    round: message.term === state.currentTerm ? message.round : 0,
    result: { type: 'rejected', rejectedIndex: index, hint: state.log.lastNotAbove(index, term) },
  });
}
