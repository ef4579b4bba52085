/** The simulation, as the search for planted bugs uses it. */
import { generatePlan } from '../plan.ts';
import { type Failure, runPlan } from '../run-plan.ts';

export async function failureOf(seed: number): Promise<Failure | null> {
  const { failure } = await runPlan(generatePlan(seed));
  return failure;
}
