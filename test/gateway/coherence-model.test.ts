import test from 'ava';
import { Coherence } from '../../src/gateway/coherence.ts';
import { SeededRandom } from '../raft/seeded-random.ts';
import { type Follower, runModel } from './coherence-model.ts';
import { MistakenCoherence, mistakes } from './mistaken-coherence.ts';

const steps = 600;
const seedsMax = 1500;

const product = () => new Coherence({ lineage: 'one', onAdvance() {} });

/** One seed after another, until enough of them have found something stale. */
function run(create: () => Follower, staleMax: number, seeds = seedsMax) {
  const stale: string[] = [];
  const misplaced: string[] = [];
  let [admitted, refusedNeedlessly] = [0, 0];
  for (let seed = 1; seed <= seeds && stale.length < staleMax; seed += 1) {
    const report = runModel(new SeededRandom(seed), steps, create());
    if (report.stale !== null) stale.push(`seed ${seed}: ${report.stale}`);
    if (report.misplaced !== null) misplaced.push(`seed ${seed}: ${report.misplaced}`);
    admitted += report.admitted;
    refusedNeedlessly += report.refusedNeedlessly;
  }
  return { stale, misplaced, admitted, refusedNeedlessly };
}

test('nothing is admitted that a published entry has changed, whatever leaders and messages do', (t) => {
  const { stale, misplaced, admitted, refusedNeedlessly } = run(product, 1);
  t.deepEqual(stale, []);
  t.deepEqual(misplaced, [], 'the position only rises, and what is below it is published');
  t.log(`${seedsMax} seeds: ${admitted} admitted, ${refusedNeedlessly} refused needlessly`);
  t.true(admitted > 500 * seedsMax);
});

test('the plain form of it decides alike, step by step', (t) => {
  t.deepEqual(
    run(() => new MistakenCoherence(null), 1, 300),
    run(product, 1, 300),
  );
});

for (const mistake of mistakes) {
  test(`something stale is found if ${mistake}`, (t) => {
    const { stale } = run(() => new MistakenCoherence(mistake), 3);
    t.log(stale.at(-1));
    t.is(stale.length, 3);
  });
}
