/**
 * `npm run sim:level`: the real LevelDB under the simulation's kind of workload. Each case lets a replica of its own live
 * in a real directory, kills it again and again, damages its files, and compares what is found with an oracle.
 */
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { scratchDirectory, sweepScratch } from '../../cluster/scratch.ts';
import { ArgumentError } from '../main-arguments.ts';
import { type CaseKind, type CaseResult, caseKinds, nameOf, runCase } from './run-case.ts';
import { smallDiskLack } from './small-disk.ts';
import { table } from './table.ts';

const help = `Usage: npm run sim:level -- [options]

Options:
  --cases N       How many cases, with seeds from --seed on. Default ${2 * caseKinds.length}.
  --seed N        The first seed. Default 1.
  --jobs N        Cases at the same time. Default 2.
  --damage WORDS  Only damage whose name contains these words.
  --help          Show this page.

The seed decides what is asked, when the replica is killed and what is damaged. Where a kill meets the program depends on
the machine too, so a seed that failed may need to be run more than once. A case that fails keeps its directory.
`;

const { values: flags } = parseArgs({
  options: {
    cases: { type: 'string', default: `${2 * caseKinds.length}` },
    seed: { type: 'string', default: '1' },
    jobs: { type: 'string', default: '2' },
    damage: { type: 'string', default: '' },
    help: { type: 'boolean', default: false },
  },
});

const progressEveryMs = 5000;

try {
  if (flags.help) process.stdout.write(help);
  else await runCases(natural('cases'), natural('seed'), natural('jobs'));
} catch (error) {
  if (!(error instanceof ArgumentError)) throw error;
  console.error(`sim:level: ${error.message}; --help tells more`);
  process.exitCode = 2;
}

async function runCases(cases: number, firstSeed: number, jobs: number): Promise<void> {
  const kinds = kindsToRun();
  await sweepScratch();
  const scratch = await scratchDirectory();
  const results: CaseResult[] = [];
  const startedAt = performance.now();
  const progress = setInterval(() => {
    const mismatches = results.filter(({ outcome }) => outcome === null).length;
    process.stderr.write(`${results.length} of ${cases} cases, ${mismatches} mismatches\n`);
  }, progressEveryMs);
  let next = firstSeed;
  const work = async () => {
    while (next < firstSeed + cases) {
      const seed = next++;
      const result = await runCase(kinds[seed % kinds.length] as CaseKind, seed, 'full', scratch);
      results.push(result);
      if (result.outcome === null) await tellMismatch(result);
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
  clearInterval(progress);
  await rm(scratch, { recursive: true });
  const seconds = (performance.now() - startedAt) / 1000;
  process.stdout.write(table(kinds.map(nameOf), results));
  process.stdout.write(`${seconds.toFixed(0)} s, ${(seconds / cases).toFixed(2)} s for each case\n`);
  if (results.some(({ outcome }) => outcome === null)) process.exitCode = 1;
}

function kindsToRun(): readonly CaseKind[] {
  const named = caseKinds.filter((kind) => nameOf(kind).includes(flags.damage));
  if (named.length === 0) {
    throw new ArgumentError(`no damage is called ${flags.damage}; there are:\n${caseKinds.map(nameOf).join('\n')}`);
  }
  const lack = smallDiskLack();
  const kinds = named.filter(({ type }) => lack === null || type !== 'fullDisk');
  if (kinds.length < named.length) process.stderr.write(`${lack}: no disk is made full\n`);
  return kinds;
}

async function tellMismatch({ seed, kind, mismatch, notes, place }: CaseResult): Promise<void> {
  // Under a name that no later run clears away.
  const kept = await mkdtemp(path.join(tmpdir(), `bazar-level-${seed}-`));
  await rename(place, kept);
  const filter = flags.damage === '' ? '' : ` --damage '${flags.damage}'`;
  process.stdout.write(
    `seed ${seed}, ${kind}: ${mismatch}\n` +
      notes.map((note) => `  ${note}\n`).join('') +
      `  directory: ${kept}\n  again: npm run sim:level -- --cases 1 --seed ${seed}${filter}\n`,
  );
}

function natural(name: 'cases' | 'seed' | 'jobs'): number {
  const number = Number(flags[name]);
  if (!Number.isSafeInteger(number) || number < 1)
    throw new ArgumentError(`--${name} is a whole number from 1, got ${flags[name]}`);
  return number;
}
