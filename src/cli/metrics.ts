import { flag } from '../config.ts';
import { defineCommand } from './command.ts';
import { createHttpClient, failureOf, jsonOf, targetOptions, timeoutOption } from './http-client.ts';
import { alignColumns, printable, write } from './output.ts';

interface ClusterMetrics {
  readonly requests: number;
  readonly cacheHits: number;
  readonly cacheMisses: number;
  /** From 0 to 1; null while nothing was asked of the cache. */
  readonly hitRatio: number | null;
  readonly originFetches: number;
  /** By so many of the gateways that were reached, at this moment. */
  readonly leasesHeld: number;
  readonly requestsByServer: Readonly<Record<string, number>>;
  readonly healthy: readonly string[];
  readonly leader: string | null;
  readonly gateways: readonly { readonly id: string; readonly reached: boolean; readonly reason?: string }[];
}

export const command = defineCommand({
  name: 'metrics',
  summary: 'Show what the gateways of the cluster have counted since they began.',
  details: 'Figures over time are for Prometheus, which finds them at /metrics of every replica and gateway.',
  arguments: {},
  options: {
    json: flag('What the gateway says, as one line of JSON.'),
    timeout: timeoutOption,
    ...targetOptions,
  },
  async run({ json, timeout, ...target }, { stdout }) {
    const client = createHttpClient(target);
    try {
      const answer = await client.request({ path: '/v1/cluster/metrics', timeoutMs: timeout });
      if (answer.status !== 200) throw failureOf(answer);
      const metrics = jsonOf(answer) as ClusterMetrics;
      await write(stdout, json ? `${JSON.stringify(metrics)}\n` : metricsPage(metrics));
    } finally {
      client.close();
    }
  },
});

export function metricsPage(metrics: ClusterMetrics): string {
  const { requests, cacheHits, cacheMisses, hitRatio, originFetches, leasesHeld, healthy, leader, gateways } = metrics;
  const servers = Object.entries(metrics.requestsByServer);
  const answered = servers.reduce((sum, [, count]) => sum + count, 0);
  const unreached = gateways.filter(({ reached }) => !reached);
  return [
    `leader ${leader ?? 'none'}, healthy replicas ${healthy.join(', ') || 'none'}\n`,
    `requests ${requests}, cache hits ${cacheHits}, misses ${cacheMisses}, hit ratio ${percent(hitRatio)}, `,
    `fetched from replicas ${originFetches}\n`,
    `leases held by ${leasesHeld} of ${gateways.length - unreached.length} gateways\n\n`,
    alignColumns([
      ['ANSWERED BY', 'REQUESTS', 'SHARE'],
      ...servers.map(([server, count]) => [server, `${count}`, percent(answered === 0 ? null : count / answered)]),
    ]),
    ...(unreached.length === 0 ? [] : ['\nNot counted, as these gateways did not answer:\n']),
    ...unreached.map(({ id, reason = '' }) => `  ${id}: ${printable(reason)}\n`),
  ].join('');
}

function percent(share: number | null): string {
  return share === null ? '-' : `${(100 * share).toFixed(1)} %`;
}
