/** The simulation at a larger scale than the unit tests can afford. */
import type { ExecutionContext } from 'ava';
import { runCommand } from '../cluster/command.ts';
import { shareFor } from '../sim/bugs/share.ts';
import { catalogSeedsFrom } from '../sim/catalog/plan.ts';
import { repetitions, systemTest } from './system-test.ts';

const seeds = repetitions('SIM_SEEDS', 300, 4000);
const firstSeed = 1001;
const catalogSeeds = repetitions('CATALOG_SEEDS', 60, 1000);
const firstCatalogSeed = catalogSeedsFrom + 1001;
const levelCases = repetitions('LEVEL_CASES', 40, 200);

async function run(t: ExecutionContext, program: string, ...args: readonly string[]): Promise<void> {
  const { code, stdout, stderr } = await runCommand([process.execPath, program, ...args, '--jobs', '2'], {
    timeoutMs: 19 * 60_000,
  });
  t.log(stdout.trimEnd().split('\n').slice(-30).join('\n'));
  t.is(code, 0, `${stdout.slice(-20_000)}${stderr.slice(-20_000)}`);
}

systemTest(`${seeds} seeds of the simulation`, [], async (t) => {
  await run(t, 'test/sim/main.ts', '--seeds', `${firstSeed}..${firstSeed + seeds - 1}`);
});

systemTest(`${catalogSeeds} seeds of the simulation of documents`, [], async (t) => {
  await run(t, 'test/sim/main.ts', '--seeds', `${firstCatalogSeed}..${firstCatalogSeed + catalogSeeds - 1}`);
});

/** `all`, or a share as in `2/4`. */
async function bugsAsked(): Promise<string> {
  const { BUGS, FULL } = process.env;
  if (BUGS !== undefined) return BUGS;
  if (FULL === '1') return 'all';
  const commit = await runCommand(['git', 'rev-parse', 'HEAD']).catch(() => null);
  const { nth, of } = shareFor(commit?.code === 0 ? commit.stdout.trim() : null, 4);
  return `${nth}/${of}`;
}

systemTest('the simulation finds the planted bugs: a share for each commit, BUGS=all for all', [], async (t) => {
  const asked = await bugsAsked();
  t.log(`BUGS=${asked} asks for the same ones again`);
  await run(t, 'test/sim/bugs/main.ts', '--known', '--share', asked === 'all' ? '1/1' : asked);
});

systemTest(`the real LevelDB keeps what the simulated disk promises, ${levelCases} cases`, [], async (t) => {
  await run(t, 'test/sim/level/main.ts', '--cases', `${levelCases}`);
});
