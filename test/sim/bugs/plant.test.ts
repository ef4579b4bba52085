import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const plant = './test/sim/bugs/plant.ts';

/** Says who wins: the log with the later term and the lower index, or the other. */
const askForVotes = `import { atLeastAsUpToDate } from './src/raft/types.ts';
console.log(atLeastAsUpToDate({ term: 2, index: 3 }, { term: 1, index: 9 }) ? 'later term' : 'longer log');`;

async function run(program: string, bug: string | null): Promise<{ code: number; stdout: string; stderr: string }> {
  const { BAZAR_PLANTED_BUG: _, ...environment } = process.env;
  const args = ['--import', plant, '--input-type=module', '--eval', program];
  const env = bug === null ? environment : { ...environment, BAZAR_PLANTED_BUG: bug };
  try {
    return { code: 0, ...(await promisify(execFile)(process.execPath, args, { cwd: root, env })) };
  } catch (error) {
    return error as { code: number; stdout: string; stderr: string };
  }
}

test('without a name nothing is planted', async (t) => {
  t.like(await run(askForVotes, null), { code: 0, stdout: 'later term\n' });
});

test('the named bug is in the file when it is loaded, types and all', async (t) => {
  t.like(await run(askForVotes, 'longer-log-wins-whatever-its-terms'), { code: 0, stdout: 'longer log\n' });
});

test('another bug leaves this file alone, and that its own was not loaded is an error', async (t) => {
  const { code, stdout, stderr } = await run(askForVotes, 'results-are-not-kept');
  t.is(stdout, 'later term\n');
  t.is(code, 1);
  t.regex(stderr, /results-are-not-kept was not planted/);
});

test('a name that is not in the list is an error', async (t) => {
  const { code, stderr } = await run(askForVotes, 'no-such-bug');
  t.is(code, 1);
  t.regex(stderr, /no bug named no-such-bug/);
});
