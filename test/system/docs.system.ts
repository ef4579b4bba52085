import { readFileSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import { bazarCommand, repository, startChild } from '../cluster/child.ts';
import { runCommand } from '../cluster/command.ts';
import { freePorts } from '../cluster/ports.ts';
import { scratchDirectory, sweepScratch } from '../cluster/scratch.ts';
import { waitFor } from '../cluster/wait.ts';
import { programOf, type Step, stepsOf } from '../docs/page.ts';
import { pages } from '../docs/pages.ts';
import { runPage } from '../docs/run-page.ts';
import { systemTest } from './system-test.ts';

for (const page of pages()) {
  systemTest(`what ${page} has its reader type prints what it says`, ['curl', 'openssl'], async (t) => {
    const startedAt = performance.now();
    const steps = stepsOfPage(page);
    const directory = await newDirectory(t);
    const flags = steps.flatMap((step) => (step.type === 'start' ? step.flags : []));
    const { names, readyAt } = await startDev(t, directory, flags);
    const place = path.join(directory, 'page');
    await mkdir(place);
    const environment = { BAZAR_URL: `http://${names['127.0.0.1:8080']}` };
    t.deepEqual(await runPage(steps, { directory: place, names, environment }), []);
    const seconds = (from: number, to: number) => `${((to - from) / 1000).toFixed(1)} s`;
    const run = steps.filter(({ type }) => type === 'run' || type === 'begin').length;
    t.log(`${run} blocks in ${seconds(readyAt, performance.now())}, after ${seconds(startedAt, readyAt)}`);
  });
}

systemTest('the programs on the pages are right in their types', [], async (t) => {
  const programs = pages().flatMap((page) => {
    const name = page.replaceAll(/\W/g, '-');
    return stepsOfPage(page).flatMap((step) =>
      'language' in step && step.language === 'ts' ? { name: `${name}-${step.line}.ts`, text: step.text } : [],
    );
  });
  t.true(programs.length > 0);
  t.is(await compile(t, programs), '');
  const wrong = "import { createBazarClient } from 'bazar';\ncreateBazarClient({ url: 1 });\n";
  t.regex(await compile(t, [{ name: 'wrong.ts', text: wrong }]), /wrong\.ts.*url/);
});

function stepsOfPage(page: string): readonly Step[] {
  try {
    return stepsOf(readFileSync(path.join(repository, page), 'utf8'));
  } catch (error) {
    throw new Error(`${page}: ${(error as Error).message}`);
  }
}

async function newDirectory(t: ExecutionContext): Promise<string> {
  await sweepScratch();
  const directory = await scratchDirectory();
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

interface Dev {
  /** What is named on pages, by how it is named here. */
  readonly names: Readonly<Record<string, string>>;
  readonly readyAt: number;
}

async function startDev(t: ExecutionContext, directory: string, flags: readonly string[]): Promise<Dev> {
  // RPC from the base port on, HTTP a hundred above, and the gateways' after those.
  const basePort = await freePorts(120);
  const port = basePort + 110;
  const places = ['--data', path.join(directory, 'data'), '--port', `${port}`, '--base-port', `${basePort}`];
  const dev = startChild(bazarCommand('dev', ...places, ...flags), { logFile: path.join(directory, 'dev.log') });
  t.teardown(async () => {
    if (!t.passed) t.log(dev.output().split('\n').slice(-20).join('\n'));
    if (dev.ending() === null) await dev.end('SIGINT');
  });
  await waitFor(() => dev.output().includes('Ctrl-C stops everything') || dev.ending() !== null, {
    description: 'dev to be ready',
    timeoutMs: 60_000,
    detail: () => dev.output(),
  });
  if (dev.ending() !== null) throw new Error(`dev ended: ${dev.output()}`);
  const names = {
    '127.0.0.1:8080': `127.0.0.1:${port}`,
    '127.0.0.1:8081': `127.0.0.1:${port + 1}`,
    // Of a cluster that a page makes itself: what dev leaves free.
    '127.0.0.1:8090': `127.0.0.1:${port + 2}`,
    '127.0.0.1:7201:7301': `127.0.0.1:${port + 3}:${port + 4}`,
  };
  return { names, readyAt: performance.now() };
}

/** What the compiler has to say. */
async function compile(
  t: ExecutionContext,
  programs: readonly { readonly name: string; readonly text: string }[],
): Promise<string> {
  const directory = await newDirectory(t);
  for (const { name, text } of programs) await writeFile(path.join(directory, name), programOf(text));
  const compilerOptions = { typeRoots: [path.join(repository, 'node_modules/@types')] };
  const include = ['*.ts', path.join(repository, 'src/**/*.d.ts')];
  const project = { extends: path.join(repository, 'tsconfig.json'), compilerOptions, include, exclude: [] };
  await writeFile(path.join(directory, 'package.json'), '{"type":"module"}');
  await writeFile(path.join(directory, 'tsconfig.json'), JSON.stringify(project));
  const compiler = path.join(repository, 'node_modules/typescript/bin/tsc');
  return (await runCommand([process.execPath, compiler, '-p', directory])).stdout;
}
