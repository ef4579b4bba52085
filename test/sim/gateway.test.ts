import test from 'ava';
import { generatePlan, type Plan } from './plan.ts';
import { usualCaching } from './plan-caching.ts';
import { runPlan } from './run-plan.ts';

const calm: Plan = {
  ...generatePlan(1),
  gateways: 2,
  caching: usualCaching,
  survivors: 'everybody',
  faults: [],
};

test.serial('a good part of all reads is answered from memory, also while their keys are written', async (t) => {
  const { failure, reads, hits, probes } = await runPlan(calm);
  t.is(failure, null);
  t.true(hits / reads > 0.3, `${hits} of ${reads}`);
  for (const name of [
    'a hit while a write was in flight',
    'a hit was refused by a floor',
    'a fill was refused by a floor',
    'a hit for HEAD',
    'a hit for a value that had not changed',
    'a hit for a key that is absent',
    'a hit for a list',
  ]) {
    t.true((probes[`cache: ${name}`] ?? 0) > 0, name);
  }
});

test.serial('gateways that keep nothing answer nothing from memory', async (t) => {
  const { failure, reads, hits } = await runPlan({ ...calm, caching: { ...usualCaching, coherence: 'off' } });
  t.is(failure, null);
  t.true(reads > 100);
  t.is(hits, 0);
});
