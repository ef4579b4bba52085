/** Linearizable reads (§6.4 of the dissertation). */
import test from 'ava';
import { raftConstants } from '../../src/raft/constants.ts';
import { index } from '../../src/raft/types.ts';
import { Cluster } from './cluster.ts';
import {
  accepted,
  appendEntries,
  only,
  readIndexReply,
  readIndexRequest,
  rejected,
  requestVote,
  sentTo,
} from './messages.ts';
import { entries, entryId, givenReplica, makeLeader, type Replica, timeOut } from './replica.ts';

const { heartbeatIntervalMs, electionTimeoutMaxMs } = raftConstants;

/** Leads term 2 of r1, r2 and r3, with 2 committed. */
function givenLeader(): Replica {
  const leader = givenReplica({ log: [1], learners: ['r4'] });
  makeLeader(leader);
  leader.step(accepted({ from: 'r2', term: 2, matchIndex: 2 }));
  leader.takeSent();
  return leader;
}

function roundOf(replica: Replica): number {
  return Math.max(...only(replica.takeSent(), 'appendEntries').map(({ round }) => round));
}

test('a leader answers when a quorum has acknowledged a round that began after the question', (t) => {
  const leader = givenLeader();

  leader.readIndex('r1.1.1');
  const round = roundOf(leader);
  const before = [...leader.readStates];
  leader.step(accepted({ from: 'r3', term: 2, matchIndex: 0, round }));
  leader.takeSent();

  t.deepEqual(before, []);
  t.deepEqual(leader.readStates, [{ requestId: 'r1.1.1', readIndex: index(2) }]);
});

test('questions that arrive together share one round', (t) => {
  const leader = givenLeader();

  leader.readIndex('r1.1.1');
  leader.readIndex('r1.1.2');
  leader.step(readIndexRequest({ from: 'r3', term: 2, requestId: 'r3.7.1' }));
  const asked = only(sentTo(leader.takeSent(), 'r2'), 'appendEntries');
  leader.step(accepted({ from: 'r2', term: 2, matchIndex: 2, round: asked[0]?.round ?? 0 }));
  const answers = only(leader.takeSent(), 'readIndexReply');

  t.is(asked.length, 1);
  t.deepEqual(
    leader.readStates.map(({ requestId }) => requestId),
    ['r1.1.1', 'r1.1.2'],
  );
  t.like(answers, [{ to: 'r3', requestId: 'r3.7.1', readIndex: index(2), publishIndex: index(2) }]);
});

test('a refusal of the round’s append confirms it too: whoever refuses still follows', (t) => {
  const leader = givenLeader();

  leader.readIndex('r1.1.1');
  const round = roundOf(leader);
  leader.step(rejected({ from: 'r3', term: 2, rejectedIndex: 1, hint: entryId(0, 0), round }));
  leader.takeSent();

  t.is(leader.readStates.length, 1);
});

test('a learner’s acknowledgement does not count', (t) => {
  const leader = givenLeader();

  leader.readIndex('r1.1.1');
  leader.step(accepted({ from: 'r4', term: 2, matchIndex: 2, round: roundOf(leader) }));
  leader.takeSent();

  t.deepEqual(leader.readStates, []);
});

test('a round that was lost is made up for by the next heartbeat', (t) => {
  const cluster = new Cluster({ size: 3 });
  cluster.elect('r1');
  cluster.runUntil('the first entry is everywhere', () => cluster.isSettled);
  cluster.intercept = (message) => (message.type === 'appendEntries' ? 'drop' : null);
  cluster.read('r1');
  cluster.intercept = null;

  cluster.run(heartbeatIntervalMs + 5);

  t.is(cluster.answeredReads.length, 1);
});

test('a replica alone answers at once, when its first entry is committed', (t) => {
  const alone = givenReplica({ voters: ['r1'], log: [1] });
  timeOut(alone);
  alone.readIndex('r1.1.1');
  alone.takeSent();
  const before = [...alone.readStates];

  alone.write();
  alone.takeSent();
  alone.readIndex('r1.1.2');
  alone.takeSent();

  t.deepEqual(before, []);
  t.deepEqual(
    alone.readStates.map(({ requestId, readIndex }) => `${requestId} ${readIndex}`),
    ['r1.1.1 2', 'r1.1.2 2'],
  );
});

test('a follower asks the leader, and learns with the answer what is published', (t) => {
  const follower = givenReplica({ log: [1, 1, 1] });
  follower.step(appendEntries({ term: 1, previous: entryId(1, 3), commitIndex: 1 }));
  follower.takeSent();

  follower.readIndex('r1.1.1');
  const asked = only(follower.takeSent(), 'readIndex');
  follower.step(readIndexReply({ term: 1, requestId: 'r1.1.1', readIndex: 2, publishIndex: 3 }));
  follower.takeSent();

  t.like(asked, [{ to: 'r2', requestId: 'r1.1.1' }]);
  t.deepEqual(follower.readStates, [{ requestId: 'r1.1.1', readIndex: index(2) }]);
  t.is(Number(follower.raft.applicableIndex), 3);
});

test('an answer announces no more than the follower has verified', (t) => {
  const follower = givenReplica({ log: [1, 1, 1] });
  follower.step(appendEntries({ term: 1, previous: entryId(1, 2) }));

  follower.readIndex('r1.1.1');
  follower.step(readIndexReply({ term: 1, requestId: 'r1.1.1', readIndex: 3 }));

  t.is(Number(follower.raft.applicableIndex), 2);
});

test('whoever does not lead, or knows no leader, answers null', (t) => {
  const follower = givenReplica({ log: [1] });

  follower.readIndex('r1.1.1');
  follower.step(readIndexRequest({ from: 'r3', term: 1, requestId: 'r3.1.1' }));
  const sent = follower.takeSent();

  t.deepEqual(follower.readStates, [{ requestId: 'r1.1.1', readIndex: null }]);
  t.like(only(sent, 'readIndexReply'), [{ to: 'r3', requestId: 'r3.1.1', readIndex: null }]);
});

test('a leader that steps down answers everyone who waits with null', (t) => {
  const leader = givenLeader();
  leader.readIndex('r1.1.1');
  leader.step(readIndexRequest({ from: 'r2', term: 2, requestId: 'r2.1.1' }));
  leader.takeSent();
  leader.readIndex('r1.1.2');
  leader.step(readIndexRequest({ from: 'r3', term: 2, requestId: 'r3.1.1' }));

  leader.step(appendEntries({ from: 'r3', term: 3 }));
  const sent = leader.takeSent();

  t.deepEqual(leader.readStates, [
    { requestId: 'r1.1.1', readIndex: null },
    { requestId: 'r1.1.2', readIndex: null },
  ]);
  t.deepEqual(
    only(sent, 'readIndexReply').map(({ to, requestId, readIndex }) => [to, requestId, readIndex]),
    [
      ['r2', 'r2.1.1', null],
      ['r3', 'r3.1.1', null],
    ],
  );
});

test('a leader that loses its quorum answers null in the end', (t) => {
  const leader = givenLeader();
  leader.readIndex('r1.1.1');
  leader.takeSent();

  while (leader.now < 2 * electionTimeoutMaxMs + 10 * heartbeatIntervalMs) timeOut(leader);

  t.deepEqual(leader.readStates, [{ requestId: 'r1.1.1', readIndex: null }]);
});

for (const [name, change] of [
  ['a new leader appears', (follower: Replica) => follower.step(appendEntries({ from: 'r3', term: 2 }))],
  ['a higher term begins', (follower: Replica) => follower.step(requestVote({ from: 'r3', term: 2 }))],
  ['it campaigns itself', (follower: Replica) => timeOut(follower)],
] as const) {
  test(`a follower’s question is answered with null when ${name}, and a late answer is not heard`, (t) => {
    const follower = givenReplica({ log: [1] });
    follower.step(appendEntries({ from: 'r2', term: 1, previous: entryId(1, 1) }));
    follower.write();
    follower.readIndex('r1.1.1');
    follower.takeSent();
    follower.now += 2 * electionTimeoutMaxMs;

    change(follower);
    follower.step(readIndexReply({ from: 'r2', term: 1, requestId: 'r1.1.1', readIndex: 1 }));
    follower.takeSent();

    t.deepEqual(follower.readStates, [{ requestId: 'r1.1.1', readIndex: null }]);
  });
}

test('the answer to a forgotten question, or to the same question again, is not heard', (t) => {
  const follower = givenReplica({ log: [1] });
  follower.step(appendEntries({ term: 1, previous: entryId(1, 1) }));
  for (const requestId of ['r1.1.1', 'r1.1.2']) follower.readIndex(requestId);

  follower.raft.forgetRead('r1.1.1');
  for (const requestId of ['r1.1.1', 'r1.1.2', 'r1.1.2']) {
    follower.step(readIndexReply({ term: 1, requestId, readIndex: 1 }));
  }
  follower.takeSent();

  t.deepEqual(
    follower.readStates.map(({ requestId }) => requestId),
    ['r1.1.2'],
  );
});

test('the read index is what was published when the round began, not what is when it ends', (t) => {
  const leader = givenLeader();
  leader.readIndex('r1.1.1');
  const round = roundOf(leader);

  leader.propose('x');
  leader.write();
  leader.step(accepted({ from: 'r2', term: 2, matchIndex: 3, round }));
  leader.takeSent();

  t.is(Number(leader.state.publishIndex), 3);
  t.deepEqual(leader.readStates, [{ requestId: 'r1.1.1', readIndex: index(2) }]);
});

test('every replica of a cluster is answered', (t) => {
  const cluster = new Cluster({ size: 3 });
  cluster.elect('r1');
  cluster.propose('r1', 'x');
  cluster.runUntil('it is everywhere', () => cluster.isSettled);

  for (const id of cluster.ids) cluster.read(id);
  cluster.run(10);

  t.deepEqual(cluster.answeredReads.map(({ asker }) => asker).sort(), ['r1', 'r2', 'r3']);
  for (const { readIndex } of cluster.answeredReads) t.is(Number(readIndex), 2);
});

test('entries that a follower lacks do not keep it from confirming a round', (t) => {
  const follower = givenReplica({ log: [1] });

  follower.step(appendEntries({ term: 1, previous: entryId(1, 1), entries: entries(2, 1), round: 4 }));
  follower.beginBatch();
  follower.step(appendEntries({ term: 1, round: 5 }));

  t.deepEqual(
    only(follower.takeSent(), 'appendEntriesReply').map(({ round }) => round),
    [5],
  );
});
