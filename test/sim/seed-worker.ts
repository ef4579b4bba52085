/** A process that runs plans, one after the other, for the one that started it. */
import type { Plan } from './plan.ts';
import { runPlan, type SeedReport } from './run-plan.ts';

export type WorkerAnswer =
  | { readonly type: 'report'; readonly report: SeedReport; readonly realMs: number }
  /** The simulation itself failed. */
  | { readonly type: 'broken'; readonly message: string };

async function answer(plan: Plan): Promise<WorkerAnswer> {
  const startedAt = performance.now();
  try {
    const report = await runPlan(plan);
    return { type: 'report', report, realMs: performance.now() - startedAt };
  } catch (error) {
    return { type: 'broken', message: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

process.on('message', (plan: Plan) => {
  void answer(plan).then((told) => process.send?.(told));
});
process.once('disconnect', () => process.exit());
