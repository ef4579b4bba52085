import test from 'ava';
import { term } from '../../src/raft/types.ts';
import { LeaderTracker } from '../../src/store/leader-tracker.ts';

test('the leader of the highest term heard of is the leader', (t) => {
  const tracker = new LeaderTracker();
  t.true(tracker.learn(term(2), 'r1'));
  t.true(tracker.learn(term(3), 'r2'));
  t.false(tracker.learn(term(2), 'r1'));
  t.is(tracker.leader, 'r2');
});

test('a replica that was cut off with a higher term hides no leader', (t) => {
  const tracker = new LeaderTracker();
  tracker.learn(term(6), 'r1');
  t.false(tracker.learn(term(7), null));
  t.is(tracker.leader, 'r1');
  const other = new LeaderTracker();
  other.learn(term(7), null);
  t.true(other.learn(term(6), 'r1'));
});

test('a refusal by the leader known ends its leadership, and may name the next', (t) => {
  const tracker = new LeaderTracker();
  tracker.learn(term(2), 'r1');
  t.false(tracker.refused('r3', 'r2'));
  t.true(tracker.refused('r1', 'r2'));
  t.is(tracker.leader, 'r2');
  t.true(tracker.refused('r2', null));
  t.is(tracker.leader, null);
});

test('a leader that was refused is learned again from a status of its term', (t) => {
  const tracker = new LeaderTracker();
  tracker.learn(term(2), 'r1');
  tracker.refused('r1', null);
  t.true(tracker.learn(term(2), 'r1'));
});
