import { runCommand } from '../cluster/command.ts';
import { clusterFor, systemTest } from './system-test.ts';

systemTest('the k6 smoke test touches every endpoint and passes', ['k6'], async (t) => {
  const cluster = await clusterFor(t);
  const environment = { BASE_URL: cluster.url('g1'), K6_NO_USAGE_REPORT: 'true' };
  const { code, stdout } = await runCommand(['k6', 'run', '--quiet', 'bench/k6/smoke.ts'], { environment });
  const failed = stdout.split('\n').filter((line) => line.includes('✗'));
  t.is(code, 0, failed.join('\n'));
  t.log(/checks_succeeded.*/.exec(stdout)?.[0]);
});
