/** Many seeds, until one fails; then the shortest plan that still does. */
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Jobs, type RunResult } from './jobs.ts';
import { commit, failureText, indented, planText, reportText } from './main-print.ts';
import { namedProbes, neverReached } from './main-probes.ts';
import { Summary } from './main-summary.ts';
import { generatePlan, type Plan } from './plan.ts';
import type { Failure } from './run-plan.ts';
import { failsAlike, shrinkPlan } from './shrink.ts';

export interface SeedsOptions {
  readonly from: number;
  readonly to: number;
  readonly jobs: number;
  readonly shrinks: boolean;
}

interface FailedRun {
  readonly plan: Plan;
  readonly result: RunResult;
  readonly failure: Failure;
}

const progressMs = 5000;
/** One seed in so many is run three times. */
const repeatedEvery = 100;

/** Returns whether all went well. */
export async function runSeeds(options: SeedsOptions): Promise<boolean> {
  const { from, to, jobs: count } = options;
  const total = to - from + 1;
  console.log(`seeds ${from}..${to}, ${count} at a time, commit ${commit()}`);
  using jobs = new Jobs(count);
  const summary = new Summary();
  const progress = setInterval(() => console.log(summary.progress(total)), progressMs);
  const stop = () => {
    jobs[Symbol.dispose]();
    console.log(`\nstopped\n${summary.table()}`);
    process.exit(130);
  };
  process.once('SIGINT', stop);
  try {
    const failed = await firstFailure(options, jobs, summary);
    clearInterval(progress);
    if (failed !== null) {
      tell(failed);
      if (options.shrinks) await tellShortest(failed, jobs);
    }
    console.log(`\n${summary.runs} seeds\n${summary.table()}`);
    if (failed === null) tellNeverReached(summary);
    return failed === null;
  } finally {
    clearInterval(progress);
    process.off('SIGINT', stop);
  }
}

async function firstFailure({ from, to, jobs: count }: SeedsOptions, jobs: Jobs, summary: Summary) {
  let next = from;
  let failed: FailedRun | null = null;
  const work = async () => {
    while (next <= to && failed === null) {
      const plan = generatePlan(next++);
      const result = await jobs.run(plan);
      if (failed !== null) return;
      summary.add(result);
      const failure = result.report.failure ?? (await repeat(plan, result, jobs));
      if (failure !== null) failed ??= { plan, result, failure };
    }
  };
  await Promise.all(Array.from({ length: count }, work));
  return failed as FailedRun | null;
}

/** Once more after other runs, and once in a process that has run nothing: it must be the same run. */
async function repeat(plan: Plan, { report }: RunResult, jobs: Jobs): Promise<Failure | null> {
  if (plan.seed % repeatedEvery !== 0) return null;
  using fresh = new Jobs(1);
  const again = await Promise.all([jobs.run(plan), jobs.run(plan), fresh.run(plan)]);
  const hashes = new Set([report, ...again.map((result) => result.report)].map(({ traceHash }) => traceHash));
  if (hashes.size === 1) return null;
  const message = `not deterministic: runs of one seed have the traces ${[...hashes].join(', ')}`;
  return { checker: 'determinism', message, giveUp: false, atMs: report.virtualMs };
}

function tell({ plan, result, failure }: FailedRun): void {
  console.log(`\nseed ${plan.seed}, commit ${commit()}\n${failureText(failure)}\n`);
  console.log(`the plan:\n${planText(plan)}\n\nwhat happened:\n${indented(result.report.timeline.join('\n'))}`);
  console.log(`\n${reportText(result.report)}\n\nagain: npm run sim -- --seed ${plan.seed}`);
}

async function tellShortest({ plan, failure }: FailedRun, jobs: Jobs): Promise<void> {
  if (failure.checker === 'determinism') return;
  console.log('\nlooking for a shorter plan that fails in the same way');
  let shown = plan;
  const shortest = await shrinkPlan(
    plan,
    async (candidate) => {
      const other = await failureOf(candidate, jobs);
      return other !== null && failsAlike(failure, other);
    },
    ({ tries, plan: best }) => {
      if (best !== shown) console.log(`  after ${tries} tries: ${best.faults.length} faults`);
      shown = best;
    },
  );
  const path = join(tmpdir(), `bazar-sim-seed-${plan.seed}.json`);
  writeFileSync(path, `${JSON.stringify(shortest, null, 2)}\n`);
  console.log(`\nthe shortest plan that was found to fail:\n${planText(shortest)}`);
  console.log(`\nagain: npm run sim -- --plan ${path}`);
}

async function failureOf(plan: Plan, jobs: Jobs): Promise<Failure | null> {
  try {
    return (await jobs.run(plan)).report.failure;
  } catch {
    // A run that breaks the simulation is another failure than the one that was found.
    return null;
  }
}

function tellNeverReached(summary: Summary): void {
  const named = namedProbes();
  const missing = neverReached(named, summary.probes.keys());
  console.log(`\nnever reached, ${missing.length} of ${named.length} probes${missing.length === 0 ? '' : ':'}`);
  for (const name of missing) console.log(`  ${name}`);
}
