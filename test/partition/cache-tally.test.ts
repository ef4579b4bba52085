import test from 'ava';
import { CacheTally, percentage } from './cache-tally.ts';

test('reads are counted by gateway and by what it said, and hits among them', (t) => {
  const tally = new CacheTally(['g1', 'g2']);
  for (const status of [
    'bazar; hit; detail=validated',
    'bazar; hit; detail=lease',
    'bazar; fwd=uri-miss; stored',
    'bazar; fwd=stale; collapsed',
    'bazar; fwd=stale',
    null,
  ]) {
    tally.record('g1', status);
  }
  tally.record('g2', 'bazar; fwd=bypass');
  const { all, gateways } = tally.report();
  t.deepEqual(gateways, {
    g1: {
      reads: 6,
      hits: 2,
      hitRatio: 1 / 3,
      said: { hit: 2, stale: 1, 'stale, collapsed': 1, unsaid: 1, 'uri-miss': 1 },
    },
    g2: { reads: 1, hits: 0, hitRatio: 0, said: { bypass: 1 } },
  });
  t.is(all.reads, 7);
  t.is(all.hits, 2);
  t.like(all.said, { hit: 2, bypass: 1 });
});

test('without reads there is no ratio', (t) => {
  const { all, gateways } = new CacheTally(['g1']).report();
  t.is(all.hitRatio, null);
  t.like(gateways, { g1: { reads: 0, hitRatio: null } });
  t.is(percentage(all.hitRatio), 'none');
  t.is(percentage(0.6131), '61.3 %');
});
