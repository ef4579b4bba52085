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
