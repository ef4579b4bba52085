/** When the state of a replica was last known to be all that was published, for reads that may be stale. */
import test from 'ava';
import { Freshness } from '../../src/raft/freshness.ts';
import { index } from '../../src/raft/types.ts';
import { entryId } from './replica.ts';

function setUp() {
  const stateMachine = { applied: entryId(1, 0) };
  const freshness = new Freshness(stateMachine);
  const apply = (at: number) => {
    stateMachine.applied = entryId(1, at);
  };
  const confirm = (at: number, readIndex: number) => freshness.confirmed(at, index(readIndex));
  return { freshness, apply, confirm };
}

test('nothing is known before a read index was confirmed, whatever is applied', (t) => {
  const { freshness, apply } = setUp();
  apply(7);
  t.is(freshness.currentAt, null);
});

test('the newest question counts whose read index is applied', (t) => {
  const { freshness, apply, confirm } = setUp();
  confirm(10, 2);
  confirm(20, 2);
  confirm(30, 3);
  const known = [1, 2, 3].map((applied) => {
    apply(applied);
    return freshness.currentAt;
  });
  t.deepEqual(known, [null, 20, 30]);
});

test('answers may come in any order: what was asked earlier says nothing once something later is known', (t) => {
  const { freshness, apply, confirm } = setUp();
  confirm(20, 5);
  confirm(10, 6);
  confirm(30, 9);
  confirm(15, 4);
  apply(4);
  const first = freshness.currentAt;
  apply(6);
  const second = freshness.currentAt;
  confirm(18, 6);
  t.deepEqual([first, second, freshness.currentAt], [15, 20, 20]);
  apply(9);
  t.is(freshness.currentAt, 30);
});

test('a replica that applies late keeps little of what was confirmed, and still knows about when', (t) => {
  const { freshness, apply, confirm } = setUp();
  const confirmed = 10_000;
  for (let at = 1; at <= confirmed; at++) confirm(at, at);
  let last = 0;
  for (const applied of [confirmed / 2, confirmed - 100, confirmed - 20, confirmed]) {
    apply(applied);
    const at = freshness.currentAt ?? 0;
    t.true(at <= applied && at >= last, `${applied} applied, known at ${at}`);
    last = at;
  }
  t.is(last, confirmed);
});
