/** What others have fallen into: each test is named after what would go wrong. */
import test from 'ava';
import { InvariantError } from '../../src/raft/assert.ts';
import { raftConstants } from '../../src/raft/constants.ts';
import type { Index } from '../../src/raft/types.ts';
import { beforeTheLog, term } from '../../src/raft/types.ts';
import { Cluster, calm } from './cluster.ts';
import {
  accepted,
  appendEntries,
  identityRefused,
  only,
  readIndexRequest,
  rejected,
  requestVote,
  requestVoteReply,
  sentTo,
} from './messages.ts';
import { entries, entryId, exchange, givenReplica, logTerms, makeCandidate, makeLeader, timeOut } from './replica.ts';

const { heartbeatIntervalMs, electionTimeoutMinMs, electionTimeoutMaxMs, writeTimeoutMs } = raftConstants;

function electedCluster(size: number): Cluster {
  const cluster = new Cluster({ size });
  cluster.elect('r1');
  cluster.runUntil('the first entry is everywhere', () => cluster.isSettled);
  return cluster;
}

// Elections

test('a replica that was cut off comes back with a high term and deposes a healthy leader', (t) => {
  const cluster = electedCluster(3);
  const before = cluster.leader?.state.currentTerm;
  cluster.separate(['r3']);
  cluster.run(20 * electionTimeoutMaxMs);

  cluster.heal();
  cluster.run(3 * electionTimeoutMaxMs);

  t.is(cluster.leader?.id, 'r1');
  t.is(cluster.leader?.state.currentTerm, before);
  t.is(cluster.replica('r3').raft.status.leader, 'r1');
});

test('a restarted replica campaigns before it could hear the leader', (t) => {
  const replica = givenReplica({ log: [1] });

  replica.now = electionTimeoutMinMs - 1;
  replica.tick();

  t.deepEqual(replica.takeSent(), []);
  t.is(replica.state.role.name, 'follower');
});

test('a replica that a quorum needs lags in term, and its pre-votes are ignored for ever', (t) => {
  const ahead = givenReplica({ log: [1], currentTerm: 9 });

  ahead.step(requestVote({ from: 'r2', phase: 'preVote', term: 2, last: entryId(1, 1) }));

  const [refusal] = only(ahead.takeSent(), 'requestVoteReply');
  t.is(refusal?.granted, false);
  t.is(Number(refusal?.term), 9, 'the refusal says what to catch up with');

  const behind = givenReplica({ log: [1], currentTerm: 1 });
  timeOut(behind);
  behind.step(requestVoteReply({ from: 'r3', phase: 'preVote', term: 9, granted: false }));
  t.is(Number(behind.state.currentTerm), 9);
});

test('a granted pre-vote answers with the voter’s own, lower term and is dropped', (t) => {
  const voter = givenReplica({ log: [1], currentTerm: 3 });

  voter.step(requestVote({ phase: 'preVote', term: 8, last: entryId(1, 1) }));

  const [grant] = only(voter.takeSent(), 'requestVoteReply');
  t.is(grant?.granted, true);
  t.is(Number(grant?.term), 8);
});

test('a deposed leader is left unanswered by those of a higher term, and goes on', (t) => {
  const follower = givenReplica({ log: [1], currentTerm: 5 });

  follower.step(appendEntries({ term: 4 }));

  t.deepEqual(
    only(follower.takeSent(), 'appendEntriesReply').map(({ term }) => Number(term)),
    [5],
  );
});

test('replicas that all still believe in a dead leader refuse one another', (t) => {
  const cluster = electedCluster(3);
  cluster.crash('r1');

  cluster.preferred = 'r2';
  cluster.runUntil('another leads', () => cluster.leader !== null, 3 * electionTimeoutMaxMs);

  t.is(cluster.leader?.id, 'r2');
});

test('a pre-vote changes the voter’s term, vote or timer', (t) => {
  const voter = givenReplica({ log: [1], currentTerm: 3, votedFor: 'r3' });
  const deadline = voter.raft.nextDeadlineAt;
  voter.now = 100;

  voter.step(requestVote({ phase: 'preVote', term: 8, last: entryId(1, 1) }));

  t.is(Number(voter.state.currentTerm), 3);
  t.is(voter.state.votedFor, 'r3');
  t.is(voter.raft.nextDeadlineAt, deadline);
  t.is(voter.beginBatch(), null, 'nothing is written');
});

test('answers to pre-votes are counted as votes', (t) => {
  const candidate = givenReplica({ log: [1] });
  makeCandidate(candidate);

  for (const from of ['r2', 'r3']) {
    candidate.step(requestVoteReply({ from, phase: 'preVote', term: 2, granted: true }));
    candidate.step(requestVoteReply({ from, phase: 'preVote', term: 3, granted: true }));
  }

  t.is(candidate.state.role.name, 'candidate');
});

test('a mis-set replica that asks for pre-votes without end keeps the others from electing anyone', (t) => {
  const voter = givenReplica({ log: [1] });

  while (voter.now < electionTimeoutMinMs) {
    voter.step(requestVote({ from: 'r3', phase: 'preVote', term: 9, last: entryId(1, 1) }));
    voter.now += 10;
  }
  voter.tick();

  t.is(voter.state.role.name, 'preCandidate');
});

test('a leader that reaches only one of its followers keeps its office, and the vote of that one from the rest', (t) => {
  const cluster = electedCluster(5);
  cluster.crash('r5');
  // All hear r2. Between r1 and the others nothing passes, and without r2 they are two of five.
  cluster.separate(['r1'], ['r3', 'r4']);

  cluster.preferred = 'r3';
  cluster.runUntil('r3 or r4 leads', () => ['r3', 'r4'].includes(cluster.leader?.id ?? ''), 5_000);
  cluster.propose(cluster.leaderId, 'x');
  cluster.runUntil('a write is committed', () => cluster.safety.committedIndex >= 3);

  t.not(cluster.replica('r1').state.role.name, 'leader');
});

test('a leader that hears nobody goes on believing that it leads', (t) => {
  const cluster = electedCluster(3);
  cluster.cut('r2', 'r1');
  cluster.cut('r3', 'r1');

  cluster.run(electionTimeoutMaxMs + 2 * heartbeatIntervalMs);

  t.not(cluster.replica('r1').state.role.name, 'leader');
});

test('a removed server’s campaigns disturb those who hear their leader', (t) => {
  const follower = givenReplica({ log: [1] });
  follower.step(appendEntries({ from: 'r2', term: 1, previous: entryId(1, 1) }));
  const leader = givenReplica({ log: [1] });
  makeLeader(leader);
  follower.takeSent();

  follower.now += electionTimeoutMinMs - 1;
  follower.step(requestVote({ from: 'r9', term: 50, last: entryId(40, 40) }));
  leader.step(requestVote({ from: 'r9', term: 50, last: entryId(40, 40) }));

  t.is(Number(follower.state.currentTerm), 1);
  t.is(leader.state.role.name, 'leader');
  t.deepEqual(only(follower.takeSent(), 'requestVoteReply'), []);
  t.deepEqual(only(leader.takeSent(), 'requestVoteReply'), []);
});

test('a demoted replica of a higher term can never make the leader catch up with it', (t) => {
  const leader = givenReplica({ log: [1], learners: ['r4'] });
  makeLeader(leader);

  leader.step(rejected({ from: 'r4', term: 7, rejectedIndex: 1, hint: beforeTheLog }));

  t.is(leader.state.role.name, 'follower');
  t.is(Number(leader.state.currentTerm), 7);
});

test('a replica that steps down within its term forgets its vote and votes twice', (t) => {
  const candidate = givenReplica({ log: [1] });
  makeCandidate(candidate);

  candidate.step(requestVoteReply({ from: 'r2', term: 2, granted: false }));
  candidate.step(requestVoteReply({ from: 'r3', term: 2, granted: false }));
  candidate.step(requestVote({ from: 'r3', term: 2, last: entryId(1, 1) }));
  candidate.write();

  t.is(candidate.state.role.name, 'follower');
  t.is(candidate.disk.hardState.votedFor, 'r1');
  t.deepEqual(
    only(candidate.takeSent(), 'requestVoteReply').map(({ granted }) => granted),
    [false],
  );
});

test('a learner that does not know of its promotion refuses the vote that is needed', (t) => {
  const learner = givenReplica({ id: 'r4', learners: ['r4'], log: [1] });

  learner.step(requestVote({ from: 'r2', to: 'r4', term: 2, last: entryId(1, 2) }));
  learner.write();

  t.deepEqual(
    only(learner.takeSent(), 'requestVoteReply').map(({ granted }) => granted),
    [true],
  );
});

test('a learner campaigns', (t) => {
  const learner = givenReplica({ id: 'r4', learners: ['r4'], log: [1] });

  const sent = timeOut(learner);

  t.deepEqual(sent, []);
  t.is(learner.state.role.name, 'follower');
});

// Persist, then send

test('a vote leaves before term and vote are on disk', (t) => {
  const voter = givenReplica({ log: [1] });

  voter.step(requestVote({ term: 2, last: entryId(1, 1) }));
  const early = voter.takeSent();
  voter.beginBatch();
  const whileWriting = voter.takeSent();
  voter.completeBatch();

  t.deepEqual([early, whileWriting], [[], []]);
  t.is(only(voter.takeSent(), 'requestVoteReply')[0]?.granted, true);
  t.is(voter.disk.hardState.votedFor, 'r2');
});

test('a candidate asks for votes before its own is on disk', (t) => {
  const replica = givenReplica({ log: [1] });
  timeOut(replica);

  replica.step(requestVoteReply({ from: 'r2', phase: 'preVote', term: 2, granted: true }));
  const early = replica.takeSent();
  replica.write();

  t.deepEqual(early, []);
  t.is(only(replica.takeSent(), 'requestVote').length, 2);
});

test('a vote of an earlier term, released by a later write, leaves with a term that is over', (t) => {
  const voter = givenReplica({ log: [1] });
  voter.step(requestVote({ from: 'r2', term: 2, last: entryId(1, 1) }));
  voter.beginBatch();

  voter.step(requestVote({ from: 'r3', term: 3, last: entryId(1, 1) }));
  voter.completeBatch();
  const afterFirst = voter.takeSent();
  voter.write();

  t.deepEqual(afterFirst, []);
  t.deepEqual(
    only(voter.takeSent(), 'requestVoteReply').map(({ to, term }) => [to, Number(term)]),
    [['r3', 3]],
  );
});

test('an acknowledgement leaves before its entries are on disk', (t) => {
  const follower = givenReplica({ log: [1] });

  follower.step(appendEntries({ term: 1, previous: entryId(1, 1), entries: entries(2, 1, 1) }));
  follower.beginBatch();
  const early = follower.takeSent();
  follower.step(appendEntries({ term: 1, previous: entryId(1, 1), round: 2 }));
  const toHeartbeat = only(follower.takeSent(), 'appendEntriesReply');
  follower.completeBatch();

  t.deepEqual(early, []);
  t.deepEqual(
    toHeartbeat.map(({ result }) => result),
    [{ type: 'accepted', matchIndex: 1 as Index }],
  );
  t.deepEqual(
    only(follower.takeSent(), 'appendEntriesReply').map(({ result }) => result),
    [{ type: 'accepted', matchIndex: 3 as Index }],
  );
});

test('a heartbeat is answered in a term that the disk does not know', (t) => {
  const follower = givenReplica({ log: [1] });

  follower.step(appendEntries({ term: 5 }));
  const early = follower.takeSent();
  follower.write();

  t.deepEqual(early, []);
  t.is(only(follower.takeSent(), 'appendEntriesReply').length, 1);
});

test('a leader counts itself before its own disk has the entry', (t) => {
  const leader = givenReplica({ log: [1] });
  makeLeader(leader);
  leader.propose('x');
  leader.beginBatch();

  leader.step(accepted({ from: 'r2', term: 2, matchIndex: 3 }));
  const early = Number(leader.state.commitIndex);
  leader.completeBatch();

  t.is(early, 2);
  t.is(Number(leader.state.commitIndex), 3);
});

test('a replica alone commits before its own sync, and loses what it answered', (t) => {
  const alone = givenReplica({ voters: ['r1'], log: [1] });
  makeLeader(alone);

  alone.propose('x');
  alone.takeSent();
  alone.beginBatch();
  const whileWriting = Number(alone.raft.applicableIndex);
  alone.completeBatch();

  t.is(whileWriting, 2);
  t.is(Number(alone.raft.applicableIndex), 3);
});

test('a replica alone tells learners of a term that its disk does not know, and leads the same term again', (t) => {
  const alone = givenReplica({ voters: ['r1'], learners: ['r2'], log: [1] });

  const early = timeOut(alone);
  alone.write();

  t.is(alone.state.role.name, 'leader');
  t.deepEqual(early, []);
  t.true(only(alone.takeSent(), 'appendEntries').length > 0);
});

test('a leader applies what its followers have and its own disk has not', (t) => {
  const leader = givenReplica({ log: [1], voters: ['r1', 'r2', 'r3'] });
  makeLeader(leader);
  leader.propose('x');

  for (const from of ['r2', 'r3']) leader.step(accepted({ from, term: 2, matchIndex: 3 }));

  t.is(Number(leader.state.commitIndex), 3);
  t.is(Number(leader.raft.applicableIndex), 2);
});

test('a leader whose disk hangs keeps its office, and answers nobody', (t) => {
  const leader = givenReplica({ log: [1] });
  makeLeader(leader);
  leader.propose('x');
  leader.beginBatch();

  const startedAt = leader.now;
  while (leader.now < startedAt + 2 * writeTimeoutMs && leader.state.role.name === 'leader') {
    for (const from of ['r2', 'r3']) leader.step(accepted({ from, term: 2, matchIndex: 2 }));
    timeOut(leader);
  }

  t.is(leader.state.role.name, 'follower');
  t.true(leader.now - startedAt > writeTimeoutMs);
});

test('with a slow disk, each new term takes back the vote that is being written', (t) => {
  const replica = givenReplica({ log: [1] });
  timeOut(replica);
  replica.step(requestVoteReply({ phase: 'preVote', term: 2, granted: true }));
  replica.beginBatch();

  for (let round = 0; round < 5; round++) {
    timeOut(replica);
    replica.step(requestVoteReply({ phase: 'preVote', term: 3, granted: true }));
  }
  replica.completeBatch();

  t.is(Number(replica.state.currentTerm), 2);
  t.is(only(replica.takeSent(), 'requestVote').length, 2, 'its requests leave, however late');
});

for (const size of [3, 5]) {
  test(`with slow disks, ${size} replicas take back one another's votes while they are being written, for ever`, (t) => {
    for (let seed = 1; seed <= 5; seed++) {
      const cluster = new Cluster({ size, seed });
      cluster.runUntil('the first entry is everywhere', () => cluster.isSettled);
      cluster.crash(cluster.leaderId);
      // A leader may take as long as that.
      cluster.conditions = { ...calm, writeMs: [electionTimeoutMaxMs, writeTimeoutMs / 2] };

      cluster.runUntil('somebody leads', () => cluster.leader !== null, 20 * electionTimeoutMaxMs);
    }
    t.pass();
  });
}

test('a vote that is being written is taken back by the term of a pre-vote', (t) => {
  const voter = givenReplica({ log: [1] });
  voter.step(requestVote({ from: 'r2', phase: 'vote', term: 2, last: entryId(1, 1) }));
  voter.beginBatch();

  voter.step(requestVote({ from: 'r2', phase: 'preVote', term: 3, last: entryId(1, 1) }));
  t.deepEqual(voter.takeSent(), []);

  voter.completeBatch();
  voter.step(requestVote({ from: 'r2', phase: 'preVote', term: 3, last: entryId(1, 1) }));
  t.deepEqual(
    only(voter.takeSent(), 'requestVoteReply').map(({ phase, granted }) => ({ phase, granted })),
    [
      { phase: 'vote', granted: true },
      { phase: 'preVote', granted: true },
    ],
  );
});

test('a vote that was slow to be written comes when its candidate has begun to ask anew, and is lost', (t) => {
  const candidate = givenReplica({ log: [1] });
  makeCandidate(candidate);
  const { currentTerm } = candidate.state;
  timeOut(candidate);
  t.is(candidate.state.role.name, 'preCandidate');

  candidate.step(requestVoteReply({ phase: 'vote', term: currentTerm, granted: true }));

  t.is(candidate.state.role.name, 'leader');
  t.is(candidate.state.currentTerm, currentTerm);
});

// The log

test('a late, short append cuts off entries that were acknowledged since', (t) => {
  const follower = givenReplica({ log: [1] });
  const short = appendEntries({ term: 1, previous: entryId(1, 1), entries: entries(2, 1) });
  const long = appendEntries({ term: 1, previous: entryId(1, 1), entries: entries(2, 1, 1, 1) });

  follower.step(long);
  follower.step(short);
  follower.step(appendEntries({ term: 1, previous: entryId(1, 1) }));
  follower.write();

  t.deepEqual(logTerms(follower), [1, 1, 1, 1]);
  t.is(follower.disk.entries.length, 4);
});

test('a conflict is resolved from the first entry sent rather than from the first that differs', (t) => {
  const follower = givenReplica({ log: [1, 1, 1, 2, 2] });

  follower.step(appendEntries({ term: 3, previous: entryId(1, 1), entries: entries(2, 1, 1, 3) }));
  const batch = follower.beginBatch();

  t.is(Number(batch?.truncateFrom), 4);
  t.deepEqual(
    batch?.entries.map(({ index }) => Number(index)),
    [4],
  );
  t.deepEqual(logTerms(follower), [1, 1, 1, 3]);
});

test('a committed entry is truncated', (t) => {
  const follower = givenReplica({ log: [1, 1] });
  follower.step(appendEntries({ term: 1, previous: entryId(1, 2), commitIndex: 2 }));

  const error = t.throws(
    () => follower.step(appendEntries({ term: 2, previous: entryId(1, 1), entries: entries(2, 2) })),
    { instanceOf: InvariantError },
  );

  t.regex(error.message, /below the commit index/);
});

test('an append that begins below the commit index is refused', (t) => {
  const follower = givenReplica({ log: [1, 1, 1] });
  follower.step(appendEntries({ term: 1, previous: entryId(1, 3), commitIndex: 3 }));
  follower.takeSent();

  follower.step(appendEntries({ term: 1, previous: entryId(1, 1), entries: entries(2, 1) }));

  t.deepEqual(
    only(follower.takeSent(), 'appendEntriesReply').map(({ result }) => result),
    [{ type: 'accepted', matchIndex: 3 as Index }],
  );
});

test('a follower commits beyond what it shares with the leader', (t) => {
  // Its entries 2 and 3 are an old leader's; the heartbeat verifies nothing but entry 1.
  const follower = givenReplica({ log: [1, 1, 1], currentTerm: 2 });

  follower.step(appendEntries({ term: 2, previous: entryId(1, 1), commitIndex: 3 }));
  const afterHeartbeat = Number(follower.state.commitIndex);
  follower.step(appendEntries({ term: 2, previous: entryId(1, 1), entries: entries(2, 2), commitIndex: 3 }));
  follower.write();

  t.is(afterHeartbeat, 1);
  t.is(Number(follower.state.commitIndex), 2);
  t.deepEqual(logTerms(follower), [1, 2]);
});

test('what was verified against one leader counts for the next', (t) => {
  const follower = givenReplica({ log: [1] });
  follower.step(appendEntries({ from: 'r2', term: 1, previous: entryId(1, 1), entries: entries(2, 1, 1) }));

  follower.step(appendEntries({ from: 'r3', term: 2, previous: entryId(1, 1), commitIndex: 3 }));
  follower.write();

  t.is(Number(follower.state.commitIndex), 1);
  t.deepEqual(
    only(follower.takeSent(), 'appendEntriesReply').map(({ to, result }) => [to, result]),
    [['r3', { type: 'accepted', matchIndex: 1 as Index }]],
  );
});

test('clients wait for ever because nothing commits what an earlier leader left', (t) => {
  const cluster = electedCluster(3);
  cluster.propose('r1', 'x');
  // It reaches the others' disks; r1 dies before it could tell anybody that it is committed.
  cluster.intercept = (message) => (message.type === 'appendEntriesReply' ? 'drop' : null);
  cluster.run(10);
  cluster.crash('r1');
  cluster.intercept = null;

  cluster.runUntil('another leads', () => cluster.leader !== null);
  cluster.runUntil('it is applied', () => cluster.appliedIndex(cluster.leaderId) >= 3);

  t.deepEqual(
    cluster.disk('r2').entries.map(({ type }) => type),
    ['configuration', 'command', 'noop'],
  );
});

test('an acknowledgement of the disk for entries that were overwritten meanwhile counts for those that replaced them', (t) => {
  const follower = givenReplica({ log: [1] });
  follower.step(appendEntries({ from: 'r2', term: 1, previous: entryId(1, 1), entries: entries(2, 1, 1, 1) }));
  follower.beginBatch();

  follower.step(appendEntries({ from: 'r3', term: 2, previous: entryId(1, 2), entries: entries(3, 2, 2) }));
  follower.completeBatch();
  const durableAfterFirst = Number(follower.raft.status.durableIndex);
  const afterFirst = follower.takeSent();
  follower.write();

  t.is(durableAfterFirst, 2);
  t.deepEqual(only(afterFirst, 'appendEntriesReply'), []);
  t.deepEqual(
    only(follower.takeSent(), 'appendEntriesReply').map(({ to, result }) => [to, result]),
    [['r3', { type: 'accepted', matchIndex: 4 as Index }]],
  );
  t.deepEqual(
    follower.disk.entries.map(({ term }) => Number(term)),
    [1, 1, 2, 2],
  );
});

test('a late answer moves matchIndex back, or nextIndex below it', (t) => {
  const leader = givenReplica({ log: [1, 1, 1, 1] });
  makeLeader(leader);
  const progress = leader.state.role.name === 'leader' ? leader.state.role.progress.get('r2') : undefined;

  leader.step(accepted({ term: 2, matchIndex: 5 }));
  leader.step(accepted({ term: 2, matchIndex: 2 }));
  leader.step(rejected({ term: 2, rejectedIndex: 4, hint: entryId(1, 1) }));

  t.is(Number(progress?.matchIndex), 5);
  t.is(Number(progress?.nextIndex), 6);
});

test('an answer of an earlier term of office moves the progress of the present one', (t) => {
  const leader = givenReplica({ log: [1] });
  makeLeader(leader);
  leader.step(appendEntries({ from: 'r2', term: 3 }));
  leader.write();
  makeLeader(leader);

  leader.step(accepted({ from: 'r3', term: 2, matchIndex: 2 }));

  t.is(Number(leader.state.currentTerm), 4);
  t.is(Number(leader.state.commitIndex), 0);
});

test('a new life of a follower that lost entries is taken for the old one', (t) => {
  const leader = givenReplica({ log: [1, 1] });
  makeLeader(leader);
  const progress = leader.state.role.name === 'leader' ? leader.state.role.progress.get('r2') : undefined;
  leader.step(accepted({ term: 2, matchIndex: 3, bootId: 4 }));

  leader.step(rejected({ term: 2, rejectedIndex: 3, hint: entryId(1, 1), bootId: 5 }));
  const inNewLife = Number(progress?.matchIndex);
  leader.step(accepted({ term: 2, matchIndex: 3, bootId: 4 }));

  t.is(inNewLife, 0);
  t.is(Number(progress?.matchIndex), 0, 'a late answer of the old life proves nothing');
});

test('a restarted follower stays behind, because its heartbeats are acknowledged while the probe was lost', (t) => {
  const cluster = electedCluster(3);
  cluster.propose('r1', 'x', 'y', 'z');
  cluster.runUntil('all is stored', () => cluster.isSettled);
  cluster.crash('r3');
  cluster.disk('r3').loseEntriesAfter(1);
  cluster.intercept = (message) =>
    message.to === 'r3' && message.type === 'appendEntries' && message.previous.index > 0 ? 'drop' : null;
  cluster.start('r3');
  cluster.run(5 * heartbeatIntervalMs);

  cluster.intercept = null;

  t.notThrows(() => cluster.runUntil('it has caught up', () => cluster.isSettled, 1_000));
});

test('the whole log is sent anew to a follower that only lacks its end', (t) => {
  const leader = givenReplica({ log: [1, 1, 1, 1, 1, 1, 1, 1] });
  const announced = makeLeader(leader);
  const follower = givenReplica({ id: 'r2', log: [1, 1, 1, 1, 1, 1] });
  follower.step(...sentTo(announced, 'r2'));

  const carried = exchange(leader, follower);

  t.deepEqual(logTerms(follower), [1, 1, 1, 1, 1, 1, 1, 1, 2]);
  t.deepEqual(
    only(carried, 'appendEntries').flatMap((message) => message.entries.map(({ index }) => Number(index))),
    [7, 8, 9],
  );
});

// Reads

test('a deposed leader that does not know it yet answers a read from its own state', (t) => {
  const cluster = electedCluster(3);
  cluster.preferred = 'r2';
  cluster.run(2 * heartbeatIntervalMs);
  cluster.separate(['r1']);
  cluster.elect('r2');
  cluster.propose('r2', 'x');
  cluster.runUntil('it is committed', () => cluster.appliedIndex('r2') >= 3);
  const roleWhenAsked = cluster.replica('r1').state.role.name;

  cluster.read('r1');
  cluster.run(5 * electionTimeoutMaxMs);

  t.is(roleWhenAsked, 'leader');
  t.deepEqual(cluster.answeredReads, []);
});

test('a leader names a read index before an entry of its own term is committed', (t) => {
  const leader = givenReplica({ log: [1, 1] });
  makeLeader(leader);

  leader.readIndex('r1.1.1');
  leader.takeSent();
  leader.step(accepted({ term: 2, matchIndex: 0, round: 50 }));
  const before = [...leader.readStates];
  leader.step(accepted({ term: 2, matchIndex: 3, round: 50 }));
  const round = only(leader.takeSent(), 'appendEntries').at(-1)?.round ?? 0;
  leader.step(accepted({ term: 2, matchIndex: 3, round: Math.max(round, 51) }));
  leader.takeSent();

  t.deepEqual(before, []);
  t.deepEqual(leader.readStates, [{ requestId: 'r1.1.1', readIndex: 3 as Index }]);
});

test('a read is confirmed by the answer to a round that began before it arrived', (t) => {
  const leader = givenReplica({ log: [1] });
  makeLeader(leader);
  leader.step(accepted({ term: 2, matchIndex: 2 }));
  const earlier = only(timeOut(leader), 'appendEntries')[0]?.round ?? 0;

  leader.readIndex('r1.1.1');
  const own = only(leader.takeSent(), 'appendEntries')[0]?.round ?? 0;
  leader.step(accepted({ term: 2, matchIndex: 2, round: earlier }));
  leader.takeSent();
  const beforeOwn = [...leader.readStates];
  leader.step(accepted({ term: 2, matchIndex: 2, round: own }));
  leader.takeSent();

  t.true(own > earlier);
  t.deepEqual(beforeOwn, []);
  t.is(leader.readStates.length, 1);
});

test('a read that arrives while a round is on its way is answered by that round', (t) => {
  const leader = givenReplica({ log: [1] });
  makeLeader(leader);
  leader.step(accepted({ term: 2, matchIndex: 2 }));
  leader.readIndex('r1.1.1');
  const first = only(leader.takeSent(), 'appendEntries')[0]?.round ?? 0;

  leader.step(readIndexRequest({ from: 'r3', term: 2, requestId: 'r3.1.1' }));
  leader.takeSent();
  leader.step(accepted({ term: 2, matchIndex: 2, round: first }));

  const sent = leader.takeSent();
  t.deepEqual(
    leader.readStates.map(({ requestId }) => requestId),
    ['r1.1.1'],
  );
  t.deepEqual(only(sent, 'readIndexReply'), []);
  t.true(
    only(sent, 'appendEntries').every(({ round }) => round > first),
    'the next round is its own',
  );
});

test('the refusal of a message from an earlier term of office confirms a read of the present one', (t) => {
  const follower = givenReplica({ id: 'r2', log: [1], currentTerm: 4 });

  follower.step(appendEntries({ from: 'r1', to: 'r2', term: 2, previous: entryId(1, 1), round: 40 }));

  const [refusal] = only(follower.takeSent(), 'appendEntriesReply');
  t.is(Number(refusal?.term), 4);
  t.is(refusal?.round, 0, 'r1 may lead term 4 by now, and its rounds of that term began anew');
});

// One input at a time

test('a term that was seen in one message moves back with the next', (t) => {
  const replica = givenReplica({ log: [1] });

  replica.step(requestVote({ from: 'r2', term: 5, last: entryId(1, 1) }));
  replica.step(requestVote({ from: 'r3', term: 4, last: entryId(1, 1) }));
  replica.step(appendEntries({ from: 'r3', term: 3 }));

  t.is(Number(replica.state.currentTerm), 5);
});

// Entries lost on disk

const claimed = { log: [1, 1], currentTerm: 3, claim: entryId(2, 5) };

for (const phase of ['preVote', 'vote'] as const) {
  test(`a replica that has lost entries gives its ${phase} by what it still holds`, (t) => {
    const ends = [entryId(1, 9), entryId(2, 4), entryId(2, 5), entryId(3, 3)];

    const granted = ends.map((last) => {
      const voter = givenReplica(claimed);
      voter.step(requestVote({ phase, term: 4, last }));
      voter.write();
      return only(voter.takeSent(), 'requestVoteReply')[0]?.granted;
    });

    t.deepEqual(granted, [false, false, true, true]);
  });
}

test('a replica that has lost entries campaigns, or keeps a leader that is gone', (t) => {
  const replica = givenReplica(claimed);
  replica.step(appendEntries({ term: 3, previous: entryId(1, 2) }));
  replica.readIndex('r1.1.1');
  replica.write();
  replica.takeSent();

  const sent = timeOut(replica);

  t.deepEqual(only(sent, 'requestVote'), []);
  t.is(replica.state.role.name, 'follower');
  t.is(replica.raft.status.leader, null);
  t.deepEqual(replica.readStates, [{ requestId: 'r1.1.1', readIndex: null }]);
});

test('a replica that has lost entries acknowledges more than it holds, or nothing', (t) => {
  const replica = givenReplica(claimed);

  replica.step(appendEntries({ term: 3, previous: entryId(1, 2), entries: entries(3, 2) }));
  replica.write();

  t.deepEqual(
    only(replica.takeSent(), 'appendEntriesReply').map(({ result }) => result),
    [{ type: 'accepted', matchIndex: 3 as Index }],
  );
});

test('a claim is forgotten with the first batch, or before a bounded batch has reached it', (t) => {
  const entry64 = 64 + '2/3'.length;
  const replica = givenReplica({ ...claimed, constants: { batchBytesMax: entry64 } });
  replica.step(appendEntries({ term: 3, previous: entryId(1, 2), entries: entries(3, 2, 2, 2) }));

  const written: (string | null)[] = [];
  while (replica.beginBatch() !== null) {
    replica.completeBatch();
    const { claim } = replica.disk.hardState;
    written.push(`${replica.disk.last.index}: ${claim === null ? 'whole' : `${claim.term}/${claim.index}`}`);
  }

  t.deepEqual(written, ['3: 2/5', '4: 2/5', '5: whole']);
  t.is(replica.state.claim, null);
});

test('a claim is forgotten by a new term or a vote', (t) => {
  const replica = givenReplica(claimed);

  replica.step(requestVote({ term: 8, last: entryId(7, 7) }));
  replica.write();

  t.deepEqual(replica.disk.hardState, { currentTerm: term(8), votedFor: 'r2', claim: entryId(2, 5) });
});

test('a claim outlives a restart in the middle of the repair only in memory', (t) => {
  const cluster = electedCluster(3);
  cluster.propose('r1', 'a', 'b', 'c');
  cluster.runUntil('all is stored', () => cluster.isSettled);
  cluster.crash('r2');
  cluster.disk('r2').loseEntriesAfter(1);
  cluster.separate(['r2']);
  cluster.start('r2');
  cluster.crash('r2');

  cluster.start('r2');

  t.deepEqual(cluster.replica('r2').state.claim, cluster.disk('r1').last);
});

test('a replica whose claim was reached goes on without campaigning', (t) => {
  const replica = givenReplica(claimed);
  replica.step(appendEntries({ term: 3, previous: entryId(1, 2), entries: entries(3, 2, 2, 2) }));
  replica.write();
  replica.takeSent();

  const sent = timeOut(replica);

  t.is(only(sent, 'requestVote').length, 2);
});

test('two of three have lost entries, and no leader can exist although a whole log stands there', (t) => {
  const cluster = electedCluster(3);
  cluster.propose('r1', 'a', 'b', 'c');
  cluster.runUntil('all is stored', () => cluster.isSettled);
  for (const id of cluster.ids) cluster.crash(id);
  for (const id of ['r1', 'r2']) cluster.disk(id).loseEntriesAfter(id === 'r1' ? 0 : 2);
  for (const id of cluster.ids) cluster.start(id);

  cluster.runUntil('all agree', () => cluster.isSettled);

  t.is(cluster.leader?.id, 'r3');
  t.is(cluster.disk('r1').entries.filter(({ type }) => type === 'command').length, 3);
});

test('two of three have lost a committed entry, the third never had it, and it is overwritten', (t) => {
  const cluster = electedCluster(3);
  cluster.separate(['r3']);
  cluster.propose('r1', 'precious');
  cluster.runUntil('it is committed', () => cluster.appliedIndex('r1') === 2);
  for (const id of cluster.ids) cluster.crash(id);
  for (const id of ['r1', 'r2']) cluster.disk(id).loseEntriesAfter(1);
  cluster.heal();
  for (const id of cluster.ids) cluster.start(id);

  cluster.run(10 * electionTimeoutMaxMs);

  t.is(cluster.leader, null);
  const { peerEnds } = cluster.replica('r3').raft.status;
  t.deepEqual(
    ['r1', 'r2'].map((id) => peerEnds.get(id)?.claim),
    [entryId(1, 2), entryId(1, 2)],
    'r3 can say what the others claim',
  );
});

// Directories

const bound = { r1: 'uuid-r1', r2: 'uuid-r2', r3: 'uuid-r3' };

test('a wiped replica votes, acknowledges and asks under its old name', (t) => {
  const leader = givenReplica({ log: [1], uuids: bound });
  makeLeader(leader);
  const before = { role: leader.state.role.name, commitIndex: leader.state.commitIndex };
  const wiped = { from: 'r2', uuid: 'another', term: 9 };

  leader.step(
    requestVote({ ...wiped, last: entryId(8, 8) }),
    requestVoteReply({ ...wiped, term: 2, granted: true }),
    accepted({ ...wiped, term: 2, matchIndex: 2 }),
    readIndexRequest({ ...wiped, requestId: 'r2.1.1' }),
  );

  t.deepEqual({ role: leader.state.role.name, commitIndex: leader.state.commitIndex }, before);
  t.deepEqual(
    only(leader.takeSent(), 'identityRefused').map(({ to, boundUuid }) => [to, boundUuid]),
    Array.from({ length: 4 }, () => ['r2', 'uuid-r2']),
  );
});

test('a wiped replica that is told so goes on', (t) => {
  const wiped = givenReplica({ uuid: 'another' });
  wiped.step(identityRefused({ term: 1, boundUuid: 'uuid-r1' }));

  wiped.step(requestVote({ term: 2, last: entryId(1, 1) }));
  const sent = timeOut(wiped);

  t.is(wiped.raft.status.boundElsewhere, 'uuid-r1');
  t.deepEqual(sent, []);
  t.is(wiped.state.votedFor, null);
});

test('a wiped replica reads in the log that its name is bound elsewhere, and goes on', (t) => {
  const wiped = givenReplica({ uuid: 'another' });
  const configuration = givenReplica({ uuids: bound }).raft.configuration;

  wiped.step(appendEntries({ term: 1, entries: [{ type: 'configuration', ...entryId(1, 1), configuration }] }));

  t.is(wiped.raft.status.boundElsewhere, 'uuid-r1');
});

test('a replica stops because another is told that it is not who it was', (t) => {
  const replica = givenReplica({ log: [1], uuids: bound });

  replica.step(identityRefused({ term: 1, boundUuid: 'uuid-r1' }));

  t.is(replica.raft.status.boundElsewhere, null);
});

test('a candidate with an empty log is elected without the voter that knows better', (t) => {
  const candidate = givenReplica();
  makeCandidate(candidate);

  candidate.step(requestVoteReply({ from: 'r2', term: 1, granted: true }));
  const withMajority = candidate.state.role.name;
  candidate.step(requestVoteReply({ from: 'r3', term: 1, granted: true }));
  candidate.write();

  t.is(withMajority, 'candidate');
  t.is(candidate.state.role.name, 'leader');
  t.deepEqual(
    candidate.raft.configuration.members.map(({ id, uuid }) => [id, uuid]),
    Object.entries(bound),
    'its first entry binds every id to the directory that voted',
  );
});

test('a pre-vote of an empty log is won without every voter', (t) => {
  const replica = givenReplica();
  timeOut(replica);

  replica.step(requestVoteReply({ from: 'r2', phase: 'preVote', term: 1, granted: true }));
  const withMajority = replica.state.role.name;
  replica.step(requestVoteReply({ from: 'r3', phase: 'preVote', term: 1, granted: true }));

  t.is(withMajority, 'preCandidate');
  t.is(replica.state.role.name, 'candidate');
});

test('a wiped replica’s vote lets a stale one lead, and an acknowledged write is lost', (t) => {
  const cluster = electedCluster(3);
  cluster.separate(['r3']);
  cluster.propose('r2', 'ignored');
  cluster.propose('r1', 'precious');
  cluster.runUntil('it is committed', () => cluster.appliedIndex('r1') === 2);
  cluster.crash('r1');
  cluster.crash('r2');
  cluster.heal();

  // In r2's place stands an empty directory of another name.
  const wiped = givenReplica({ id: 'r2', uuid: 'another' });
  const stale = cluster.replica('r3');
  stale.now = stale.raft.nextDeadlineAt;
  stale.tick();
  wiped.step(...sentTo(stale.takeSent(), 'r2'));
  wiped.write();
  stale.step(...sentTo(wiped.takeSent(), 'r3'));
  wiped.step(...sentTo(stale.takeSent(), 'r2'));

  t.not(stale.state.role.name, 'leader');
  t.is(wiped.raft.status.boundElsewhere, 'uuid-r2');
});

// Log and state machine

test('a state machine that is ahead of a damaged log makes the replica crash at every start', (t) => {
  const replica = givenReplica({ log: [1, 1, 1], claim: entryId(1, 5), appliedIndex: 5 });

  const applicableAtStart = Number(replica.raft.applicableIndex);
  replica.step(appendEntries({ term: 1, previous: entryId(1, 3), entries: entries(4, 1, 1, 1), commitIndex: 6 }));
  replica.write();

  t.is(applicableAtStart, 0, 'nothing is vouched for yet');
  t.is(Number(replica.raft.applicableIndex), 6);
});

test('entries that damage brought back conflict with the leader’s below what was applied, at every start', (t) => {
  const replica = givenReplica({ log: [1, 1, 2], claim: entryId(3, 9), appliedIndex: 8 });

  replica.step(
    appendEntries({ term: 3, previous: entryId(1, 2), entries: entries(3, 3, 3, 3, 3, 3, 3, 3), commitIndex: 9 }),
  );
  replica.write();

  t.deepEqual(logTerms(replica), [1, 1, 3, 3, 3, 3, 3, 3, 3]);
  t.is(replica.state.claim, null);
  t.is(Number(replica.raft.applicableIndex), 9);
});

test('what may be applied goes back when a new leader announces less than the old one', (t) => {
  const follower = givenReplica({ log: [1, 1, 1] });
  follower.step(appendEntries({ from: 'r2', term: 1, previous: entryId(1, 3), commitIndex: 3 }));

  follower.step(appendEntries({ from: 'r3', term: 2, previous: entryId(1, 3), commitIndex: 1 }));
  follower.write();

  t.is(Number(follower.state.commitIndex), 3);
  t.is(Number(follower.raft.applicableIndex), 3);
});

test('what is committed is applied before it is published', (t) => {
  const follower = givenReplica({ log: [1, 1, 1] });

  follower.step(appendEntries({ term: 1, previous: entryId(1, 3), commitIndex: 3, publishIndex: 2 }));

  t.is(Number(follower.state.commitIndex), 3);
  t.is(Number(follower.raft.applicableIndex), 2);
});

test('a disk that hangs while a term is written gathers an answer for every heartbeat of the old leader', (t) => {
  const replica = givenReplica({ log: [1, 1, 1] });
  // The old leader stands again, so that both answers wait for the same replica.
  replica.step(requestVote({ from: 'r3', term: 2, last: entryId(1, 3) }));
  replica.beginBatch();

  for (let round = 1; round <= 1000; round++) {
    replica.step(appendEntries({ from: 'r3', term: 1, round, previous: entryId(1, round === 1000 ? 2 : 3) }));
  }
  replica.completeBatch();

  const sent = sentTo(replica.takeSent(), 'r3');
  t.deepEqual(
    only(sent, 'requestVoteReply').map(({ granted }) => granted),
    [true],
  );
  t.deepEqual(
    only(sent, 'appendEntriesReply').map(({ result }) => result),
    [{ type: 'rejected', rejectedIndex: 2 as Index, hint: entryId(1, 2) }],
  );
});
