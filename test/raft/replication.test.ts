/** The flow of entries from a leader to its followers, and the bounds on it. */
import test from 'ava';
import { InvariantError } from '../../src/raft/assert.ts';
import { raftConstants } from '../../src/raft/constants.ts';
import { entryOverheadBytes } from '../../src/raft/log.ts';
import type { AppendEntries, Message } from '../../src/raft/message.ts';
import type { Progress } from '../../src/raft/progress.ts';
import { index, type ReplicaId } from '../../src/raft/types.ts';
import { Cluster } from './cluster.ts';
import { accepted, only, rejected, sentTo } from './messages.ts';
import { entryId, type Given, givenReplica, makeLeader, type Replica, timeOut } from './replica.ts';

const { inflightTimeoutMs } = raftConstants;
/** What a command of one letter counts for. */
const smallBytes = entryOverheadBytes + 1;

function progressOf(leader: Replica, id: ReplicaId): Progress {
  const { role } = leader.state;
  const progress = role.name === 'leader' ? role.progress.get(id) : undefined;
  if (progress === undefined) throw new Error(`${leader.id} does not lead ${id}`);
  return progress;
}

function withEntries(messages: readonly Message[], to: ReplicaId): readonly AppendEntries[] {
  return only(sentTo(messages, to), 'appendEntries').filter((message) => message.entries.length > 0);
}

function indexes(messages: readonly AppendEntries[]): readonly (readonly number[])[] {
  return messages.map((message) => message.entries.map(({ index }) => Number(index)));
}

/** Leads term 2; r2 and r3 have everything up to the term's first entry. */
function givenLeader(constants: Given['constants'] = {}, log: readonly number[] = [1]): Replica {
  const leader = givenReplica({ log, constants });
  makeLeader(leader);
  for (const from of ['r2', 'r3']) leader.step(accepted({ from, term: 2, matchIndex: log.length + 1 }));
  leader.write();
  leader.takeSent();
  return leader;
}

test('appends are sent one after another, before the earlier ones are acknowledged', (t) => {
  const leader = givenLeader();

  const sent = ['a', 'b', 'c'].flatMap((command) => {
    leader.propose(command);
    return withEntries(leader.takeSent(), 'r2');
  });

  t.deepEqual(indexes(sent), [[3], [4], [5]]);
  t.deepEqual(
    sent.map(({ previous }) => Number(previous.index)),
    [2, 3, 4],
  );
});

test('proposals that arrive together travel together', (t) => {
  const leader = givenLeader();

  leader.propose('a');
  leader.propose('b', 'c');

  t.deepEqual(indexes(withEntries(leader.takeSent(), 'r2')), [[3, 4, 5]]);
});

test('an append holds entries up to its bound, or a single larger one', (t) => {
  const leader = givenLeader({ appendBytesMax: 2 * smallBytes });

  leader.propose('x'.repeat(1000), 'b', 'c', 'd');

  t.deepEqual(indexes(withEntries(leader.takeSent(), 'r2')), [[3], [4, 5], [6]]);
});

test('the window holds so many messages, and goes on with each acknowledgement', (t) => {
  const leader = givenLeader({ appendBytesMax: smallBytes, inflightMessagesMax: 3 });

  leader.propose('a', 'b', 'c', 'd', 'e');
  const first = withEntries(leader.takeSent(), 'r2');
  leader.step(accepted({ from: 'r2', term: 2, matchIndex: 4 }));
  const second = leader.takeSent();

  t.deepEqual(indexes(first), [[3], [4], [5]]);
  t.deepEqual(indexes(withEntries(second, 'r2')), [[6], [7]]);
  t.deepEqual(withEntries(second, 'r3'), [], 'each follower has a window of its own');
});

test('the window holds so many bytes', (t) => {
  const leader = givenLeader({ appendBytesMax: smallBytes, inflightBytesMax: 2 * smallBytes });

  leader.propose('a', 'b', 'c', 'd', 'e');

  t.deepEqual(indexes(withEntries(leader.takeSent(), 'r2')), [[3], [4]]);
});

test('heartbeats go on while the window is full', (t) => {
  const leader = givenLeader({ appendBytesMax: smallBytes, inflightMessagesMax: 1 });
  leader.propose('a', 'b');
  leader.takeSent();

  const sent = timeOut(leader);

  t.deepEqual(withEntries(sent, 'r2'), []);
  t.is(only(sentTo(sent, 'r2'), 'appendEntries').length, 1);
});

test('a silent follower is asked once in a heartbeat, and is sent no entries', (t) => {
  const leader = givenReplica({ log: [1] });
  makeLeader(leader);
  leader.propose('a', 'b');

  const sent = [...leader.takeSent(), ...timeOut(leader)];

  t.is(progressOf(leader, 'r2').state, 'probe');
  t.true(only(sentTo(sent, 'r2'), 'appendEntries').filter(({ previous }) => previous.index > 0).length <= 2);
});

test('a probe that is accepted begins the pipeline; a heartbeat that is accepted does not', (t) => {
  const leader = givenReplica({ log: [1, 1, 1] });
  makeLeader(leader);

  leader.step(accepted({ from: 'r2', term: 2, matchIndex: 0 }));
  const afterHeartbeat = progressOf(leader, 'r2').state;
  leader.step(accepted({ from: 'r2', term: 2, matchIndex: 3 }));
  leader.takeSent();

  t.is(afterHeartbeat, 'probe');
  t.is(progressOf(leader, 'r2').state, 'replicate');
});

test('a refusal in the pipeline returns to what is known to match', (t) => {
  const leader = givenLeader();
  leader.propose('a', 'b');
  leader.takeSent();

  leader.step(rejected({ from: 'r2', term: 2, rejectedIndex: 3, hint: entryId(2, 2) }));

  t.like(progressOf(leader, 'r2'), { state: 'probe', inflightBytes: 0 });
  t.is(Number(progressOf(leader, 'r2').nextIndex), 3);
});

test('a refusal that a later answer has overtaken changes nothing', (t) => {
  const leader = givenReplica({ log: [1, 1, 1, 1, 1] });
  makeLeader(leader);
  leader.step(rejected({ from: 'r2', term: 2, rejectedIndex: 5, hint: entryId(1, 3) }));

  leader.step(rejected({ from: 'r2', term: 2, rejectedIndex: 5, hint: entryId(0, 0) }));

  t.is(Number(progressOf(leader, 'r2').nextIndex), 4);
});

test('a broken connection returns to the probe at once, and what was in the window is sent again', (t) => {
  const leader = givenLeader();
  leader.propose('a');
  leader.takeSent();

  leader.peerDisconnected('r2');
  const state = progressOf(leader, 'r2').state;
  leader.takeSent();
  leader.step(accepted({ from: 'r2', term: 2, matchIndex: 2 }));

  t.is(state, 'probe');
  t.deepEqual(indexes(withEntries(leader.takeSent(), 'r2')), [[3]]);
});

test('a window in which nothing is acknowledged is taken for lost, and sent again', (t) => {
  const leader = givenLeader();
  leader.propose('a');
  leader.takeSent();
  const sentAt = leader.now;

  const sentAgain: number[] = [];
  while (leader.now < sentAt + 2 * inflightTimeoutMs) {
    const messages = timeOut(leader);
    // Whoever answers heartbeats alone stays in contact.
    for (const from of ['r2', 'r3']) leader.step(accepted({ from, term: 2, matchIndex: 2 }));
    if (withEntries([...messages, ...leader.takeSent()], 'r2').length > 0) sentAgain.push(leader.now - sentAt);
  }

  t.is(sentAgain.length, 1);
  t.true((sentAgain[0] ?? 0) > inflightTimeoutMs);
});

test('entries that are no longer in memory are read from disk', (t) => {
  const leader = givenLeader({ logCacheBytesMax: 0, appendBytesMax: 2 * smallBytes });
  leader.propose('a', 'b', 'c');
  leader.takeSent();
  leader.step(accepted({ from: 'r3', term: 2, matchIndex: 5 }));
  leader.write();
  leader.propose('d');
  leader.write();
  leader.peerDisconnected('r2');
  leader.takeSent();

  leader.step(accepted({ from: 'r2', term: 2, matchIndex: 2 }));
  const atOnce = withEntries(leader.takeSent(), 'r2');
  const [read] = leader.logReads;
  leader.write();

  t.deepEqual(atOnce, []);
  t.like(read, { to: 'r2', from: index(3), maxBytes: 2 * smallBytes });
  t.deepEqual(indexes(withEntries(leader.takeSent(), 'r2')), [
    [3, 4],
    [5, 6],
  ]);
});

test('entries that were read for a window that is gone are not sent', (t) => {
  const leader = givenLeader({ logCacheBytesMax: 0 }, [1, 1, 1]);
  leader.step(accepted({ from: 'r2', term: 2, matchIndex: 1, bootId: 2 }));
  leader.takeSent();
  leader.step(rejected({ from: 'r2', term: 2, rejectedIndex: 4, hint: entryId(1, 1), bootId: 2 }));
  leader.takeSent();
  leader.step(accepted({ from: 'r2', term: 2, matchIndex: 1, bootId: 2 }));
  leader.takeSent();
  const [read] = leader.logReads.splice(0);
  if (read === undefined) throw new Error('nothing was asked from the disk');

  leader.step(accepted({ from: 'r2', term: 2, matchIndex: 3, bootId: 2 }));
  leader.entriesRead(read, leader.disk.entries.slice(read.from - 1));

  t.is(Number(read.from), 2);
  t.deepEqual(indexes(withEntries(leader.takeSent(), 'r2')), [[4]]);
});

test('a follower that was away for long catches up from the leader’s disk', (t) => {
  const cluster = new Cluster({
    size: 3,
    constants: { logCacheBytesMax: 1000, appendBytesMax: 500, batchBytesMax: 500 },
  });
  cluster.elect('r1');
  cluster.separate(['r3']);
  for (let i = 0; i < 300; i++) {
    cluster.propose('r1', `command ${i}`);
    cluster.run(1);
  }
  cluster.runUntil('the others have it', () => cluster.appliedIndex('r1') === cluster.disk('r1').last.index);
  const cachedBytes = cluster.replica('r1').state.log.cacheBytes;

  cluster.heal();
  cluster.runUntil('it has caught up', () => cluster.isSettled, 2_000);

  t.true(cachedBytes <= 1000);
  t.deepEqual(cluster.disk('r3').entries, cluster.disk('r1').entries);
});

test('proposals beyond the bound on entries are refused at once, and room comes with commits', (t) => {
  const leader = givenLeader({ uncommittedEntriesMax: 3 });

  const first = leader.propose('a', 'b');
  const second = leader.propose('c', 'd', 'e');
  const third = leader.propose('f');
  leader.write();
  leader.step(accepted({ from: 'r2', term: 2, matchIndex: 4 }));
  const fourth = leader.propose('g', 'h', 'i');

  t.like(first, { type: 'appended', count: 2 });
  t.like(second, { type: 'appended', count: 1 });
  t.deepEqual(third, { type: 'overloaded' });
  t.like(fourth, { type: 'appended', count: 2 });
});

test('proposals beyond the bound on bytes are refused at once', (t) => {
  const leader = givenLeader({ entryBytesMax: 100, uncommittedBytesMax: 2 * smallBytes });

  const first = leader.propose('a', 'b', 'c');
  const second = leader.propose('d');

  t.like(first, { type: 'appended', count: 2 });
  t.deepEqual(second, { type: 'overloaded' });
});

test('a command over the bound on entries never reaches the log', (t) => {
  const leader = givenLeader({ entryBytesMax: 10 });

  t.throws(() => leader.propose('x'.repeat(11)), { instanceOf: InvariantError, message: /at most 10 bytes/ });
  t.is(Number(leader.state.log.lastIndex), 2);
});

test('whoever does not lead refuses a proposal and names the leader', (t) => {
  const follower = givenReplica({ log: [1] });

  t.deepEqual(follower.propose('x'), { type: 'notLeader', leader: null });
  t.is(Number(follower.state.log.lastIndex), 1);
});
