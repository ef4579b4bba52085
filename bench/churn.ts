/**
 * Hits per second while writes take entries away: as many reads as 64 connections ask for, of keys drawn by Zipf's law,
 * and beside them so many writes a second at another gateway, of keys drawn in the same way. For each way to stay current.
 */
import { type Cluster, startCluster } from '../test/cluster/cluster.ts';
import { SeededRandom } from '../test/raft/seeded-random.ts';
import { countOf, FlagError, progress, readFlags } from './flags.ts';
import { fill, forEachKey, keyOf, value } from './keys.ts';
import { table } from './markdown.ts';
import { startPaced } from './pace.ts';
import { cacheCounts } from './scrape.ts';
import { medianOf } from './statistics.ts';
import { mustHave } from './tools.ts';
import { inTurns } from './turns.ts';
import { runWrk } from './wrk.ts';
import { Zipf } from './zipf.ts';

const modes = { g1: 'lease', g2: 'validate', g3: 'off' } as const;
type Gateway = keyof typeof modes;
const gateways = Object.keys(modes) as Gateway[];
/** Keeps nothing, and is asked for nothing but the writes. */
const writer = 'g4';

const keys = 1000;
const exponent = 0.99;

interface Sample {
  readonly readsPerSecond: number;
  readonly hitsPerSecond: number;
  readonly writesPerSecond: number;
  readonly p99Ms: number;
}

interface Plan {
  readonly connections: number;
  readonly seconds: number;
  /** 0: none. */
  readonly writesPerSecond: number;
}

export async function churn(args: readonly string[], resources: AsyncDisposableStack): Promise<void> {
  const flags = readFlags(args, { runs: '5', seconds: '5', connections: '64', writes: '0,1,10,100' });
  const runs = countOf('runs', flags.runs);
  const seconds = countOf('seconds', flags.seconds);
  const connections = countOf('connections', flags.connections);
  const rates = flags.writes.split(',').map(rateOf);
  mustHave('wrk');
  const cluster = resources.adopt(
    await startCluster({ gateways: 4, gatewayFlags: (id) => ['--coherence', modes[id as Gateway] ?? 'off'] }),
    (started) => started.close(),
  );
  await fill(cluster.client(writer), keys);
  for (const id of gateways) await forEachKey(keys, async (key) => (await cluster.client(id).get(key)).status);

  const rows: string[][] = [];
  for (const writesPerSecond of rates) {
    const plan = { connections, seconds, writesPerSecond };
    const results = await inTurns(gateways, runs, async (id, run) => {
      const sample = await measure(cluster, id, plan, run);
      const { hitsPerSecond } = sample;
      progress(`run ${run}, ${writesPerSecond} writes/s: ${modes[id]}: ${hitsPerSecond.toFixed(0)} hits/s`);
      return sample;
    });
    for (const [id, samples] of results) rows.push(rowOf(writesPerSecond, id, samples));
  }
  const header = ['writes/s asked', 'coherence', 'reads/s', 'hits/s', 'hits %', 'p99 ms', 'writes/s done'];
  console.log(`Reads of ${connections} connections from ${keys} keys: medians of ${runs} runs of ${seconds} s\n`);
  console.log(table(header, rows));
}

function rateOf(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw new FlagError(`--writes: expected whole numbers of writes a second, got ${JSON.stringify(text)}`);
}

async function measure(cluster: Cluster, id: Gateway, plan: Plan, seed: number): Promise<Sample> {
  const { connections, seconds, writesPerSecond } = plan;
  const random = new SeededRandom(seed);
  const zipf = new Zipf(keys, exponent);
  const write = async () => {
    const { status } = await cluster.client(writer).put(keyOf(zipf.draw(random.next())), value);
    if (status !== 200) throw new Error(`a write was answered with status ${status}, expected 200`);
  };
  const before = await cacheCounts(cluster.client(id));
  const startedAt = performance.now();
  const writes = writesPerSecond === 0 ? null : startPaced(writesPerSecond, write);
  const load = { form: 'bazar', url: cluster.url(id), operation: 'get', connections, seconds, seed, keys } as const;
  const { requestsPerSecond, p99Ms } = await runWrk({ ...load, exponent }).finally(() => writes?.stop());
  const elapsedSeconds = (performance.now() - startedAt) / 1000;
  const after = await cacheCounts(cluster.client(id));
  // Shares, since what wrk counts ends a little earlier than what the gateway does.
  const reads = after.reads - before.reads;
  const hitShare = reads === 0 ? 0 : (after.hits - before.hits) / reads;
  return {
    readsPerSecond: requestsPerSecond,
    hitsPerSecond: requestsPerSecond * hitShare,
    writesPerSecond: (writes?.answered ?? 0) / elapsedSeconds,
    p99Ms,
  };
}

function rowOf(writesPerSecond: number, id: Gateway, samples: readonly Sample[]): string[] {
  const of = (figure: (sample: Sample) => number) => medianOf(samples, figure);
  return [
    `${writesPerSecond}`,
    modes[id],
    of(({ readsPerSecond }) => readsPerSecond).toFixed(0),
    of(({ hitsPerSecond }) => hitsPerSecond).toFixed(0),
    of(({ hitsPerSecond, readsPerSecond }) => (hitsPerSecond / readsPerSecond) * 100).toFixed(2),
    of(({ p99Ms }) => p99Ms).toFixed(2),
    of((sample) => sample.writesPerSecond).toFixed(1),
  ];
}
