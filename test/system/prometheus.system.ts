import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import { startChild } from '../cluster/child.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { mustRun } from '../cluster/command.ts';
import { createHttpClient, type HttpClient, json } from '../cluster/http-client.ts';
import { freePorts } from '../cluster/ports.ts';
import { expressionsOf, opsDirectory, readBoard } from '../ops/dashboard.ts';
import { clusterFor, systemTest } from './system-test.ts';

/** Of a rate: some scrapes at a second each. */
const rateInterval = '10s';

interface QueryAnswer {
  readonly status: 'success' | 'error';
  readonly error?: string;
  readonly data?: { readonly result: readonly unknown[] };
}

/** What Prometheus is shipped with, for the addresses of this cluster, and with scrapes that do not take long. */
function configurationFor(cluster: Cluster): string {
  const members = [...cluster.replicas, ...cluster.gateways];
  const shipped = readFileSync(new URL('prometheus/prometheus.yml', opsDirectory), 'utf8');
  const moved = members.reduce(
    (text, id) =>
      text.replace(
        new RegExp(`'[^']+'(\\]\\s+labels: \\{ instance: ${id} \\})`),
        (_, rest: string) => `'${new URL(cluster.url(id)).host}'${rest}`,
      ),
    shipped,
  );
  return moved.replace('scrape_interval: 5s', 'scrape_interval: 1s');
}

async function startPrometheus(t: ExecutionContext, cluster: Cluster): Promise<HttpClient> {
  const configuration = path.join(cluster.directory, 'prometheus.yml');
  writeFileSync(configuration, configurationFor(cluster));
  await mustRun(['promtool', 'check', 'config', configuration]);
  const address = `127.0.0.1:${await freePorts(1)}`;
  const prometheus = startChild(
    [
      'prometheus',
      `--config.file=${configuration}`,
      `--storage.tsdb.path=${path.join(cluster.directory, 'prometheus')}`,
      `--web.listen-address=${address}`,
    ],
    { logFile: path.join(cluster.directory, 'prometheus.log') },
  );
  const client = createHttpClient(`http://${address}`);
  t.teardown(async () => {
    if (!t.passed) t.log(prometheus.output().split('\n').slice(-20).join('\n'));
    client.close();
    await prometheus.end('SIGTERM');
  });
  return client;
}

async function query(prometheus: HttpClient, expr: string): Promise<QueryAnswer> {
  const text = expr.replaceAll('$__rate_interval', rateInterval);
  const answer = await prometheus.request('GET', '/api/v1/query', { query: `query=${encodeURIComponent(text)}` });
  return json(answer) as QueryAnswer;
}

/** A write, a miss and a hit, a list, and what is not there. */
async function traffic(gateway: HttpClient): Promise<void> {
  await gateway.put('books/1', 'a value');
  for (let nth = 0; nth < 2; nth += 1) {
    await gateway.get('books/1');
    await gateway.get('books/none');
    await gateway.request('GET', '/v1/kv', { query: 'prefix=books/' });
  }
}

systemTest(
  'Prometheus scrapes every member, and finds something for every panel of the board',
  ['prometheus'],
  async (t) => {
    const cluster = await clusterFor(t);
    const gateway = cluster.client('g1');
    const prometheus = await startPrometheus(t, cluster);
    const members = [...cluster.replicas, ...cluster.gateways];
    await cluster.waitFor(
      async () => (await query(prometheus, 'up == 1').catch(() => null))?.data?.result.length === members.length,
      { description: 'Prometheus to reach every member', timeoutMs: 60_000 },
    );
    for (const { title, expr } of expressionsOf(readBoard())) {
      if (title === 'annotations') {
        t.is((await query(prometheus, expr)).status, 'success', expr);
        continue;
      }
      let last: QueryAnswer | null = null;
      const found = async () => {
        await traffic(gateway);
        last = await query(prometheus, expr);
        return last.status === 'error' || (last.data?.result.length ?? 0) > 0;
      };
      await cluster.waitFor(found, { description: `${title}: ${expr}`, timeoutMs: 60_000, detail: () => last });
      t.is((last as QueryAnswer | null)?.status, 'success', `${title}: ${JSON.stringify(last)}`);
    }
  },
);
