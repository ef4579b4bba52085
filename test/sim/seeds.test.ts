/** The seeds that every change has to survive; `npm run sim` runs as many more as one likes. */
import test from 'ava';
import { catalogSeedsFrom } from './catalog/plan.ts';
import { failedSeeds } from './failed-seeds.ts';
import { generatePlan } from './plan.ts';
import { runPlan, type SeedReport } from './run-plan.ts';

const seeds = { keys: 100, catalog: 30 } as const;
const seedsPerTest = 10;

function explain({ seed, failure, timeline }: SeedReport): string {
  return `seed ${seed} at ${failure?.atMs} ms: ${failure?.checker}: ${failure?.message}\n${timeline.join('\n')}`;
}

async function failuresOf(run: readonly number[]): Promise<readonly string[]> {
  const failures: string[] = [];
  for (const seed of run) {
    const report = await runPlan(generatePlan(seed));
    if (report.failure !== null) failures.push(explain(report));
  }
  return failures;
}

const firsts = [
  ...Array.from({ length: seeds.keys / seedsPerTest }, (_, nth) => 1 + nth * seedsPerTest),
  ...Array.from({ length: seeds.catalog / seedsPerTest }, (_, nth) => catalogSeedsFrom + 1 + nth * seedsPerTest),
];
for (const first of firsts) {
  const run = Array.from({ length: seedsPerTest }, (_, position) => first + position);
  test.serial(`seeds ${run.at(0)} to ${run.at(-1)}`, async (t) => {
    t.deepEqual(await failuresOf(run), []);
  });
}

test.serial('seeds that failed once', async (t) => {
  t.deepEqual(await failuresOf(failedSeeds.map(({ seed }) => seed)), []);
});

test.serial('one seed is one run, event by event', async (t) => {
  const [first, second] = [await runPlan(generatePlan(7)), await runPlan(generatePlan(7))];
  t.is(first.traceHash, second.traceHash);
  t.deepEqual(first.timeline, second.timeline);
  t.not((await runPlan(generatePlan(8))).traceHash, first.traceHash);
  const ofCatalog = [await runPlan(generatePlan(catalogSeedsFrom)), await runPlan(generatePlan(catalogSeedsFrom))];
  t.is(ofCatalog[0]?.traceHash, ofCatalog[1]?.traceHash);
});
