import { runCommand } from '../cluster/command.ts';
import { clusterFor, systemTest } from './system-test.ts';

const environment = { K6_NO_USAGE_REPORT: 'true', DURATION: '5s', KEYS: '500' };

systemTest('the k6 test of the hit ratio passes where answers are kept, and fails where none is', ['k6'], async (t) => {
  const modes = { g1: 'lease', g2: 'off' } as const;
  const cluster = await clusterFor(t, {
    gateways: 2,
    gatewayFlags: (id) => ['--coherence', modes[id as keyof typeof modes]],
  });
  const run = async (id: string) =>
    await runCommand(['k6', 'run', '--quiet', 'bench/k6/cache-ratio.ts'], {
      environment: { ...environment, BASE_URL: cluster.url(id) },
    });
  const leased = await run('g1');
  t.is(leased.code, 0, leased.stdout + leased.stderr);
  t.log(/cache_hits\.+: .*/.exec(leased.stdout)?.[0]);
  const off = await run('g2');
  t.not(off.code, 0);
  t.regex(off.stdout + off.stderr, /thresholds on metrics 'cache_hits'/);
});
