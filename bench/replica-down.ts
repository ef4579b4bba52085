/**
 * What it costs that a replica is down: latencies of one request at a time, beginning with the moment in which it goes,
 * against those with all up; for a follower that stands still, for one that is killed, and for a killed leader, where
 * it is also told how long nothing was answered.
 */
import { type Cluster, startCluster } from '../test/cluster/cluster.ts';
import type { HttpClient } from '../test/cluster/http-client.ts';
import { countOf, progress, readFlags } from './flags.ts';
import { fill, keyOf, value } from './keys.ts';
import { table } from './markdown.ts';
import { median, summarise } from './statistics.ts';
import { inTurns } from './turns.ts';

const keys = 1000;
/** A cluster that lost one of three is to be there again long before. */
const patienceMs = 30_000;

const faults = ['none', 'follower stopped', 'follower killed', 'leader killed'] as const;
type Fault = (typeof faults)[number];

/** Latencies in ms of each kind of request. */
interface Sample {
  readonly reads: readonly number[];
  readonly writes: readonly number[];
  /** The longest time between two answers, in ms. */
  readonly longestMs: number;
}

export async function replicaDown(args: readonly string[], resources: AsyncDisposableStack): Promise<void> {
  const flags = readFlags(args, { runs: '5', seconds: '10' });
  const runs = countOf('runs', flags.runs);
  const seconds = countOf('seconds', flags.seconds);
  // A read that hits would notice nothing.
  const cluster = resources.adopt(await startCluster({ gatewayFlags: ['--cache-bytes', '0'] }), (started) =>
    started.close(),
  );
  await fill(cluster.client(), keys);
  await load(cluster.client(), 2);

  const samples = await inTurns(faults, runs, async (fault, run) => {
    const { repair } = await inject(cluster, fault);
    const sample = await load(cluster.client(), seconds);
    await repair();
    progress(`run ${run}: ${fault}: reads ${meanOf(sample.reads)} ms, writes ${meanOf(sample.writes)} ms`);
    return sample;
  });
  const rows = (['reads', 'writes'] as const).flatMap((kind) => {
    const all = (fault: Fault) => (samples.get(fault) ?? []).flatMap((sample) => sample[kind]);
    const up = summarise(all('none'));
    return faults.map((fault) => {
      const { mean, p50, p99, maximum } = summarise(all(fault));
      return [
        `${kind}, ${fault}`,
        ...[mean, p50, p99, maximum].map((ms) => ms.toFixed(2)),
        (mean / up.mean).toFixed(2),
      ];
    });
  });
  console.log(
    `One request at a time, read and write in turn, no cache: ${runs} runs of ${seconds} s from the fault on\n`,
  );
  console.log(table(['', 'average ms', 'p50', 'p99', 'maximum', 'of the average with all up'], rows));
  const longest = (fault: Fault) => (samples.get(fault) ?? []).map(({ longestMs }) => longestMs);
  const pauses = faults.map((fault) => `${fault} ${median(longest(fault)).toFixed(0)}`);
  console.log(`\nLongest wait for an answer, in ms, median of the runs: ${pauses.join(', ')}`);
  console.log(
    'The ancestors with a server down: reads 5.9 ms to 112 ms (19 times), writes 46 ms to 448 ms (10 times).',
  );
}

interface Injected {
  /** Resolves when all are up again and have applied the same. */
  readonly repair: () => Promise<void>;
}

async function inject(cluster: Cluster, fault: Fault): Promise<Injected> {
  const leader = await cluster.someLeader();
  const follower = cluster.replicas.find((id) => id !== leader) as string;
  const agreed = async () => {
    await cluster.agreement();
  };
  const victim = fault === 'leader killed' ? leader : follower;
  switch (fault) {
    case 'none':
      return { repair: agreed };
    case 'follower stopped':
      cluster.pause(victim);
      return {
        async repair() {
          cluster.resume(victim);
          await agreed();
        },
      };
    case 'follower killed':
    case 'leader killed':
      await cluster.kill(victim);
      return {
        async repair() {
          await cluster.start(victim);
          await agreed();
        },
      };
  }
}

/** A request that the gateway gives up is asked again, and its time goes on. */
async function load(client: HttpClient, seconds: number): Promise<Sample> {
  const reads: number[] = [];
  const writes: number[] = [];
  const endAt = performance.now() + seconds * 1000;
  const timed = async (samples: number[], ask: () => Promise<{ readonly status: number }>) => {
    const startedAt = performance.now();
    let { status } = await ask();
    while (status !== 200) {
      if (performance.now() - startedAt > patienceMs)
        throw new Error(`no success in ${patienceMs} ms; status ${status}`);
      ({ status } = await ask());
    }
    samples.push(performance.now() - startedAt);
  };
  for (let number = 0; performance.now() < endAt; number += 1) {
    const key = keyOf((number % keys) + 1);
    await timed(reads, () => client.get(key));
    await timed(writes, () => client.put(key, value));
  }
  return { reads, writes, longestMs: summarise([...reads, ...writes]).maximum };
}

function meanOf(samples: readonly number[]): string {
  return summarise(samples).mean.toFixed(2);
}
