import { rm } from 'node:fs/promises';
import path from 'node:path';
import { bazarCommand, repository, startChild } from '../cluster/child.ts';
import { runCommand } from '../cluster/command.ts';
import { freePorts } from '../cluster/ports.ts';
import { scratchDirectory, sweepScratch } from '../cluster/scratch.ts';
import { waitFor } from '../cluster/wait.ts';
import { repetitions, systemTest } from './system-test.ts';

const checks = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_headers_conformance',
  'response_schema_conformance',
  'negative_data_rejection',
  'missing_required_header',
  'unsupported_method',
];

systemTest('requests that others make of the OpenAPI document are answered as it says', ['schemathesis'], async (t) => {
  await sweepScratch();
  const directory = await scratchDirectory();
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  const first = await freePorts(120);
  const port = first + 110;
  const flags = ['--data', path.join(directory, 'data'), '--port', `${port}`, '--base-port', `${first}`];
  const dev = startChild(bazarCommand('dev', ...flags), { directory, logFile: path.join(directory, 'dev.log') });
  t.teardown(async () => {
    if (!t.passed) t.log(dev.output().slice(-10_000));
    if (dev.ending() === null) await dev.end('SIGINT');
  });
  const isReady = () => {
    if (dev.ending() !== null) throw new Error(`bazar dev ended: ${dev.output()}`);
    return /^\s*curl /m.test(dev.output());
  };
  await waitFor(isReady, {
    ...{ description: 'bazar dev to print what to type', timeoutMs: 60_000 },
    detail: () => dev.output(),
  });

  const seconds = repetitions('FUZZ_SECONDS', 30, 600);
  const seed = repetitions('FUZZ_SEED', 1, Math.floor(Math.random() * 2 ** 31));
  const configuration = ['--config-file', path.join(repository, 'test/fuzz/schemathesis.toml')];
  const bounds = ['--max-time', `${seconds}`, '--request-timeout', '30', '--continue-on-failure', '--seed', `${seed}`];
  const phases = [
    '--phases',
    'examples,coverage,fuzzing',
    '--checks',
    checks.join(','),
    '--warnings',
    'off',
    '--output-sanitize',
    'false',
  ];
  const url = `http://127.0.0.1:${port}/openapi.json`;
  const { code, stdout, stderr } = await runCommand(
    ['schemathesis', ...configuration, 'run', url, ...bounds, ...phases],
    { directory, timeoutMs: seconds * 1000 + 240_000 },
  );
  t.log(`seed ${seed}: ${/\d+ generated/.exec(stdout)?.[0] ?? 'nothing was said'}`);
  if (code !== 0) t.log(stdout.slice(stdout.indexOf('= FAILURES =')).slice(0, 20_000), stderr.slice(-2000));
  t.is(code, 0, 'schemathesis found what it names above');
  t.notRegex(dev.output(), / exited with /, 'a process that ends is started again, and has ended all the same');
});
