/**
 * Measures a three-replica cluster behind one gateway with wrk and, where it is installed, etcd beside it: the same
 * load on each in turn. README.md in this folder says how, and what the figures mean.
 */
import { parseArgs } from 'node:util';
import { type Cluster, startCluster } from '../test/cluster/cluster.ts';
import { createHttpClient, type HttpClient } from '../test/cluster/http-client.ts';
import { lack } from '../test/system/requirements.ts';
import { type Etcd, startEtcd } from './etcd.ts';
import { cpuPercent } from './idle-cpu.ts';
import { secondsToFirstWrite } from './startup.ts';
import { median } from './statistics.ts';
import { type Measurement, type Operation, runWrk, type System } from './wrk.ts';

const { values: flags } = parseArgs({
  options: {
    runs: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '5' },
    connections: { type: 'string', default: '1,16,64,256' },
  },
});
const runs = positive('runs', flags.runs);
const seconds = positive('seconds', flags.seconds);
const connectionCounts = flags.connections.split(',').map((count) => positive('connections', count));
const operations: readonly Operation[] = ['put', 'get'];
const idleSeconds = 10;

const wrkLack = lack('wrk');
if (wrkLack !== null) throw new Error(`the benchmark needs wrk: ${wrkLack}`);
const etcdLack = lack('etcd');

const startup = median(await series(runs, secondsToFirstWrite));
const cluster = await startCluster();
const etcd = etcdLack === null ? await startEtcd() : null;
try {
  const idle = await cpuPercent([...cluster.replicas, ...cluster.gateways].map(cluster.pid, cluster), idleSeconds);
  const urls = new Map<System, string>([['bazar', cluster.url('g1')]]);
  if (etcd !== null) urls.set('etcd', etcd.url);
  await fill(cluster, etcd);
  print(await measure(urls), etcd);
  console.log(`\nnpm start to the first acknowledged write: ${startup.toFixed(2)} s (median of ${runs})`);
  console.log(`idle CPU of 3 replicas and 1 gateway: ${idle.toFixed(1)} % of a core (over ${idleSeconds} s)`);
  if (etcdLack !== null) console.log(`etcd was not measured: ${etcdLack}`);
} finally {
  await etcd?.close();
  await cluster.close();
}

type Results = ReadonlyMap<string, Measurement[]>;

function cell(system: System, operation: Operation, connections: number): string {
  return `${system} ${operation} ${connections}`;
}

/** The systems take turns, and who goes first changes: what drifts on the machine drifts for both. */
async function measure(urls: ReadonlyMap<System, string>): Promise<Results> {
  const results = new Map<string, Measurement[]>();
  for (let run = 0; run < runs; run += 1) {
    const order = run % 2 === 0 ? [...urls] : [...urls].reverse();
    for (const operation of operations) {
      for (const connections of connectionCounts) {
        for (const [system, url] of order) {
          const result = await runWrk({ system, url, operation, connections, seconds, seed: run + 1 });
          const name = cell(system, operation, connections);
          results.set(name, [...(results.get(name) ?? []), result]);
          process.stderr.write(`run ${run + 1}: ${name}: ${result.requestsPerSecond.toFixed(0)} requests/s\n`);
        }
      }
    }
  }
  return results;
}

function print(results: Results, etcd: Etcd | null): void {
  const columns = ['req/s', 'p50 ms', 'p99 ms'];
  const both = etcd === null ? columns : [...columns, ...columns, 'req/s', 'p50'];
  const named = etcd === null ? 'Bazar' : `Bazar, then etcd ${etcd.version}, then Bazar / etcd`;
  console.log(`${named}: medians of ${runs} runs of ${seconds} s\n`);
  console.log(row('', both));
  for (const operation of operations) {
    for (const connections of connectionCounts) {
      const ours = medians(results, cell('bazar', operation, connections));
      const cells = figures(ours);
      if (etcd !== null) {
        const theirs = medians(results, cell('etcd', operation, connections));
        const speed = ours.requestsPerSecond / theirs.requestsPerSecond;
        cells.push(...figures(theirs), `${speed.toFixed(2)} x`, `${(ours.p50Ms / theirs.p50Ms).toFixed(2)} x`);
      }
      console.log(row(`${operation.toUpperCase()} at ${connections}`, cells));
    }
  }
}

function medians(results: Results, name: string): Measurement {
  const samples = results.get(name) ?? [];
  return {
    requestsPerSecond: median(samples.map(({ requestsPerSecond }) => requestsPerSecond)),
    p50Ms: median(samples.map(({ p50Ms }) => p50Ms)),
    p99Ms: median(samples.map(({ p99Ms }) => p99Ms)),
  };
}

function figures({ requestsPerSecond, p50Ms, p99Ms }: Measurement): string[] {
  return [requestsPerSecond.toFixed(0), p50Ms.toFixed(2), p99Ms.toFixed(2)];
}

function row(name: string, cells: readonly string[]): string {
  return name.padEnd(12) + cells.map((text) => text.padStart(9)).join('');
}

/** Every key that wrk will ask for exists. */
async function fill(cluster: Cluster, etcd: Etcd | null): Promise<void> {
  const value = 'x'.repeat(200);
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  await forEachKey(cluster.client(), async (client, key) => (await client.put(key, value)).status);
  if (etcd === null) return;
  const client = createHttpClient(etcd.url);
  await forEachKey(client, async (_, key) => {
    const body = JSON.stringify({ key: base64(key), value: base64(value) });
    return (await client.request('POST', '/v3/kv/put', { body })).status;
  });
  client.close();
}

async function forEachKey(
  client: HttpClient,
  put: (client: HttpClient, key: string) => Promise<number>,
): Promise<void> {
  const keys = Array.from({ length: 10_000 }, (_, number) => `bench-${`${number + 1}`.padStart(5, '0')}`).values();
  const writer = async () => {
    for (const key of keys) {
      const status = await put(client, key);
      if (status !== 200 && status !== 201) throw new Error(`${client.url}: ${key} was answered ${status}`);
    }
  };
  await Promise.all(Array.from({ length: 64 }, writer));
}

async function series(count: number, sample: () => Promise<number>): Promise<readonly number[]> {
  const samples: number[] = [];
  for (let run = 0; run < count; run += 1) samples.push(await sample());
  return samples;
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new Error(`--${name}: expected whole numbers from 1 on, got ${text}`);
  return value;
}
