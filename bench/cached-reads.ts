/**
 * Reads of what is in the cache: Bazar's three ways to know that it is current, and nginx, which does not know.
 * All four stand before the same replicas and give the same bytes.
 */
import { type Cluster, startCluster } from '../test/cluster/cluster.ts';
import { createHttpClient, type HttpAnswer } from '../test/cluster/http-client.ts';
import { lack } from '../test/system/requirements.ts';
import { countOf, countsOf, progress, readFlags } from './flags.ts';
import { fill, forEachKey, keyOf } from './keys.ts';
import { table } from './markdown.ts';
import { type Nginx, startNginx } from './nginx.ts';
import { startPaced } from './pace.ts';
import { medianOf } from './statistics.ts';
import { mustHave } from './tools.ts';
import { inTurns } from './turns.ts';
import { type Measurement, runWrk } from './wrk.ts';

const modes = { g1: 'lease', g2: 'validate', g3: 'off' } as const;

const probesPerSecond = 20;

interface Sample extends Measurement {
  /** Of the answers that were looked at. */
  readonly asMeantPercent: number;
}

interface Contender {
  readonly name: string;
  readonly url: string;
  /** Whether the answer came from where it is to come from. */
  readonly isRight: (answer: HttpAnswer) => boolean;
}

export async function cachedReads(args: readonly string[], resources: AsyncDisposableStack): Promise<void> {
  const flags = readFlags(args, { runs: '5', seconds: '5', connections: '64', keys: '100,1' });
  const runs = countOf('runs', flags.runs);
  const seconds = countOf('seconds', flags.seconds);
  const connections = countOf('connections', flags.connections);
  const keyCounts = countsOf('keys', flags.keys);
  mustHave('wrk');
  const cluster = resources.adopt(
    await startCluster({ gateways: 3, gatewayFlags: (id) => ['--coherence', modes[id as keyof typeof modes]] }),
    (started) => started.close(),
  );
  const nginxLack = lack('nginx');
  const nginx =
    nginxLack === null ? resources.adopt(await startNginx(cluster.url('g3')), (started) => started.close()) : null;
  if (nginxLack !== null) progress(`nginx is not measured: ${nginxLack}`);
  const contenders = contendersOf(cluster, nginx);
  await fill(cluster.client('g3'), Math.max(...keyCounts));

  const rows: string[][] = [];
  for (const keys of keyCounts) {
    for (const contender of contenders) await warm(contender, keys);
    const names = contenders.map(({ name }) => name);
    const results = await inTurns(names, runs, async (name, run) => {
      const contender = contenders.find((candidate) => candidate.name === name) as Contender;
      const load = { form: 'bazar', url: contender.url, operation: 'get', connections, seconds, keys } as const;
      const result = await probing(contender, keys, () => runWrk({ ...load, seed: run }));
      progress(`run ${run}, ${keys} keys: ${name}: ${result.requestsPerSecond.toFixed(0)} requests/s`);
      return result;
    });
    const speedOf = (name: string) => medianOf(results.get(name) ?? [], (result) => result.requestsPerSecond);
    const reference = nginx === null ? null : speedOf(nameOf(nginx));
    for (const [name, samples] of results) rows.push(rowOf(keys, name, samples, reference));
  }
  const header = ['keys', 'answered by', 'req/s', 'p50 ms', 'p99 ms', 'as meant %', 'req/s of nginx'];
  console.log(`Reads of ${connections} connections: medians of ${runs} runs of ${seconds} s\n`);
  console.log(table(header, rows));
}

function nameOf({ version }: Nginx): string {
  return `nginx ${version}, proxy_cache`;
}

function contendersOf(cluster: Cluster, nginx: Nginx | null): readonly Contender[] {
  const says = (start: string) => (answer: HttpAnswer) => `${answer.headers['cache-status']}`.startsWith(start);
  const ours: readonly Contender[] = [
    { name: 'Bazar, lease', url: cluster.url('g1'), isRight: says('bazar; hit; detail=lease') },
    { name: 'Bazar, validate', url: cluster.url('g2'), isRight: says('bazar; hit; detail=validated') },
    { name: 'Bazar, off', url: cluster.url('g3'), isRight: (answer) => !says('bazar; hit')(answer) },
  ];
  if (nginx === null) return ours;
  const isRight = ({ headers }: HttpAnswer) => headers['x-cache'] === 'HIT';
  return [...ours, { name: nameOf(nginx), url: nginx.url, isRight }];
}

/** Asks for each key; twice, since the first answer fills the cache. */
async function warm({ url }: Contender, keys: number): Promise<void> {
  const client = createHttpClient(url);
  for (let time = 0; time < 2; time += 1) await forEachKey(keys, async (key) => (await client.get(key)).status);
  client.close();
}

/** Looks at an answer now and then during the run: whether it comes from where it is to come from. */
async function probing(contender: Contender, keys: number, run: () => Promise<Measurement>): Promise<Sample> {
  const client = createHttpClient(contender.url);
  let asked = 0;
  let right = 0;
  const probe = startPaced(probesPerSecond, async () => {
    asked += 1;
    if (contender.isRight(await client.get(keyOf((asked % keys) + 1)))) right += 1;
  });
  const measurement = await run().finally(() => probe.stop());
  client.close();
  return { ...measurement, asMeantPercent: (right / asked) * 100 };
}

function rowOf(keys: number, name: string, samples: readonly Sample[], reference: number | null): string[] {
  const speed = medianOf(samples, ({ requestsPerSecond }) => requestsPerSecond);
  return [
    `${keys}`,
    name,
    speed.toFixed(0),
    medianOf(samples, ({ p50Ms }) => p50Ms).toFixed(2),
    medianOf(samples, ({ p99Ms }) => p99Ms).toFixed(2),
    medianOf(samples, ({ asMeantPercent }) => asMeantPercent).toFixed(1),
    reference === null ? '-' : `${(speed / reference).toFixed(2)}`,
  ];
}
