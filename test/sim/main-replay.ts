/** One run, told in full. */
import { readFileSync } from 'node:fs';
import { ArgumentError } from './main-arguments.ts';
import { failureText, indented, planText, reportText } from './main-print.ts';
import type { Plan } from './plan.ts';
import { runPlan } from './run-plan.ts';

/** Returns whether all went well. In this process, so that a debugger sees it. */
export async function replay(plan: Plan): Promise<boolean> {
  console.log(`seed ${plan.seed}, the plan:\n${planText(plan)}`);
  const startedAt = performance.now();
  const report = await runPlan(plan);
  const realMs = performance.now() - startedAt;
  console.log(`\nwhat happened:\n${indented(report.timeline.join('\n'))}`);
  console.log(`\n${reportText(report)}, ${(report.virtualMs / realMs).toFixed(0)} × real time`);
  console.log(report.failure === null ? '\nno fault was found' : `\n${failureText(report.failure)}`);
  return report.failure === null;
}

/** As `npm run sim` wrote it. */
export function readPlan(path: string): Plan {
  let plan: unknown;
  try {
    plan = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new ArgumentError(`--plan ${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (!isPlan(plan)) throw new ArgumentError(`--plan ${path}: this is no plan of a run`);
  return plan;
}

/** Not every field: a file that is not a plan at all is what people hand in. */
function isPlan(value: unknown): value is Plan {
  return (
    typeof value === 'object' &&
    value !== null &&
    'seed' in value &&
    'replicas' in value &&
    'workload' in value &&
    'faults' in value &&
    Array.isArray(value.faults)
  );
}
