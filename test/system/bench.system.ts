import { mustRun } from '../cluster/command.ts';
import { systemTest } from './system-test.ts';

systemTest('the benchmark measures every cell of its table', ['wrk', 'etcd'], async (t) => {
  const flags = ['--runs', '1', '--seconds', '1', '--connections', '1,64'];
  const table = await mustRun([process.execPath, 'bench/main.ts', ...flags], { timeoutMs: 5 * 60_000 });
  t.log(table.trim());
  for (const name of ['PUT at 1', 'PUT at 64', 'GET at 1', 'GET at 64']) {
    t.regex(table, new RegExp(`^${name}( +[\\d.]+){6}( +[\\d.]+ x){2}$`, 'm'), name);
  }
});
