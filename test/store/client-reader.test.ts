import test from 'ava';
import { ClientReader } from '../../src/store/client-reader.ts';
import type { ReadOutcome } from '../../src/store/client-types.ts';
import type { Query } from '../../src/store/command.ts';
import type { ReadReply, ReplicaStatus } from '../../src/store/protocol.ts';
import type { BalancePolicy } from '../../src/store/read-policy.ts';
import { FakeLink } from './fake-link.ts';
import { LiveLink } from './live-link.ts';
import { ManualClock } from './manual-clock.ts';
import { createRandom } from './random.ts';

const get = (key: string): Query => ({ type: 'get', key, withValue: true });
const found: ReadReply = { type: 'done', result: { type: 'get', revision: 7 as never, item: null } };

const status = (overrides: Partial<ReplicaStatus> = {}): ReplicaStatus => ({
  id: 'r',
  clusterId: 'c',
  bootId: 1,
  role: 'follower',
  state: 'normal',
  term: 1 as never,
  leader: 'r1',
  firstIndex: 1 as never,
  lastIndex: 9000 as never,
  commitIndex: 9000 as never,
  publishIndex: 9000 as never,
  appliedIndex: 9000 as never,
  claimIndex: null,
  leaderChanges: 1,
  stateDigest: '00',
  message: null,
  ...overrides,
});

const seeded = (seed: number) => {
  const { below } = createRandom(seed);
  return { next: () => below(2 ** 32) / 2 ** 32 };
};

function setUp() {
  const clock = new ManualClock();
  const links = ['r1', 'r2', 'r3'].map((id) => new FakeLink(id));
  for (const link of links) link.status = status();
  const reader = new ClientReader({
    clock,
    random: seeded(1),
    links: new Map(links.map((link) => [link.id, link])),
    balance: 'round_robin',
  });
  function read(query: Query, timeoutMs = 5000, replica?: string) {
    const call: { outcome: ReadOutcome | null } = { outcome: null };
    void reader.read(query, replica === undefined ? { timeoutMs } : { timeoutMs, replica }).then((outcome) => {
      call.outcome = outcome;
    });
    return call;
  }
  const asked = () => links.filter((link) => link.sent.length > 0);
  return { clock, links, reader, read, asked };
}

test('healthy replicas take turns', async (t) => {
  const { clock, links, read } = setUp();
  for (let i = 0; i < 6; i++) read(get(`${i}`));
  await clock.settle();
  t.deepEqual(
    links.map((link) => (link.sent[0]?.request.type === 'read' ? link.sent[0].request.queries.length : 0)),
    [2, 2, 2],
  );
});

test('a replica without a leader, recovering, or far behind is not asked while another can answer', async (t) => {
  const { clock, links, read, asked } = setUp();
  (links[0] as FakeLink).status = status({ leader: null });
  (links[1] as FakeLink).status = status({ appliedIndex: 10 as never });
  for (let i = 0; i < 6; i++) read(get(`${i}`));
  await clock.settle();
  t.deepEqual(
    asked().map((link) => link.id),
    ['r3'],
  );
});

for (const failure of [{ type: 'lost' }, { type: 'notSent' }, { type: 'error', reason: 'x' }] as const) {
  test(`a read that fails at one replica (${failure.type}) is answered by another`, async (t) => {
    const { clock, read, asked } = setUp();
    const call = read(get('a'));
    await clock.settle();
    const [first] = asked();
    first?.take().answer(failure);
    await clock.settle();
    const [second] = asked();
    t.not(second?.id, first?.id);
    second?.take().answer({ type: 'read', replies: [found] });
    await clock.settle();
    t.like(call.outcome, { type: 'done', replica: second?.id });
  });
}

test('a replica that is asked for by name is the only one asked, until the deadline', async (t) => {
  const { clock, links, read, asked } = setUp();
  const call = read(get('a'), 100, 'r2');
  await clock.settle();
  (links[1] as FakeLink).take().answer({ type: 'read', replies: [{ type: 'unavailable' }] });
  await clock.advance(50);
  t.deepEqual(
    asked().map((link) => link.id),
    ['r2'],
  );
  await clock.advance(50);
  t.deepEqual(call.outcome, { type: 'unavailable' });
});

test('a name that is not a replica is told, with those that are', async (t) => {
  const { clock, read } = setUp();
  const call = read(get('a'), 100, 'r9');
  await clock.settle();
  t.deepEqual(call.outcome, { type: 'unknownReplica', known: ['r1', 'r2', 'r3'] });
});

test('queries that did not fit in an answer are asked again', async (t) => {
  const { clock, read, asked } = setUp();
  const calls = [read(get('a'), 5000, 'r1'), read(get('b'), 5000, 'r1')];
  await clock.settle();
  asked()[0]
    ?.take()
    .answer({ type: 'read', replies: [found, { type: 'full' }] });
  await clock.settle();
  asked()[0]
    ?.take()
    .answer({ type: 'read', replies: [found] });
  await clock.settle();
  t.deepEqual(
    calls.map(({ outcome }) => outcome?.type),
    ['done', 'done'],
  );
});

test('when nobody is connected the read waits for somebody, and is unavailable at its deadline', async (t) => {
  const { clock, links, reader, read, asked } = setUp();
  for (const link of links) link.connected = link.healthy = false;
  const early = read(get('a'), 100);
  const late = read(get('b'), 1000);
  await clock.advance(200);
  t.deepEqual(early.outcome, { type: 'unavailable' });
  (links[2] as FakeLink).connected = (links[2] as FakeLink).healthy = true;
  reader.replicaChanged();
  await clock.advance(100);
  asked()[0]
    ?.take()
    .answer({ type: 'read', replies: [found] });
  await clock.settle();
  t.like(late.outcome, { type: 'done', replica: 'r3' });
});

/** Reads that arrive one after the other, each answered at once by whoever is asked, but for `hung`. */
async function readInTurn({ clock, links, read }: ReturnType<typeof setUp>, count: number, hung?: FakeLink) {
  const served = new Map(links.map(({ id }) => [id, 0]));
  for (let i = 0; i < count; i++) {
    const call = read(get(`${i}`));
    await clock.settle();
    for (const link of links) {
      while (link !== hung && link.sent.length > 0) answerReads(link);
    }
    await clock.settle();
    if (call.outcome?.type === 'done') served.set(call.outcome.replica, (served.get(call.outcome.replica) ?? 0) + 1);
  }
  return Object.fromEntries(served);
}

function answerReads(link: FakeLink): void {
  const sent = link.take();
  const queries = sent.request.type === 'read' ? sent.request.queries : [];
  sent.answer({ type: 'read', replies: queries.map(() => found) });
}

/** More than fit in the batches that may be on their way to one replica: some wait for their turn there. */
const more = 3 * (4 * 256 + 100);

test('when a replica hangs, the reads that wait for their turn there are answered by the others', async (t) => {
  const fixture = setUp();
  const { clock, links, read } = fixture;
  // Without a history, so many could not be sent again.
  await readInTurn(fixture, 2000);
  const [hung, ...others] = links as [FakeLink, FakeLink, FakeLink];
  const calls = Array.from({ length: more }, (_, i) => read(get(`${i}`)));
  await clock.settle();
  for (const link of others) {
    while (link.sent.length > 0) {
      answerReads(link);
      await clock.settle();
    }
  }
  t.is(calls.filter(({ outcome }) => outcome === null).length, more / 3);
  t.is(hung.sent.length, 4);
  while (hung.sent.length > 0) hung.take().answer({ type: 'lost' });
  await clock.settle();
  t.is(hung.sent.length, 0);
  for (const link of others) {
    while (link.sent.length > 0) {
      answerReads(link);
      await clock.settle();
    }
  }
  t.true(calls.every(({ outcome }) => outcome?.type === 'done'));
});

test('a replica that is far behind is asked where the only one that is not has failed', async (t) => {
  const { clock, links, read, asked } = setUp();
  for (const link of links.slice(1)) link.status = status({ appliedIndex: 10 as never });
  const call = read(get('a'));
  await clock.settle();
  t.deepEqual(asked(), links.slice(0, 1));
  links[0]?.take().answer({ type: 'lost' });
  await clock.settle();
  t.is(asked().length, 1);
  answerReads(asked()[0] as FakeLink);
  await clock.settle();
  t.is(call.outcome?.type, 'done');
});

test('where every replica has failed, all are asked again', async (t) => {
  const { clock, read, asked } = setUp();
  const call = read(get('a'));
  await clock.settle();
  for (let failures = 0; failures < 3; failures++) {
    (asked()[0] as FakeLink).take().answer({ type: 'lost' });
    await clock.settle();
  }
  t.deepEqual(asked(), []);
  await clock.advance(20);
  answerReads(asked()[0] as FakeLink);
  await clock.settle();
  t.is(call.outcome?.type, 'done');
});

test('an attempt has its own bound, however short or long its reads may take', async (t) => {
  const { clock, links, read, asked } = setUp();
  for (const link of links.slice(1)) link.connected = link.healthy = false;
  read(get('a'), 10);
  read(get('b'), 60_000);
  await clock.settle();
  t.is(asked()[0]?.take().request.type, 'read');
  read(get('c'), 10);
  await clock.settle();
  t.like(asked()[0]?.take().request, { type: 'read', timeoutMs: 500 });
});

test('reads for one replica alone never share a message, or the room for messages, with others', async (t) => {
  const { clock, links, read } = setUp();
  const [first] = links as [FakeLink];
  for (const link of links.slice(1)) link.connected = link.healthy = false;
  for (let i = 0; i < 5 * 256; i++) read(get(`${i}`), 60_000, 'r1');
  const call = read(get('any'));
  await clock.settle();
  t.deepEqual(
    first.sent.map(({ request }) => request.type === 'read' && [request.queries.length, request.timeoutMs]),
    [...Array.from({ length: 4 }, () => [256, 60_000]), [1, 500]],
  );
  first.sent.at(-1)?.answer({ type: 'read', replies: [found] });
  await clock.settle();
  t.is(call.outcome?.type, 'done');
});

test('what a read for one replica alone comes to is no reason to leave that replica out', async (t) => {
  const fixture = setUp();
  const { clock, links, read } = fixture;
  read(get('a'), 10, 'r1');
  await clock.settle();
  links[0]?.take().answer({ type: 'lost' });
  await clock.advance(10);
  t.deepEqual(await readInTurn(fixture, 6), { r1: 2, r2: 2, r3: 2 });
});

/** Replicas that answer by themselves. */
function live(balance: BalancePolicy, count = 3) {
  const clock = new ManualClock();
  const links = Array.from({ length: count }, (_, nth) => new LiveLink(`r${nth + 1}`, clock, status()));
  const reader = new ClientReader({
    clock,
    random: seeded(3),
    links: new Map(links.map((link) => [link.id, link])),
    balance,
  });
  const outcomes = { done: 0, unavailable: 0, unknownReplica: 0 };
  const read = (timeoutMs = 5000, replica?: string) => {
    const options = replica === undefined ? { timeoutMs } : { timeoutMs, replica };
    void reader.read(get('key'), options).then(({ type }) => {
      outcomes[type] += 1;
    });
  };
  /** One at a time, each at the time of the clock. */
  const readEach = async (times: number) => {
    for (let time = 0; time < times; time++) {
      read();
      await clock.settle();
    }
  };
  /** A few at a time, over as much time. */
  const readOver = async (ms: number, perStep: number, stepMs = 10) => {
    const before = links.map(({ reads }) => reads);
    for (let passed = 0; passed < ms; passed += stepMs) {
      for (let nth = 0; nth < perStep; nth++) read();
      await clock.advance(stepMs);
    }
    return links.map(({ reads }, nth) => reads - (before[nth] ?? 0));
  };
  const out = () => reader.balance().replicas.flatMap(({ id, ejected }) => (ejected ? [id] : []));
  const [first, second, third] = links as [LiveLink, LiveLink, LiveLink];
  return { clock, links, first, second, third, reader, outcomes, read, readEach, readOver, out };
}

test('round_robin: 30,000 reads over 3 replicas are 10,000 for each', async (t) => {
  const { clock, links, outcomes, read } = live('round_robin');
  for (let nth = 0; nth < 30_000; nth++) {
    read();
    if (nth % 7 === 0) await clock.settle();
  }
  await clock.settle();
  t.deepEqual(
    links.map(({ reads }) => reads),
    [10_000, 10_000, 10_000],
  );
  t.is(outcomes.done, 30_000);
});

test('p2c: equals get equal shares, one that is slower less, and one that becomes slower is left', async (t) => {
  const { links, readOver } = live('p2c');
  for (const link of links) link.latencyMs = 2;
  for (const count of await readOver(3000, 10)) t.true(Math.abs(count - 1000) < 150, `${count}`);
  (links[1] as LiveLink).latencyMs = 30;
  await readOver(3000, 10);
  const [fast, slow, alike] = (await readOver(3000, 10)) as [number, number, number];
  t.true(slow < 300 && Math.abs(fast - alike) < 300, `${fast} ${slow} ${alike}`);
});

test('p2c: a replica that nobody reads from is measured by probes, and is back when it is fast again', async (t) => {
  const { links, readOver } = live('p2c');
  for (const link of links) link.latencyMs = 2;
  (links[2] as LiveLink).latencyMs = 400;
  await readOver(20_000, 1, 100);
  const [, , whileSlow] = await readOver(5000, 1, 100);
  t.is(whileSlow, 0);
  (links[2] as LiveLink).latencyMs = 1;
  await readOver(40_000, 1, 100);
  const [, , whenFast] = (await readOver(5000, 1, 100)) as [number, number, number];
  t.true(whenFast > 15, `${whenFast}`);
});

test('least_loaded: who holds its reads gets no more of them than it holds', async (t) => {
  const { first, second, third, readOver } = live('least_loaded');
  second.latencyMs = 500;
  await readOver(400, 1);
  t.is(second.reads, 1);
  t.is(first.reads + third.reads, 39);
  t.true(Math.abs(first.reads - third.reads) <= 1);
});

for (const conduct of ['lies', 'garbled', 'leaderless'] as const) {
  test(`a replica that ${conduct === 'lies' ? conduct : `is ${conduct}`} is out, and every read is answered`, async (t) => {
    for (const policy of ['p2c', 'least_loaded', 'round_robin'] as const) {
      const { first, outcomes, readOver, out } = live(policy);
      first.conduct = conduct;
      await readOver(5000, 3);
      t.deepEqual(outcomes, { done: 1500, unavailable: 0, unknownReplica: 0 }, policy);
      t.deepEqual(out(), ['r1'], policy);
      t.true(first.reads < 20, `${policy} ${first.reads}`);
    }
  });
}

test('every read of a burst is answered, though a third of them met a liar', async (t) => {
  const { clock, first, outcomes, read } = live('round_robin');
  first.conduct = 'lies';
  for (let nth = 0; nth < 700; nth++) read();
  await clock.settle();
  t.is(outcomes.done, 700);
});

test('after 3 failures it is out, after 2 probes that succeeded it is back', async (t) => {
  const { clock, first, reader, readEach, out } = live('round_robin');
  first.conduct = 'lies';
  // A read that is sent again takes a turn of another.
  await readEach(4);
  t.deepEqual([first.reads, out()], [2, []]);
  await readEach(1);
  t.deepEqual([first.reads, out()], [3, ['r1']]);
  await readEach(30);
  t.is(first.reads, 3);
  t.like(reader.balance().replicas[0], { id: 'r1', healthy: true, ejected: true, ejections: 1 });
  await clock.advance(1000);
  first.conduct = 'serves';
  // The first second had reads of it, and needed no probe.
  t.is(first.probes, 0);
  await clock.advance(1000);
  t.deepEqual([first.probes, out()], [1, ['r1']]);
  await clock.advance(999);
  t.deepEqual([first.probes, out()], [1, ['r1']]);
  await clock.advance(1);
  t.deepEqual([first.probes, out()], [2, []]);
});

test('a replica that hangs is found out by probes alone, and by nobody while reads show that it serves', async (t) => {
  const { clock, first, second, readOver, out } = live('round_robin');
  second.conduct = 'hangs';
  await clock.advance(3999);
  t.deepEqual(out(), []);
  await clock.advance(1);
  t.deepEqual(out(), ['r2']);
  const { probes } = first;
  await readOver(5000, 2);
  t.true(first.probes <= probes + 1);
  t.true(second.probes >= 8);
});

test('a replica that went away is out, and not while it has yet to start', async (t) => {
  const { clock, first, second, readEach, out } = live('round_robin');
  first.connected = first.healthy = false;
  await readEach(3);
  await clock.advance(10_000);
  t.deepEqual(out(), []);
  first.connected = first.healthy = true;
  second.connected = second.healthy = false;
  await clock.advance(10_000);
  t.deepEqual(out(), ['r2']);
  second.connected = second.healthy = true;
  await clock.advance(2000);
  t.deepEqual(out(), []);
});

test('a replica that came back gets a share that grows over 10 s', async (t) => {
  for (const policy of ['p2c', 'least_loaded', 'round_robin'] as const) {
    const { clock, links, first, readOver, out } = live(policy);
    for (const link of links) link.latencyMs = 1;
    first.conduct = 'lies';
    await readOver(200, 6);
    t.deepEqual(out(), ['r1'], policy);
    first.conduct = 'serves';
    while (out().length > 0) await clock.advance(10);
    const shares: number[] = [];
    for (let window = 0; window < 7; window++) {
      const [mine = 0, ...others] = await readOver(2000, 6);
      shares.push(mine / others.reduce((sum, count) => sum + count, mine));
    }
    const message = `${policy} ${shares.map((share) => share.toFixed(3)).join(' ')}`;
    for (let window = 1; window < 5; window++) t.true((shares[window] ?? 0) > (shares[window - 1] ?? 0), message);
    t.true((shares[0] ?? 1) < 0.1, message);
    t.true(Math.abs((shares[6] ?? 0) - 1 / 3) < 0.03, message);
  }
});

test('a majority stays in turn: of two liars one is out, the other is asked little, and every read is answered', async (t) => {
  const { first, second, outcomes, readOver, out } = live('round_robin');
  first.conduct = second.conduct = 'lies';
  await readOver(20_000, 3);
  t.is(out().length, 1);
  t.deepEqual(outcomes, { done: 6000, unavailable: 0, unknownReplica: 0 });
  t.true(first.reads + second.reads > 100);
});

test('where no leader confirms reads nobody is out, and no retry is counted', async (t) => {
  const { clock, links, reader, outcomes, read, readEach, readOver, out } = live('p2c');
  await readEach(30);
  for (const link of links) link.conduct = 'leaderless';
  await readOver(5000, 2, 100);
  t.deepEqual(out(), []);
  read(2000);
  await clock.advance(10);
  for (const link of links) link.conduct = 'serves';
  await clock.advance(20);
  await readEach(30);
  t.deepEqual(out(), []);
  t.like(reader.balance(), { retries: 0, retriesRefused: 0 });
  t.true(outcomes.done >= 61);
});

test('replicas that wait for a leader have time to say so: nobody is out, and every read is answered when one leads', async (t) => {
  const { clock, links, reader, outcomes, read, out } = live('p2c');
  for (const link of links) {
    link.conduct = 'waits';
    link.latencyMs = 400;
  }
  await clock.advance(8000);
  t.deepEqual(out(), [], 'probes alone are no reason');
  for (let nth = 0; nth < 3000; nth++) read();
  await clock.advance(2500);
  t.deepEqual(out(), []);
  t.like(reader.balance(), { retries: 0, retriesRefused: 0 });
  for (const link of links) link.conduct = 'serves';
  await clock.advance(2000);
  t.deepEqual(outcomes, { done: 3000, unavailable: 0, unknownReplica: 0 });
});

test('when all replicas lie, reads end at their deadlines and few of them are sent again', async (t) => {
  const { clock, links, reader, outcomes, read } = live('p2c');
  for (const link of links) link.conduct = 'lies';
  for (let nth = 0; nth < 1000; nth++) read(500);
  await clock.advance(499);
  t.deepEqual(outcomes, { done: 0, unavailable: 0, unknownReplica: 0 });
  await clock.advance(1);
  t.deepEqual(outcomes, { done: 0, unavailable: 1000, unknownReplica: 0 });
  t.is(
    links.reduce((sum, { reads }) => sum + reads, 0),
    1256,
  );
  t.like(reader.balance(), { retries: 256, retriesRefused: 1000 });
});

test('a read without a place in the budget is sent again when there is one', async (t) => {
  const { clock, links, outcomes, read } = live('round_robin');
  for (const link of links) link.conduct = 'lies';
  for (let nth = 0; nth < 260; nth++) read(15_000);
  await clock.advance(100);
  for (const link of links) link.conduct = 'serves';
  await clock.advance(9800);
  t.is(outcomes.done, 0);
  await clock.advance(200);
  t.is(outcomes.done, 256);
});

test('a read whose deadline has passed is not kept, though it still waits for its turn', async (t) => {
  const { clock, first, second, third, reader, outcomes, read } = live('least_loaded');
  first.conduct = 'hangs';
  for (const link of [second, third]) link.connected = link.healthy = false;
  reader.replicaChanged();
  for (let message = 0; message < 4; message++) {
    read();
    await clock.settle();
  }
  for (let nth = 0; nth < 1000; nth++) read(10);
  read();
  await clock.settle();
  t.is(reader.balance().replicas[0]?.inFlight, 1005);
  await clock.advance(20);
  t.is(outcomes.unavailable, 1000);
  t.is(reader.balance().replicas[0]?.inFlight, 5);
  first.conduct = 'serves';
  await clock.advance(1000);
  t.deepEqual(outcomes, { done: 5, unavailable: 1000, unknownReplica: 0 });
  t.is(first.reads, 9, 'nobody asks for those who have gone');
  t.is(reader.balance().replicas[0]?.inFlight, 0);
});

test('when nobody answers, a read is unavailable at its deadline', async (t) => {
  const { clock, links, outcomes, read } = live('p2c');
  for (const link of links) link.conduct = 'hangs';
  read(300);
  await clock.advance(299);
  t.is(outcomes.unavailable, 0);
  await clock.advance(1);
  t.is(outcomes.unavailable, 1);
});

test('reads for one replica alone are neither balanced nor counted, and a lie is no answer to them', async (t) => {
  const { clock, first, links, reader, outcomes, read, readEach, out } = live('round_robin');
  first.conduct = 'lies';
  for (let nth = 0; nth < 10; nth++) {
    read(100, 'r1');
    await clock.settle();
  }
  await clock.advance(100);
  t.deepEqual(outcomes, { done: 0, unavailable: 10, unknownReplica: 0 });
  t.deepEqual(out(), []);
  t.like(reader.balance(), { retries: 0, retriesRefused: 0 });
  first.conduct = 'serves';
  for (const link of links) link.reads = 0;
  for (let nth = 0; nth < 10; nth++) read(100, 'r1');
  await readEach(6);
  t.deepEqual(
    links.map(({ reads }) => reads),
    [12, 2, 2],
  );
});

test('reads that never left are sent elsewhere, and take nothing from the budget', async (t) => {
  const { clock, first, reader, outcomes, read, out } = live('round_robin');
  first.conduct = 'unsent';
  for (let nth = 0; nth < 2000; nth++) read();
  await clock.settle();
  t.is(outcomes.done, 2000);
  t.is(reader.balance().retries, 0);
  t.deepEqual(out(), ['r1']);
});

test('a replica that says at once, every time, that it has no leader is found out read by read', async (t) => {
  const { first, outcomes, readEach, out } = live('round_robin');
  first.conduct = 'leaderless';
  await readEach(20);
  t.deepEqual(out(), ['r1']);
  t.is(first.reads, 4);
  t.is(outcomes.done, 20);
});

test('a failure does not make a replica look fast, and one that is back is measured anew', async (t) => {
  const { clock, first, links, reader, readOver, out } = live('round_robin');
  const latencyMs = () => reader.balance().replicas[0]?.latencyMs;
  for (const link of links) link.latencyMs = 20;
  await readOver(2000, 3, 100);
  t.is(latencyMs(), 20);
  first.conduct = 'lies';
  first.latencyMs = 0;
  await readOver(1000, 3, 100);
  t.deepEqual(out(), ['r1']);
  t.is(latencyMs(), 20);
  first.conduct = 'serves';
  first.latencyMs = 3;
  while (out().length > 0) await clock.advance(10);
  t.is(latencyMs(), 3);
});

test('a replica that is out is asked where no other can be', async (t) => {
  const { first, second, third, reader, outcomes, readEach, out } = live('p2c');
  first.conduct = 'lies';
  await readEach(30);
  t.deepEqual(out(), ['r1']);
  first.conduct = 'serves';
  for (const link of [second, third]) link.connected = link.healthy = false;
  reader.replicaChanged();
  await readEach(1);
  t.is(outcomes.done, 31);
});

test('what the balancer does can be seen', async (t) => {
  const { clock, first, second, reader, read, readEach } = live('least_loaded');
  first.latencyMs = 4;
  second.healthy = second.connected = false;
  reader.replicaChanged();
  read();
  await clock.advance(5);
  await readEach(1);
  read();
  await clock.settle();
  t.deepEqual(reader.balance(), {
    policy: 'least_loaded',
    replicas: [
      { id: 'r1', healthy: true, inFlight: 1, ejected: false, ejections: 0, latencyMs: 4 },
      { id: 'r2', healthy: false, inFlight: 0, ejected: false, ejections: 0, latencyMs: null },
      { id: 'r3', healthy: true, inFlight: 0, ejected: false, ejections: 0, latencyMs: 0 },
    ],
    retries: 0,
    retriesRefused: 0,
  });
});

test('a reader that is closed asks nobody any more', async (t) => {
  const { clock, links, reader, outcomes, read } = live('p2c');
  for (const link of links) link.conduct = 'leaderless';
  read();
  await clock.settle();
  reader.close();
  await clock.advance(10_000);
  t.is(outcomes.unavailable, 1);
  t.true(links.every(({ probes }) => probes === 0));
});
