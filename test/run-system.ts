/**
 * Runs the system tests: real processes, network namespaces, other people's tools. What this machine lacks is named
 * first, and the tests that need it are skipped with that reason. Arguments go to AVA, such as `--match '*import*'`.
 */
import { spawn } from 'node:child_process';
import { repository } from './cluster/child.ts';
import { lack, requirements } from './system/requirements.ts';

for (const requirement of requirements) {
  const reason = lack(requirement);
  if (reason !== null) process.stderr.write(`${reason}: the tests that need it are skipped\n`);
}

const ava = `${repository}node_modules/.bin/ava`;
const args = [ava, '--config', 'test/system/ava.config.js', ...process.argv.slice(2)];
const child = spawn(process.execPath, args, { cwd: repository, stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
child.once('exit', (code) => {
  process.exitCode = code ?? 1;
});
