/** A watch is told of every change once and in order, whoever leads meanwhile and whichever gateway is gone. */
import { open } from 'node:fs/promises';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import { bazarCommand, startChild } from '../cluster/child.ts';
import { json, writeOutcome } from '../cluster/http-client.ts';
import { pause, waitFor } from '../cluster/wait.ts';
import { clusterFor, repetitions, systemTest } from './system-test.ts';

const changes = repetitions('WATCH_CHANGES', 20_000, 100_000);
const leaderChanges = repetitions('WATCH_LEADER_CHANGES', 4, 10);
const writers = 64;
const keysPerWriter = 8;
const refusalPauseMs = 20;
const prefix = 'watched/';
const last = `${prefix}last`;

interface Told {
  readonly event: string;
  readonly id: string;
  readonly key: string;
  readonly revision: number;
  readonly version?: number;
}

/** How often each key was written, by what was acknowledged, and the revisions of that. */
interface Written {
  readonly revisions: Map<number, string>;
  count: number;
}

systemTest(
  `a watch of ${changes} changes through ${leaderChanges} leader changes and a gateway that restarts`,
  [],
  async (t) => {
    const cluster = await clusterFor(t, { gateways: 2 });
    const client = cluster.client('g1');
    const { revision } = json<{ revision: number }>(await client.request('GET', '/v1/kv', { query: 'limit=1' }));
    const output = path.join(cluster.directory, 'logs', 'watch');
    const urls = `${cluster.url('g2')},${cluster.url('g1')}`;
    const watch = startChild(bazarCommand('watch', prefix, '--json', '--from', `${revision}`, '--url', urls), {
      logFile: output,
    });
    const written: Written = { revisions: new Map(), count: 0 };
    const writing = Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)));

    async function write(writer: number): Promise<void> {
      for (let number = 0; written.count < changes; number += 1) {
        const key = `${prefix}${writer}/${number % keysPerWriter}`;
        const answer = client.put(key, `${number}`, { query: 'timeout=10s' });
        if ((await writeOutcome(answer)) === 'acknowledged') {
          written.count += 1;
          written.revisions.set(json<{ revision: number }>(await answer).revision, key);
        } else {
          await pause(refusalPauseMs);
        }
      }
    }

    /** Each fault comes when its share of the changes has been written. */
    const share = async (nth: number, of: number) =>
      cluster.waitFor(() => written.count >= (changes * nth) / of, {
        description: `${Math.round((100 * nth) / of)} % of the changes`,
        timeoutMs: 300_000,
      });
    for (let nth = 1; nth <= leaderChanges; nth += 1) {
      await share(nth, leaderChanges + 1);
      const leader = await cluster.someLeader();
      await cluster.kill(leader);
      if (nth === Math.ceil(leaderChanges / 2)) {
        await cluster.kill('g2');
        await cluster.start('g2');
      }
      await cluster.waitFor(async () => ![null, leader].includes(await cluster.leader()), {
        description: `another leader than ${leader}`,
      });
      await cluster.start(leader);
    }
    await writing;
    t.is((await client.put(last, 'over', { query: 'timeout=30s' })).status, 201);
    await waitFor(async () => (await tailOf(output)).includes(JSON.stringify(last)), {
      description: 'the last change to be told',
      timeoutMs: 120_000,
    });
    await watch.end('SIGINT');
    judge(t, watch.output(), written);
  },
);

function judge(t: ExecutionContext, output: string, written: Written): void {
  const told = output
    .trimEnd()
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Told);
  const versions = new Map<string, number>();
  const wrong: string[] = [];
  let before = 0;
  for (const { event, key, revision, version = 0 } of told) {
    const expected = (versions.get(key) ?? 0) + 1;
    if (event !== 'put' || version !== expected)
      wrong.push(`${key} at ${revision}: version ${version}, not ${expected}`);
    if (revision <= before) wrong.push(`${key} at ${revision} comes after ${before}`);
    versions.set(key, version);
    before = revision;
  }
  const revisions = new Set(told.map(({ revision }) => revision));
  const missing = [...written.revisions].filter(([revision]) => !revisions.has(revision));
  t.log(`${told.length} changes were told, of ${written.count} that were acknowledged`);
  t.deepEqual(wrong.slice(0, 10), []);
  t.deepEqual(missing.slice(0, 10), []);
  t.true(told.length > written.count);
}

async function tailOf(file: string): Promise<string> {
  await using handle = await open(file, 'r');
  const { size } = await handle.stat();
  const bytes = Buffer.alloc(Math.min(size, 4096));
  await handle.read(bytes, 0, bytes.length, size - bytes.length);
  return bytes.toString();
}
