import test from 'ava';
import { index } from '../../src/raft/types.ts';
import { ClientChanges } from '../../src/store/client-changes.ts';
import type { ChangesOutcome } from '../../src/store/client-types.ts';
import type { ReplicaStatus } from '../../src/store/protocol.ts';
import type { LinkAnswer } from '../../src/store/replica-link.ts';
import type { Change, ChangesQuery, ChangesResult } from '../../src/store/watch.ts';
import { systemRandom } from '../../src/system-clock.ts';
import { FakeLink } from './fake-link.ts';
import { ManualClock } from './manual-clock.ts';

function statusOf(id: string, appliedIndex: number, leader: string | null = 'r1'): ReplicaStatus {
  const role = id === leader ? 'leader' : 'follower';
  return { id, role, state: 'normal', leader, appliedIndex } as ReplicaStatus;
}

function setUp(applied = [10, 10, 10]) {
  const clock = new ManualClock();
  const links = ['r1', 'r2', 'r3'].map((id) => new FakeLink(id)) as [FakeLink, FakeLink, FakeLink];
  for (const [at, link] of links.entries()) link.status = statusOf(link.id, applied[at] ?? 0);
  const client = new ClientChanges({
    clock,
    random: systemRandom,
    links: new Map(links.map((link) => [link.id, link])),
    balance: 'round_robin',
  });
  function ask(changed: Partial<ChangesQuery> = {}, timeoutMs = 5000) {
    const query = { after: index(9), skip: 0, watched: null, limit: 100, waitMs: 0, ...changed };
    const call: { outcome: ChangesOutcome | null } = { outcome: null };
    void client.ask(query, timeoutMs).then((outcome) => {
      call.outcome = outcome;
    });
    return call;
  }
  const asked = () => links.filter(({ sent }) => sent.length > 0).map(({ id }) => id);
  const taken = () => {
    const link = links.find(({ sent }) => sent.length > 0);
    if (link === undefined) throw new Error('nobody is asked');
    return { link, ...link.take() };
  };
  return { clock, links, client, ask, asked, taken };
}

function changed(revision: number, place = 0, count = 1): Change {
  const subject = { type: 'key', key: 'k' } as const;
  return { type: 'delete', revision: index(revision), place, count, subject, expired: false };
}

function answered(through: number, changes: readonly Change[] = [], skip = 0): LinkAnswer {
  return { type: 'changes', result: { type: 'changes', changes, through: index(through), skip } };
}

function compacted(revision: number): LinkAnswer {
  return { type: 'changes', result: { type: 'compacted', compactedRevision: index(revision) } };
}

const behind: LinkAnswer = { type: 'changes', result: null };

test('a follower is asked, unless only the leader has something', async (t) => {
  const { ask, asked, links } = setUp();
  ask();
  ask();
  t.deepEqual(asked(), ['r2', 'r3']);
  const late = setUp([11, 10, 10]);
  late.ask({ after: index(10) });
  t.deepEqual(late.asked(), ['r1']);
  t.is(links[0].sent.length, 0);
});

test('another one is asked when one fails, is cut off, is behind or answers nonsense', async (t) => {
  const nonsense = answered(8);
  for (const answer of [
    { type: 'lost' },
    { type: 'notSent' },
    { type: 'error', reason: '' },
    behind,
    nonsense,
  ] as const) {
    const { clock, ask, taken } = setUp();
    const call = ask();
    const first = taken();
    first.answer(answer);
    await clock.settle();
    const second = taken();
    t.not(second.link.id, first.link.id);
    second.answer(answered(10, [changed(10)]));
    await clock.settle();
    t.like(call.outcome, { type: 'done', replica: second.link.id, result: { through: 10 } });
  }
});

const disorders: readonly (readonly [string, ChangesResult])[] = (
  [
    ['a repeat', 10, [changed(9)]],
    ['places that are known', 10, [changed(10, 0, 3)]],
    ['what is out of order', 12, [changed(12), changed(11)]],
    ['more than it says to be through', 10, [changed(11)]],
    ['more than was asked for', 15, [10, 11, 12, 13, 14].map((revision) => changed(revision, 1, 2))],
    ['less than was known', 9, []],
  ] as const
).map(([title, through, changes]) => [title, { type: 'changes', changes, through: index(through), skip: 0 }]);

for (const [title, result] of disorders) {
  test(`${title} is no answer`, async (t) => {
    const { clock, ask, taken } = setUp();
    const call = ask({ skip: 1, limit: 4 });
    taken().answer({ type: 'changes', result });
    await clock.settle();
    t.is(call.outcome, null);
    taken();
  });
}

test('what others watch is no answer', async (t) => {
  const { clock, ask, taken } = setUp();
  const call = ask({ watched: { type: 'keys', prefix: 'other' } });
  taken().answer(answered(10, [changed(10)]));
  await clock.settle();
  t.is(call.outcome, null);
});

test('a wait is a second at one replica, and goes on behind what was shown to hold nothing', async (t) => {
  const { clock, ask, taken } = setUp();
  const call = ask({ waitMs: 30_000 }, 40_000);
  const first = taken();
  t.like(first.request, { query: { after: 9, waitMs: 1000 } });
  await clock.advance(1000);
  first.answer(answered(20));
  await clock.settle();
  const second = taken();
  t.is(second.link, first.link);
  t.like(second.request, { query: { after: 20, skip: 0, waitMs: 1000 } });
  await clock.advance(1000);
  second.answer(answered(21, [changed(21)]));
  await clock.settle();
  t.like(call.outcome, { type: 'done', result: { through: 21 } });
});

test('one that has come further than the one it waits at is asked next', async (t) => {
  const { clock, links, ask, taken } = setUp();
  ask({ after: index(10), waitMs: 30_000 }, 40_000);
  const first = taken();
  for (const link of links) if (link !== first.link) link.status = statusOf(link.id, 12);
  await clock.advance(1000);
  first.answer(answered(10));
  await clock.settle();
  const second = taken();
  t.not(second.link, first.link);
  t.not(second.link.id, 'r1');
});

test('one that was to wait and does not is not asked in a circle', async (t) => {
  const { clock, ask, taken, asked } = setUp();
  ask({ waitMs: 1000 });
  taken().answer(answered(10));
  await clock.settle();
  t.deepEqual(asked(), []);
  await clock.advance(50);
  t.is(asked().length, 1);
});

test('it is compacted only where all that are reached say so, and then what the best of them has', async (t) => {
  const { clock, links, ask, taken } = setUp();
  const kept = ask();
  taken().answer(compacted(50));
  await clock.settle();
  taken().answer(answered(10, [changed(10)]));
  await clock.settle();
  t.like(kept.outcome, { type: 'done', result: { type: 'changes' } });
  links[0].connected = false;
  const gone = ask();
  taken().answer(compacted(50));
  await clock.settle();
  taken().answer(compacted(40));
  await clock.settle();
  t.like(gone.outcome, { type: 'done', result: { type: 'compacted', compactedRevision: 40 } });
});

test('where nobody can say, all are asked again until the time is up', async (t) => {
  const { clock, links, ask, taken, asked } = setUp();
  const call = ask({}, 200);
  for (let round = 0; round < 3; round++) {
    for (let at = 0; at < 3; at++) {
      taken().answer(behind);
      await clock.settle();
    }
    t.deepEqual(asked(), []);
    await clock.advance(50);
  }
  await clock.advance(50);
  t.deepEqual(call.outcome, { type: 'unavailable' });
  for (const link of links) link.connected = false;
  const none = ask({}, 100);
  await clock.advance(100);
  t.deepEqual(none.outcome, { type: 'unavailable' });
});

test('one that hangs costs no more than the time, and what had been heard is said then', async (t) => {
  const { clock, ask, taken, client } = setUp();
  const call = ask({ waitMs: 5000 }, 3000);
  await clock.advance(1000);
  taken().answer(answered(15));
  await clock.advance(2000);
  t.like(call.outcome, { type: 'done', result: { type: 'changes', through: 15, changes: [] } });
  const open = ask();
  client.close();
  await clock.settle();
  t.deepEqual(open.outcome, { type: 'unavailable' });
  const after = ask();
  await clock.settle();
  t.deepEqual(after.outcome, { type: 'unavailable' });
});
