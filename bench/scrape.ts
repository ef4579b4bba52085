/** Figures from a page of metrics in Prometheus's text format. */
import type { HttpClient } from '../test/cluster/http-client.ts';

/** The sum over the metric's series that bear all these labels; 0 if there is none. */
export function sumOf(page: string, metric: string, labels: Readonly<Record<string, string>> = {}): number {
  const wanted = Object.entries(labels).map(([name, text]) => `${name}="${text}"`);
  let sum = 0;
  for (const line of page.split('\n')) {
    const match = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (match?.[1] !== metric) continue;
    const found = new Set((match[2] ?? '').split(','));
    if (wanted.every((label) => found.has(label))) sum += Number(match[3]);
  }
  return sum;
}

export interface CacheCounts {
  readonly reads: number;
  readonly hits: number;
}

/** Of a gateway, since it started. A gateway without a cache has only `reads`. */
export async function cacheCounts(client: HttpClient): Promise<CacheCounts> {
  const answer = await client.request('GET', '/metrics');
  if (answer.status !== 200) throw new Error(`${client.url}/metrics was answered ${answer.status}, expected 200`);
  const page = answer.body.toString();
  const metric = 'bazar_gateway_cache_requests_total';
  return { reads: sumOf(page, metric), hits: sumOf(page, metric, { result: 'hit' }) };
}
