import { runCommand } from '../cluster/command.ts';
import { clusterFor, systemTest } from './system-test.ts';

systemTest('the k6 smoke test touches every endpoint and passes', ['k6'], async (t) => {
  const cluster = await clusterFor(t);
  const environment = { BASE_URL: cluster.url('g1'), K6_NO_USAGE_REPORT: 'true' };
  const { code, stdout, stderr } = await runCommand(['k6', 'run', '--quiet', 'bench/k6/smoke.ts'], { environment });
  t.log(
    stdout
      .split('\n')
      .filter((line) => /checks|http_req_failed|✗|✓/.test(line))
      .join('\n'),
  );
  t.is(code, 0, `${stdout}\n${stderr}`);
});
