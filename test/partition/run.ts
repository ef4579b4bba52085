/** One partition run: a cluster, its clients, its nemesis, and the verdict on what the clients saw. */
import { once } from 'node:events';
import { cp } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { type Cluster, startCluster } from '../cluster/cluster.ts';
import { runCommand } from '../cluster/command.ts';
import { type CacheReport, CacheTally, percentage } from './cache-tally.ts';
import { Checker, type GroupFinding } from './checker.ts';
import { Clients } from './clients.ts';
import { readEverything } from './final-reads.ts';
import { Nemesis, type RoundRecord } from './nemesis.ts';
import type { Options } from './options.ts';
import { type Gap, type Second, Tally } from './tally.ts';
import { type Reign, Watch } from './watch.ts';
import { writeShareOf } from './workloads.ts';

export interface RunOptions extends Options {
  readonly seed: number;
  readonly out: string;
}

export interface RunResult {
  readonly options: RunOptions;
  readonly commit: string;
  readonly machine: string;
  readonly beganAt: string;
  /** How long the clients worked. */
  readonly seconds: number;
  readonly rounds: readonly RoundRecord[];
  readonly reigns: readonly Reign[];
  readonly operations: number;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly availability: readonly Second[];
  readonly longestGap: Gap;
  readonly cache: CacheReport;
  /** Groups of keys, and parts of groups. */
  readonly histories: number;
  readonly longestCheckMs: number;
  readonly findings: readonly GroupFinding[];
  /** Of the state of all replicas at the end; null if they never came to one. */
  readonly digest: string | null;
  /** Why the run has failed, in words; none if it has passed. */
  readonly failures: readonly string[];
}

const operationsPerSecondMin = 100;
const progressIntervalMs = 5000;
/** Of histories that wait for their verdict: what is in memory stays small. */
const backlogMax = 100;
/** Before a fault; fewer where few are asked for. */
const healthyWritesPerSecond = 20;
const agreementTimeoutMs = 60_000;

/** Of a run whose report goes to `out`. */
export function historyIn(out: string): string {
  return path.join(out, 'history');
}

/** So many writes acknowledged in a second show that the cluster does its work. */
export function healthyWritesPerSecondOf({ rate, workload }: Options): number {
  return Math.max(1, Math.min(healthyWritesPerSecond, Math.floor(0.4 * rate * writeShareOf(workload))));
}

/** `say` gets a line of progress now and then. Rejects when it is stopped; whatever else happens is in the result. */
export async function runPartition(
  options: RunOptions,
  say: (line: string) => void,
  stop: AbortSignal,
): Promise<RunResult> {
  const { replicas, gateways, faults } = options;
  const beganAt = new Date().toISOString();
  const commit = await currentCommit();
  await using checker = await Checker.start(historyIn(options.out));
  const cluster = await startCluster({ replicas, gateways, namespaces: faults.includes('cut') });
  const run = new Run(options, cluster, checker, say);
  try {
    await run.endure(stop);
    await Promise.race([run.conclude(), interruption(stop)]);
  } finally {
    run.failures.push(...(await closeCluster(cluster, run.failures.length === 0 ? null : options.out)));
  }
  const { tally, watch, nemesis } = run;
  return {
    options,
    commit,
    machine: `${os.availableParallelism()} cores, ${os.type()} ${os.release()}, Node.js ${process.versions.node}`,
    beganAt,
    seconds: run.seconds,
    rounds: nemesis.rounds,
    reigns: watch.reigns,
    operations: tally.recorded,
    outcomes: Object.fromEntries([...tally.outcomes].sort(([a], [b]) => (a < b ? -1 : 1))),
    availability: tally.seconds,
    longestGap: tally.longestGap,
    cache: run.cacheTally.report(),
    histories: checker.checked,
    longestCheckMs: checker.longestMs,
    findings: checker.findings,
    digest: run.digest,
    failures: [...new Set(run.failures)],
  };
}

class Run {
  readonly #options: RunOptions;
  readonly #cluster: Cluster;
  readonly #checker: Checker;
  readonly #say: (line: string) => void;
  readonly tally = new Tally();
  readonly cacheTally: CacheTally;
  readonly watch: Watch;
  readonly nemesis: Nemesis;
  readonly failures: string[] = [];
  seconds = 0;
  digest: string | null = null;
  readonly #clients: Clients;

  constructor(options: RunOptions, cluster: Cluster, checker: Checker, say: (line: string) => void) {
    this.#options = options;
    this.#cluster = cluster;
    this.#checker = checker;
    this.#say = say;
    const { tally } = this;
    const { seed, faults: kinds, shapes, workload, rate } = options;
    this.cacheTally = new CacheTally(cluster.gateways);
    this.watch = new Watch(cluster, tally);
    this.#clients = new Clients({
      gateways: this.#gateways(),
      replicas: cluster.replicas,
      workload,
      rate,
      seed,
      tally,
      cacheTally: this.cacheTally,
      onRetired: (group, goesOn) => checker.retire(group, goesOn),
    });
    const assertSound = () => this.#assertSound();
    const acknowledgedPerSecondMin = healthyWritesPerSecondOf(options);
    this.nemesis = new Nemesis({
      ...{ cluster, tally, watch: this.watch, seed, kinds, shapes, acknowledgedPerSecondMin, assertSound },
    });
  }

  /** Faults, until the time is up or something has failed. */
  async endure(stop: AbortSignal): Promise<void> {
    const ending = new AbortController();
    const progress = setInterval(() => this.#say(this.#progressLine()), progressIntervalMs);
    const nemesis = this.nemesis.run(this.#options.minutes * 60_000, AbortSignal.any([stop, ending.signal]));
    try {
      await Promise.race([nemesis, this.#clients.ended, this.#checker.failed]);
    } catch (error) {
      stop.throwIfAborted();
      this.#fail(error);
    } finally {
      clearInterval(progress);
      ending.abort();
      await Promise.allSettled([nemesis, this.#clients.stop(), this.watch.stop()]);
      this.seconds = this.tally.now() / 1000;
    }
  }

  /** The last reads, and the verdict. */
  async conclude(): Promise<void> {
    const { tally, watch } = this;
    try {
      await this.#checker.settle();
      if (this.failures.length === 0) {
        this.#say('waiting for the replicas to agree');
        this.digest = await this.#cluster.agreement(agreementTimeoutMs);
        this.#say(`reading ${this.#checker.groups.length} groups of keys from every replica, and judging`);
        await readEverything({
          gateways: this.#gateways().map(({ client }) => client),
          replicas: this.#cluster.replicas,
          checker: this.#checker,
          tally,
          nextNumber: () => this.#clients.nextNumber(),
        });
      }
    } catch (error) {
      this.#fail(error);
    }
    const { findings, operations } = this.#checker;
    if (operations !== tally.recorded)
      this.failures.push(`${operations} of ${tally.recorded} operations came to be judged`);
    const giveUps = findings.filter(({ giveUp }) => giveUp).length;
    if (findings.length > giveUps) this.failures.push(`${findings.length - giveUps} findings`);
    if (giveUps > 0) this.failures.push(`${giveUps} histories were too hard to judge`);
    this.failures.push(...watch.violations);
    const operationsPerSecond = tally.recorded / this.seconds;
    if (operationsPerSecond < operationsPerSecondMin) {
      this.failures.push(`${operationsPerSecond.toFixed(0)} operations/s, ${operationsPerSecondMin} are required`);
    }
    const { hitRatio } = this.cacheTally.report().all;
    const { hitsMin } = this.#options;
    if ((hitRatio ?? 0) < hitsMin) {
      this.failures.push(`${percentage(hitRatio)} of the reads were hits, ${percentage(hitsMin)} are required`);
    }
  }

  #gateways() {
    return this.#cluster.gateways.map((id) => ({ id, client: this.#cluster.client(id) }));
  }

  #fail(error: unknown): void {
    this.failures.push(error instanceof Error ? error.message : String(error));
  }

  #assertSound(): void {
    const [finding] = this.#checker.findings;
    if (finding !== undefined) throw new Error(`ended early: ${finding.checker} has found something`);
    const [violation] = this.watch.violations;
    if (violation !== undefined) throw new Error(`ended early: ${violation}`);
    const { waiting } = this.#checker;
    if (waiting > backlogMax) {
      throw new Error(`ended early: the checker does not keep up, ${waiting} histories wait for it; lower --rate`);
    }
  }

  #progressLine(): string {
    const { tally, cacheTally, nemesis, watch } = this;
    const { all, gateways } = cacheTally.report();
    const each = Object.entries(gateways).map(([id, { hitRatio }]) => `${id} ${percentage(hitRatio)}`);
    const seconds = tally.now() / 1000;
    const reign = watch.reigns.at(-1);
    const leader = reign === undefined ? 'no leader yet' : `${reign.leader} leads in term ${reign.term}`;
    const rate = (tally.recorded / seconds).toFixed(0);
    return [
      `${seconds.toFixed(0).padStart(5)} s  ${rate} operations/s`,
      `round ${nemesis.rounds.length}`,
      leader,
      `hits ${percentage(all.hitRatio)} (${each.join(', ')})`,
      `${this.#checker.checked} histories judged, ${this.#checker.waiting} waiting, ${this.#checker.findings.length} findings`,
      nemesis.activity,
    ].join('; ');
  }
}

async function interruption(stop: AbortSignal): Promise<never> {
  if (!stop.aborted) await once(stop, 'abort');
  throw stop.reason;
}

/** Keeps the members' logs in this directory, unless it is null. Gives what went wrong, in words. */
async function closeCluster(cluster: Cluster, out: string | null): Promise<readonly string[]> {
  const problems: string[] = [];
  const problem = (error: Error) => void problems.push(error.message);
  if (out !== null) {
    await cp(path.join(cluster.directory, 'logs'), path.join(out, 'logs'), { recursive: true }).catch(problem);
  }
  await cluster.close().catch(problem);
  return problems;
}

/** Followed by a plus where the files differ from it. */
async function currentCommit(): Promise<string> {
  const git = async (...args: readonly string[]) =>
    await runCommand(['git', ...args]).catch(() => ({ code: 1, stdout: '' }));
  const head = await git('rev-parse', '--short=12', 'HEAD');
  if (head.code !== 0) return 'unknown';
  const changes = await git('status', '--porcelain');
  return `${head.stdout.trim()}${changes.stdout === '' ? '' : '+'}`;
}
