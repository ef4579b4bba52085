/**
 * One test for each paragraph of sections 5.1 to 5.4 of "In Search of an Understandable Consensus Algorithm (Extended
 * Version)", Ongaro and Ousterhout, 2014. Each has three parts, set apart by empty lines: init, act, check.
 *
 * An election here begins with a pre-vote, which changes no term: what the paper says of elections is said of the votes
 * that follow it. A leader begins its term with an entry of its own.
 */
import test from 'ava';
import { raftConstants } from '../../src/raft/constants.ts';
import type { Message } from '../../src/raft/message.ts';
import { type ReplicaId, term } from '../../src/raft/types.ts';
import { Cluster } from './cluster.ts';
import { accepted, appendEntries, only, rejected, requestVote, requestVoteReply, sentTo } from './messages.ts';
import type { Replica } from './replica.ts';
import {
  entries,
  entry,
  entryId,
  exchange,
  givenReplica,
  logTerms,
  makeCandidate,
  makeLeader,
  timeOut,
} from './replica.ts';
import { SeededRandom } from './seeded-random.ts';

const { heartbeatIntervalMs, electionTimeoutMinMs, electionTimeoutMaxMs } = raftConstants;

function roleOf(replica: Replica): string {
  return replica.state.role.name;
}

function electedCluster(size: number): Cluster {
  const cluster = new Cluster({ size });
  cluster.elect('r1');
  cluster.runUntil('the first entry is everywhere', () => cluster.isSettled);
  return cluster;
}

test('§5.1 ¶1: in normal operation one replica of five leads and the others follow; two failures are tolerated', (t) => {
  const cluster = electedCluster(5);
  const roles = cluster.up.map(roleOf);
  const refused = cluster.propose('r2', 'x');

  cluster.crash('r4');
  cluster.crash('r5');
  cluster.propose('r1', 'x');
  cluster.run(2 * heartbeatIntervalMs);

  t.deepEqual(roles, ['leader', 'follower', 'follower', 'follower', 'follower']);
  t.deepEqual(refused, { type: 'notLeader', leader: 'r1' }, 'a follower names the leader');
  for (const id of ['r1', 'r2', 'r3']) t.is(Number(cluster.appliedIndex(id)), 2);
});

test('§5.1 ¶1: a follower issues no requests of its own', (t) => {
  const follower = givenReplica({ log: [1] });

  follower.step(appendEntries({ term: 1, previous: entryId(1, 1), entries: entries(2, 1) }));
  follower.write();

  t.deepEqual(
    follower.takeSent().map(({ type }) => type),
    ['appendEntriesReply'],
  );
});

test('§5.1 ¶2: a term begins with an election; after a split vote it ends without a leader and another follows', (t) => {
  const candidate = givenReplica({ log: [1], voters: ['r1', 'r2', 'r3', 'r4'] });
  makeCandidate(candidate);
  const splitTerm = candidate.state.currentTerm;

  candidate.step(requestVoteReply({ from: 'r2', term: 2, granted: true }));
  candidate.step(requestVoteReply({ from: 'r3', term: 2, granted: false }));
  const whileSplit = roleOf(candidate);
  makeLeader(candidate);

  t.is(Number(splitTerm), 2);
  t.is(whileSplit, 'candidate');
  t.is(roleOf(candidate), 'leader');
  t.is(Number(candidate.state.currentTerm), 3);
});

test('§5.1 ¶3: a replica takes over a larger term; a leader or candidate that hears of one follows', (t) => {
  const follower = givenReplica({ log: [1] });
  const candidate = givenReplica({ log: [1] });
  makeCandidate(candidate);
  const leader = givenReplica({ log: [1] });
  makeLeader(leader);

  follower.step(appendEntries({ term: 7 }));
  candidate.step(requestVoteReply({ term: 7, granted: false }));
  leader.step(rejected({ term: 7, rejectedIndex: 0, hint: entryId(0, 0) }));

  for (const replica of [follower, candidate, leader]) {
    t.is(Number(replica.state.currentTerm), 7);
    t.is(roleOf(replica), 'follower');
  }
});

test('§5.1 ¶3: a request with a stale term is rejected, with the present one', (t) => {
  const follower = givenReplica({ log: [1], currentTerm: 5 });

  follower.step(appendEntries({ term: 4, previous: entryId(1, 1), entries: entries(2, 4) }));
  follower.step(requestVote({ from: 'r3', term: 4, last: entryId(4, 9) }));

  const sent = follower.takeSent();
  t.deepEqual(
    only(sent, 'appendEntriesReply').map(({ term, result }) => [term, result.type]),
    [[5, 'rejected']],
  );
  t.deepEqual(
    only(sent, 'requestVoteReply').map(({ term, granted }) => [term, granted]),
    [[5, false]],
  );
  t.deepEqual(logTerms(follower), [1]);
});

test('§5.1 ¶4: requests go to all in parallel, and are repeated while no answer comes', (t) => {
  const leader = givenReplica({ log: [1] });
  makeLeader(leader);

  const rounds = [timeOut(leader), timeOut(leader)].map((sent) =>
    only(sent, 'appendEntries').map(({ to, previous }) => `${to} after ${previous.index}`),
  );

  for (const round of rounds) {
    t.true(round.includes('r2 after 1'));
    t.true(round.includes('r3 after 1'));
  }
});

test('§5.2 ¶1: a replica starts as a follower', (t) => {
  const replica = givenReplica({ log: [1, 1], currentTerm: 3, votedFor: 'r1' });

  replica.tick();

  t.is(roleOf(replica), 'follower');
  t.deepEqual(replica.takeSent(), []);
});

test('§5.2 ¶1: a follower that hears from a leader remains one; when it hears nothing it begins an election', (t) => {
  const follower = givenReplica({ log: [1] });

  for (let round = 1; round <= 20; round++) {
    follower.now += heartbeatIntervalMs;
    follower.step(appendEntries({ term: 1, round }));
    follower.tick();
  }
  const whileHearing = roleOf(follower);
  follower.now += electionTimeoutMinMs;
  follower.tick();

  t.is(whileHearing, 'follower');
  t.is(roleOf(follower), 'preCandidate');
});

test('§5.2 ¶2: a candidate increments its term, votes for itself, and asks all others in parallel', (t) => {
  const replica = givenReplica({ log: [1, 3], voters: ['r1', 'r2', 'r3', 'r4', 'r5'] });

  const sent = makeCandidate(replica);

  t.is(roleOf(replica), 'candidate');
  t.deepEqual(replica.disk.hardState, { currentTerm: term(4), votedFor: 'r1', claim: null });
  t.deepEqual(
    only(sent, 'requestVote')
      .filter(({ phase }) => phase === 'vote')
      .map(({ to, term, last }) => ({ to, term: Number(term), last })),
    ['r2', 'r3', 'r4', 'r5'].map((to) => ({ to, term: 4, last: entryId(3, 2) })),
  );
});

test('§5.2 ¶3: a candidate wins if it receives votes from a majority of the full cluster for the same term', (t) => {
  const candidate = givenReplica({ log: [1], voters: ['r1', 'r2', 'r3', 'r4', 'r5'] });
  makeCandidate(candidate);

  candidate.step(requestVoteReply({ from: 'r2', term: 1, granted: true }));
  candidate.step(requestVoteReply({ from: 'r3', term: 2, granted: true }));
  const withTwo = roleOf(candidate);
  candidate.step(requestVoteReply({ from: 'r3', term: 2, granted: true }));
  const withTheSameTwice = roleOf(candidate);
  candidate.step(requestVoteReply({ from: 'r4', term: 2, granted: true }));

  t.is(withTwo, 'candidate', 'a vote of another term does not count');
  t.is(withTheSameTwice, 'candidate', 'a voter counts once');
  t.is(roleOf(candidate), 'leader');
});

test('§5.2 ¶3: a replica votes for one candidate in a term, whoever comes first', (t) => {
  const voter = givenReplica({ log: [1] });

  voter.step(requestVote({ from: 'r2', term: 2, last: entryId(1, 1) }));
  voter.step(requestVote({ from: 'r3', term: 2, last: entryId(1, 1) }));
  voter.step(requestVote({ from: 'r2', term: 2, last: entryId(1, 1) }));
  voter.write();

  t.deepEqual(
    only(voter.takeSent(), 'requestVoteReply').map(({ to, granted }) => [to, granted]),
    [
      ['r2', true],
      ['r3', false],
      ['r2', true],
    ],
  );
});

test('§5.2 ¶3: a new leader sends heartbeats to all others to establish its authority', (t) => {
  const candidate = givenReplica({ log: [1] });

  const sent = makeLeader(candidate);

  for (const follower of ['r2', 'r3']) {
    t.true(only(sentTo(sent, follower), 'appendEntries').some((message) => message.term === 2));
  }
});

test('§5.2 ¶4: a candidate follows a leader of its own or a later term, and rejects one of an earlier', (t) => {
  const [own, later, earlier] = [2, 3, 1].map((term) => {
    const candidate = givenReplica({ log: [1] });
    makeCandidate(candidate);
    candidate.step(appendEntries({ term }));
    candidate.write();
    return candidate;
  }) as [Replica, Replica, Replica];

  const [toOwn, toLater, toEarlier] = [own, later, earlier].map((candidate) => candidate.takeSent()) as [
    readonly Message[],
    readonly Message[],
    readonly Message[],
  ];

  t.deepEqual([own, later, earlier].map(roleOf), ['follower', 'follower', 'candidate']);
  t.deepEqual(
    [toOwn, toLater, toEarlier].map((sent) => only(sent, 'appendEntriesReply').map(({ result }) => result.type)),
    [['accepted'], ['accepted'], ['rejected']],
  );
});

test('§5.2 ¶5: candidates that split the vote time out and begin a new election in a higher term', (t) => {
  const [r2, r3] = [givenReplica({ id: 'r2', log: [1] }), givenReplica({ id: 'r3', log: [1] })];
  const [fromR2, fromR3] = [timeOut(r2), timeOut(r3)];
  r2.step(...sentTo(fromR3, 'r2'));
  r3.step(...sentTo(fromR2, 'r3'));
  exchange(r2, r3);
  const whileSplit = [r2, r3].map((replica) => [roleOf(replica), Number(replica.state.currentTerm)]);

  r3.step(...sentTo(timeOut(r2), 'r3'));
  exchange(r2, r3);

  t.deepEqual(whileSplit, [
    ['candidate', 2],
    ['candidate', 2],
  ]);
  t.deepEqual(
    [r2, r3].map((replica) => [roleOf(replica), Number(replica.state.currentTerm)]),
    [
      ['leader', 3],
      ['follower', 3],
    ],
  );
});

test('§5.2 ¶6: election timeouts are random in a fixed range, and chosen anew for each election', (t) => {
  const replica = givenReplica({ log: [1], random: new SeededRandom(1) });

  const timeouts = Array.from({ length: 200 }, () => {
    timeOut(replica);
    return replica.raft.nextDeadlineAt - replica.now;
  });

  t.true(Math.min(...timeouts) >= electionTimeoutMinMs);
  t.true(Math.max(...timeouts) < electionTimeoutMaxMs);
  t.true(Math.min(...timeouts) < electionTimeoutMinMs + 0.1 * (electionTimeoutMaxMs - electionTimeoutMinMs));
  t.true(Math.max(...timeouts) > electionTimeoutMaxMs - 0.1 * (electionTimeoutMaxMs - electionTimeoutMinMs));
});

test('§5.2 ¶7: replicas have no ranks: each of them can lead', (t) => {
  const cluster = electedCluster(3);

  const leaders = ['r2', 'r3', 'r1'].map((id) => {
    cluster.preferred = id;
    const { leader } = cluster;
    cluster.run(2 * heartbeatIntervalMs);
    if (leader !== null) {
      cluster.crash(leader.id);
      cluster.elect(id);
      cluster.start(leader.id);
    }
    cluster.runUntil('all agree', () => cluster.isSettled);
    return cluster.leader?.id;
  });

  t.deepEqual(leaders, ['r2', 'r3', 'r1']);
});

test('§5.3 ¶1: a command is appended, sent to all in parallel, and applied once it is safely replicated', (t) => {
  const leader = givenReplica();
  makeLeader(leader);
  for (const from of ['r2', 'r3']) leader.step(accepted({ from, term: 1, matchIndex: 1 }));
  leader.takeSent();

  leader.propose('x');
  const sent = only(leader.takeSent(), 'appendEntries');
  leader.write();
  const before = leader.raft.applicableIndex;
  leader.step(accepted({ from: 'r3', term: 1, matchIndex: 2 }));

  t.deepEqual(logTerms(leader), [1, 1]);
  t.deepEqual(
    sent.map(({ to, entries: sentEntries }) => [to, sentEntries.length]),
    [
      ['r2', 1],
      ['r3', 1],
    ],
  );
  t.is(Number(before), 1);
  t.is(Number(leader.raft.applicableIndex), 2);
});

test('§5.3 ¶1: a leader repeats appends, even after it has answered, until every follower stores every entry', (t) => {
  const cluster = electedCluster(3);
  cluster.separate(['r3']);

  cluster.propose('r1', 'x');
  cluster.runUntil('it is committed', () => cluster.appliedIndex('r1') === 2);
  cluster.run(1000);
  const whileAway = cluster.disk('r3').last.index;
  cluster.heal();
  cluster.runUntil('it is everywhere', () => cluster.isSettled);

  t.is(Number(whileAway), 1);
  t.is(Number(cluster.disk('r3').last.index), 2);
});

test('§5.3 ¶2: an entry holds its command, the term in which a leader received it, and its index', (t) => {
  const leader = givenReplica({ log: [1, 3] });
  makeLeader(leader);

  leader.propose('x');
  leader.write();

  t.deepEqual(leader.disk.entries.at(-1), entry(4, 4, 'x'));
});

test('§5.3 ¶3: an entry is committed once the leader that created it has replicated it on a majority', (t) => {
  const leader = givenReplica({ log: [1, 2], voters: ['r1', 'r2', 'r3', 'r4', 'r5'] });
  makeLeader(leader);

  leader.step(accepted({ from: 'r2', term: 3, matchIndex: 3 }));
  const withTwoOfFive = leader.state.commitIndex;
  leader.step(accepted({ from: 'r4', term: 3, matchIndex: 3 }));

  t.is(Number(withTwoOfFive), 0);
  t.is(Number(leader.state.commitIndex), 3, 'with all that precedes it, of earlier leaders too');
});

test('§5.3 ¶3: followers learn of commits from appends and heartbeats, and apply in log order', (t) => {
  const follower = givenReplica({ log: [1] });

  const learned = [
    appendEntries({ term: 1, previous: entryId(1, 1), entries: entries(2, 1, 1), commitIndex: 1 }),
    appendEntries({ term: 1, previous: entryId(1, 3), commitIndex: 2 }),
    appendEntries({ term: 1, previous: entryId(1, 3), commitIndex: 3 }),
  ].map((message) => {
    follower.step(message);
    follower.write();
    return follower.raft.applicableIndex;
  });

  t.deepEqual(learned.map(Number), [1, 2, 3]);
});

test('§5.3 ¶4: entries of one index and term are the same on all logs, and so is all before them', (t) => {
  const cluster = electedCluster(3);
  const rounds = ['r1', 'r2', 'r3', 'r1'];

  for (const id of rounds) {
    cluster.preferred = id;
    cluster.heal();
    cluster.run(2 * heartbeatIntervalMs);
    const leader = cluster.leaderId;
    cluster.separate([leader]);
    cluster.propose(leader, 'lost', 'as well');
    if (id !== leader) cluster.elect(id);
    cluster.run(2 * electionTimeoutMaxMs);
    cluster.propose(cluster.leaderId, 'kept');
    cluster.run(heartbeatIntervalMs);
  }
  cluster.heal();
  cluster.runUntil('all agree', () => cluster.isSettled);

  t.deepEqual(cluster.disk('r2').entries, cluster.disk('r1').entries);
  t.deepEqual(cluster.disk('r3').entries, cluster.disk('r1').entries);
  t.true(cluster.disk('r1').last.index > rounds.length);
});

test('§5.3 ¶5: an append names the entry before its own; a follower without that entry refuses', (t) => {
  const leader = givenReplica({ log: [1, 2] });
  const announced = only(makeLeader(leader), 'appendEntries').filter(({ previous }) => previous.index > 0);
  const [shorter, other, equal] = [[1], [1, 1], [1, 2]].map((log) => givenReplica({ log, currentTerm: 2 })) as [
    Replica,
    Replica,
    Replica,
  ];

  const answers = [shorter, other, equal].map((follower) => {
    follower.step(appendEntries({ term: 3, previous: entryId(2, 2), entries: entries(3, 3) }));
    follower.write();
    return only(follower.takeSent(), 'appendEntriesReply').map(({ result }) => result.type);
  });

  t.true(announced.length > 0);
  for (const { previous } of announced) t.deepEqual(previous, entryId(2, 2));
  t.deepEqual(answers, [['rejected'], ['rejected'], ['accepted']]);
  t.deepEqual([shorter, other, equal].map(logTerms), [[1], [1, 1], [1, 2, 3]]);
});

/** Figure 7: logs that may be found when the leader for term 8 comes to power. */
const figure7 = {
  leader: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6],
  a: [1, 1, 1, 4, 4, 5, 5, 6, 6],
  b: [1, 1, 1, 4],
  c: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6],
  d: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7],
  e: [1, 1, 1, 4, 4, 4, 4],
  f: [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3],
};

function leaderOfFigure7(): Replica {
  const leader = givenReplica({ log: figure7.leader, currentTerm: 7 });
  // Its messages stay with it until they are carried.
  timeOut(leader);
  leader.step(requestVoteReply({ from: 'r3', term: 8, phase: 'preVote', granted: true }));
  leader.write();
  leader.takeSent();
  leader.step(requestVoteReply({ from: 'r3', term: 8, granted: true }));
  return leader;
}

for (const name of ['a', 'b', 'c', 'd', 'e', 'f'] as const) {
  test(`§5.3 ¶6–7: the leader of figure 7 makes the log of follower (${name}) a copy of its own`, (t) => {
    const leader = leaderOfFigure7();
    const follower = givenReplica({ id: 'r2', log: figure7[name], currentTerm: 7 });

    exchange(leader, follower);

    t.deepEqual(logTerms(follower), [...figure7.leader, 8]);
    t.deepEqual(follower.disk.entries, leader.disk.entries);
  });
}

test('§5.3 ¶8: a new leader begins with the index after its last; each refusal moves it back, until logs agree', (t) => {
  const leader = leaderOfFigure7();
  const follower = givenReplica({ id: 'r2', log: figure7.b, currentTerm: 7 });

  const carried = exchange(leader, follower);

  const previous = only(carried, 'appendEntries').map((message) => Number(message.previous.index));
  t.deepEqual([...new Set(previous.filter((index) => index > 0))], [10, 4]);
  t.deepEqual(logTerms(follower), [...figure7.leader, 8]);
});

test('§5.3 ¶9: a conflict costs one refusal for each term with conflicting entries, not one for each entry', (t) => {
  const leader = leaderOfFigure7();
  const follower = givenReplica({ id: 'r2', log: figure7.f, currentTerm: 7 });

  const refusals = only(exchange(leader, follower), 'appendEntriesReply').filter(
    ({ result }) => result.type === 'rejected',
  );

  t.true(refusals.length <= 2, `${refusals.length} refusals for 8 conflicting entries of 2 terms`);
  t.deepEqual(logTerms(follower), [...figure7.leader, 8]);
});

test('§5.3 ¶10: a leader never overwrites or deletes entries in its own log', (t) => {
  const leader = givenReplica({ log: [1, 2, 2] });
  makeLeader(leader);
  const before = logTerms(leader);

  leader.step(rejected({ term: 3, rejectedIndex: 3, hint: entryId(0, 0) }));
  leader.step(appendEntries({ term: 2, previous: entryId(1, 1), entries: entries(2, 1) }));
  leader.propose('x');

  t.deepEqual(logTerms(leader), [...before, 3]);
});

test('§5.3 ¶11: one round of messages to a majority commits an entry, however slow the others are', (t) => {
  const cluster = electedCluster(5);
  cluster.separate(['r4', 'r5']);
  const before = cluster.now;

  cluster.propose('r1', 'x');
  cluster.runUntil('it is applied', () => cluster.appliedIndex('r1') === 2);

  // A millisecond there, one to write, one back.
  t.is(cluster.now - before, 3);
});

test('§5.4 ¶1: a follower that was away while entries were committed cannot lead and overwrite them', (t) => {
  const cluster = electedCluster(3);
  cluster.separate(['r3']);
  cluster.propose('r1', 'x', 'y');
  cluster.runUntil('both are committed', () => cluster.appliedIndex('r1') === 3);
  cluster.crash('r1');
  cluster.preferred = 'r3';
  cluster.heal();

  cluster.runUntil('somebody leads', () => cluster.leader !== null);
  cluster.start('r1');
  cluster.runUntil('all agree', () => cluster.isSettled);

  t.is(cluster.leader?.id, 'r2');
  t.deepEqual(cluster.disk('r3').entries.slice(1, 3), [entry(1, 2, 'x'), entry(1, 3, 'y')]);
});

test('§5.4 ¶2: the leader of a term holds every entry committed in earlier terms', (t) => {
  const cluster = electedCluster(5);
  cluster.separate(['r1', 'r2', 'r3']);
  cluster.propose('r1', 'x');
  cluster.runUntil('it is committed', () => cluster.appliedIndex('r1') === 2);
  cluster.crash('r1');
  cluster.heal();

  // Of those that are up, r2 and r3 hold it, and one of them is in each majority.
  cluster.preferred = 'r4';
  cluster.runUntil('somebody leads', () => cluster.leader !== null);

  t.true(['r2', 'r3'].includes(cluster.leader?.id ?? ''));
  t.true(cluster.leader?.state.log.matches(entryId(1, 2)));
});

test('§5.4.1 ¶1: a new leader has all committed entries from the start: entries flow from leaders to followers', (t) => {
  const candidate = givenReplica({ log: [1, 1] });

  makeLeader(candidate);
  candidate.step(requestVoteReply({ from: 'r3', term: 2, granted: true, last: entryId(1, 9) }));

  t.deepEqual(logTerms(candidate), [1, 1, 2], 'no answer to a vote brings an entry');
});

test('§5.4.1 ¶2: a request for a vote tells where the log ends; a voter whose log is more up-to-date denies it', (t) => {
  const candidate = givenReplica({ log: [1, 2, 2] });
  const voter = givenReplica({ log: [1, 2, 2] });

  const asked = only(makeCandidate(candidate), 'requestVote');
  voter.step(requestVote({ term: 9, last: entryId(2, 2) }));
  voter.write();

  for (const { last } of asked) t.deepEqual(last, entryId(2, 3));
  const [denied] = only(voter.takeSent(), 'requestVoteReply');
  t.is(denied?.granted, false);
  t.is(voter.state.votedFor, null);
});

for (const [candidateEnd, granted] of [
  [entryId(3, 1), true],
  [entryId(2, 3), true],
  [entryId(2, 4), true],
  [entryId(2, 2), false],
  [entryId(1, 9), false],
] as const) {
  test(`§5.4.1 ¶3: a log that ends in 2/3 ${granted ? 'votes for' : 'denies'} one that ends in ${candidateEnd.term}/${candidateEnd.index}`, (t) => {
    const voters = (['preVote', 'vote'] as const).map((phase) => ({ phase, voter: givenReplica({ log: [1, 2, 2] }) }));

    for (const { phase, voter } of voters) {
      voter.step(requestVote({ phase, term: 4, last: candidateEnd }));
      voter.write();
    }

    for (const { voter } of voters) {
      t.deepEqual(
        only(voter.takeSent(), 'requestVoteReply').map((reply) => reply.granted),
        [granted],
      );
    }
  });
}

test('§5.4.2 ¶1: an entry of an earlier term is not committed because a majority stores it (figure 8)', (t) => {
  // (c): S1 leads term 4 and has copied the entry of term 2 to a majority of five.
  const leader = givenReplica({ log: [1, 2], currentTerm: 3, voters: ['r1', 'r2', 'r3', 'r4', 'r5'] });
  makeLeader(leader);

  leader.step(accepted({ from: 'r2', term: 4, matchIndex: 2 }));
  leader.step(accepted({ from: 'r3', term: 4, matchIndex: 2 }));
  leader.step(accepted({ from: 'r4', term: 4, matchIndex: 2 }));

  t.is(Number(leader.state.commitIndex), 0);
});

test('§5.4.2 ¶2: an entry of the current term commits all before it (figure 8 e)', (t) => {
  const leader = givenReplica({ log: [1, 2], currentTerm: 3, voters: ['r1', 'r2', 'r3', 'r4', 'r5'] });
  makeLeader(leader);

  leader.step(accepted({ from: 'r2', term: 4, matchIndex: 3 }));
  leader.step(accepted({ from: 'r3', term: 4, matchIndex: 3 }));

  t.is(Number(leader.state.commitIndex), 3);
});

test('§5.4.2 ¶3: entries keep the term they were created in when a later leader replicates them', (t) => {
  const leader = givenReplica({ log: [1, 2, 2] });
  const announced = makeLeader(leader);
  const follower = givenReplica({ id: 'r2', log: [1] });
  follower.step(...sentTo(announced, 'r2'));

  exchange(leader, follower);

  t.deepEqual(
    follower.disk.entries.map(({ term }) => Number(term)),
    [1, 2, 2, 3],
  );
});

test('§5.4.3 ¶1: a voter that has voted in a later term accepts nothing more from an earlier leader', (t) => {
  const voter = givenReplica({ log: [1, 2] });

  voter.step(requestVote({ from: 'r3', term: 3, last: entryId(2, 2) }));
  voter.step(appendEntries({ from: 'r2', term: 2, previous: entryId(2, 2), entries: entries(3, 2) }));
  voter.write();

  t.deepEqual(logTerms(voter), [1, 2]);
  t.deepEqual(
    only(voter.takeSent(), 'appendEntriesReply').map(({ term, result }) => [Number(term), result.type]),
    [[3, 'rejected']],
  );
});

test('§5.4.3 ¶2: replicas apply the same entries, in index order', (t) => {
  const cluster = electedCluster(3);
  const applied = (id: ReplicaId) => cluster.disk(id).entries.slice(0, cluster.appliedIndex(id));

  for (const preferred of ['r2', 'r3']) {
    cluster.preferred = preferred;
    cluster.run(2 * heartbeatIntervalMs);
    const leader = cluster.leaderId;
    cluster.propose(leader, 'x', 'y');
    cluster.run(1);
    cluster.crash(leader);
    cluster.elect(preferred);
    cluster.start(leader);
  }
  cluster.runUntil('all agree', () => cluster.isSettled);

  t.true(applied('r1').length >= 3);
  t.deepEqual(applied('r2'), applied('r1'));
  t.deepEqual(applied('r3'), applied('r1'));
});
