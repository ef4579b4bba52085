/**
 * A process of its own that runs seeds until one fails, with a bug in the product or without. It tells its parent of every
 * seed before it runs it, and at the end what came of them; its one argument is a SeedSearch as JSON.
 */
import type { Failure } from '../run-plan.ts';
import { bugNamed } from './list.ts';
import { plant } from './plant.ts';

export interface SeedSearch {
  /** Null: the product as it is. */
  readonly bug: string | null;
  readonly seeds: readonly number[];
  /** URL of a module that is a Simulator. */
  readonly simulator: string;
}

export interface Simulator {
  /** What is wrong in this seed's run, or null. */
  failureOf(seed: number): Promise<Failure | null>;
}

export type SeedSearchMessage =
  | { readonly type: 'begins'; readonly seed: number }
  | { readonly type: 'failed'; readonly seed: number; readonly checker: string; readonly message: string }
  | { readonly type: 'passed' }
  /** The search itself does not work, so it says nothing of the bug. */
  | { readonly type: 'broken'; readonly message: string };

async function search({ bug, seeds, simulator }: SeedSearch): Promise<SeedSearchMessage> {
  const planting = bug === null ? null : plant(bugNamed(bug));
  const { failureOf } = (await import(simulator)) as Simulator;
  if (planting?.done === false) throw new Error(`the simulator does not load the file of the bug ${bug}`);
  for (const seed of seeds) {
    await tell({ type: 'begins', seed });
    const failure = await failureOf(seed);
    // A checker that gives up has not found anything.
    if (failure === null || failure.giveUp) continue;
    return { type: 'failed', seed, checker: failure.checker, message: failure.message };
  }
  return { type: 'passed' };
}

function tell(message: SeedSearchMessage): Promise<void> {
  return new Promise((resolve, reject) => {
    process.send?.(message, undefined, undefined, (error) => (error === null ? resolve() : reject(error)));
  });
}

const [, , argument] = process.argv;
// Whoever asked is gone.
process.once('disconnect', () => process.exit(1));
const outcome = await search(JSON.parse(argument ?? 'null')).catch(
  (error: unknown): SeedSearchMessage => ({ type: 'broken', message: String(error) }),
);
await tell(outcome);
process.exit(0);
