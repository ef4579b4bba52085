/**
 * Stands in for the simulation, to test the search for planted bugs: one seed in three looks at the rule for votes, one
 * looks too hard, one dies, one never ends.
 */
import type { Index, Term } from '../../../src/raft/types.ts';
import { atLeastAsUpToDate } from '../../../src/raft/types.ts';
import type { Failure } from '../run-plan.ts';

export const seedThatGivesUp = 100;
export const seedThatDies = 101;
export const seedThatHangs = 102;
export const seedThatAlwaysFails = 103;

export async function failureOf(seed: number): Promise<Failure | null> {
  if (seed === seedThatGivesUp) return { checker: 'fake', message: 'too hard to say', giveUp: true, atMs: 1 };
  if (seed === seedThatDies) {
    setImmediate(() => {
      throw new RangeError('out of nowhere');
    });
    await new Promise(() => {});
  }
  if (seed === seedThatAlwaysFails) return { checker: 'fake', message: 'always wrong', giveUp: false, atMs: 1 };
  while (seed === seedThatHangs);
  const older = { term: 1 as Term, index: 9 as Index };
  const newer = { term: 2 as Term, index: 3 as Index };
  if (seed % 3 !== 0 || !atLeastAsUpToDate(older, newer)) return null;
  return { checker: 'fake', message: 'an older log\nwon', giveUp: false, atMs: 1 };
}
