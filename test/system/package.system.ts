import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { repository, startChild } from '../cluster/child.ts';
import { mustRun } from '../cluster/command.ts';
import { interruptDev } from '../cluster/dev.ts';
import { freePorts } from '../cluster/ports.ts';
import { scratchDirectory, sweepScratch } from '../cluster/scratch.ts';
import { waitFor } from '../cluster/wait.ts';
import { systemTest } from './system-test.ts';

/** Else npm would take itself for a part of the npm that runs the tests. */
const environment = Object.fromEntries(
  Object.keys(process.env).flatMap((name) => (name.startsWith('npm_') ? [[name, undefined]] : [])),
);

systemTest('the packed package works in an empty project: client, its types, and command line', ['npm'], async (t) => {
  await sweepScratch();
  const startedAt = performance.now();
  const project = await scratchDirectory();
  t.teardown(() => rm(project, { recursive: true, force: true }));
  const slow = { environment, timeoutMs: 5 * 60_000 };
  await mustRun(['npm', 'pack', '--silent', '--pack-destination', project], slow);
  const packed = (await readdir(project)).filter((name) => name.endsWith('.tgz'));
  t.is(packed.length, 1);
  const [tarball = ''] = packed;
  const files = (await mustRun(['tar', '-tzf', path.join(project, tarball)])).trim().split('\n');
  const expected = /^package\/(?:bin\/|dist\/|(?:package\.json|README\.md|LICENSE)$)/;
  t.deepEqual(
    files.filter((file) => !expected.test(file)),
    [],
  );

  await writeFile(path.join(project, 'package.json'), '{"private":true,"type":"module"}\n');
  const install = ['npm', 'install', '--prefer-offline', '--no-audit', '--no-fund', `./${tarball}`];
  await mustRun(install, { directory: project, ...slow });
  t.log(`packed and installed after ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);

  await t.notThrowsAsync(readFile(path.join(project, 'node_modules/bazar/dist/client.js')));
  await cp(path.join(import.meta.dirname, 'package'), project, { recursive: true });
  const tsc = path.join(repository, 'node_modules/typescript/bin/tsc');
  const compile = ['--strict', '--exactOptionalPropertyTypes', '--module', 'nodenext', '--target', 'es2024'];
  await mustRun([process.execPath, tsc, ...compile, '--types', '', 'user.ts'], { directory: project, ...slow });

  const first = await freePorts(120);
  const bazar = [process.execPath, path.join(project, 'node_modules/.bin/bazar')];
  const url = `http://127.0.0.1:${first + 110}`;
  const dev = startChild([...bazar, 'dev', '--port', `${first + 110}`, '--base-port', `${first}`], {
    directory: project,
    logFile: path.join(project, 'dev.log'),
  });
  t.teardown(async () => {
    if (!t.passed) t.log(dev.output());
    await interruptDev(path.join(project, '.bazar'));
    if (dev.ending() === null) await dev.end('SIGTERM');
  });
  const isReady = () => {
    if (dev.ending() !== null) throw new Error(`bazar dev ended: ${dev.output()}`);
    return /^\s*curl /m.test(dev.output());
  };
  await waitFor(isReady, {
    ...{ description: 'bazar dev to print what to type', timeoutMs: 60_000 },
    detail: () => dev.output(),
  });

  const said = await mustRun([process.execPath, path.join(project, 'user.js'), url], { directory: project });
  t.deepEqual(JSON.parse(said), {
    text: 'world',
    listed: ['hello'],
    watched: ['put hello'],
    code: 'precondition_failed',
  });
  const byCommand = await mustRun([...bazar, 'get', 'hello', '--url', url], { directory: project });
  t.is(byCommand, 'world');
  t.log(`all of it took ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
});
