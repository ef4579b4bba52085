import test, { type ExecutionContext } from 'ava';
import { type Cluster, type ClusterOptions, logTails, startCluster } from '../cluster/cluster.ts';
import { lack, type Requirement } from './requirements.ts';

/** A test that is skipped, by name and with the reason, where the machine lacks what it needs. */
export function systemTest(
  title: string,
  needs: readonly Requirement[],
  body: (t: ExecutionContext) => Promise<void>,
): void {
  const lacks = needs.map(lack).filter((reason) => reason !== null);
  if (lacks.length > 0) {
    test.skip(`${title} [skipped: ${lacks.join(', ')}]`, body);
    return;
  }
  test.serial(title, async (t) => {
    t.timeout(20 * 60_000);
    const startedAt = performance.now();
    // The first to be asked for is the last to run: what it takes to end a cluster is counted.
    t.teardown(() => t.log(`took ${((performance.now() - startedAt) / 1000).toFixed(1)} s`));
    await body(t);
  });
}

/** A cluster that ends with the test; when the test has failed, the logs' last lines are shown. */
export async function clusterFor(t: ExecutionContext, options: ClusterOptions = {}): Promise<Cluster> {
  const cluster = await startCluster(options);
  t.teardown(async () => {
    if (!t.passed) t.log(logTails(cluster));
    await cluster.close();
  });
  return cluster;
}

/** How often to do something: the short count, the full one with FULL=1, or what the environment variable says. */
export function repetitions(variable: string, short: number, full: number): number {
  const asked = process.env[variable];
  const { FULL } = process.env;
  if (asked === undefined) return FULL === '1' ? full : short;
  const count = Number(asked);
  if (!Number.isInteger(count) || count < 1) throw new Error(`${variable} is a count from 1 on, got ${asked}`);
  return count;
}

/** Of milliseconds: `p50 412 ms, max 655 ms (20 runs)`. */
export function summary(samplesMs: readonly number[]): string {
  const sorted = [...samplesMs].sort((a, b) => a - b);
  const at = (fraction: number) => (sorted[Math.ceil(fraction * sorted.length) - 1] ?? Number.NaN).toFixed(0);
  return `p50 ${at(0.5)} ms, max ${at(1)} ms (${sorted.length} runs)`;
}
