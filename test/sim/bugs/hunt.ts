/**
 * Looks for every bug, some at a time. A seed counts only if it passes without the bug: whatever else it fails for
 * says nothing of it.
 */
import type { PlantedBug } from './planted-bug.ts';
import { type SearchOptions, type SearchOutcome, searchSeeds } from './search.ts';

export type Verdict = { readonly bug: string; readonly seconds: number } & (
  | {
      readonly type: 'found';
      readonly seed: number;
      /** How many were run, this one too. */
      readonly seeds: number;
      readonly checker: string;
      readonly message: string;
    }
  | { readonly type: 'notFound'; readonly seeds: number }
  | { readonly type: 'broken'; readonly message: string }
);

export interface HuntOptions extends SearchOptions {
  readonly seedsOf: (bug: PlantedBug) => readonly number[];
  /** URL of a module that is a Simulator. */
  readonly simulator: string;
  readonly jobs: number;
  readonly onVerdict: (verdict: Verdict) => void;
}

/** In the order of `bugs`. */
export async function hunt(bugs: readonly PlantedBug[], options: HuntOptions): Promise<readonly Verdict[]> {
  const verdicts = new Map<PlantedBug, Verdict>();
  const waiting = bugs.values();
  const withoutBug = onceForEachSeed(options);
  const work = async () => {
    for (const bug of waiting) {
      const verdict = await look(bug, options, withoutBug);
      verdicts.set(bug, verdict);
      options.onVerdict(verdict);
    }
  };
  await Promise.all(Array.from({ length: options.jobs }, work));
  return bugs.flatMap((bug) => verdicts.get(bug) ?? []);
}

type WithoutBug = (seed: number) => Promise<SearchOutcome>;

/** Many bugs are found by the same seed, and a seed's run is always the same: it is run without a bug but once. */
function onceForEachSeed({ simulator, seedSecondsMax }: HuntOptions): WithoutBug {
  const outcomes = new Map<number, Promise<SearchOutcome>>();
  return (seed) => {
    const outcome = outcomes.get(seed) ?? searchSeeds({ bug: null, seeds: [seed], simulator }, { seedSecondsMax });
    outcomes.set(seed, outcome);
    return outcome;
  };
}

async function look(
  bug: PlantedBug,
  { seedsOf, simulator, seedSecondsMax }: HuntOptions,
  withoutBug: WithoutBug,
): Promise<Verdict> {
  const startedAt = performance.now();
  const seeds = seedsOf(bug);
  const about = () => ({ bug: bug.name, seconds: (performance.now() - startedAt) / 1000 });
  const outcome = await searchSeeds({ bug: bug.name, seeds, simulator }, { seedSecondsMax });
  if (outcome.type === 'broken') return { ...outcome, ...about() };
  if (outcome.type === 'passed') return { type: 'notFound', seeds: seeds.length, ...about() };
  const { seed, checker, message } = outcome;
  const without = await withoutBug(seed);
  if (without.type !== 'passed') {
    return { type: 'broken', message: `seed ${seed} fails without the bug too: ${without.message}`, ...about() };
  }
  return { type: 'found', seed, seeds: seeds.indexOf(seed) + 1, checker, message, ...about() };
}
