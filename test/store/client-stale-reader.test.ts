import test from 'ava';
import { index } from '../../src/raft/types.ts';
import type { ReplicaStanding } from '../../src/store/client-reader.ts';
import { ClientStaleReader } from '../../src/store/client-stale-reader.ts';
import type { ReadOptions, ReadOutcome } from '../../src/store/client-types.ts';
import type { StoreReply } from '../../src/store/protocol.ts';
import type { BalancePolicy } from '../../src/store/read-policy.ts';
import { retriesMin } from '../../src/store/retry-budget.ts';
import { systemRandom } from '../../src/system-clock.ts';
import { FakeLink } from './fake-link.ts';
import { ManualClock } from './manual-clock.ts';

function setUp(balance: BalancePolicy = 'round_robin') {
  const clock = new ManualClock();
  const links = ['r1', 'r2', 'r3'].map((id) => new FakeLink(id)) as [FakeLink, FakeLink, FakeLink];
  // Nobody has a status, and so nobody is known to follow a leader.
  for (const link of links) link.healthy = false;
  const standings = new Map<string, ReplicaStanding>();
  const reader = new ClientStaleReader({
    clock,
    random: systemRandom,
    links: new Map(links.map((link) => [link.id, link])),
    balance,
    standing: (id) => standings.get(id) ?? { ejected: false, latencyMs: null },
  });
  function read(options: Partial<ReadOptions> & { readonly min?: number } = {}) {
    const { min = 0, ...others } = options;
    const call: { outcome: ReadOutcome | null } = { outcome: null };
    const query = { type: 'get', key: 'a', withValue: true } as const;
    void reader.read(query, { timeoutMs: 5000, minRevision: index(min), ...others }).then((outcome) => {
      call.outcome = outcome;
    });
    return call;
  }
  const asked = () => links.filter((link) => link.sent.length > 0);
  return { clock, links, standings, reader, read, asked };
}

function found(count = 1, ageMs: number | null = 5): StoreReply {
  const done = { type: 'done', result: { type: 'get', revision: index(7), item: null } } as const;
  return { type: 'read', replies: Array.from({ length: count }, () => done), ageMs };
}

const behind: StoreReply = { type: 'read', replies: [{ type: 'unavailable' }] };

test('all that are connected take turns, whether or not they follow a leader', async (t) => {
  const { clock, links, read } = setUp();
  for (let i = 0; i < 6; i++) read();
  await clock.settle();
  t.deepEqual(
    links.map(({ sent }) => sent.map(({ request }) => request.type === 'read' && request.queries.length)),
    [[2], [2], [2]],
  );
  t.like(links[0].take().request, { type: 'read', consistency: 'stale', minRevision: 0, timeoutMs: 800 });
});

test('an answer is as old as its replica says, and as its way took', async (t) => {
  const { clock, links, read } = setUp();
  const known = read({ replica: 'r1' });
  const unknown = read({ replica: 'r2' });
  await clock.advance(30);
  links[0].take().answer(found(1, 12.5));
  links[1].take().answer(found(1, null));
  await clock.settle();
  t.like(known.outcome, { type: 'done', replica: 'r1', staleMs: 42.5 });
  t.like(unknown.outcome, { type: 'done', replica: 'r2', staleMs: null });
});

test('what the machine slept makes an answer older, and no later read hasty', async (t) => {
  const { clock, links, read } = setUp();
  const call = read({ replica: 'r1' });
  await clock.settle();
  clock.sleep(10_000);
  links[0].take().answer(found(1, 12.5));
  await clock.settle();
  t.like(call.outcome, { type: 'done', staleMs: 10_012.5 });
  read({ replica: 'r1', timeoutMs: 700 });
  await clock.settle();
  t.like(links[0].take().request, { timeoutMs: 700 });
});

for (const failure of [{ type: 'lost' }, { type: 'notSent' }, { type: 'error', reason: 'x' }] as const) {
  test(`a replica that does not answer (${failure.type}) is left out for a second, and another is asked`, async (t) => {
    const { clock, links, read, asked } = setUp();
    const call = read();
    await clock.settle();
    const failed = asked()[0] as FakeLink;
    failed.take().answer(failure);
    await clock.settle();
    t.not(asked()[0], failed);
    asked()[0]?.take().answer(found());
    await clock.settle();
    t.is(call.outcome?.type, 'done');

    for (let i = 0; i < 6; i++) read();
    await clock.settle();
    t.is(failed.sent.length, 0);
    for (const link of asked()) link.take().answer(found(3));
    await clock.advance(1000);
    for (let i = 0; i < 6; i++) read();
    await clock.settle();
    t.deepEqual(asked(), links);
  });
}

test('where every replica has failed, all are asked again', async (t) => {
  const { clock, read, asked } = setUp();
  const call = read();
  for (let failures = 0; failures < 3; failures++) {
    await clock.settle();
    asked()[0]?.take().answer({ type: 'lost' });
  }
  await clock.advance(20);
  asked()[0]?.take().answer(found());
  await clock.settle();
  t.is(call.outcome?.type, 'done');
});

test('a replica that is out of turn for other reads is asked where no other is left', async (t) => {
  const { clock, links, standings, read, asked } = setUp();
  standings.set('r2', { ejected: true, latencyMs: null });
  for (let i = 0; i < 4; i++) read();
  await clock.settle();
  t.deepEqual(asked(), [links[0], links[2]]);

  for (const id of ['r1', 'r3']) standings.set(id, { ejected: true, latencyMs: null });
  for (let i = 0; i < 3; i++) read();
  await clock.settle();
  t.true(asked().includes(links[1]));
});

test('one that alone has the revision is asked though it is out of turn', async (t) => {
  const { clock, links, standings, read } = setUp();
  standings.set('r2', { ejected: true, latencyMs: null });
  const call = read({ min: 9 });
  await clock.settle();
  for (const link of [links[0], links[2]].sort((a, b) => b.sent.length - a.sent.length)) {
    link.take().answer(behind);
    await clock.settle();
  }
  links[1].take().answer(found());
  await clock.settle();
  t.like(call.outcome, { type: 'done', replica: 'r2' });
});

test('the policy weighs the latency that other reads have found, and the stale reads in flight', async (t) => {
  const { clock, links, standings, read } = setUp('p2c');
  for (const [id, latencyMs] of [
    ['r1', 1],
    ['r2', 100],
    ['r3', 1],
  ] as const)
    standings.set(id, { ejected: false, latencyMs });
  for (let i = 0; i < 60; i++) read();
  await clock.settle();
  const given = links.map(({ sent }) =>
    sent.reduce((sum, { request }) => sum + (request.type === 'read' ? request.queries.length : 0), 0),
  );
  t.is(given[1], 0);
  t.true((given[0] ?? 0) > 15 && (given[2] ?? 0) > 15, String(given));
});

test('what is no answer to the question is a failure, and nobody is shown it', async (t) => {
  const { clock, read, asked } = setUp();
  const call = read();
  await clock.settle();
  const first = asked()[0] as FakeLink;
  first.take().answer(found(2));
  await clock.settle();
  t.is(call.outcome, null);
  t.not(asked()[0], first);
});

test('where every replica fails, reads are not sent again without end', async (t) => {
  const { clock, links, read } = setUp();
  for (let i = 0; i < retriesMin; i++) read({ timeoutMs: 500 });
  let sent = 0;
  for (let elapsedMs = 0; elapsedMs < 500; elapsedMs += 10) {
    await clock.advance(10);
    for (const link of links) {
      for (const { request, answer } of link.sent.splice(0)) {
        sent += request.type === 'read' ? request.queries.length : 0;
        answer({ type: 'lost' });
      }
    }
  }
  t.is(sent, 2 * retriesMin);
});

test('a replica that is behind the revision keeps its turn, and another is asked', async (t) => {
  const { clock, links, read, asked } = setUp();
  const call = read({ min: 9 });
  await clock.settle();
  const first = asked()[0] as FakeLink;
  t.like(first.sent[0]?.request, { minRevision: 9 });
  first.take().answer(behind);
  await clock.settle();
  t.not(asked()[0], first);
  asked()[0]?.take().answer(found());
  await clock.settle();
  t.is(call.outcome?.type, 'done');
  for (let i = 0; i < 3; i++) read();
  await clock.settle();
  t.deepEqual(asked(), links);
});

test('a replica that is asked for by name is asked until it has the revision, or the time is up', async (t) => {
  const { clock, links, read, asked } = setUp();
  const [early, late] = [read({ min: 9, replica: 'r2', timeoutMs: 100 }), read({ min: 9, replica: 'r2' })];
  await clock.advance(100);
  t.deepEqual(early.outcome, { type: 'unavailable' });
  links[1].take().answer({ type: 'read', replies: [{ type: 'unavailable' }, { type: 'unavailable' }] });
  await clock.advance(20);
  t.deepEqual(asked(), [links[1]]);
  links[1].take().answer(found());
  await clock.settle();
  t.like(late.outcome, { type: 'done', replica: 'r2' });
});

test('only reads for the same revision share a message, and a read that need not wait never waits for them', async (t) => {
  const { clock, links, read } = setUp();
  for (const min of [9, 8, 9]) read({ min, replica: 'r1' });
  for (let min = 10; min < 200; min++) read({ min, replica: 'r1' });
  const prompt = read({ replica: 'r1' });
  await clock.settle();
  const sent = links[0].sent.map(
    ({ request }) => request.type === 'read' && [request.minRevision, request.queries.length],
  );
  t.deepEqual(sent.slice(0, 3) as unknown, [
    [9, 2],
    [8, 1],
    [10, 1],
  ]);
  t.is(sent.length, 65);
  links[0].sent.at(-1)?.answer(found());
  await clock.settle();
  t.is(prompt.outcome?.type, 'done');
});

test('a name that is not a replica is told, and whoever is not connected is waited for', async (t) => {
  const { clock, links, read, asked } = setUp();
  const unknown = read({ replica: 'r9' });
  for (const link of links) link.connected = false;
  const call = read();
  await clock.advance(100);
  t.deepEqual(unknown.outcome, { type: 'unknownReplica', known: ['r1', 'r2', 'r3'] });
  t.deepEqual(asked(), []);
  links[2].connected = true;
  await clock.advance(20);
  asked()[0]?.take().answer(found());
  await clock.settle();
  t.like(call.outcome, { type: 'done', replica: 'r3' });
});

test('what did not fit in an answer is asked for again', async (t) => {
  const { clock, links, read } = setUp();
  const calls = [read({ replica: 'r1' }), read({ replica: 'r1' })];
  await clock.settle();
  const { replies } = found() as Extract<StoreReply, { type: 'read' }>;
  links[0].take().answer({ type: 'read', replies: [...replies, { type: 'full' }], ageMs: 0 });
  await clock.settle();
  links[0].take().answer(found());
  await clock.settle();
  t.true(calls.every(({ outcome }) => outcome?.type === 'done'));
});

test('a closed reader answers nobody', async (t) => {
  const { clock, reader, read } = setUp();
  const open = read();
  reader.close();
  const late = read();
  await clock.settle();
  t.deepEqual([open.outcome, late.outcome], [{ type: 'unavailable' }, { type: 'unavailable' }]);
});
