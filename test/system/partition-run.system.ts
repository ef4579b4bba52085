import { readdir, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import { repository, startChild } from '../cluster/child.ts';
import { runCommand } from '../cluster/command.ts';
import { scratchDirectory } from '../cluster/scratch.ts';
import { waitFor } from '../cluster/wait.ts';
import type { RunResult } from '../partition/run.ts';
import { namespaces } from './requirements.ts';
import { systemTest } from './system-test.ts';

function partitionRun(...args: readonly string[]): readonly string[] {
  return [process.execPath, `${repository}test/partition/main.ts`, '--replicas', '3', '--gateways', '2', ...args];
}

systemTest('a short partition run is linearizable, and its report says what was done', namespaces, async (t) => {
  const out = await freshDirectory(t);
  const { code, stdout, stderr } = await runCommand(partitionRun('--minutes', '0.4', '--seed', '1', '--out', out), {
    timeoutMs: 5 * 60_000,
  });
  t.is(code, 0, `${stdout}${stderr}`);
  t.regex(stdout.trimEnd().split('\n').at(-1) ?? '', /^PASSED: .*report\.md, .*report\.json$/);

  const result = JSON.parse(await readFile(path.join(out, 'report.json'), 'utf8')) as RunResult;
  t.deepEqual(result.findings, []);
  t.deepEqual(result.failures, []);
  t.true(result.operations >= 100 * result.seconds, `${result.operations} operations in ${result.seconds} s`);
  t.regex(result.digest ?? '', /^[0-9a-f]{16}$/);
  t.true(result.rounds.flatMap(({ faults }) => faults).some(({ counted }) => counted));
  t.true(result.rounds.every(({ writtenAfterHealMs }) => writtenAfterHealMs !== null));
  const page = await readFile(path.join(out, 'report.md'), 'utf8');
  for (const heading of ['Parameters', 'Faults', 'Operations', 'Cache', 'Availability', 'Findings', 'Timeline']) {
    t.true(page.includes(`## ${heading}\n`), heading);
  }
  t.deepEqual(await readdir(path.join(out, 'history')), [], 'histories without findings are not kept');
});

systemTest(
  'a run with few writes to keys that live on is linearizable, and tells how many reads were hits',
  [],
  async (t) => {
    const out = await freshDirectory(t);
    const workload = ['--workload', 'zipf', '--keys', '100', '--faults', 'kill,pause', '--hits-min', '1%'];
    const { code, stdout, stderr } = await runCommand(
      partitionRun(...workload, '--minutes', '0.2', '--seed', '1', '--out', out),
      { timeoutMs: 5 * 60_000 },
    );
    t.is(code, 0, `${stdout}${stderr}`);
    const { cache, findings } = JSON.parse(await readFile(path.join(out, 'report.json'), 'utf8')) as RunResult;
    t.deepEqual(findings, []);
    t.deepEqual(Object.keys(cache.gateways), ['g1', 'g2']);
    t.true(cache.all.hits > 0 && cache.all.hits < cache.all.reads, JSON.stringify(cache));
    t.false('unsaid' in cache.all.said);
  },
);

systemTest('a partition run that is interrupted leaves nothing behind', namespaces, async (t) => {
  const out = await freshDirectory(t);
  const run = startChild(partitionRun('--minutes', '5', '--out', out), { logFile: path.join(out, 'output.log') });
  t.teardown(() => run.end('SIGKILL'));
  await waitFor(() => /round [1-9]/.test(run.output()), { description: 'a first round', timeoutMs: 60_000 });
  const { code } = await run.end('SIGTERM');
  t.is(code, 130, run.output());
  const mark = `bazar-${run.pid}-`;
  t.deepEqual(await processesWith(mark), []);
  for (const directory of ['/run/netns', os.tmpdir()]) {
    const left = (await readdir(directory)).filter((name) => name.startsWith(mark));
    t.deepEqual(left, [], directory);
  }
});

/** Command lines of processes that run now. */
async function processesWith(word: string): Promise<readonly string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
  return lines.filter((line) => line.includes(word));
}

async function freshDirectory(t: ExecutionContext): Promise<string> {
  const directory = await scratchDirectory();
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  return directory;
}
