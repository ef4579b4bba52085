/** `npm run sim:bugs`: does the simulation find every planted bug, and how soon? */
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { hunt } from './hunt.ts';
import { bugNamed, knownSeedsFile, plantedBugs } from './list.ts';
import { heading, lineOf, summaryOf } from './report.ts';
import { inShare, shareOf } from './share.ts';

const help = `Usage: npm run sim:bugs -- [options]

Plants each bug into the product, and runs seeds until one fails. Fails itself unless every bug is found.

  --bug NAME        only this one; may be given several times
  --known           only bugs whose seed is known, and only that seed
  --share NTH/OF    only so many of them: 2/4 is each fourth, beginning with the second
  --from SEED       the first seed (1), counted from 1,000,000,000 for bugs of the catalog
  --most COUNT      so many seeds at most (2000)
  --jobs COUNT      so many bugs at a time (2)
  --simulator FILE  another simulator than the real one
  --write           keep the seeds that were found as the known ones
  --list            names the bugs, and what a user would suffer
  --help`;

/** A run takes a fraction of a second; on a busy machine a few. */
const seedSecondsMax = 120;

try {
  process.exitCode = (await main()) ? 0 : 1;
} catch (error) {
  console.error(`sim:bugs: ${(error as Error).message}`);
  process.exitCode = 2;
}

async function main(): Promise<boolean> {
  const { values: flags } = parseArgs({
    options: {
      bug: { type: 'string', multiple: true },
      known: { type: 'boolean', default: false },
      share: { type: 'string', default: '1/1' },
      from: { type: 'string', default: '1' },
      most: { type: 'string', default: '2000' },
      jobs: { type: 'string', default: '2' },
      simulator: { type: 'string', default: fileURLToPath(new URL('simulator.ts', import.meta.url)) },
      write: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (flags.help || flags.list) {
    console.log(flags.help ? help : plantedBugs.map(({ name, harm }) => `${name}\n    ${harm}`).join('\n'));
    return true;
  }
  const from = count('from', flags.from);
  const seeds = Array.from({ length: count('most', flags.most) }, (_, nth) => from + nth);
  const jobs = count('jobs', flags.jobs);
  const asked = flags.bug?.map(bugNamed) ?? plantedBugs;
  const searchable = flags.known ? asked.filter(({ knownSeed }) => knownSeed !== null) : asked;
  const bugs = inShare(searchable, shareOf(flags.share));
  if (bugs.length === 0)
    throw new Error(`share ${flags.share} of ${searchable.length} bugs holds none; ask for a larger`);
  console.log(heading);
  const verdicts = await hunt(bugs, {
    seedsOf: ({ knownSeed, seedsAbove }) =>
      flags.known && knownSeed !== null ? [knownSeed] : seeds.map((seed) => seedsAbove + seed),
    simulator: pathToFileURL(resolve(flags.simulator)).href,
    jobs,
    seedSecondsMax,
    onVerdict: (verdict) => console.log(lineOf(verdict)),
  });
  console.log(`\n${summaryOf(verdicts)}`);
  const found = verdicts.filter((verdict) => verdict.type === 'found');
  if (flags.write) keep(new Map(found.map(({ bug, seed }) => [bug, seed])));
  return found.length === bugs.length;
}

function keep(seeds: ReadonlyMap<string, number>): void {
  const known = plantedBugs.flatMap(({ name, knownSeed }) => {
    const seed = seeds.get(name) ?? knownSeed;
    return seed === null ? [] : [[name, seed] as const];
  });
  writeFileSync(knownSeedsFile, `${JSON.stringify(Object.fromEntries(known), null, 2)}\n`);
}

function count(flag: string, text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new Error(`--${flag} takes a whole number from 1, got ${text}`);
  return Number(text);
}
