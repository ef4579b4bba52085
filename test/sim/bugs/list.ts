/**
 * All bugs that the simulation has to find. The product holds no switch for them: plant.ts puts one into the source
 * as it is loaded.
 */
import { readFileSync } from 'node:fs';
import { catalogSeedsFrom } from '../catalog/plan.ts';
import { cacheBugs } from './cache-bugs.ts';
import { catalogBugs } from './catalog-bugs.ts';
import { clientBugs } from './client-bugs.ts';
import { electionBugs } from './election-bugs.ts';
import { leaseBugs } from './lease-bugs.ts';
import { logBugs } from './log-bugs.ts';
import type { PlantedBug } from './planted-bug.ts';
import { readBugs } from './read-bugs.ts';
import { replicationBugs } from './replication-bugs.ts';
import { stateBugs } from './state-bugs.ts';
import { streamBugs } from './stream-bugs.ts';

export type { PlantedBug } from './planted-bug.ts';

/** By the bug's name; written by `npm run sim:bugs -- --write`. */
export const knownSeedsFile: URL = new URL('known-seeds.json', import.meta.url);

const knownSeeds = JSON.parse(readFileSync(knownSeedsFile, 'utf8')) as Readonly<Record<string, number>>;

export const plantedBugs: readonly PlantedBug[] = [
  ...electionBugs,
  ...replicationBugs,
  ...readBugs,
  ...logBugs,
  ...stateBugs,
  ...clientBugs,
  ...cacheBugs,
  ...streamBugs,
  ...leaseBugs,
]
  .map((mutation) => ({ ...mutation, seedsAbove: 0 }))
  .concat(catalogBugs.map((mutation) => ({ ...mutation, seedsAbove: catalogSeedsFrom })))
  .map((mutation) => ({ ...mutation, knownSeed: knownSeeds[mutation.name] ?? null }));

/** Throws for a name that is not in the list. */
export function bugNamed(name: string): PlantedBug {
  const bug = plantedBugs.find((each) => each.name === name);
  if (bug === undefined) throw new Error(`there is no bug named ${name}; see test/sim/bugs/*-bugs.ts`);
  return bug;
}
