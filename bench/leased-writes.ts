/**
 * What leases cost a write: three gateways whose readers hold leases and entries, against three that keep nothing.
 * Two clusters take turns; readers ask at the same pace at all gateways of the one that is measured.
 */
import { type Cluster, startCluster } from '../test/cluster/cluster.ts';
import { SeededRandom } from '../test/raft/seeded-random.ts';
import { isHit } from '../test/system/cache-status.ts';
import { countOf, countsOf, progress, readFlags } from './flags.ts';
import { fill, keyOf, value } from './keys.ts';
import { table } from './markdown.ts';
import { startPaced } from './pace.ts';
import { medianOf, type Summary, summarise } from './statistics.ts';
import { inTurns } from './turns.ts';
import { Zipf } from './zipf.ts';

const modes = ['lease', 'off'] as const;
type Mode = (typeof modes)[number];

const keys = 1000;
const exponent = 0.99;
const secondsWarm = 2;

interface Sample {
  readonly latency: Summary;
  /** Of the reads meanwhile. */
  readonly hitPercent: number;
  /** Of those hits. */
  readonly leasedPercent: number;
}

export async function leasedWrites(args: readonly string[], resources: AsyncDisposableStack): Promise<void> {
  const flags = readFlags(args, { runs: '5', seconds: '5', writers: '1,16', 'reads-per-second': '100' });
  const runs = countOf('runs', flags.runs);
  const seconds = countOf('seconds', flags.seconds);
  const writerCounts = countsOf('writers', flags.writers);
  const readsPerSecond = countOf('reads-per-second', flags['reads-per-second']);
  const clusters = new Map<Mode, Cluster>();
  for (const mode of modes) {
    const cluster = await startCluster({ gateways: 3, gatewayFlags: ['--coherence', mode] });
    clusters.set(
      mode,
      resources.adopt(cluster, (started) => started.close()),
    );
    await fill(cluster.client(), keys);
  }
  const rows: string[][] = [];
  for (const writers of writerCounts) {
    const results = await inTurns(modes, runs, async (mode, run) => {
      const cluster = clusters.get(mode) as Cluster;
      await measure(cluster, { writers: 1, readsPerSecond, seconds: secondsWarm, seed: run });
      const sample = await measure(cluster, { writers, readsPerSecond, seconds, seed: run });
      const { latency } = sample;
      progress(`run ${run}: ${mode}, ${writers} writers: p50 ${latency.p50.toFixed(2)} ms`);
      return sample;
    });
    const samplesOf = (mode: Mode) => results.get(mode) ?? [];
    const figures = ({ latency: { p50, p99, mean } }: Sample) => [p50, p99, mean];
    const rowOf = (mode: Mode) => [0, 1, 2].map((at) => medianOf(samplesOf(mode), (one) => figures(one)[at] ?? 0));
    const [leased, off] = [rowOf('lease'), rowOf('off')];
    const sharesOf = (mode: Mode) =>
      [({ hitPercent }: Sample) => hitPercent, ({ leasedPercent }: Sample) => leasedPercent].map((share) =>
        medianOf(samplesOf(mode), share).toFixed(1),
      );
    rows.push([`${writers}`, 'lease', ...leased.map((ms) => ms.toFixed(2)), ...sharesOf('lease')]);
    rows.push([`${writers}`, 'off', ...off.map((ms) => ms.toFixed(2)), ...sharesOf('off')]);
    rows.push([`${writers}`, 'lease / off', ...leased.map((ms, at) => (ms / (off[at] ?? 0)).toFixed(2)), '', '']);
  }
  console.log(
    `Writes while ${readsPerSecond} reads a second go to each of 3 gateways: medians of ${runs} runs of ${seconds} s\n`,
  );
  console.log(
    table(['writers', 'coherence', 'p50 ms', 'p99 ms', 'mean ms', 'reads: hits %', 'of them under a lease %'], rows),
  );
}

interface Plan {
  readonly writers: number;
  readonly readsPerSecond: number;
  readonly seconds: number;
  readonly seed: number;
}

/** Writers write one after the other each, through all gateways in turn; keys are those that are read. */
async function measure(cluster: Cluster, { writers, readsPerSecond, seconds, seed }: Plan): Promise<Sample> {
  const random = new SeededRandom(seed);
  const zipf = new Zipf(keys, exponent);
  const clients = cluster.gateways.map((id) => cluster.client(id));
  let hits = 0;
  let leased = 0;
  const readers = clients.map((client) =>
    startPaced(readsPerSecond, async () => {
      const answer = await client.get(keyOf(zipf.draw(random.next())));
      if (answer.status !== 200) throw new Error(`a read was answered with status ${answer.status}, expected 200`);
      if (!isHit(answer)) return;
      hits += 1;
      if (`${answer.headers['cache-status']}`.endsWith('detail=lease')) leased += 1;
    }),
  );
  const latenciesMs: number[] = [];
  const endAt = performance.now() + seconds * 1000;
  const write = async (own: number) => {
    for (let turn = own; performance.now() < endAt; turn += 1) {
      const client = clients[turn % clients.length] as (typeof clients)[number];
      const startedAt = performance.now();
      const { status } = await client.put(keyOf(zipf.draw(random.next())), value);
      latenciesMs.push(performance.now() - startedAt);
      if (status !== 200) throw new Error(`a write was answered with status ${status}, expected 200`);
    }
  };
  await Promise.all(Array.from({ length: writers }, (_, own) => write(own)));
  await Promise.all(readers.map((reader) => reader.stop()));
  const reads = readers.reduce((sum, { answered }) => sum + answered, 0);
  const percent = (part: number, whole: number) => (whole === 0 ? 0 : (part / whole) * 100);
  return {
    latency: summarise(latenciesMs),
    hitPercent: percent(hits, reads),
    leasedPercent: percent(leased, hits),
  };
}
