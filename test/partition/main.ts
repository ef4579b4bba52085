/**
 * Partition runs: real processes under load, a network that falls apart, members that are killed and paused, and a
 * checker that has the last word. `--help` lists the options.
 */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { UsageError } from '../../src/config.ts';
import { lack, namespaces } from '../system/requirements.ts';
import { helpPage, type Options, parseOptions } from './options.ts';
import { markdownOf, summaryOf, verdictOf } from './report.ts';
import { historyIn, runPartition } from './run.ts';
import { describeWorkload } from './workloads.ts';

const exitCodes = { passed: 0, failed: 1, usage: 2, interrupted: 130 } as const;

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function refuse(reason: string): number {
  process.stderr.write(`${reason}\n"npm run test:partition -- --help" lists the options.\n`);
  return exitCodes.usage;
}

async function main(): Promise<number> {
  try {
    const options = parseOptions(process.argv.slice(2));
    if (options === 'help') {
      process.stdout.write(helpPage());
      return exitCodes.passed;
    }
    const lacks = options.faults.includes('cut') ? namespaces.map(lack).filter((reason) => reason !== null) : [];
    if (lacks.length === 0) return await perform(options);
    return refuse(`cuts need network namespaces, and there is: ${lacks.join(', ')}; --faults kill,pause needs none`);
  } catch (error) {
    if (error instanceof UsageError) return refuse(error.message);
    throw error;
  }
}

async function perform(options: Options): Promise<number> {
  const stopping = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stopping.abort());
  const out = options.out ?? (await mkdtemp(path.join(os.tmpdir(), 'partition-run-')));
  if (existsSync(historyIn(out))) throw new UsageError(`--out: ${out} holds a run already; choose another directory`);
  await mkdir(out, { recursive: true });
  const seed = options.seed ?? Math.floor(Math.random() * 2 ** 32);
  say(
    `seed ${seed}; ${options.minutes} minutes, ${options.replicas} replicas, ${options.gateways} gateways; ${describeWorkload(options.workload)}; report in ${out}`,
  );
  try {
    const result = await runPartition({ ...options, seed, out }, say, stopping.signal);
    const [page, data] = [path.join(out, 'report.md'), path.join(out, 'report.json')];
    await writeFile(page, markdownOf(result));
    await writeFile(data, `${JSON.stringify(result, null, 2)}\n`);
    for (const line of [...summaryOf(result), ...result.failures, `${verdictOf(result)}: ${page}, ${data}`]) say(line);
    return result.failures.length === 0 ? exitCodes.passed : exitCodes.failed;
  } catch (error) {
    if (!stopping.signal.aborted) throw error;
    say('interrupted: everything that was started has been ended');
    return exitCodes.interrupted;
  }
}

// What an interrupted run still waits for will never come.
process.exit(await main());
