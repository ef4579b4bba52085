/** What leases need of consensus (../../src/store/DESIGN-leases.md): a new leader's wait, a limit, the time of a round. */
import test from 'ava';
import { raftConstants } from '../../src/raft/constants.ts';
import type { Message } from '../../src/raft/message.ts';
import type { Term } from '../../src/raft/types.ts';
import { accepted, appendEntries, only, readIndexRequest, requestVote, requestVoteReply, sentTo } from './messages.ts';
import { entries, entryId, type Given, givenReplica, makeCandidate, makeLeader, type Replica } from './replica.ts';

const waitMs = raftConstants.leaseMs * (1 + raftConstants.leaseMargin);

/** Leads term 2 with the votes of r2 and itself; r2 was quiet for so long. */
function elected(quietMs: number, given: Given = {}): Replica {
  const leader = givenReplica({ log: [1], ...given });
  makeCandidate(leader);
  leader.step(requestVoteReply({ from: 'r2', term: 2, granted: true, quietMs }));
  leader.write();
  return leader;
}

function commit(leader: Replica, from = 'r2'): void {
  leader.step(accepted({ from, term: leader.state.currentTerm, matchIndex: leader.state.log.lastIndex }));
}

const indexes = ({ state }: Replica) => [Number(state.commitIndex), Number(state.publishIndex)];

test('a leader whose voters have been quiet for longer than a lease publishes what it commits', (t) => {
  const leader = elected(Math.ceil(waitMs));
  commit(leader);
  t.deepEqual(indexes(leader), [2, 2]);
});

test('a leader publishes nothing until the lease of an earlier one has ended that may rest on a voter', (t) => {
  const leader = elected(100);
  const electedAt = leader.now;
  commit(leader);
  t.deepEqual(indexes(leader), [2, 0]);
  leader.now = electedAt + waitMs - 100 - 0.1;
  leader.tick();
  commit(leader);
  t.deepEqual(indexes(leader), [2, 0]);
  leader.now = electedAt + waitMs - 100;
  leader.tick();
  t.deepEqual(indexes(leader), [2, 2]);
});

test('a leader that waits asks to be woken when it has waited', (t) => {
  const leader = elected(raftConstants.leaseMs);
  t.is(leader.raft.nextDeadlineAt, leader.now + waitMs - raftConstants.leaseMs);
  leader.now = leader.raft.nextDeadlineAt;
  leader.tick();
  t.is(leader.raft.nextDeadlineAt, leader.state.role.name === 'leader' ? leader.state.role.heartbeatDueAt : 0);
});

test('a refusal says nothing of leases', (t) => {
  const leader = givenReplica({ log: [1], voters: ['r1', 'r2', 'r3', 'r4'] });
  makeCandidate(leader);
  leader.step(requestVoteReply({ from: 'r2', term: 2, granted: false, quietMs: 0 }));
  for (const from of ['r3', 'r4']) leader.step(requestVoteReply({ from, term: 2, granted: true }));
  leader.write();
  commit(leader, 'r3');
  commit(leader, 'r4');
  t.deepEqual(indexes(leader), [2, 2]);
});

test('a candidate that has started lately waits for what it acknowledged in its former life', (t) => {
  const short = { electionTimeoutMinMs: 300, electionTimeoutMaxMs: 301, leaseMs: 280 };
  const leader = givenReplica({ log: [1], constants: short });
  t.true(makeCandidate(leader).length > 0);
  const since = leader.now;
  leader.step(requestVoteReply({ from: 'r2', term: 2, granted: true }));
  leader.write();
  const { role } = leader.state;
  // It started at 0, and knows of nothing before.
  t.true(role.name === 'leader' && role.publishesFrom >= 280 * 1.05 - Math.floor(since) + since - 0.001);
});

const quietMsOf = (sent: readonly Message[]) => only(sent, 'requestVoteReply').map(({ quietMs }) => quietMs);

test('a voter says how long it has acknowledged no leader', (t) => {
  const voter = givenReplica({ log: [1] });
  voter.now = 1000;
  voter.step(appendEntries({ term: 1, previous: entryId(1, 1) }));
  voter.now = 1400.9;
  voter.step(requestVote({ from: 'r3', term: 2, last: entryId(1, 1) }));
  voter.write();
  t.deepEqual(quietMsOf(voter.takeSent()), [400]);
});

test('a voter that has started lately may have acknowledged one just before', (t) => {
  const voter = givenReplica({ log: [1] });
  voter.now = 7;
  voter.step(requestVote({ from: 'r3', term: 2, last: entryId(1, 1) }));
  voter.write();
  t.deepEqual(quietMsOf(voter.takeSent()), [7]);
});

test('a leader that is deposed says how long it has sent no round', (t) => {
  const leader = givenReplica({ log: [1] });
  makeLeader(leader);
  leader.now = leader.raft.nextDeadlineAt;
  leader.tick();
  leader.takeSent();
  leader.now += 12;
  leader.step(appendEntries({ from: 'r2', term: 3, previous: entryId(1, 1) }));
  leader.write();
  leader.now += 500;
  leader.takeSent();
  leader.step(requestVote({ from: 'r3', term: 4, last: entryId(9, 9) }));
  leader.write();
  t.deepEqual(quietMsOf(leader.takeSent()), [500], 'by then it had heard of another');

  const alone = givenReplica({ log: [1] });
  makeLeader(alone);
  alone.now = alone.raft.nextDeadlineAt;
  alone.tick();
  alone.takeSent();
  // No quorum answers: it steps down.
  while (alone.state.role.name === 'leader') {
    alone.now = alone.raft.nextDeadlineAt;
    alone.tick();
  }
  const lastRoundAt = alone.state.roundSeenAt;
  alone.now += 20;
  alone.takeSent();
  alone.step(requestVote({ from: 'r3', term: 3, last: entryId(9, 9) }));
  alone.write();
  t.deepEqual(quietMsOf(alone.takeSent()), [Math.floor(alone.now - lastRoundAt)]);
  t.true(alone.now - lastRoundAt < 100);
});

test('the refusal of a round acknowledges it', (t) => {
  const voter = givenReplica({ log: [1] });
  voter.now = 1000;
  voter.step(appendEntries({ term: 1, previous: entryId(1, 5), entries: entries(6, 1) }));
  voter.now = 1350;
  voter.step(requestVote({ from: 'r3', term: 2, last: entryId(1, 5) }));
  voter.write();
  t.deepEqual(quietMsOf(voter.takeSent()), [350]);
});

test('nothing above the limit is published, be it committed', (t) => {
  const leader = elected(1000);
  commit(leader);
  leader.limitPublishing(2);
  leader.propose('3', '4');
  leader.write();
  commit(leader);
  t.deepEqual(indexes(leader), [4, 2]);
  leader.limitPublishing(3);
  t.deepEqual(indexes(leader), [4, 3]);
  leader.limitPublishing(1);
  t.deepEqual(indexes(leader), [4, 3], 'what is published stays so');
  leader.limitPublishing(Number.POSITIVE_INFINITY);
  t.deepEqual(indexes(leader), [4, 4]);
});

test('the limit of another term is none of this leader’s', (t) => {
  const leader = elected(1000);
  leader.limitPublishing(0, 1 as Term);
  commit(leader);
  t.deepEqual(indexes(leader), [2, 2]);
});

test('followers learn what is published, not what is committed', (t) => {
  const leader = elected(1000);
  commit(leader);
  leader.limitPublishing(2);
  leader.propose('3');
  leader.write();
  commit(leader);
  leader.takeSent();
  leader.now = leader.raft.nextDeadlineAt;
  leader.tick();
  const [heartbeat] = only(sentTo(leader.takeSent(), 'r3'), 'appendEntries');
  t.deepEqual([Number(heartbeat?.commitIndex), Number(heartbeat?.publishIndex)], [3, 2]);
});

test('a read waits for a leader that waits, and then for what is published', (t) => {
  const leader = elected(0);
  commit(leader);
  leader.takeSent();
  leader.step(readIndexRequest({ from: 'r2', term: 2, requestId: 'r2.1.1' }));
  t.deepEqual(only(leader.takeSent(), 'appendEntries'), []);
  leader.now += waitMs;
  leader.tick();
  const [round] = only(sentTo(leader.takeSent(), 'r2'), 'appendEntries').slice(-1);
  leader.step(accepted({ from: 'r2', term: 2, matchIndex: 2, round: round?.round ?? 0 }));
  t.like(only(leader.takeSent(), 'readIndexReply'), [{ readIndex: 2 }]);
});

test('the last round that a quorum acknowledged is one that a majority has answered', (t) => {
  const leader = givenReplica({ log: [1], voters: ['r1', 'r2', 'r3', 'r4', 'r5'] });
  makeLeader(leader);
  const beat = () => {
    leader.now = leader.raft.nextDeadlineAt;
    leader.tick();
  };
  t.deepEqual(leader.raft.rounds, { left: 1, acknowledged: 0 });
  beat();
  beat();
  t.deepEqual(leader.raft.rounds, { left: 3, acknowledged: 0 });
  const acknowledge = (from: string, round: number) => leader.step(accepted({ from, term: 2, matchIndex: 0, round }));
  acknowledge('r2', 3);
  t.is(leader.raft.rounds.acknowledged, 0, 'two of five');
  acknowledge('r3', 1);
  t.is(leader.raft.rounds.acknowledged, 1);
  acknowledge('r4', 2);
  t.is(leader.raft.rounds.acknowledged, 2);
  acknowledge('r4', 1);
  t.is(leader.raft.rounds.acknowledged, 2, 'what comes late takes nothing back');
  acknowledge('r5', 3);
  t.is(leader.raft.rounds.acknowledged, 3);
  beat();
  t.deepEqual(leader.raft.rounds, { left: 4, acknowledged: 3 });
});

test('a replica alone acknowledges its own rounds', (t) => {
  const alone = givenReplica({ log: [1], voters: ['r1'] });
  makeLeader(alone);
  t.deepEqual(alone.raft.rounds, { left: 1, acknowledged: 1 });
  alone.now = alone.raft.nextDeadlineAt;
  alone.tick();
  t.deepEqual(alone.raft.rounds, { left: 2, acknowledged: 2 });
});

test('whoever does not lead has no round', (t) => {
  t.deepEqual(givenReplica().raft.rounds, { left: 0, acknowledged: 0 });
});
