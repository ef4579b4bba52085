import test from 'ava';
import type { Leadership } from '../../src/raft/interfaces.ts';
import { index, term } from '../../src/raft/types.ts';
import { Publishing } from '../../src/store/publishing.ts';
import type { Refusal } from '../../src/store/quarantine.ts';
import { ManualClock } from './manual-clock.ts';

const unlimited = Number.POSITIVE_INFINITY;

/** A leader of term 3 whose log ends at 10. */
function given() {
  const clock = new ManualClock();
  const limits: (readonly [number, number])[] = [];
  const node = {
    leadership: { term: term(3), lastIndex: index(10), round: 7 } as Leadership | null,
    limitPublishing: (limited: number, limit: number) => limits.push([limited, limit]),
  };
  const lead = (changed: Partial<Leadership>) => {
    node.leadership = node.leadership && { ...node.leadership, ...changed };
  };
  const excluded: (readonly [string, Refusal])[] = [];
  const publishing = new Publishing<string>({
    ...{ clock, node: () => node, leaseMs: 250, leaseMargin: 0.05, gateways: ['g1', 'g2'] },
    gatewayOf: (holder) => holder.slice(0, 2),
    onExclusion: (gateway, refusal) => excluded.push([gateway, refusal]),
  });
  /** What it asks for now, proven at once. */
  const grant = (holder: string, ofTerm = 3) => {
    const hearing = publishing.asked(holder, term(ofTerm));
    if (hearing?.type !== 'heard') return hearing;
    const granted = publishing.grant(holder, hearing.at, term(ofTerm));
    return granted && { type: 'granted', ...granted };
  };
  /** Entries that everybody who holds a grant is told of, and that a quorum has at once. */
  const write = (to: number, ...holders: readonly string[]) => {
    lead({ lastIndex: index(to) });
    for (const holder of holders) publishing.told(holder, index(to));
    publishing.committed(index(to));
  };
  return { clock, node, lead, publishing, limits, taken: () => limits.splice(0), grant, write, excluded };
}

test('a grant names the end of the log, and limits publishing at once', (t) => {
  const { taken, grant } = given();
  t.deepEqual(grant('g1'), { type: 'granted', index: index(10), leaseMs: 250 });
  t.deepEqual(taken(), [[3, 10]]);
});

test('whoever does not lead in the term that is followed grants nothing', (t) => {
  const { node, lead, taken, grant } = given();
  t.is(grant('g1', 2), null);
  lead({ term: term(4) });
  t.is(grant('g1'), null);
  node.leadership = null;
  t.is(grant('g1', 4), null);
  t.deepEqual(taken(), []);
});

test('a confirmation raises the limit, a release lifts it', (t) => {
  const { publishing, taken, grant } = given();
  grant('g1');
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
  const { clock, taken, grant } = given();
  grant('g1');
  taken();
  await clock.advance(262);
  t.deepEqual(taken(), []);
  await clock.advance(1);
  t.deepEqual(taken(), [[3, unlimited]]);
});

test('a leader of another term waits for nobody, and lets the core do as it began', async (t) => {
  const { clock, lead, publishing, taken, grant } = given();
  grant('g1');
  taken();
  publishing.ended();
  t.deepEqual(taken(), []);
  lead({ term: term(5) });
  t.deepEqual(grant('g2', 5), { type: 'granted', index: index(10), leaseMs: 250 });
  t.deepEqual(taken(), [[5, 10]]);
  publishing.released('g1');
  await clock.advance(263);
  t.deepEqual(taken(), [[5, unlimited]]);
});

test('what was granted in an earlier term is not waited for, though nobody said that it ended', (t) => {
  const { lead, taken, grant } = given();
  grant('g1');
  lead({ term: term(5), lastIndex: index(20) });
  grant('g2', 5);
  t.deepEqual(taken(), [
    [3, 10],
    [5, 20],
  ]);
});

test('once it is stopped nothing is granted, and what was runs out', async (t) => {
  const { clock, publishing, taken, grant } = given();
  grant('g1');
  publishing.stop();
  t.deepEqual(grant('g1'), { type: 'refused', cause: 'undeclared', forMs: 10_000 });
  t.deepEqual(taken(), [[3, 10]]);
  await clock.advance(263);
  t.deepEqual(taken(), [[3, unlimited]]);
});

test('closed, no timer is left', async (t) => {
  const { clock, publishing, taken, grant } = given();
  grant('g1');
  taken();
  publishing.close();
  await clock.advance(1000);
  t.deepEqual(taken(), []);
});

test('who asks is told which round had left by then, and grants come from when it asked', async (t) => {
  const { clock, publishing, taken } = given();
  t.deepEqual(publishing.asked('g1', term(3)), { type: 'heard', round: 7, at: 0 });
  t.deepEqual(taken(), [], 'nothing waits for it yet');
  await clock.advance(100);
  t.deepEqual(publishing.grant('g1', 0, term(3)), { index: index(10), leaseMs: 250 });
  await clock.advance(162);
  t.deepEqual(taken(), [[3, 10]]);
  await clock.advance(1);
  t.deepEqual(taken(), [[3, unlimited]]);
});

test('nobody is granted what it asked for before it was excluded, or before grants were stopped', async (t) => {
  const { clock, publishing, grant, write } = given();
  grant('g1');
  write(11, 'g1');
  await clock.advance(262);
  t.like(publishing.asked('g1', term(3)), { type: 'heard', at: 262 });
  await clock.advance(1);
  t.is(publishing.grant('g1', 262, term(3)), null);
  publishing.stop();
  t.is(publishing.grant('g2', 262, term(3)), null);
});

test('a gateway that falls silent while writes wait gets nothing for a second, over another connection either', async (t) => {
  const { clock, publishing, grant, write, excluded, taken } = given();
  grant('g1');
  grant('g2');
  write(11, 'g1', 'g2');
  publishing.confirmed('g2', index(11));
  await clock.advance(263);
  t.deepEqual(taken().at(-1), [3, unlimited]);
  t.deepEqual(excluded, [['g1', { cause: 'silent', forMs: 1000 }]]);
  t.like(grant('g1 again'), { type: 'refused', cause: 'silent' });
  t.like(grant('g2'), { type: 'granted' }, 'the others are not concerned');
  await clock.advance(999);
  t.like(grant('g1'), { type: 'refused', forMs: 1 });
  publishing.confirmed('g1', index(11));
  publishing.released('g2');
  t.deepEqual(taken().at(-1), [3, unlimited], 'and nothing waits for it');
  await clock.advance(1);
  t.like(grant('g1'), { type: 'granted' });
});

test('a gateway that is always late gets nothing for longer each time, and costs little meanwhile', async (t) => {
  const { clock, publishing, grant, write, excluded } = given();
  let to = 10;
  let slow = 0;
  for (let second = 0; second < 60; second += 1) {
    if (grant('g1')?.type === 'granted') slow += 1;
    to += 1;
    write(to, 'g1');
    await clock.advance(150);
    publishing.confirmed('g1', index(to));
    await clock.advance(850);
  }
  const [, { cause }] = excluded[0] ?? ['', {}];
  t.is(cause, 'late');
  t.deepEqual(
    excluded.map(([, { forMs }]) => forMs),
    [1000, 2000, 4000, 8000, 16_000, 30_000],
  );
  t.true(slow <= 18, `${slow} writes of 60 waited`);
});

test('a gateway that confirms as quickly as replicas do is granted leases all the time', async (t) => {
  const { clock, publishing, grant, write, excluded } = given();
  for (let to = 11; to < 200; to += 1) {
    t.is(grant('g1')?.type, 'granted');
    write(to, 'g1');
    await clock.advance(to % 20 === 0 ? 120 : 40);
    publishing.confirmed('g1', index(to));
  }
  t.deepEqual(excluded, []);
});

test('what is known of a gateway outlasts the term', async (t) => {
  const { clock, lead, publishing, grant, write } = given();
  grant('g1');
  write(11, 'g1');
  await clock.advance(263);
  publishing.ended();
  lead({ term: term(4) });
  t.like(grant('g1', 4), { type: 'refused', cause: 'silent' });
});

test('a leader that stood still itself blames nobody', async (t) => {
  const { clock, publishing, grant, write, excluded } = given();
  grant('g1');
  write(11, 'g1');
  await clock.settle();
  clock.stall(2000);
  publishing.confirmed('g1', index(11));
  t.deepEqual(excluded, []);
  t.like(grant('g1'), { type: 'granted' });
});

test('what was said before a leader that stood still noticed the end of a grant is heard first', async (t) => {
  const { clock, publishing, grant, write, excluded } = given();
  grant('g1');
  grant('g2');
  write(11, 'g1', 'g2');
  await clock.settle();
  clock.stall(270);
  publishing.confirmed('g1', index(11));
  await clock.settle();
  t.deepEqual(excluded, [['g2', { cause: 'silent', forMs: 1000 }]]);
  t.like(grant('g1'), { type: 'granted' });
});

test('nor is what it hears after a long turn of its own held against anybody', async (t) => {
  const { clock, publishing, grant, write, excluded } = given();
  for (let to = 11; to < 15; to += 1) {
    grant('g1');
    write(to, 'g1');
    clock.stall(80);
    await clock.settle();
    publishing.confirmed('g1', index(to));
    await clock.advance(100);
  }
  t.deepEqual(excluded, []);
});

test('who is gone was silent all the same', async (t) => {
  const { clock, publishing, grant, write, excluded } = given();
  grant('g1');
  write(11, 'g1');
  publishing.gone('g1');
  await clock.advance(263);
  t.deepEqual(excluded, [['g1', { cause: 'silent', forMs: 1000 }]]);
});

test('how long writes waited is told by gateway, whichever of its processes it was', async (t) => {
  const { clock, publishing, grant, write } = given();
  const none = { late: 0, silent: 0 };
  t.deepEqual(publishing.statistics(), {
    grants: 0,
    gateways: [
      { id: 'g1', waitedMs: 0, excluded: false, exclusions: none },
      { id: 'g2', waitedMs: 0, excluded: false, exclusions: none },
    ],
  });
  grant('g1');
  grant('g1 of another process');
  write(11, 'g1', 'g1 of another process');
  await clock.advance(10);
  publishing.confirmed('g1', index(11));
  publishing.confirmed('g1 of another process', index(11));
  t.is(publishing.statistics().grants, 2);
  write(12, 'g1');
  await clock.advance(253);
  const [first] = publishing.statistics().gateways;
  t.deepEqual(first, { id: 'g1', waitedMs: 272.5, excluded: true, exclusions: { late: 0, silent: 1 } });
});
