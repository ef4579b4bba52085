import test from 'ava';
import { ClientReader } from '../../src/store/client-reader.ts';
import type { ReadOutcome } from '../../src/store/client-types.ts';
import type { Query } from '../../src/store/command.ts';
import type { ReadReply, ReplicaStatus } from '../../src/store/protocol.ts';
import { FakeLink } from './fake-link.ts';
import { ManualClock } from './manual-clock.ts';

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

function setUp() {
  const clock = new ManualClock();
  const links = ['r1', 'r2', 'r3'].map((id) => new FakeLink(id));
  for (const link of links) link.status = status();
  const reader = new ClientReader(clock, new Map(links.map((link) => [link.id, link])));
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
  const { clock, links, read } = setUp();
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

for (const failure of [{ type: 'lost' }, { type: 'read', replies: [{ type: 'unavailable' }] }] as const) {
  test(`a replica that failed (${failure.type}) is out of turn until a probe succeeds, and no read waits for that`, async (t) => {
    const fixture = setUp();
    const { clock, links, read, asked } = fixture;
    const first = read(get('a'));
    await clock.settle();
    const [failed] = asked() as [FakeLink];
    const healthy = links.filter((link) => link !== failed).map(({ id }) => id);
    failed.take().answer(failure);
    await clock.settle();
    answerReads(asked()[0] as FakeLink);
    await clock.settle();
    t.is(first.outcome?.type, 'done');

    const onlyOthers = { [failed.id]: 0, ...Object.fromEntries(healthy.map((id) => [id, 3])) };
    t.deepEqual(await readInTurn(fixture, 6, failed), onlyOthers);
    t.is(failed.sent.length, 0);
    await clock.advance(1000);
    t.deepEqual(await readInTurn(fixture, 6, failed), onlyOthers);
    t.is(failed.sent.length, 1);

    failed.take().answer(failure);
    await clock.settle();
    t.deepEqual(await readInTurn(fixture, 6, failed), onlyOthers);
    t.is(failed.sent.length, 0);
    await clock.advance(1000);
    t.deepEqual(await readInTurn(fixture, 6, failed), onlyOthers);
    answerReads(failed);
    await clock.settle();
    t.deepEqual(await readInTurn(fixture, 6), { r1: 2, r2: 2, r3: 2 });
  });
}

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

test('where every replica has failed, all are asked, and who answers has its turn again', async (t) => {
  const fixture = setUp();
  const { clock, links, read, asked } = fixture;
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
  const [back] = links.filter(({ id }) => call.outcome?.type === 'done' && call.outcome.replica === id);
  const served = await readInTurn(fixture, 6);
  t.is(served[back?.id ?? ''], 6);
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
  t.like(asked()[0]?.take().request, { type: 'read', timeoutMs: 1000 });
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
    [...Array.from({ length: 4 }, () => [256, 60_000]), [1, 1000]],
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
