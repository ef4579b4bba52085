/**
 * A three-replica cluster behind one gateway under wrk and, where it is installed, etcd beside it: the same load on each
 * in turn. The gateway keeps nothing, so that each read goes to a replica, as each of etcd's does to a member.
 */
import { type Cluster, startCluster } from '../test/cluster/cluster.ts';
import { createHttpClient } from '../test/cluster/http-client.ts';
import { lack } from '../test/system/requirements.ts';
import { type Etcd, startEtcd } from './etcd.ts';
import { countOf, countsOf, progress, readFlags } from './flags.ts';
import { cpuPercent } from './idle-cpu.ts';
import { fill, forEachKey, value } from './keys.ts';
import { table } from './markdown.ts';
import { secondsToFirstWrite } from './startup.ts';
import { median, medianOf } from './statistics.ts';
import { mustHave } from './tools.ts';
import { type Form, type Measurement, type Operation, runWrk } from './wrk.ts';

interface Plan {
  readonly resources: AsyncDisposableStack;
  readonly operations: readonly Operation[];
  readonly runs: number;
  readonly seconds: number;
  readonly keys: number;
  readonly connectionCounts: readonly number[];
  /** When all is up, and before anything is asked of it. */
  readonly beforeLoad: (cluster: Cluster) => Promise<void>;
}

/** Writes and reads, the start, and what it costs to do nothing. */
export async function speed(args: readonly string[], resources: AsyncDisposableStack): Promise<void> {
  const flags = readFlags(args, { runs: '5', seconds: '5', connections: '1,16,64,256', keys: '10000', idle: '10' });
  const runs = countOf('runs', flags.runs);
  const idleSeconds = countOf('idle', flags.idle);
  mustHave('wrk');
  const startups: number[] = [];
  while (startups.length < runs) startups.push(await secondsToFirstWrite());
  let idlePercent = Number.NaN;
  await compare({
    resources,
    operations: ['put', 'get'],
    runs,
    seconds: countOf('seconds', flags.seconds),
    keys: countOf('keys', flags.keys),
    connectionCounts: countsOf('connections', flags.connections),
    async beforeLoad(cluster) {
      const members = [...cluster.replicas, ...cluster.gateways];
      idlePercent = await cpuPercent(members.map(cluster.pid, cluster), idleSeconds);
    },
  });
  console.log(`\nnpm start to the first acknowledged write: ${median(startups).toFixed(2)} s (median of ${runs})`);
  console.log(`idle CPU of 3 replicas and 1 gateway: ${idlePercent.toFixed(1)} % of a core (over ${idleSeconds} s)`);
}

/** Reads alone. */
export async function misses(args: readonly string[], resources: AsyncDisposableStack): Promise<void> {
  const flags = readFlags(args, { runs: '5', seconds: '5', connections: '1,16,64', keys: '10000' });
  mustHave('wrk');
  await compare({
    resources,
    operations: ['get'],
    runs: countOf('runs', flags.runs),
    seconds: countOf('seconds', flags.seconds),
    keys: countOf('keys', flags.keys),
    connectionCounts: countsOf('connections', flags.connections),
    beforeLoad: async () => {},
  });
}

async function compare(plan: Plan): Promise<void> {
  const { keys } = plan;
  const cluster = plan.resources.adopt(await startCluster({ gatewayFlags: ['--cache-bytes', '0'] }), (started) =>
    started.close(),
  );
  const etcdLack = lack('etcd');
  if (etcdLack !== null) progress(`etcd is not measured: ${etcdLack}`);
  const etcd = etcdLack === null ? plan.resources.adopt(await startEtcd(), (started) => started.close()) : null;
  await plan.beforeLoad(cluster);
  await fill(cluster.client(), keys);
  if (etcd !== null) await fillEtcd(etcd, keys);

  const urls = new Map<Form, string>([['bazar', cluster.url('g1')]]);
  if (etcd !== null) urls.set('etcd', etcd.url);
  const cells = plan.operations.flatMap((operation) =>
    plan.connectionCounts.map((connections) => ({ operation, connections, samples: new Map<Form, Measurement[]>() })),
  );
  // All cells before any of them again: each is measured at many times of the machine's.
  for (let run = 1; run <= plan.runs; run += 1) {
    for (const { operation, connections, samples } of cells) {
      for (const [form, url] of run % 2 === 1 ? urls : [...urls].reverse()) {
        const result = await runWrk({ form, url, operation, connections, seconds: plan.seconds, seed: run, keys });
        samples.set(form, [...(samples.get(form) ?? []), result]);
        progress(`run ${run}: ${form} ${operation} ${connections}: ${result.requestsPerSecond.toFixed(0)} requests/s`);
      }
    }
  }
  const columns = (system: string) => [`${system} req/s`, 'p50 ms', 'p99 ms'];
  const header = ['', ...columns('Bazar'), ...(etcd === null ? [] : [...columns('etcd'), 'req/s ratio', 'p50 ratio'])];
  const rows = cells.map(({ operation, connections, samples }) => [
    `${operation.toUpperCase()} at ${connections}`,
    ...figuresOf(samples),
  ]);
  const named = etcd === null ? 'Bazar' : `Bazar, etcd ${etcd.version}, and Bazar / etcd`;
  console.log(`${named}: medians of ${plan.runs} runs of ${plan.seconds} s\n`);
  console.log(table(header, rows));
}

function figuresOf(samples: ReadonlyMap<Form, readonly Measurement[]>): readonly string[] {
  const [ours, theirs] = [...samples.keys()].sort().map((form) => medians(samples.get(form) ?? []));
  if (ours === undefined) throw new Error('nothing was measured');
  const figures = ({ requestsPerSecond, p50Ms, p99Ms }: Measurement) => [
    requestsPerSecond.toFixed(0),
    p50Ms.toFixed(2),
    p99Ms.toFixed(2),
  ];
  if (theirs === undefined) return figures(ours);
  const ratios = [ours.requestsPerSecond / theirs.requestsPerSecond, ours.p50Ms / theirs.p50Ms];
  return [...figures(ours), ...figures(theirs), ...ratios.map((ratio) => ratio.toFixed(2))];
}

function medians(samples: readonly Measurement[]): Measurement {
  return {
    requestsPerSecond: medianOf(samples, ({ requestsPerSecond }) => requestsPerSecond),
    p50Ms: medianOf(samples, ({ p50Ms }) => p50Ms),
    p99Ms: medianOf(samples, ({ p99Ms }) => p99Ms),
  };
}

async function fillEtcd({ url }: Etcd, keys: number): Promise<void> {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const client = createHttpClient(url);
  await forEachKey(keys, async (key) => {
    const body = JSON.stringify({ key: base64(key), value: base64(value) });
    return (await client.request('POST', '/v3/kv/put', { body })).status;
  });
  client.close();
}
