/** The driver, with a clock, a disk, a state machine and a transport that do what the test says. */
import test from 'ava';
import { InvariantError } from '../../src/raft/assert.ts';
import { raftConstants } from '../../src/raft/constants.ts';
import type { AppliedGroup, LogStore, LogTail, StateMachine, TransportEvents } from '../../src/raft/interfaces.ts';
import type { Message } from '../../src/raft/message.ts';
import { IdentityLostError, RaftNode } from '../../src/raft/node.ts';
import type { Entry, EntryId, Index, LogBatch, LogState, ReplicaId } from '../../src/raft/types.ts';
import { beforeTheLog, index, term } from '../../src/raft/types.ts';
import { configurationOf, type MemoryDisk } from './memory-disk.ts';
import {
  accepted,
  appendEntries,
  identityRefused,
  only,
  readIndexReply,
  requestVoteReply,
  sentTo,
} from './messages.ts';
import { defaultVoters, earliest, entries, entryId, type Given, givenDisk } from './replica.ts';
import { VirtualClock } from './virtual-clock.ts';

const { electionTimeoutMinMs, electionTimeoutMaxMs, heartbeatIntervalMs, writeTimeoutMs } = raftConstants;

/** Something that waits until the test lets it end. */
interface Held {
  readonly complete: () => void;
  readonly fail: (error: Error) => void;
}

/** Keeps every promise back while `isHeld`. */
class Gate {
  isHeld = false;
  readonly held: Held[] = [];

  pass(work: () => void): Promise<void> {
    if (!this.isHeld) {
      work();
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const complete = () => {
        work();
        resolve();
      };
      this.held.push({ complete, fail: reject });
    });
  }

  next(): Held {
    const next = this.held.shift();
    if (next === undefined) throw new Error('nothing is held');
    return next;
  }
}

class FakeLogStore implements LogStore {
  readonly state: LogState;
  readonly gate = new Gate();
  readonly batches: LogBatch[] = [];
  readonly reads: Index[] = [];
  readonly #disk: MemoryDisk;

  constructor(disk: MemoryDisk) {
    this.#disk = disk;
    this.state = disk.open();
  }

  append(batch: LogBatch): Promise<void> {
    this.batches.push(batch);
    return this.gate.pass(() => this.#disk.write(batch));
  }

  async read(from: Index, to: Index, maxBytes: number): Promise<readonly Entry[]> {
    this.reads.push(from);
    return this.#disk.read(from, to, maxBytes);
  }

  chainHash(at: Index): Uint8Array {
    return Uint8Array.of(at);
  }

  async close(): Promise<void> {}
}

const decoder = new TextDecoder();

/** The result of a command is the command, in capitals. */
class FakeStateMachine implements StateMachine<string> {
  applied: EntryId = beforeTheLog;
  readonly gate = new Gate();
  readonly groups: { readonly indexes: readonly number[]; readonly chainHash: readonly number[] }[] = [];
  hurries = 0;
  changedBytes = 0;

  applicable(entries: readonly Entry[]): number {
    return entries.length;
  }

  async prepare(): Promise<void> {}

  apply(group: readonly Entry[], chainHash: Uint8Array): AppliedGroup<string> {
    this.groups.push({ indexes: group.map(({ index }) => Number(index)), chainHash: [...chainHash] });
    const last = group.at(-1) as Entry;
    return {
      results: group.map((one) => (one.type === 'command' ? decoder.decode(one.command).toUpperCase() : null)),
      written: this.gate.pass(() => {
        this.applied = { term: last.term, index: last.index };
      }),
      changedBytes: this.changedBytes,
    };
  }

  hurry(): void {
    this.hurries++;
  }

  async close(): Promise<void> {}
}

/** What a promise has come to so far: null while it waits. */
function watch<T>(promise: Promise<T>): { readonly value: T | null } {
  const watched: { value: T | null } = { value: null };
  void promise.then((value) => {
    watched.value = value;
  });
  return watched;
}

class Bench {
  readonly clock = new VirtualClock();
  readonly log: FakeLogStore;
  readonly stateMachine = new FakeStateMachine();
  readonly node: RaftNode<string>;
  readonly fatal: Error[] = [];
  readonly roles: string[] = [];
  readonly tails: LogTail[] = [];
  readonly deliveries: { readonly to: ReplicaId; readonly messages: readonly Message[] }[] = [];
  #events: TransportEvents | null = null;

  constructor(given: Given = {}) {
    this.log = new FakeLogStore(givenDisk(given));
    this.stateMachine.applied = entryId(1, given.appliedIndex ?? 0);
    this.node = new RaftNode({
      id: 'r1',
      bootstrap: configurationOf(given.voters ?? defaultVoters, given),
      log: this.log,
      stateMachine: this.stateMachine,
      transport: (events) => {
        this.#events = events;
        return { send: (to, messages) => this.deliveries.push({ to, messages }) };
      },
      clock: this.clock,
      random: earliest,
      constants: { ...raftConstants, ...given.constants },
      observer: {
        onRoleChange: ({ role }) => this.roles.push(role),
        onBatchDurable() {},
        onApplied() {},
        onTail: (tail) => this.tails.push(tail),
      },
      onFatal: (error) => this.fatal.push(error),
    });
  }

  /** What was sent since this was last called. */
  takeSent(): readonly Message[] {
    return this.deliveries.splice(0).flatMap(({ messages }) => messages);
  }

  /** Hands messages in, without letting the loop turn. */
  deliver(...messages: readonly Message[]): void {
    for (const message of messages) this.#events?.onMessages(message.from, [message]);
  }

  async receive(...messages: readonly Message[]): Promise<void> {
    this.deliver(...messages);
    await this.clock.settle();
  }

  propose(...commands: readonly string[]) {
    return watch(this.node.propose(commands.map((command) => new TextEncoder().encode(command))));
  }
}

/** Leads term 2 of r1, r2 and r3, with its first entry, of index 2, committed. */
async function givenLeader(given: Given = {}): Promise<Bench> {
  const bench = new Bench({ log: [1], appliedIndex: 1, ...given });
  await bench.clock.advance(electionTimeoutMinMs);
  await bench.receive(requestVoteReply({ term: 2, phase: 'preVote', granted: true }));
  await bench.receive(requestVoteReply({ term: 2, granted: true }));
  await bench.receive(accepted({ term: 2, matchIndex: 2 }));
  bench.takeSent();
  bench.log.batches.length = 0;
  return bench;
}

/** A replica alone leads and has applied its first entry, of index 2. */
async function givenAlone(given: Given = {}): Promise<Bench> {
  const bench = new Bench({ voters: ['r1'], log: [1], appliedIndex: 1, ...given });
  await bench.clock.advance(electionTimeoutMinMs);
  bench.log.batches.length = 0;
  return bench;
}

function indexes(batch: LogBatch | undefined): readonly number[] | undefined {
  return batch?.entries.map(({ index }) => Number(index));
}

test('proposals that arrive together are written in one batch, sent in one message and applied as one group', async (t) => {
  const bench = await givenLeader();
  bench.stateMachine.groups.length = 0;

  const outcomes = ['a', 'b', 'c'].map((command) => bench.propose(command));
  await bench.clock.settle();
  const appends = only(sentTo(bench.takeSent(), 'r2'), 'appendEntries');
  await bench.receive(accepted({ term: 2, matchIndex: 5 }));

  t.deepEqual(bench.log.batches.map(indexes), [[3, 4, 5]]);
  t.deepEqual(
    appends.map((message) => message.entries.length),
    [3],
  );
  t.deepEqual(bench.stateMachine.groups, [{ indexes: [3, 4, 5], chainHash: [5] }]);
  t.deepEqual(
    outcomes.map(({ value }) => value),
    ['A', 'B', 'C'].map((result, position) => [{ type: 'applied', index: index(3 + position), result }]),
  );
});

test('what arrives while a batch is being written waits for the next one, all together', async (t) => {
  const bench = await givenAlone();
  bench.log.gate.isHeld = true;

  for (const command of ['a', 'b', 'c', 'd']) {
    bench.propose(command);
    await bench.clock.settle();
  }
  const whileWriting = bench.log.batches.map(indexes);
  bench.log.gate.next().complete();
  await bench.clock.settle();

  t.deepEqual(whileWriting, [[3]], 'never two at once');
  t.deepEqual(bench.log.batches.map(indexes), [[3], [4, 5, 6]]);
});

test('a replica alone answers when its own disk has the entry, and not before', async (t) => {
  const bench = await givenAlone();
  bench.log.gate.isHeld = true;

  const outcome = bench.propose('a');
  await bench.clock.advance(heartbeatIntervalMs);
  const whileWriting = outcome.value;
  bench.log.gate.next().complete();
  await bench.clock.settle();

  t.is(whileWriting, null);
  t.deepEqual(outcome.value, [{ type: 'applied', index: index(3), result: 'A' }]);
});

test('a leader answers when a majority has the entry and its own disk has it too', async (t) => {
  const bench = await givenLeader();
  bench.log.gate.isHeld = true;

  const outcome = bench.propose('a');
  await bench.clock.settle();
  await bench.receive(
    accepted({ from: 'r2', term: 2, matchIndex: 3 }),
    accepted({ from: 'r3', term: 2, matchIndex: 3 }),
  );
  const whileWriting = outcome.value;
  bench.log.gate.next().complete();
  await bench.clock.settle();

  t.is(whileWriting, null);
  t.deepEqual(outcome.value, [{ type: 'applied', index: index(3), result: 'A' }]);
});

test('a write is answered before the state machine is synced; a read waits for that', async (t) => {
  const bench = await givenAlone();
  bench.stateMachine.gate.isHeld = true;

  const outcome = bench.propose('a');
  await bench.clock.settle();
  const read = watch(bench.node.confirmRead(1000));
  await bench.clock.advance(100);
  const beforeWritten = [outcome.value !== null, read.value];
  bench.stateMachine.gate.next().complete();
  await bench.clock.settle();

  t.deepEqual(beforeWritten, [true, null]);
  t.is(read.value, true);
});

test('what small entries leave behind in memory is bounded: the state machine is to hurry, and no more is handed to it', async (t) => {
  const bench = await givenAlone();
  bench.stateMachine.gate.isHeld = true;
  bench.stateMachine.changedBytes = 6 * 1024 * 1024;
  bench.stateMachine.groups.length = 0;

  for (const command of ['a', 'b', 'c', 'd']) {
    bench.propose(command);
    await bench.clock.settle();
  }
  const whileHeld = [bench.stateMachine.groups.length, bench.stateMachine.hurries];
  bench.stateMachine.gate.next().complete();
  await bench.clock.settle();

  t.deepEqual(whileHeld, [3, 1]);
  t.is(bench.stateMachine.groups.length, 4);
});

test('a leader whose state machine is stuck steps down, and campaigns again when it is not', async (t) => {
  const bench = await givenAlone();
  bench.stateMachine.gate.isHeld = true;

  bench.propose('a');
  await bench.clock.advance(writeTimeoutMs);
  const inTime = bench.node.status.role;
  await bench.clock.advance(2 * heartbeatIntervalMs);
  const tooLate = bench.node.status.role;
  await bench.clock.advance(3 * electionTimeoutMaxMs);
  const later = bench.node.status.role;
  bench.stateMachine.gate.next().complete();
  await bench.clock.advance(2 * electionTimeoutMaxMs);

  t.deepEqual([inTime, tooLate, later], ['leader', 'follower', 'follower']);
  t.is(bench.node.status.role, 'leader');
});

test('the state machine is told to hurry while a read waits for it, and only then', async (t) => {
  const bench = await givenAlone();
  bench.stateMachine.gate.isHeld = true;
  const before = bench.stateMachine.hurries;

  bench.propose('a');
  await bench.clock.settle();
  const withoutReads = bench.stateMachine.hurries - before;
  const read = watch(bench.node.confirmRead(1000));
  await bench.clock.settle();

  t.is(withoutReads, 0);
  t.is(bench.stateMachine.hurries - before, 1);
  t.is(read.value, null);
});

test('a read of what is applied already is confirmed at once', async (t) => {
  const bench = await givenAlone();

  const read = watch(bench.node.confirmRead(1000));
  await bench.clock.settle();

  t.is(read.value, true);
});

test('a failed write ends the replica: told once, nothing sent, nothing acknowledged', async (t) => {
  const bench = await givenLeader();
  bench.log.gate.isHeld = true;
  const outcome = bench.propose('a');
  const read = watch(bench.node.confirmRead(60_000));
  await bench.clock.settle();
  bench.takeSent();

  const failure = new Error('the disk is full');
  bench.log.gate.next().fail(failure);
  await bench.clock.settle();
  await bench.receive(appendEntries({ term: 3 }), accepted({ term: 2, matchIndex: 3 }));
  const later = bench.propose('b');
  await bench.clock.advance(10_000);

  t.deepEqual(bench.fatal, [failure]);
  t.deepEqual(bench.takeSent(), []);
  t.is(bench.log.batches.length, 1);
  t.deepEqual(outcome.value, [{ type: 'unknown' }]);
  t.is(read.value, false);
  t.deepEqual(later.value, [{ type: 'notLeader', leader: null }]);
});

test('a failed write of the state machine ends the replica', async (t) => {
  const bench = await givenAlone();
  bench.stateMachine.gate.isHeld = true;
  bench.propose('a');
  await bench.clock.settle();

  const failure = new Error('the disk is gone');
  bench.stateMachine.gate.next().fail(failure);
  await bench.clock.advance(10_000);

  t.deepEqual(bench.fatal, [failure]);
});

test('a broken invariant ends the replica', async (t) => {
  const bench = new Bench({ log: [1, 1] });
  await bench.receive(appendEntries({ term: 1, previous: entryId(1, 2), commitIndex: 2 }));

  await bench.receive(appendEntries({ term: 2, previous: entryId(1, 1), entries: entries(2, 2) }));

  t.is(bench.fatal.length, 1);
  t.true(bench.fatal[0] instanceof InvariantError);
});

test('a lost identity ends the replica, with what to do', async (t) => {
  const bench = new Bench({ uuid: 'another' });

  await bench.receive(identityRefused({ term: 1, boundUuid: 'uuid-r1' }));
  await bench.clock.advance(10_000);

  t.is(bench.fatal.length, 1);
  t.true(bench.fatal[0] instanceof IdentityLostError);
  t.regex(bench.fatal[0]?.message ?? '', /r1 lost its data: remove it and add a replacement under a new id/);
  t.deepEqual(bench.takeSent(), []);
});

test('lost leadership leaves the outcome of open proposals unknown', async (t) => {
  const bench = await givenLeader();
  const outcome = bench.propose('a', 'b');
  await bench.clock.settle();

  await bench.receive(appendEntries({ from: 'r3', term: 3, previous: entryId(2, 2) }));

  t.deepEqual(outcome.value, [{ type: 'unknown' }, { type: 'unknown' }]);
});

test('leadership that is won and lost within one turn leaves no proposal open', async (t) => {
  const bench = new Bench({ log: [1], appliedIndex: 1 });
  await bench.clock.advance(electionTimeoutMinMs);
  await bench.receive(requestVoteReply({ term: 2, phase: 'preVote', granted: true }));

  bench.deliver(requestVoteReply({ term: 2, granted: true }));
  const outcome = bench.propose('a');
  bench.deliver(appendEntries({ from: 'r3', term: 3, previous: entryId(1, 1) }));
  await bench.clock.settle();

  t.deepEqual(outcome.value, [{ type: 'unknown' }]);
});

test('an entry that replaced a proposal at its index does not answer it', async (t) => {
  const bench = await givenLeader();
  const outcome = bench.propose('mine');

  bench.deliver(
    appendEntries({ from: 'r3', term: 3, previous: entryId(2, 2), entries: entries(3, 3), commitIndex: 3 }),
  );
  await bench.clock.settle();

  t.deepEqual(outcome.value, [{ type: 'unknown' }]);
  t.is(Number(bench.stateMachine.applied.index), 3);
});

test('whoever does not lead refuses and names the leader', async (t) => {
  const bench = new Bench({ log: [1] });
  await bench.receive(appendEntries({ from: 'r3', term: 1 }));

  const outcome = bench.propose('a', 'b');
  await bench.clock.settle();

  const refusal = { type: 'notLeader', leader: 'r3' };
  t.deepEqual(outcome.value as unknown, [refusal, refusal]);
  t.deepEqual(bench.log.batches, []);
});

test('proposals beyond the bound are refused at once, and those before them are not', async (t) => {
  const bench = await givenLeader({ constants: { uncommittedEntriesMax: 3 } });

  const first = bench.propose('a', 'b', 'c');
  const second = bench.propose('d');
  await bench.clock.settle();
  const early = [first.value, second.value];
  await bench.receive(accepted({ term: 2, matchIndex: 5 }));

  t.deepEqual(early, [null, [{ type: 'overloaded' }]]);
  t.deepEqual(
    first.value?.map(({ type }) => type),
    ['applied', 'applied', 'applied'],
  );
});

test('no proposals are answered with nothing', async (t) => {
  const bench = await givenAlone();

  t.deepEqual(await bench.node.propose([]), []);
});

test('what one turn has for a peer is sent to it together', async (t) => {
  const bench = await givenLeader();

  bench.propose('a');
  const read = watch(bench.node.confirmRead(1000));
  await bench.clock.settle();

  t.deepEqual(
    bench.deliveries.map(({ to, messages }) => [to, messages.length]),
    [
      ['r2', 2],
      ['r3', 1],
    ],
  );
  t.is(read.value, null);
});

test('entries that were committed before the start are read from disk and applied, in order', async (t) => {
  const bench = new Bench({ log: [1, 1, 1, 1] });

  await bench.receive(appendEntries({ term: 1, previous: entryId(1, 4), commitIndex: 4 }));

  t.deepEqual(bench.log.reads.map(Number), [1]);
  t.deepEqual(bench.stateMachine.groups, [{ indexes: [1, 2, 3, 4], chainHash: [4] }]);
});

test('entries that the state machine has are not applied again', async (t) => {
  const bench = new Bench({ log: [1, 1, 1, 1], appliedIndex: 3 });

  await bench.receive(appendEntries({ term: 1, previous: entryId(1, 4), commitIndex: 4 }));

  t.deepEqual(bench.stateMachine.groups, [{ indexes: [4], chainHash: [4] }]);
});

test('a state machine that is ahead of a log which lost entries waits for the log', async (t) => {
  const bench = new Bench({ log: [1, 1], appliedIndex: 4, claim: entryId(1, 4) });

  await bench.receive(
    appendEntries({ term: 1, previous: entryId(1, 2), entries: entries(3, 1, 1, 1), commitIndex: 5 }),
  );

  t.deepEqual(bench.stateMachine.groups, [{ indexes: [5], chainHash: [5] }]);
  t.deepEqual(bench.fatal, []);
});

// Reads

test('reads that arrive together share one question, on a follower', async (t) => {
  const bench = new Bench({ log: [1], appliedIndex: 1 });
  await bench.receive(appendEntries({ term: 1, previous: entryId(1, 1), commitIndex: 1 }));
  bench.takeSent();

  const reads = [1, 2, 3].map(() => watch(bench.node.confirmRead(1000)));
  await bench.clock.settle();
  const asked = only(bench.takeSent(), 'readIndex');
  await bench.receive(readIndexReply({ term: 1, requestId: asked[0]?.requestId ?? '', readIndex: 1 }));

  t.is(asked.length, 1);
  t.deepEqual(
    reads.map(({ value }) => value),
    [true, true, true],
  );
});

test('a read on a follower waits until the index is applied and written', async (t) => {
  const bench = new Bench({ log: [1], appliedIndex: 1 });
  await bench.receive(appendEntries({ term: 1, previous: entryId(1, 1), commitIndex: 1 }));
  const read = watch(bench.node.confirmRead(1000));
  await bench.clock.settle();
  const [asked] = only(bench.takeSent(), 'readIndex');

  await bench.receive(readIndexReply({ term: 1, requestId: asked?.requestId ?? '', readIndex: 2 }));
  const beforeApplied = read.value;
  bench.stateMachine.gate.isHeld = true;
  await bench.receive(appendEntries({ term: 1, previous: entryId(1, 1), entries: entries(2, 1), commitIndex: 2 }));
  const beforeWritten = read.value;
  bench.stateMachine.gate.next().complete();
  await bench.clock.settle();

  t.is(bench.stateMachine.groups.length, 1);
  t.deepEqual([beforeApplied, beforeWritten], [null, null]);
  t.is(read.value, true);
});

test('a question that is not answered is asked again under another id, until time is up', async (t) => {
  const bench = new Bench({ log: [1], appliedIndex: 1 });
  const read = watch(bench.node.confirmRead(1000));

  const asked: string[] = [];
  for (let elapsedMs = 0; elapsedMs < 950; elapsedMs += heartbeatIntervalMs) {
    await bench.receive(appendEntries({ term: 1, previous: entryId(1, 1) }));
    await bench.clock.advance(heartbeatIntervalMs);
    asked.push(...only(bench.takeSent(), 'readIndex').map(({ requestId }) => requestId));
  }
  const before = read.value;
  await bench.clock.advance(heartbeatIntervalMs);

  t.true(asked.length >= 4);
  t.is(new Set(asked).size, asked.length);
  t.is(before, null);
  t.is(read.value, false);
});

test('a question’s id holds the directory and the boot id, so that no later life asks under it again', async (t) => {
  const bench = new Bench({ log: [1] });
  await bench.receive(appendEntries({ term: 1, previous: entryId(1, 1) }));

  const read = watch(bench.node.confirmRead(1000));
  await bench.clock.settle();

  t.is(only(bench.takeSent(), 'readIndex')[0]?.requestId, `${bench.log.state.uuid}.${bench.log.state.bootId}.1`);
  t.is(read.value, null);
});

test('a read that no leader confirms is given up when its time is up', async (t) => {
  const bench = new Bench({ log: [1] });

  const read = watch(bench.node.confirmRead(200));
  await bench.clock.advance(199);
  const before = read.value;
  await bench.clock.advance(1);

  t.is(before, null);
  t.is(read.value, false);
});

test('a read that is confirmed and never applied is given up when its time is up', async (t) => {
  const bench = await givenAlone();
  bench.stateMachine.gate.isHeld = true;
  bench.propose('a');
  await bench.clock.settle();

  const read = watch(bench.node.confirmRead(200));
  await bench.clock.advance(199);
  const before = read.value;
  await bench.clock.advance(1);

  t.is(before, null);
  t.is(read.value, false);
});

test('an index is confirmed without waiting for the state machine, a read by the same question is not', async (t) => {
  const bench = new Bench({ log: [1], appliedIndex: 1 });
  await bench.receive(appendEntries({ term: 1, previous: entryId(1, 1), commitIndex: 1 }));
  const read = watch(bench.node.confirmRead(1000));
  const confirmed = watch(bench.node.confirmIndex(1000));
  await bench.clock.settle();
  const asked = only(bench.takeSent(), 'readIndex');

  await bench.receive(readIndexReply({ term: 1, requestId: asked[0]?.requestId ?? '', readIndex: 2 }));
  const beforeApplied = [confirmed.value, read.value];
  await bench.receive(appendEntries({ term: 1, previous: entryId(1, 1), entries: entries(2, 1), commitIndex: 2 }));

  t.is(asked.length, 1);
  t.deepEqual(beforeApplied, [index(2), null]);
  t.is(read.value, true);
});

test('an index alone makes no state machine hurry, and leaves no question open', async (t) => {
  const bench = await givenAlone();
  bench.stateMachine.gate.isHeld = true;
  bench.propose('a');
  await bench.clock.settle();

  const confirmed = watch(bench.node.confirmIndex(1000));
  await bench.clock.settle();
  const answered = confirmed.value;
  await bench.clock.advance(2000);

  t.is(answered, index(3));
  t.is(bench.stateMachine.hurries, 0);
});

test('an index that is asked for after a round was sent waits for the next one', async (t) => {
  const bench = await givenLeader();
  const first = watch(bench.node.confirmIndex(1000));
  await bench.clock.settle();
  const round = only(sentTo(bench.takeSent(), 'r2'), 'appendEntries').at(-1)?.round ?? 0;

  const second = watch(bench.node.confirmIndex(1000));
  await bench.clock.settle();
  await bench.receive(accepted({ term: 2, round, matchIndex: 2 }));
  const afterFirstRound = [first.value, second.value];
  await bench.receive(accepted({ term: 2, round: round + 1, matchIndex: 2 }));

  t.deepEqual(afterFirstRound, [index(2), null]);
  t.is(second.value, index(2));
});

test('an index that no leader confirms is null when its time is up, and at once of a stopped replica', async (t) => {
  const bench = new Bench({ log: [1] });

  const late = watch(bench.node.confirmIndex(200));
  let settled = false;
  void bench.node.confirmIndex(200).then(() => {
    settled = true;
  });
  await bench.clock.advance(199);
  const before = settled;
  await bench.clock.advance(1);
  const after = settled;
  bench.node.stop();

  t.deepEqual([before, after, late.value], [false, true, null]);
  t.is(await bench.node.confirmIndex(200), null);
});

// The tail

const shown = ({ term, leads, lastIndex, publishIndex }: LogTail) => [Number(term), leads, lastIndex, publishIndex];

test('a leader tells of its tail once for all that a turn appended, and when it is published', async (t) => {
  const bench = await givenLeader();
  bench.tails.length = 0;

  bench.propose('a', 'b');
  bench.propose('c');
  await bench.clock.settle();
  const appended = bench.tails.splice(0);
  await bench.receive(accepted({ term: 2, matchIndex: 4 }));
  const published = bench.tails.splice(0);
  await bench.clock.advance(5 * heartbeatIntervalMs);

  t.deepEqual(appended.map(shown) as unknown, [[2, true, 5, 2]]);
  t.deepEqual(published.map(shown) as unknown, [[2, true, 5, 4]]);
  t.deepEqual(bench.tails, [], 'heartbeats that nobody has answered change nothing');
  const commands = appended[0]?.entries(index(3), index(4))?.map((one) => one.type === 'command' && one.command);
  t.deepEqual(
    commands,
    [Buffer.from('a'), Buffer.from('b')].map((bytes) => new Uint8Array(bytes)),
  );
  t.deepEqual(appended[0]?.entries(index(6), index(5)), []);
});

test('a round that a quorum has acknowledged is told of, and how many had left by any moment', async (t) => {
  const bench = await givenLeader();
  bench.tails.length = 0;
  const before = bench.node.leadership?.round ?? 0;
  await bench.clock.advance(raftConstants.heartbeatIntervalMs);
  t.is(bench.node.leadership?.round, before + 1);
  t.deepEqual(bench.tails, []);
  await bench.receive(accepted({ term: 2, matchIndex: 2, round: before + 1 }));
  t.deepEqual(
    bench.tails.map(({ acknowledgedRound }) => acknowledgedRound),
    [before + 1],
  );
});

test('what is committed and may not be published yet is told of when it is committed', async (t) => {
  const bench = await givenLeader();
  bench.node.limitPublishing(term(2), 2);
  bench.propose('a');
  await bench.clock.settle();
  bench.tails.length = 0;
  await bench.receive(accepted({ term: 2, matchIndex: 3 }));
  const committed = bench.tails.splice(0);
  bench.node.limitPublishing(term(2), 3);
  await bench.clock.settle();
  const indexes = ({ commitIndex, publishIndex }: LogTail) => [Number(commitIndex), Number(publishIndex)];
  t.deepEqual(committed.map(indexes), [[3, 2]]);
  t.deepEqual(bench.tails.map(indexes), [[3, 3]]);
});

test('the tail is told before entries are applied', async (t) => {
  const bench = await givenAlone();
  const groups: number[] = [];
  bench.tails.push = (...tails) => {
    groups.push(...tails.map(() => bench.stateMachine.groups.length));
    return 0;
  };
  const before = bench.stateMachine.groups.length;

  bench.propose('a');
  await bench.clock.settle();

  t.deepEqual(groups, [before, before], 'when it was appended, and when it was published');
  t.is(bench.stateMachine.groups.length, before + 1);
});

test('whoever steps down tells so, and its tail gives no more entries', async (t) => {
  const bench = await givenLeader();
  bench.propose('a');
  await bench.clock.settle();
  const led = bench.tails.at(-1);
  const whileLeading = led?.entries(index(3), index(3))?.length;

  bench.deliver(
    appendEntries({ from: 'r3', term: 3, previous: entryId(2, 2), entries: entries(3, 3), commitIndex: 2 }),
  );
  const inTheSameTurn = led?.entries(index(3), index(3));
  await bench.clock.settle();

  t.is(whileLeading, 1);
  t.is(inTheSameTurn, null);
  t.deepEqual(bench.tails.slice(-1).map(shown) as unknown, [[3, false, 3, 2]]);
  t.is(bench.tails.at(-1)?.entries(index(3), index(3)), null);
});

test('the tail of an earlier leadership gives no entries of a later one', async (t) => {
  const bench = await givenLeader();
  const led = bench.tails.at(-1);
  await bench.receive(appendEntries({ from: 'r3', term: 3, previous: entryId(2, 2) }));

  await bench.clock.advance(electionTimeoutMinMs);
  await bench.receive(requestVoteReply({ term: 4, phase: 'preVote', granted: true }));
  await bench.receive(requestVoteReply({ term: 4, granted: true }));

  t.deepEqual(bench.tails.slice(-1).map(shown) as unknown, [[4, true, 3, 2]]);
  t.is(bench.tails.at(-1)?.entries(index(2), index(3))?.length, 2);
  t.is(led?.entries(index(2), index(2)), null);
});

test('entries that are on disk alone are not in the tail', async (t) => {
  const bench = await givenLeader();

  const tail = bench.tails.at(-1);
  t.is(tail?.entries(index(1), index(2)), null);
  t.is(tail?.entries(index(2), index(2))?.length, 1);
  t.deepEqual(bench.log.reads, []);
});

// Time

test('after a stall, messages that waited are heard before the timeout is', async (t) => {
  const bench = new Bench({ log: [1] });
  await bench.receive(appendEntries({ term: 1, previous: entryId(1, 1) }));
  bench.takeSent();

  bench.clock.stall(5000);
  await bench.receive(appendEntries({ term: 1, previous: entryId(1, 1), round: 2 }));

  t.deepEqual(only(bench.takeSent(), 'requestVote'), []);
  t.is(bench.node.status.role, 'follower');
});

test('without messages the timeout is heard', async (t) => {
  const bench = new Bench({ log: [1] });
  await bench.receive(appendEntries({ term: 1, previous: entryId(1, 1) }));

  bench.clock.stall(5000);
  await bench.clock.settle();

  t.is(bench.node.status.role, 'preCandidate');
  t.deepEqual(bench.roles, ['follower', 'preCandidate']);
});

test('a leader sends heartbeats at their interval, and no more', async (t) => {
  const bench = await givenAlone({ learners: ['r2'] });
  await bench.receive(accepted({ term: 2, matchIndex: 2 }));
  bench.takeSent();

  await bench.clock.advance(20 * heartbeatIntervalMs);

  const { length } = only(bench.takeSent(), 'appendEntries');
  t.true(length >= 19 && length <= 21, `${length} heartbeats in 20 intervals`);
});

test('a stopped replica sends nothing, writes nothing and leaves nobody waiting', async (t) => {
  const bench = await givenLeader();
  const outcome = bench.propose('a');
  const reads = [watch(bench.node.confirmRead(60_000))];
  await bench.clock.settle();
  reads.push(watch(bench.node.confirmRead(60_000)));
  bench.takeSent();
  const batches = bench.log.batches.length;

  bench.node.stop();
  await bench.receive(appendEntries({ from: 'r3', term: 9 }));
  await bench.clock.advance(10_000);
  reads.push(watch(bench.node.confirmRead(60_000)));
  await bench.clock.settle();

  t.deepEqual(outcome.value, [{ type: 'unknown' }]);
  t.deepEqual(
    reads.map(({ value }) => value),
    [false, false, false],
  );
  t.deepEqual(bench.takeSent(), []);
  t.is(bench.log.batches.length, batches);
  t.deepEqual(bench.fatal, []);
});

test('whoever waits for what is applied asks nobody, and is told when it can be read', async (t) => {
  const bench = new Bench({ log: [1], appliedIndex: 1 });
  await bench.receive(appendEntries({ term: 1, previous: entryId(1, 1), commitIndex: 1 }));
  bench.takeSent();
  bench.stateMachine.gate.isHeld = true;
  const [here, next, never] = [1, 2, 3].map((at) => watch(bench.node.awaitApplied(index(at), 1000)));
  await bench.clock.settle();
  const atFirst = [here?.value, next?.value];

  await bench.receive(appendEntries({ term: 1, previous: entryId(1, 1), entries: entries(2, 1), commitIndex: 2 }));
  const beforeWritten = next?.value;
  bench.stateMachine.gate.next().complete();
  await bench.clock.settle();

  t.deepEqual(only(bench.takeSent(), 'readIndex'), []);
  t.deepEqual(atFirst, [true, null]);
  t.is(beforeWritten, null);
  t.is(next?.value, true);
  t.is(never?.value, null);
  await bench.clock.advance(1000);
  t.is(never?.value, false);
});

test('what is applied can be read without a leader, and whoever waits for more is told when the replica stops', async (t) => {
  const bench = new Bench({ log: [1], appliedIndex: 1 });
  const [here, more] = [1, 2].map((at) => watch(bench.node.awaitApplied(index(at), 60_000)));
  await bench.clock.settle();
  t.deepEqual([here?.value, more?.value], [true, null]);
  bench.node.stop();
  const late = watch(bench.node.awaitApplied(index(1), 60_000));
  await bench.clock.settle();
  t.deepEqual([more?.value, late.value], [false, false]);
});

test('nobody hurries for a read that waits for far more than is there', async (t) => {
  const bench = await givenAlone();
  const read = watch(bench.node.awaitApplied(index(1000), 60_000));
  await bench.clock.settle();
  const before = bench.stateMachine.hurries;

  bench.propose('a');
  await bench.clock.settle();

  t.is(bench.stateMachine.hurries, before);
  t.is(read.value, null);
});

test('what a follower shows is as old as the last question whose answer it has applied, not as its leader’s last word', async (t) => {
  const bench = new Bench({ log: [1], appliedIndex: 1 });
  await bench.receive(appendEntries({ term: 1, previous: entryId(1, 1), commitIndex: 1 }));
  const unasked = bench.node.staleMs();
  await bench.clock.settle();
  const [first] = only(bench.takeSent(), 'readIndex');
  await bench.clock.advance(20);
  const unanswered = bench.node.staleMs();
  await bench.receive(readIndexReply({ term: 1, requestId: first?.requestId ?? '', readIndex: 1 }));
  const answered = bench.node.staleMs();
  await bench.clock.advance(40);
  await bench.receive(appendEntries({ term: 1, previous: entryId(1, 1), commitIndex: 1 }));
  t.deepEqual([unasked, unanswered, answered, bench.node.staleMs()], [null, null, 20, 60]);

  bench.stateMachine.gate.isHeld = true;
  await bench.clock.settle();
  const [second] = only(bench.takeSent(), 'readIndex');
  await bench.receive(
    readIndexReply({ term: 1, requestId: second?.requestId ?? '', readIndex: 2 }),
    appendEntries({ term: 1, previous: entryId(1, 1), entries: entries(2, 1), commitIndex: 2 }),
  );
  const notApplied = bench.node.staleMs();
  bench.stateMachine.gate.next().complete();
  await bench.clock.settle();
  t.deepEqual([notApplied, bench.node.staleMs()], [60, 0]);
});

test('what waited while a follower stood still does not make what it shows look newer', async (t) => {
  const bench = new Bench({ log: [1], appliedIndex: 1 });
  const heartbeat = appendEntries({ term: 1, previous: entryId(1, 1), commitIndex: 1 });
  await bench.receive(heartbeat);
  bench.node.staleMs();
  await bench.clock.settle();
  const [asked] = only(bench.takeSent(), 'readIndex');
  const heard = bench.clock.now();
  // It wakes: the answer and heartbeats have waited for it, and what is asked of it is answered in the same turn.
  bench.clock.stall(140);
  bench.deliver(heartbeat, readIndexReply({ term: 1, requestId: asked?.requestId ?? '', readIndex: 1 }), heartbeat);
  t.is(bench.node.staleMs(), null);
  await bench.clock.settle();
  t.is(bench.node.staleMs(), bench.clock.now() - heard);
});

test('a linearizable read makes known how old what is shown is', async (t) => {
  const bench = new Bench({ log: [1], appliedIndex: 1 });
  await bench.receive(appendEntries({ term: 1, previous: entryId(1, 1), commitIndex: 1 }));
  void bench.node.confirmRead(1000);
  await bench.clock.settle();
  const [asked] = only(bench.takeSent(), 'readIndex');
  await bench.receive(readIndexReply({ term: 1, requestId: asked?.requestId ?? '', readIndex: 1 }));
  await bench.clock.advance(30);
  t.is(bench.node.staleMs(), 30);
  await bench.clock.settle();
  t.deepEqual(only(bench.takeSent(), 'readIndex'), [], 'that is not long ago');
});

test('a sleep makes what is shown older, though the wall clock had been set back since anybody asked', async (t) => {
  const bench = new Bench({ log: [1], appliedIndex: 1 });
  await bench.receive(appendEntries({ term: 1, previous: entryId(1, 1), commitIndex: 1 }));
  void bench.node.confirmRead(1000);
  await bench.clock.settle();
  const [asked] = only(bench.takeSent(), 'readIndex');
  await bench.receive(readIndexReply({ term: 1, requestId: asked?.requestId ?? '', readIndex: 1 }));
  bench.clock.moveWall(-60_000);
  await bench.clock.advance(1000);
  bench.clock.moveWall(60_000);
  t.is(bench.node.staleMs(), 61_000);
});

test('however many ask how old what is shown is, one question is on its way, and it is given up in time', async (t) => {
  const bench = new Bench({ log: [1], appliedIndex: 1 });
  for (let calls = 0; calls < 3; calls++) {
    bench.node.staleMs();
    await bench.clock.settle();
  }
  await bench.receive(appendEntries({ term: 1, previous: entryId(1, 1), commitIndex: 1 }));
  await bench.clock.advance(25);
  t.is(only(bench.takeSent(), 'readIndex').length, 1);
  await bench.clock.advance(1500);
  bench.takeSent();
  await bench.receive(appendEntries({ term: 1, previous: entryId(1, 1), commitIndex: 1 }));
  await bench.clock.advance(200);
  t.is(only(bench.takeSent(), 'readIndex').length, 0);
});

test('a leader counts from a round that a quorum has acknowledged, and grows old without one', async (t) => {
  const bench = await givenLeader();
  bench.node.staleMs();
  await bench.clock.settle();
  const askedAt = bench.clock.now();
  const round = Math.max(...only(bench.takeSent(), 'appendEntries').map((message) => message.round));
  await bench.clock.advance(10);
  const unconfirmed = bench.node.staleMs();
  await bench.receive(accepted({ term: 2, matchIndex: 2, round }));
  t.deepEqual([unconfirmed, bench.node.staleMs()], [null, 10]);

  await bench.clock.advance(3 * electionTimeoutMaxMs);
  t.not(bench.node.status.role, 'leader');
  t.is(bench.node.staleMs(), bench.clock.now() - askedAt);
});

test('a replica alone confirms its own questions at once', async (t) => {
  const bench = await givenAlone();
  bench.node.staleMs();
  await bench.clock.settle();
  t.is(bench.node.staleMs(), 0);
  await bench.clock.advance(7);
  t.is(bench.node.staleMs(), 7);
  bench.node.stop();
  t.is(bench.node.staleMs(), null);
});
