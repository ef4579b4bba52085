/**
 * One request at a time over a connection that stays: a read that misses, one that hits, a write, and the read at
 * another gateway that follows the write's answer. The ancestors' figures are beside ours.
 */
import { startCluster } from '../test/cluster/cluster.ts';
import type { HttpAnswer, HttpClient } from '../test/cluster/http-client.ts';
import { waitFor } from '../test/cluster/wait.ts';
import { countOf, progress, readFlags } from './flags.ts';
import { fill, keyOf, value } from './keys.ts';
import { table } from './markdown.ts';
import { summarise } from './statistics.ts';

const modes = { g1: 'lease', g2: 'lease', g3: 'validate' } as const;
/** Before any that counts: code that has never run is compiled first. */
const requestsWarm = 200;

const steps = ['miss', 'leased', 'validated', 'write', 'elsewhere'] as const;
type Step = (typeof steps)[number];

const titles: Readonly<Record<Step, { readonly ours: string; readonly theirs: string }>> = {
  miss: { ours: 'read, miss', theirs: '2.65' },
  leased: { ours: 'read, hit under a lease', theirs: '0.5' },
  validated: { ours: 'read, validated hit', theirs: '-' },
  write: { ours: 'write of what three gateways had cached', theirs: '-' },
  elsewhere: { ours: 'next read at another of them', theirs: '-' },
};

export async function latency(args: readonly string[], resources: AsyncDisposableStack): Promise<void> {
  const flags = readFlags(args, { requests: '1000' });
  const requests = countOf('requests', flags.requests);
  const cluster = resources.adopt(
    await startCluster({ gateways: 3, gatewayFlags: (id) => ['--coherence', modes[id as keyof typeof modes]] }),
    (started) => started.close(),
  );
  const [first, second, validating] = ['g1', 'g2', 'g3'].map((id) => cluster.client(id)) as [
    HttpClient,
    HttpClient,
    HttpClient,
  ];
  const measured: Record<Step, number[]> = { miss: [], leased: [], validated: [], write: [], elsewhere: [] };
  let stale = 0;
  let unexpected = 0;
  await fill(first, requestsWarm + requests);
  await waitForLease(first);
  await waitForLease(second);
  for (let number = 1; number <= requestsWarm + requests; number += 1) {
    const counts = number > requestsWarm;
    const key = keyOf(number);
    /** `start`: of the Cache-Status that the answer is meant to have. */
    const timed = async (step: Step, start: string, ask: () => Promise<HttpAnswer>): Promise<HttpAnswer> => {
      const startedAt = performance.now();
      const answer = await mustAnswer(ask());
      const ms = performance.now() - startedAt;
      if (!counts) return answer;
      // A lease that has lapsed for a moment makes another kind of read of it.
      if (`${answer.headers['cache-status'] ?? ''}`.startsWith(start)) measured[step].push(ms);
      else unexpected += 1;
      return answer;
    };
    await timed('miss', 'bazar; fwd=uri-miss', () => first.get(key));
    await timed('leased', 'bazar; hit; detail=lease', () => first.get(key));
    await mustAnswer(validating.get(key));
    await timed('validated', 'bazar; hit; detail=validated', () => validating.get(key));
    await mustAnswer(second.get(key));
    const written = `${number} ${value}`;
    await timed('write', '', () => first.put(key, written));
    const answer = await timed('elsewhere', 'bazar; fwd=stale', () => second.get(key));
    if (answer.body.toString() !== written) stale += 1;
    if (number % 500 === 0) progress(`${number} of ${requestsWarm + requests} rounds`);
  }
  const meanOf = (step: Step) => summarise(measured[step]).mean;
  const rows = steps.map((step) => {
    const { mean, minimum, maximum, deviation } = summarise(measured[step]);
    return [titles[step].ours, ...[mean, minimum, maximum, deviation].map((ms) => ms.toFixed(2)), titles[step].theirs];
  });
  console.log(`One request at a time, ${requests} of each kind\n`);
  console.log(table(['', 'average ms', 'minimum', 'maximum', 'standard deviation', 'the ancestors: ms'], rows));
  const gain = (1 - meanOf('leased') / meanOf('miss')) * 100;
  console.log(`\nA hit takes ${gain.toFixed(0)} % less than a miss (the ancestors: 81 %).`);
  console.log(`Reads at another gateway after the write was answered that gave the old value: ${stale} of ${requests}`);
  console.log(
    `(the ancestors' invalidation took 0.4 ms). Answers of another kind than meant, left out: ${unexpected}.`,
  );
}

/** Until a hit is given under one: a gateway that has just started may have none yet. */
async function waitForLease(client: HttpClient): Promise<void> {
  await mustAnswer(client.put('lease', value));
  const isLeased = async () => `${(await client.get('lease')).headers['cache-status']}`.endsWith('detail=lease');
  await waitFor(isLeased, { description: `a lease of ${client.url}` });
}

async function mustAnswer(asked: Promise<HttpAnswer>): Promise<HttpAnswer> {
  const answer = await asked;
  if (answer.status === 200 || answer.status === 201) return answer;
  throw new Error(`answered with status ${answer.status}, expected 200: ${answer.body}`);
}
