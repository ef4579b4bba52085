import test from 'ava';
import { generatePlan } from '../plan.ts';
import { catalogKinds, catalogSeedsFrom } from './plan.ts';

const plans = Array.from({ length: 300 }, (_, nth) => generatePlan(catalogSeedsFrom + nth));

test('only seeds from the first one of the catalog on are of it', (t) => {
  t.true(plans.every(({ catalog }) => catalog !== undefined));
  t.is(generatePlan(catalogSeedsFrom - 1).catalog, undefined);
});

test('one seed, one plan, and it survives a file', (t) => {
  for (const plan of plans.slice(0, 50)) {
    t.deepEqual(generatePlan(plan.seed), plan);
    t.deepEqual(JSON.parse(JSON.stringify(plan)), plan);
  }
});

test('everything is asked for, few copies are there, and lifetimes end within a run', (t) => {
  for (const { catalog, replicas, safetyMs } of plans) {
    if (catalog === undefined) return t.fail();
    t.true(catalogKinds.every((kind) => catalog.mix[kind] >= 0));
    t.true(catalog.copies > 0 && catalog.copies <= 40);
    t.true(catalog.ttlMs[0] < catalog.ttlMs[1] && catalog.ttlMs[1] < safetyMs / 4);
    t.is(Object.keys(catalog.wallMs).length, replicas);
  }
});
