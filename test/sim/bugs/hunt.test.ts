import test from 'ava';
import { seedThatAlwaysFails, seedThatDies, seedThatGivesUp, seedThatHangs } from './fake-simulator.ts';
import { hunt, type Verdict } from './hunt.ts';
import { bugNamed } from './list.ts';
import { lineOf, summaryOf } from './report.ts';

const simulator = new URL('fake-simulator.ts', import.meta.url).href;
/** The fake one notices this bug, in every third seed. */
const noticed = bugNamed('longer-log-wins-whatever-its-terms');
/** The fake one loads its file too, and does not notice. */
const unnoticed = { ...noticed, name: 'claim-is-ignored-in-votes' };

async function look(seeds: readonly number[], bug = noticed, seedSecondsMax = 30): Promise<Verdict | undefined> {
  const [verdict] = await hunt([bug], { seedsOf: () => seeds, simulator, jobs: 1, seedSecondsMax, onVerdict() {} });
  return verdict;
}

test('the first seed that fails finds the bug', async (t) => {
  t.like(await look([1, 2, 3, 4, 5, 6]), { type: 'found', seed: 3, seeds: 3, checker: 'fake' });
  t.like(await look([7, 9]), { type: 'found', seed: 9, seeds: 2 });
});

test('seeds that pass, or give up, find nothing', async (t) => {
  t.like(await look([1, 2, 4, seedThatGivesUp]), { type: 'notFound', seeds: 4 });
  t.like(await look([]), { type: 'notFound', seeds: 0 });
});

test('a seed that fails without the bug too finds nothing', async (t) => {
  const verdict = await look([seedThatAlwaysFails]);
  t.is(verdict?.type, 'broken');
  t.regex(lineOf(verdict as Verdict), /BROKEN.*seed 103 fails without the bug too: always wrong/);
});

test('a process that dies, or hangs, fails in its seed', async (t) => {
  // Both do so without the bug as well, so what is said of them is that.
  t.regex(
    lineOf((await look([1, seedThatDies])) as Verdict),
    /seed 101 fails without the bug too: it ended with 1: RangeError: out of nowhere$/,
  );
  t.regex(lineOf((await look([seedThatHangs], noticed, 2)) as Verdict), /seed 102 fails .* does not end within 2 s/);
});

test('a bug whose file the simulator does not load is not looked for', async (t) => {
  const verdict = await look([3], unnoticed);
  t.regex(lineOf(verdict as Verdict), /BROKEN.*does not load the file of the bug claim-is-ignored-in-votes/);
});

test('bugs are looked for some at a time, and told of in their order', async (t) => {
  const told: string[] = [];
  const bugs = [noticed, unnoticed, noticed];
  const verdicts = await hunt(bugs, {
    seedsOf: () => [1, 2, 3],
    simulator,
    jobs: 2,
    seedSecondsMax: 30,
    onVerdict: ({ bug }) => told.push(bug),
  });
  t.deepEqual(
    verdicts.map(({ bug }) => bug),
    bugs.map(({ name }) => name),
  );
  t.is(told.length, 3);
});

test('the summary counts what was found, and names the worst', (t) => {
  const found = (bug: string, seeds: number) =>
    ({ type: 'found', bug, seeds, seed: seeds, checker: 'c', message: 'm', seconds: 1 }) as const;
  const verdicts = [
    found('a', 9),
    found('b', 1),
    found('c', 4),
    { type: 'notFound', bug: 'd', seeds: 10, seconds: 1 },
  ] as const;
  t.is(summaryOf(verdicts), '3 of 4 planted bugs found; seeds needed: median 4, worst 9 (a)');
  t.is(summaryOf(verdicts.slice(3)), '0 of 1 planted bugs found');
  t.regex(lineOf(verdicts[3]), /^d +NOT FOUND +10 +1\.0$/);
  t.regex(lineOf({ ...found('a', 9), message: 'first\nsecond' }), /^a +c +9 +9 +1\.0 {2}first$/);
});
