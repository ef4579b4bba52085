import test from 'ava';
import { type Index, index } from '../../src/raft/types.ts';
import { ClientReadIndex } from '../../src/store/client-read-index.ts';
import type { LinkAnswer } from '../../src/store/replica-link.ts';
import { FakeLink } from './fake-link.ts';
import { ManualClock } from './manual-clock.ts';

function setUp() {
  const clock = new ManualClock();
  const leader = new FakeLink('r1');
  const world: { leader: FakeLink | null } = { leader };
  const readIndex = new ClientReadIndex(clock, () => world.leader);
  /** Undefined while it waits. */
  function ask(timeoutMs = 1000) {
    const call: { index: Index | null | undefined } = { index: undefined };
    void readIndex.ask(timeoutMs).then((answer) => {
      call.index = answer;
    });
    return call;
  }
  return { clock, leader, world, readIndex, ask };
}

const answerOf = (at: number): LinkAnswer => ({ type: 'readIndex', index: index(at) });

test('those who ask together share one question', async (t) => {
  const { clock, leader, ask } = setUp();
  const calls = [ask(), ask(), ask()];
  await clock.settle();
  t.deepEqual(
    leader.sent.map(({ request }) => request.type),
    ['readIndex'],
  );
  leader.take().answer(answerOf(7));
  await clock.settle();
  t.deepEqual(calls.map((call) => call.index) as unknown, [7, 7, 7]);
});

test('an answer is for those who had asked when the question was sent; the others share the next one', async (t) => {
  const { clock, leader, ask } = setUp();
  const early = ask();
  await clock.settle();
  const late = [ask(), ask()];
  await clock.advance(5);
  t.is(leader.sent.length, 1, 'one question at a time');
  leader.take().answer(answerOf(7));
  await clock.settle();
  t.deepEqual([early, ...late].map((call) => call.index) as unknown, [7, undefined, undefined]);
  t.is(leader.sent.length, 1);
  leader.take().answer(answerOf(9));
  await clock.settle();
  t.deepEqual(late.map((call) => call.index) as unknown, [9, 9]);
  t.is(leader.sent.length, 0);
});

for (const failure of [
  { type: 'lost' },
  { type: 'notSent' },
  { type: 'error', reason: 'an older version' },
  { type: 'readIndex', index: null },
] as const) {
  test(`a question that fails (${JSON.stringify(failure)}) is answered with null, and the next one is asked`, async (t) => {
    const { clock, leader, ask } = setUp();
    const early = ask();
    await clock.settle();
    const late = ask();
    leader.take().answer(failure);
    await clock.settle();
    t.deepEqual([early.index, late.index], [null, undefined]);
    leader.take().answer(answerOf(3));
    await clock.settle();
    t.is(late.index, index(3));
  });
}

test('without a leader the answer is null at once', async (t) => {
  const { clock, leader, world, ask } = setUp();
  world.leader = null;
  const call = ask(60_000);
  await clock.settle();
  t.is(call.index, null);
  world.leader = leader;
  const next = ask();
  await clock.settle();
  leader.take().answer(answerOf(4));
  await clock.settle();
  t.is(next.index, index(4));
});

test('the next question goes to whoever leads then', async (t) => {
  const { clock, leader, world, ask } = setUp();
  ask();
  await clock.settle();
  const late = ask();
  const successor = new FakeLink('r2');
  world.leader = successor;
  leader.take().answer({ type: 'lost' });
  await clock.settle();
  t.is(leader.sent.length, 0);
  successor.take().answer(answerOf(5));
  await clock.settle();
  t.is(late.index, index(5));
});

test('each has its own deadline, also behind a question that hangs', async (t) => {
  const { clock, leader, ask } = setUp();
  const early = ask(1000);
  await clock.settle();
  const late = ask(50);
  await clock.advance(49);
  t.is(late.index, undefined);
  await clock.advance(1);
  t.deepEqual([early.index, late.index], [undefined, null]);
  leader.take().answer(answerOf(5));
  await clock.settle();
  t.deepEqual([early.index, late.index] as unknown, [5, null]);
  t.is(leader.sent.length, 0, 'nobody waits for another question');
});

test('a question is on its way no longer than who asked would wait, and never long', async (t) => {
  const { clock, leader, ask } = setUp();
  ask(20);
  ask(30);
  await clock.settle();
  const short = leader.take();
  short.answer({ type: 'lost' });
  await clock.settle();
  ask(60_000);
  await clock.settle();
  t.like(short.request, { type: 'readIndex', timeoutMs: 30 });
  t.like(leader.take().request, { type: 'readIndex', timeoutMs: 250 });
});

test('how many may wait is bounded', async (t) => {
  const { clock, leader, ask } = setUp();
  ask();
  await clock.settle();
  const calls = Array.from({ length: 65_537 }, () => ask());
  await clock.settle();
  t.deepEqual([calls.at(-2)?.index, calls.at(-1)?.index], [undefined, null]);
  leader.take().answer(answerOf(1));
  await clock.settle();
  leader.take().answer(answerOf(2));
  await clock.settle();
  t.true(calls.slice(0, -1).every((call) => call.index === 2));
});

test('closing leaves nobody waiting, and nothing is asked afterwards', async (t) => {
  const { clock, leader, readIndex, ask } = setUp();
  const calls = [ask()];
  await clock.settle();
  calls.push(ask());
  readIndex.close();
  await clock.settle();
  t.deepEqual(
    calls.map((call) => call.index),
    [null, null],
  );
  leader.take().answer(answerOf(1));
  const after = ask();
  await clock.settle();
  t.is(after.index, null);
  t.is(leader.sent.length, 0);
});
