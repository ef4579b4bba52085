import { existsSync } from 'node:fs';
import { copyFile, mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { repository, startChild } from '../cluster/child.ts';
import { mustRun } from '../cluster/command.ts';
import { interruptDev } from '../cluster/dev.ts';
import { createHttpClient, writeOutcome } from '../cluster/http-client.ts';
import { freePorts } from '../cluster/ports.ts';
import { scratchDirectory, sweepScratch } from '../cluster/scratch.ts';
import { waitFor } from '../cluster/wait.ts';
import { systemTest } from './system-test.ts';

systemTest(
  "the README's first command brings a fresh checkout up on the machine's own Node",
  ['git', 'npm'],
  async (t) => {
    await sweepScratch();
    const directory = await scratchDirectory();
    // What git would commit: a clone would not hold what is being worked on.
    const listed = await mustRun(['git', 'ls-files', '--cached', '--others', '--exclude-standard', '-z']);
    const files = listed.split('\0').filter((file) => file !== '' && existsSync(path.join(repository, file)));
    for (const file of files) {
      await mkdir(path.dirname(path.join(directory, file)), { recursive: true });
      await copyFile(path.join(repository, file), path.join(directory, file));
    }
    const node = (await mustRun(['node', '--version'])).trim();

    const port = await freePorts(120);
    // Else npm would take itself for a part of the npm that runs the tests.
    const outerNpm = Object.keys(process.env).filter((name) => name.startsWith('npm_'));
    const environment = {
      ...Object.fromEntries(outerNpm.map((name) => [name, undefined])),
      BAZAR_PORT: `${port + 110}`,
      BAZAR_BASE_PORT: `${port}`,
    };
    const startedAt = performance.now();
    const child = startChild(['bash', '-c', 'npm ci && npm start'], {
      directory,
      environment,
      logFile: path.join(directory, 'npm.log'),
    });
    t.teardown(async () => {
      if (!t.passed) t.log(child.output());
      await interruptDev(path.join(directory, '.bazar'));
      if (child.ending() === null) await child.end('SIGTERM');
      await rm(directory, { recursive: true, force: true });
    });
    const client = createHttpClient(`http://127.0.0.1:${port + 110}`);
    t.teardown(() => client.close());
    await waitFor(
      () => {
        if (child.ending() !== null) throw new Error(`npm ended: ${child.output()}`);
        return /^\s*curl /m.test(child.output());
      },
      { description: 'npm start to print what to type', timeoutMs: 5 * 60_000, detail: () => child.output() },
    );
    t.log(`npm ci && npm start under Node ${node}: ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
    t.is(await writeOutcome(client.put('hello', 'world')), 'acknowledged');
    t.is((await client.get('hello')).body.toString(), 'world');
  },
);
