import test from 'ava';
import type { Leadership } from '../../src/raft/interfaces.ts';
import { index, term } from '../../src/raft/types.ts';
import { Publishing } from '../../src/store/publishing.ts';
import { ManualClock } from './manual-clock.ts';

const unlimited = Number.POSITIVE_INFINITY;

/** A leader of term 3 whose log ends at 10. */
function given() {
  const clock = new ManualClock();
  const limits: (readonly [number, number])[] = [];
  const node = {
    leadership: { term: term(3), lastIndex: index(10), quorumRoundAt: clock.now() } as Leadership | null,
    limitPublishing: (limited: number, limit: number) => limits.push([limited, limit]),
  };
  const lead = (changed: Partial<Leadership>) => {
    node.leadership = node.leadership && { ...node.leadership, ...changed };
  };
  const publishing = new Publishing<string>({ clock, node: () => node, leaseMs: 250, leaseMargin: 0.05 });
  return { clock, node, lead, publishing, limits, taken: () => limits.splice(0) };
}

test('a grant names the end of the log, and limits publishing at once', (t) => {
  const { publishing, taken } = given();
  t.deepEqual(publishing.grant('g1', term(3)), { index: index(10), leaseMs: 250 });
  t.deepEqual(taken(), [[3, 10]]);
});

test('whoever does not lead in the term that is followed grants nothing', (t) => {
  const { node, lead, publishing, taken } = given();
  t.is(publishing.grant('g1', term(2)), null);
  lead({ term: term(4) });
  t.is(publishing.grant('g1', term(3)), null);
  node.leadership = null;
  t.is(publishing.grant('g1', term(4)), null);
  t.deepEqual(taken(), []);
});

test('a confirmation raises the limit, a release lifts it', (t) => {
  const { publishing, taken } = given();
  publishing.grant('g1', term(3));
  publishing.told('g1', index(12));
  publishing.confirmed('g1', index(12));
  publishing.confirmed('g1', index(12));
  publishing.released('g1');
  t.deepEqual(taken(), [
    [3, 10],
    [3, 12],
    [3, unlimited],
  ]);
});

test('a grant that nobody renews ends by itself', async (t) => {
  const { clock, publishing, taken } = given();
  publishing.grant('g1', term(3));
  taken();
  await clock.advance(262);
  t.deepEqual(taken(), []);
  await clock.advance(1);
  t.deepEqual(taken(), [[3, unlimited]]);
});

test('a leader of another term waits for nobody, and lets the core do as it began', async (t) => {
  const { clock, lead, publishing, taken } = given();
  publishing.grant('g1', term(3));
  taken();
  publishing.ended();
  t.deepEqual(taken(), []);
  lead({ term: term(5) });
  t.deepEqual(publishing.grant('g2', term(5)), { index: index(10), leaseMs: 250 });
  t.deepEqual(taken(), [[5, 10]]);
  publishing.released('g1');
  await clock.advance(263);
  t.deepEqual(taken(), [[5, unlimited]]);
});

test('what was granted in an earlier term is not waited for, though nobody said that it ended', (t) => {
  const { lead, publishing, taken } = given();
  publishing.grant('g1', term(3));
  lead({ term: term(5), lastIndex: index(20) });
  publishing.grant('g2', term(5));
  t.deepEqual(taken(), [
    [3, 10],
    [5, 20],
  ]);
});

test('once it is stopped nothing is granted, and what was runs out', async (t) => {
  const { clock, publishing, taken } = given();
  publishing.grant('g1', term(3));
  publishing.stop();
  t.is(publishing.grant('g1', term(3)), null);
  t.deepEqual(taken(), [[3, 10]]);
  await clock.advance(263);
  t.deepEqual(taken(), [[3, unlimited]]);
});

test('closed, no timer is left', async (t) => {
  const { clock, publishing, taken } = given();
  publishing.grant('g1', term(3));
  taken();
  publishing.close();
  await clock.advance(1000);
  t.deepEqual(taken(), []);
});

test('after a sleep a round from before it grants nothing', async (t) => {
  const { clock, lead, publishing } = given();
  t.not(publishing.grant('g1', term(3)), null);
  clock.sleep(10_000);
  t.is(publishing.grant('g1', term(3)), null);
  await clock.advance(10);
  lead({ quorumRoundAt: clock.now() });
  t.not(publishing.grant('g1', term(3)), null);
});
