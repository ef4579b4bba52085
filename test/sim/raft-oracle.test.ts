/** The oracle: silent over runs in which Raft holds, however bad they are, and not over one in which a property does not. */
import test, { type ExecutionContext } from 'ava';
import { raftConstants } from '../../src/raft/constants.ts';
import type { AppendEntries, Message } from '../../src/raft/message.ts';
import type { LeaderRole, RaftState, ReadRequest } from '../../src/raft/state.ts';
import { type Entry, type Index, index, type ReplicaId, term } from '../../src/raft/types.ts';
import { encodeMessages } from '../../src/store/message-codec.ts';
import type { Conditions } from '../raft/cluster.ts';
import { configurationOf } from '../raft/memory-disk.ts';
import {
  accepted,
  appendEntries,
  readIndexReply,
  readIndexRequest,
  requestVote,
  requestVoteReply,
} from '../raft/messages.ts';
import { earliest, entry, entryId, givenReplica, makeLeader, Replica } from '../raft/replica.ts';
import { RowsOf, WatchedCluster } from './oracle-fixture.ts';
import type { Property } from './oracle-violation.ts';
import { Probes } from './probes.ts';
import { RaftOracle, SafetyViolation } from './raft-oracle.ts';

// Runs in which everything holds

const rough: Conditions = {
  messageMs: [0.2, 5],
  lossProbability: 0.05,
  duplicateProbability: 0.05,
  lateProbability: 0.05,
  lateMs: 1500,
  writeMs: [0.2, 20],
};

/** Small, so that logs are cut, resent and read back from disk. */
const smallBounds = { appendBytesMax: 400, batchBytesMax: 500, entryBytesMax: 1000, logCacheBytesMax: 1500 };

/** What may happen next, and how often. */
const deeds: readonly (readonly [weight: number, deed: (watched: WatchedCluster, id: ReplicaId) => void])[] = [
  [40, proposeToLeaders],
  [20, readAtAll],
  [5, ({ cluster }) => cluster.separate(cluster.ids.filter(() => cluster.random.chance(0.5)))],
  [4, ({ cluster }, id) => cluster.cut(id, cluster.random.pick(cluster.ids))],
  [14, ({ cluster }) => cluster.heal()],
  [4, (watched, id) => watched.cluster.isUp(id) && watched.crash(id)],
  [3, (watched) => watched.cluster.leader !== null && watched.crash(watched.cluster.leaderId)],
  [3, ({ cluster }) => cluster.leader !== null && cluster.pause(cluster.leaderId, cluster.random.between(300, 1500))],
  [17, restartOne],
];

function readAtAll({ cluster }: WatchedCluster): void {
  for (const { id } of cluster.up) cluster.read(id);
}

function proposeToLeaders({ cluster }: WatchedCluster): void {
  for (const { id, state } of cluster.up) if (state.role.name === 'leader') cluster.propose(id, 'x', 'y');
}

function restartOne(watched: WatchedCluster): void {
  const { cluster, oracle } = watched;
  const { random, ids } = cluster;
  const id = ids.find((id) => !cluster.isUp(id));
  if (id === undefined) return;
  const claims = ids.filter((other) => other !== id && cluster.disk(other).hardState.claim !== null).length;
  if (oracle.committedIndex > 0 && claims < (ids.length - 1) / 2 && random.chance(0.5)) {
    watched.damage(id, random.integer(0, cluster.disk(id).last.index));
  }
  watched.start(id);
}

function runFaults(size: number, seed: number): WatchedCluster {
  const watched = new WatchedCluster({ size, seed, conditions: rough, constants: smallBounds });
  const { cluster } = watched;
  const total = deeds.reduce((sum, [weight]) => sum + weight, 0);
  while (cluster.now < 10_000) {
    let choice = cluster.random.between(0, total);
    const [, deed] = deeds.find(([weight]) => {
      choice -= weight;
      return choice < 0;
    }) ?? [0, proposeToLeaders];
    deed(watched, cluster.random.pick(cluster.ids));
    watched.look();
    cluster.run(cluster.random.between(1, 60));
  }
  watched.look();
  return watched;
}

for (const [size, seeds] of [
  [3, 40],
  [5, 20],
] as const) {
  test(`nothing is found in ${seeds} runs of ${size} replicas, cut off, crashed and damaged`, (t) => {
    const reached = new Map<string, number>();
    let changes = 0;
    for (let seed = 1; seed <= seeds; seed++) {
      const { oracle, cluster, probes } = runFaults(size, seed);
      t.is(oracle.committedIndex, cluster.safety.committedIndex, `seed ${seed}`);
      changes += oracle.leaderChanges;
      for (const [name, count] of probes.counts) reached.set(name, (reached.get(name) ?? 0) + count);
    }
    t.log(`${changes} changes of leader`, Object.fromEntries(reached));
    t.true(changes > seeds);
    for (const path of rarePaths) t.true(reached.has(path), path);
  });
}

const rarePaths = [
  'raft: a leader was deposed by a higher term',
  'raft: a leader stepped down without a quorum',
  'raft: a follower truncated its log',
  'raft: a new leader committed entries of older terms',
  'raft: a RECOVERING replica granted a vote',
  'raft: a RECOVERING replica acknowledged',
  'raft: a RECOVERING replica recovered',
  'raft: a term had no leader',
  'raft: a laggard was fed from disk',
  'raft: a leader was elected against another candidate',
];

test('the committed log is what was proposed, in order', (t) => {
  const { cluster, oracle } = settled();
  cluster.propose('r1', 'c', 'd');
  cluster.runUntil('all is committed', () => cluster.isSettled);
  const commands = oracle.committedLog().flatMap((entry) => (entry.type === 'command' ? [text(entry.command)] : []));
  t.deepEqual(commands, ['a', 'b', 'c', 'd']);
  t.deepEqual(
    oracle.committedLog().map((entry) => Number(entry.index)),
    [1, 2, 3, 4, 5],
  );
});

// One bad case of each property

/** r1 leads; entry 1 and the commands a and b are committed everywhere. */
function settled(): WatchedCluster {
  const watched = new WatchedCluster({ size: 3 });
  const { cluster } = watched;
  cluster.elect('r1');
  cluster.propose('r1', 'a', 'b');
  cluster.runUntil('all is committed', () => cluster.isSettled);
  watched.look();
  return watched;
}

/** As `settled`; then r1 was cut off, with two entries of its own, and r2 leads a later term with one of its own. */
function divided(): WatchedCluster {
  const watched = settled();
  const { cluster } = watched;
  cluster.separate(['r1']);
  cluster.propose('r1', 'lost', 'lost too');
  cluster.elect('r2');
  cluster.runUntil('r1 has given up', () => cluster.replica('r1').state.role.name !== 'leader');
  watched.look();
  return watched;
}

function violates(t: ExecutionContext, property: Property, work: () => void): void {
  const error = t.throws(work, { instanceOf: SafetyViolation });
  t.is(error?.property, property, error?.message);
  t.log(error?.message);
}

/** A message of this replica's present life. */
function of(watched: WatchedCluster, from: ReplicaId, to: ReplicaId, make: (fields: Fields) => Message): Message {
  const { uuid, bootId, currentTerm } = watched.state(from);
  return make({ from, to, uuid, bootId, term: currentTerm });
}

interface Fields {
  readonly from: ReplicaId;
  readonly to: ReplicaId;
  readonly uuid: string;
  readonly bootId: number;
  readonly term: number;
}

test('election safety: two leaders in one term', (t) => {
  const watched = settled();
  const heartbeat = of(watched, 'r2', 'r3', (fields) => appendEntries(fields));
  violates(t, 'election safety', () => watched.says(heartbeat));
});

test('election safety: a leader whom no quorum has voted for', (t) => {
  const replica = givenReplica();
  const oracle = new RaftOracle({ disks: disksOf(['r1', 'r2', 'r3'], replica.disk), probes: new Probes() });
  oracle.started('r1', () => replica.state);
  makeLeader(replica);
  violates(t, 'election safety', () => oracle.stepped('r1'));
});

function disksOf(ids: readonly ReplicaId[], disk: ConstructorParameters<typeof RowsOf>[0]) {
  return new Map(ids.map((id) => [id, new RowsOf(disk)]));
}

test('leader append-only: a leader cuts its own log', (t) => {
  const watched = settled();
  const { cluster } = watched;
  cluster.separate(['r1']);
  for (const peer of ['r2', 'r3']) cluster.disconnect('r1', peer);
  cluster.propose('r1', 'c', 'd');
  watched.look();
  watched.state('r1').log.truncateFrom(index(4));
  violates(t, 'leader append-only', () => watched.oracle.stepped('r1'));
});

test('log matching: a leader sends another entry under the name of one that is known', (t) => {
  const watched = settled();
  violates(t, 'log matching', () => watched.says(leaderSends(watched, [entry(1, 3, 'other')])));
});

test('log matching: a leader sends an entry that nobody made', (t) => {
  const watched = settled();
  const made = leaderSends(watched, [entry(1, 3, 'b'), entry(1, 4, 'c')]);
  violates(t, 'log matching', () => watched.says(made));
});

function leaderSends(watched: WatchedCluster, entries: readonly Entry[]): Message {
  return of(watched, 'r1', 'r2', (fields) => appendEntries({ ...fields, previous: entryId(1, 2), entries }));
}

test('log matching: a leader sends what was never in its log', (t) => {
  const watched = divided();
  const foreign = of(watched, 'r2', 'r3', (fields) => appendEntries({ ...fields, previous: entryId(1, 4) }));
  violates(t, 'log matching', () => watched.says(foreign));
});

test('log matching: a disk holds another entry under a known name', (t) => {
  const watched = settled();
  watched.crash('r2');
  watched.rows('r2').replaceEntry(2, entry(1, 2, 'other'));
  violates(t, 'log matching', () => watched.start('r2'));
});

test('log matching: a disk holds what cannot be read', (t) => {
  const watched = settled();
  watched.crash('r2');
  watched.rows('r2').replaceRow(2, Buffer.alloc(40, 1));
  violates(t, 'log matching', () => watched.start('r2'));
});

test('log matching: a follower appends what no leader has made', (t) => {
  const watched = settled();
  watched.state('r2').log.append([entry(1, 4, 'own')]);
  violates(t, 'log matching', () => watched.oracle.stepped('r2'));
});

test('leader completeness: a leader without an entry that is committed', (t) => {
  const watched = settled();
  const { cluster } = watched;
  const r3 = cluster.replica('r3');
  cluster.separate(['r3']);
  cluster.propose('r1', 'c');
  cluster.runUntil('c is committed', () => watched.oracle.committedIndex === 4);
  cluster.runUntil('r3 misses its leader', () => r3.state.role.name === 'preCandidate');
  r3.step(requestVoteReply({ from: 'r1', to: 'r3', phase: 'preVote', term: 2, granted: true }));
  cluster.runUntil('r3 asks for votes', () => cluster.disk('r3').hardState.currentTerm === 2);
  watched.look();
  // r1 forgets what it holds, and votes.
  watched.rows('r1').replaceHardState({ currentTerm: term(2), votedFor: 'r3', claim: null });
  const vote = of(watched, 'r1', 'r3', (fields) => requestVoteReply({ ...fields, term: 2, granted: true }));
  watched.says(vote);
  violates(t, 'leader completeness', () => r3.step(vote));
});

test('state machine safety: two states at one index', (t) => {
  const watched = settled();
  violates(t, 'state machine safety', () => watched.oracle.applied('r2', index(3), 'other'));
});

test('state machine safety: what nobody has committed is applied', (t) => {
  const watched = settled();
  violates(t, 'state machine safety', () => watched.oracle.applied('r2', index(4), ''));
});

test('state machine safety: another entry is committed than was committed', (t) => {
  const watched = divided();
  const commitIndex = index(4);
  const state = { ...watched.state('r1'), commitIndex };
  violates(t, 'state machine safety', () => watched.pretends('r1', anew(state)));
});

test('state machine safety: a leader tells of more than is committed', (t) => {
  const watched = settled();
  const ahead = of(watched, 'r1', 'r2', (fields) => appendEntries({ ...fields, commitIndex: 4 }));
  violates(t, 'state machine safety', () => watched.says(ahead));
});

/** The same as the state of another life. */
function anew(state: Readonly<RaftState>): Readonly<RaftState> {
  return { ...state, bootId: state.bootId + 1 };
}

test('one vote per term: a second vote', (t) => {
  const watched = settled();
  const last = entryId(1, 3);
  watched.rows('r2').replaceHardState({ currentTerm: term(2), votedFor: 'r3', claim: null });
  const { bootId, uuid } = watched.state('r3');
  watched.rows('r3').replaceHardState({ currentTerm: term(2), votedFor: 'r3', claim: null });
  watched.says(requestVote({ from: 'r3', to: 'r2', bootId, uuid, term: 2, last }));
  const vote = of(watched, 'r2', 'r3', (fields) => requestVoteReply({ ...fields, term: 2, granted: true, last }));
  watched.says(vote);
  const own = of(watched, 'r2', 'r1', (fields) => requestVote({ ...fields, term: 2, last }));
  violates(t, 'one vote per term', () => watched.says(own));
});

for (const phase of ['preVote', 'vote'] as const) {
  test(`votes are judged by the log: a ${phase} for a log that is behind`, (t) => {
    const watched = settled();
    const behind = entryId(1, 2);
    watched.rows('r2').replaceHardState({ currentTerm: term(2), votedFor: 'r3', claim: null });
    watched.rows('r3').replaceHardState({ currentTerm: term(2), votedFor: 'r3', claim: null });
    watched.says(of(watched, 'r3', 'r2', (fields) => requestVote({ ...fields, phase, term: 2, last: behind })));
    const grant = { phase, term: 2, granted: true, last: entryId(1, 1) };
    watched.says(of(watched, 'r2', 'r3', (fields) => requestVoteReply({ ...fields, ...grant })));
    const claiming = { ...grant, claim: entryId(1, 3) };
    violates(t, 'votes are judged by the log', () =>
      watched.says(of(watched, 'r2', 'r3', (fields) => requestVoteReply({ ...fields, ...claiming }))),
    );
  });
}

test('terms begin with a candidacy: a term that nobody stood in', (t) => {
  const watched = settled();
  const { state } = watched.cluster.replica('r2');
  const entered = { currentTerm: term(2), votedFor: null, hardStateVersion: state.hardStateVersion + 1 };
  violates(t, 'terms begin with a candidacy', () => watched.pretends('r2', anew({ ...state, ...entered })));
});

test('what is promised is durable: an entry is acknowledged that the disk lacks', (t) => {
  const watched = settled();
  watched.rows('r2').replaceRow(2, undefined);
  watched.rows('r2').replaceRow(3, undefined);
  const ack = of(watched, 'r2', 'r1', (fields) => accepted({ ...fields, matchIndex: 3 }));
  violates(t, 'what is promised is durable', () => watched.says(ack));
});

test('what is promised is durable: an entry in the middle is gone from the disk', (t) => {
  const watched = settled();
  watched.crash('r2');
  watched.start('r2');
  watched.rows('r2').replaceRow(2, undefined);
  const ack = of(watched, 'r2', 'r1', (fields) => accepted({ ...fields, matchIndex: 2 }));
  violates(t, 'what is promised is durable', () => watched.says(ack));
});

test('what is promised is durable: the core is told too early that a batch is', (t) => {
  const watched = settled();
  watched.rows('r1').replaceRow(4, undefined);
  violates(t, 'what is promised is durable', () => {
    watched.cluster.propose('r1', 'c');
    watched.cluster.runUntil('it is written', () => watched.state('r1').log.durableIndex === 4);
    watched.look();
  });
});

test('what is promised is durable: a vote that the disk does not know', (t) => {
  const watched = settled();
  const own = of(watched, 'r2', 'r1', (fields) => requestVote({ ...fields, term: 2, last: entryId(1, 3) }));
  violates(t, 'what is promised is durable', () => watched.says(own));
});

test('what is promised is durable: a term that the disk does not know', (t) => {
  const watched = settled();
  const ack = of(watched, 'r2', 'r1', (fields) => accepted({ ...fields, term: 2, matchIndex: 0 }));
  violates(t, 'what is promised is durable', () => watched.says(ack));
});

test('what is promised is durable: a claim that the disk does not know', (t) => {
  const watched = settled();
  watched.crash('r2');
  watched.damage('r2', 1);
  watched.rows('r2').replaceHardState({ ...watched.cluster.disk('r2').hardState, claim: null });
  violates(t, 'what is promised is durable', () => watched.start('r2'));
});

test('what was durable survives: entries are forgotten without a claim', (t) => {
  const watched = settled();
  watched.crash('r2');
  const disk = watched.cluster.disk('r2');
  watched.damage('r2', 1);
  disk.hardState = { ...disk.hardState, claim: null };
  violates(t, 'what was durable survives', () => startWithoutState(watched, 'r2'));
});

/** A core whose state machine has applied nothing, and cannot tell what is missing. */
function startWithoutState(watched: WatchedCluster, id: ReplicaId): void {
  const { state } = new Replica({
    id,
    disk: watched.cluster.disk(id),
    bootstrap: configurationOf(watched.cluster.ids),
    constants: raftConstants,
    random: earliest,
    appliedIndex: index(0),
    now: 0,
  });
  watched.oracle.started(id, () => state);
}

test('what was durable survives: a claim is given up before it is reached', (t) => {
  const watched = settled();
  watched.cluster.separate(['r2']);
  watched.crash('r2');
  watched.damage('r2', 1);
  watched.start('r2');
  let state = anew(watched.state('r2'));
  watched.oracle.stopped('r2');
  watched.oracle.started('r2', () => state);
  state = { ...state, claim: null };
  violates(t, 'what was durable survives', () => watched.oracle.stepped('r2'));
});

test('what was durable survives: a term is forgotten', (t) => {
  const watched = settled();
  violates(t, 'what was durable survives', () =>
    watched.pretends('r2', anew({ ...watched.state('r2'), currentTerm: term(0) })),
  );
});

test('what was durable survives: a vote is forgotten', (t) => {
  const watched = settled();
  watched.crash('r2');
  const disk = watched.cluster.disk('r2');
  disk.hardState = { ...disk.hardState, votedFor: null };
  violates(t, 'what was durable survives', () => watched.start('r2'));
});

test('what was durable survives: a life bears the number of the one before', (t) => {
  const watched = settled();
  violates(t, 'what was durable survives', () => watched.pretends('r2', watched.state('r2')));
});

test('what is committed is on a quorum of disks: a leader counts what only it holds', (t) => {
  const watched = settled();
  watched.cluster.separate(['r1']);
  watched.cluster.propose('r1', 'c');
  watched.cluster.run(10);
  violates(t, 'what is committed is on a quorum of disks', () => leaderCounts(watched, 'r1', 4));
});

test('what is committed is on a quorum of disks: a disk that has lost it speaks for it by its claim', (t) => {
  const watched = settled();
  watched.cluster.intercept = dropTo(watched, 'r3');
  watched.cluster.propose('r1', 'c');
  watched.cluster.runUntil('r2 holds it', () => watched.cluster.disk('r2').last.index === 4);
  watched.look();
  watched.crash('r2');
  watched.damage('r2', 1);
  leaderCounts(watched, 'r1', 4);
  t.is(watched.oracle.committedIndex, index(4));
});

/** Acknowledgements do not count for the leader either: the test does the counting. */
function dropTo(watched: WatchedCluster, lost: ReplicaId) {
  return (message: Message): 'drop' | null => {
    watched.look();
    watched.says(message);
    return message.to === lost || message.type === 'appendEntriesReply' ? 'drop' : null;
  };
}

/** The oracle is shown a leader that counts more as committed than it may. */
function leaderCounts(watched: WatchedCluster, id: ReplicaId, commitIndex: number): void {
  const leader = watched.state(id);
  const role = { ...leader.role };
  watched.pretends(id, anew({ ...leader, role, commitIndex: commitIndex as Index, publishIndex: leader.publishIndex }));
}

test('only entries of its own term are committed by counting (figure 8)', (t) => {
  const watched = settled();
  const { cluster } = watched;
  cluster.intercept = dropTo(watched, 'r3');
  cluster.propose('r1', 'c');
  cluster.runUntil('r2 holds it', () => cluster.disk('r2').last.index === 4);
  watched.look();
  watched.crash('r1');
  cluster.preferred = 'r2';
  cluster.intercept = (message) => {
    watched.look();
    watched.says(message);
    return message.type === 'appendEntries' || message.type === 'appendEntriesReply' ? 'drop' : null;
  };
  cluster.runUntil('r2 leads', () => cluster.replica('r2').state.role.name === 'leader');
  watched.look();
  violates(t, 'only entries of its own term are committed by counting', () => leaderCounts(watched, 'r2', 4));
});

test('acknowledgements speak of the leader’s log: what a follower holds beyond it', (t) => {
  const watched = divided();
  watched.cluster.heal();
  watched.cluster.intercept = () => 'drop';
  // r1 has heard of the new term, and still holds its own entries.
  const r1 = watched.cluster.replica('r1');
  r1.step(of(watched, 'r2', 'r1', (fields) => appendEntries({ ...fields, previous: entryId(1, 3) })) as AppendEntries);
  r1.write();
  watched.look();
  violates(t, 'acknowledgements speak of the leader’s log', () =>
    watched.says(of(watched, 'r1', 'r2', (fields) => accepted({ ...fields, matchIndex: 5 }))),
  );
});

test('leaders count what was acknowledged: an entry that a follower has not told of', (t) => {
  const watched = settled();
  watched.cluster.separate(['r1']);
  watched.cluster.propose('r1', 'c');
  watched.look();
  progressOf(watched, 'r2').matchIndex = index(4);
  violates(t, 'leaders count what was acknowledged', () => watched.oracle.stepped('r1'));
});

test('leaders count what was acknowledged: the word of an older life', (t) => {
  const watched = settled();
  progressOf(watched, 'r2').bootId = 2;
  violates(t, 'leaders count what was acknowledged', () => watched.oracle.stepped('r1'));
});

test('leaders count what was acknowledged: the word of an older term', (t) => {
  const watched = settled();
  const leader = watched.state('r1');
  const entered = { currentTerm: term(2), role: { ...leader.role } };
  violates(t, 'leaders count what was acknowledged', () => watched.pretends('r1', anew({ ...leader, ...entered })));
});

test('leaders are in contact with a quorum: a heartbeat long after anybody has answered', (t) => {
  const watched = settled();
  const role = leaderRole(watched);
  const { heartbeatIntervalMs, electionTimeoutMaxMs } = raftConstants;
  const heardAt = Math.max(progressOf(watched, 'r2').lastContactAt, progressOf(watched, 'r3').lastContactAt);
  role.heartbeatDueAt = heardAt + electionTimeoutMaxMs + heartbeatIntervalMs;
  t.notThrows(() => watched.oracle.stepped('r1'));
  role.heartbeatDueAt += 2;
  violates(t, 'leaders are in contact with a quorum', () => watched.oracle.stepped('r1'));
});

test('leaders are in contact with a quorum: what an older life or an older term says is no answer', (t) => {
  const watched = settled();
  const { cluster, oracle } = watched;
  const role = leaderRole(watched);
  const now = cluster.now + 10_000;
  for (const fields of [
    { term: 1, bootId: 0 },
    { term: 0, bootId: 1 },
  ]) {
    const old = accepted({ ...fields, from: 'r2', to: 'r1', matchIndex: 0 });
    oracle.received('r1', 'r2', encodeMessages([old]), now);
  }
  role.heartbeatDueAt = now + raftConstants.heartbeatIntervalMs;
  violates(t, 'leaders are in contact with a quorum', () => oracle.stepped('r1'));
});

test('leaders have a disk that writes: a heartbeat long after its batch was handed to the disk', (t) => {
  const watched = settled();
  const { cluster } = watched;
  const { heartbeatIntervalMs, writeTimeoutMs } = raftConstants;
  cluster.propose('r1', 'd');
  cluster.replica('r1').beginBatch();
  const answer = of(watched, 'r2', 'r1', (fields) => accepted({ ...fields, matchIndex: 0 }));
  const goesOn = (now: number) => {
    watched.oracle.received('r1', 'r2', encodeMessages([answer]), now);
    leaderRole(watched).heartbeatDueAt = now + heartbeatIntervalMs;
    watched.oracle.stepped('r1');
  };
  const timeOutAt = (watched.state('r1').batchInFlight?.issuedAt ?? 0) + writeTimeoutMs;
  t.notThrows(() => goesOn(timeOutAt));
  violates(t, 'leaders have a disk that writes', () => goesOn(timeOutAt + 2));
});

function leaderRole(watched: WatchedCluster): LeaderRole {
  const { role } = watched.state('r1');
  if (role.name !== 'leader') throw new Error('r1 leads');
  return role;
}

function progressOf(watched: WatchedCluster, follower: ReplicaId) {
  const progress = leaderRole(watched).progress.get(follower);
  if (progress === undefined) throw new Error(`${follower} follows`);
  return progress;
}

/** r3 asks this voter for the term 2, and is granted it. */
function grantsToR3(watched: WatchedCluster, voter: ReplicaId, phase: 'preVote' | 'vote'): () => void {
  for (const id of [voter, 'r3']) {
    watched.rows(id).replaceHardState({ currentTerm: term(2), votedFor: 'r3', claim: null });
  }
  const last = entryId(1, 3);
  const question = of(watched, 'r3', voter, (fields) => requestVote({ ...fields, phase, term: 2, last }));
  watched.says(question);
  watched.oracle.received(voter, 'r3', encodeMessages([question]), watched.cluster.now);
  const grant = { phase, term: 2, granted: true, last };
  return () => watched.says(of(watched, voter, 'r3', (fields) => requestVoteReply({ ...fields, ...grant })));
}

for (const phase of ['preVote', 'vote'] as const) {
  test(`a leader that is heard is not replaced: a follower grants a ${phase} as soon as it has heard its leader`, (t) => {
    violates(t, 'a leader that is heard is not replaced', grantsToR3(settled(), 'r2', phase));
  });

  test(`a leader that is heard is not replaced: a leader grants a ${phase}`, (t) => {
    violates(t, 'a leader that is heard is not replaced', grantsToR3(settled(), 'r1', phase));
  });

  test(`a leader that was not heard for a while may be replaced by a ${phase}`, (t) => {
    const watched = settled();
    watched.cluster.separate(['r1']);
    watched.cluster.run(raftConstants.electionTimeoutMinMs);
    t.notThrows(grantsToR3(watched, 'r2', phase));
  });
}

test('a leader that is heard is not replaced: what was granted before it was heard may leave afterwards', (t) => {
  const watched = settled();
  watched.cluster.separate(['r1']);
  watched.cluster.run(raftConstants.electionTimeoutMinMs);
  const grants = grantsToR3(watched, 'r2', 'preVote');
  const r2 = watched.cluster.replica('r2');
  r2.step(of(watched, 'r1', 'r2', (fields) => appendEntries({ ...fields, previous: entryId(1, 3), round: 1000 })));
  t.notThrows(grants);
  violates(t, 'a leader that is heard is not replaced', grantsToR3(watched, 'r2', 'preVote'));
});

test('a leader that steps down and asks may be granted, once for each time it has asked', (t) => {
  const watched = settled();
  watched.cluster.separate(['r1']);
  watched.cluster.run(raftConstants.electionTimeoutMinMs);
  for (const id of ['r1', 'r2']) {
    watched.rows(id).replaceHardState({ currentTerm: term(2), votedFor: 'r1', claim: null });
  }
  const [last, asked] = [entryId(1, 3), { phase: 'vote', term: 2 } as const];
  const question = of(watched, 'r1', 'r2', (fields) => requestVote({ ...fields, ...asked, last }));
  watched.says(question);
  const ask = () => watched.oracle.received('r2', 'r1', encodeMessages([question]), watched.cluster.now);
  const answer = () => {
    watched.says(of(watched, 'r2', 'r1', (fields) => requestVoteReply({ ...fields, ...asked, granted: true, last })));
  };
  ask();
  watched.cluster.replica('r2').step(question);
  ask();
  t.notThrows(answer);
  t.notThrows(answer);
  violates(t, 'a leader that is heard is not replaced', answer);
});

test('reads are not stale: an index below what was committed when it was asked for', (t) => {
  const watched = settled();
  watched.says(of(watched, 'r2', 'r1', (fields) => readIndexRequest({ ...fields, requestId: 'read' })));
  const answer = { requestId: 'read', readIndex: 2 };
  violates(t, 'reads are not stale', () =>
    watched.says(of(watched, 'r1', 'r2', (fields) => readIndexReply({ ...fields, ...answer }))),
  );
});

test('reads are not stale: an answer to a question that nobody asked', (t) => {
  const watched = settled();
  const answer = of(watched, 'r1', 'r2', (fields) => readIndexReply({ ...fields, requestId: 'read', readIndex: 3 }));
  violates(t, 'reads are not stale', () => watched.says(answer));
});

test('reads are not stale: an id is used twice', (t) => {
  const watched = settled();
  const question = of(watched, 'r2', 'r1', (fields) => readIndexRequest({ ...fields, requestId: 'read' }));
  watched.says(question);
  violates(t, 'reads are not stale', () => watched.says(question));
});

test('reads are not stale: a leader answers without a round that began after the question', (t) => {
  const watched = settled();
  watched.says(of(watched, 'r2', 'r1', (fields) => readIndexRequest({ ...fields, requestId: 'read' })));
  const answer = { requestId: 'read', readIndex: 3 };
  violates(t, 'reads are not stale', () =>
    watched.says(of(watched, 'r1', 'r2', (fields) => readIndexReply({ ...fields, ...answer }))),
  );
});

test('reads are not stale: a follower answers a round that was never sent to it', (t) => {
  const watched = settled();
  const { role } = watched.state('r1');
  const round = role.name === 'leader' ? role.round + 1 : 0;
  violates(t, 'reads are not stale', () =>
    watched.says(of(watched, 'r2', 'r1', (fields) => accepted({ ...fields, matchIndex: 3, round }))),
  );
});

for (const [what, requests] of [
  ['answers its own reads before a quorum has answered their round', 0],
  ['lets a read join a round that has begun', 1],
] as const) {
  test(`reads are not stale: a leader ${what}`, (t) => {
    const watched = settled();
    const { role } = watched.state('r1');
    if (role.name !== 'leader') throw new Error('r1 leads');
    const joined: ReadRequest[] = [];
    role.readsInRound = { round: role.round + 1, readIndex: index(3), requests: joined };
    watched.oracle.stepped('r1');
    for (let request = 0; request < requests; request++) joined.push({ from: 'r1', requestId: `read ${request}` });
    role.readsInRound = null;
    violates(t, 'reads are not stale', () => watched.oracle.stepped('r1'));
  });
}

test('reads are not stale: a leader answers its own reads with a round that began too low', (t) => {
  const watched = settled();
  const leader = watched.state('r1');
  const { role } = leader;
  if (role.name !== 'leader') throw new Error('r1 leads');
  role.readsInRound = { round: 9, readIndex: index(2), requests: [] };
  watched.oracle.stepped('r1');
  role.readsInRound = null;
  violates(t, 'reads are not stale', () => watched.oracle.stepped('r1'));
});

test('one replica by itself: more is published than is committed', (t) => {
  const watched = settled();
  violates(t, 'one replica by itself', () =>
    watched.pretends('r2', anew({ ...watched.state('r2'), commitIndex: index(2), publishIndex: index(3) })),
  );
});

test('frames are what their sender is: the frame of another life', (t) => {
  const watched = settled();
  const old = of(watched, 'r2', 'r1', (fields) => accepted({ ...fields, bootId: 7, matchIndex: 0 }));
  violates(t, 'frames are what their sender is', () => watched.says(old));
});

test('frames are what their sender is: bytes that are no messages', (t) => {
  const watched = settled();
  violates(t, 'frames are what their sender is', () => watched.oracle.sent('r2', 'r1', Buffer.from('no frame')));
});

test('what is found inside the product’s own work is told again at the next look', (t) => {
  const watched = settled();
  const heartbeat = encodeMessages([of(watched, 'r2', 'r3', (fields) => appendEntries(fields))]);
  const first = t.throws(() => watched.oracle.sent('r2', 'r3', heartbeat));
  t.is(
    t.throws(() => watched.oracle.stepped('r1')),
    first,
  );
});

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}
