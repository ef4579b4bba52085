/**
 * Two gateways, a writer, and readers at both: once a write is answered, or a reader has seen it, nobody sees what was
 * there before.
 */
import type { ExecutionContext } from 'ava';
import type { Cluster } from '../cluster/cluster.ts';
import { writeOutcome } from '../cluster/http-client.ts';
import { pause } from '../cluster/wait.ts';
import { hits } from './cache-status.ts';
import { CoherenceJudge } from './coherence-judge.ts';
import { ReadingSocket } from './reading-socket.ts';
import { clusterFor, repetitions, systemTest } from './system-test.ts';

const reads = repetitions('COHERENCE_READS', 30_000, 1_000_000);
const socketsPerGateway = 16;
/** Beside those of the writer, which looks at both gateways as soon as its write is answered. */
const readsPerWrite = 200;
const keysAtATime = 8;
const progressMs = 10_000;
/** After a read that a busy machine did not answer in time. */
const refusedPauseMs = 20;

for (const mode of ['lease', 'validate', 'off'] as const) {
  const title = `two gateways, coherence ${mode}: no reader sees what a write replaced, in ${reads} reads`;
  systemTest(title, [], async (t) => {
    const cluster = await clusterFor(t, { gateways: 2, gatewayFlags: ['--coherence', mode] });
    const judge = new CoherenceJudge();
    const tally = { asked: 0, lease: 0, validated: 0, fetched: 0, refused: 0, writes: 0 };
    const keys = Array.from({ length: keysAtATime }, (_, number) => `coherence/${number}`);
    let wakeWriter = () => {};
    let writerAt = 0;
    const startedAt = performance.now();
    const progress = setInterval(() => {
      process.stderr.write(`coherence ${mode}: ${tally.asked} of ${reads} reads, ${tally.writes} writes\n`);
    }, progressMs);
    t.teardown(() => clearInterval(progress));

    const readOnce = async (socket: ReadingSocket, gateway: string, key: string): Promise<void> => {
      tally.asked += 1;
      if (tally.asked >= writerAt) wakeWriter();
      const begun = judge.reads(key);
      const reading = await socket.get(key);
      if (reading.type === 'lost') throw new Error(`${gateway} closed the connection on a read of ${key}`);
      if (reading.type === 'refused') {
        tally.refused += 1;
        await pause(refusedPauseMs);
        return;
      }
      judge.answered(begun, reading.type === 'found' ? Number(reading.value) : 0, gateway);
      tally[reading.source] += 1;
    };
    const read = async (gateway: string, own: number): Promise<void> => {
      const socket = socketTo(t, cluster, gateway);
      for (let turn = own; tally.asked < reads; turn += 1) {
        await readOnce(socket, gateway, keys[turn % keysAtATime] as string);
      }
    };
    const write = async (): Promise<void> => {
      const looks = cluster.gateways.map((gateway) => ({ gateway, socket: socketTo(t, cluster, gateway) }));
      for (; tally.asked < reads; tally.writes += 1) {
        const place = tally.writes % keysAtATime;
        const key = keys[place] as string;
        // By turns at both gateways, and each key at both.
        const through = cluster.gateways[Math.floor(tally.writes / keysAtATime) % looks.length] as string;
        const number = judge.writes(key);
        const outcome = await writeOutcome(cluster.client(through).put(key, `${number}`));
        if (outcome === 'acknowledged') judge.acknowledged(key, number);
        // It may come true after the next one.
        if (outcome === 'unknown') keys[place] = `coherence/${keysAtATime + tally.writes}`;
        writerAt = Math.min(reads, tally.asked + readsPerWrite);
        const enoughRead = new Promise<void>((resolve) => {
          wakeWriter = resolve;
        });
        await Promise.all(looks.map(({ gateway, socket }) => readOnce(socket, gateway, key)));
        await enoughRead;
      }
    };
    const readers = cluster.gateways.flatMap((gateway) =>
      Array.from({ length: socketsPerGateway }, (_, own) => read(gateway, own)),
    );
    await Promise.all([write(), ...readers]);

    t.deepEqual(judge.violations, []);
    const { asked, lease, validated, fetched, refused, writes } = tally;
    const seconds = (performance.now() - startedAt) / 1000;
    t.log(
      `${asked} reads, ${hits(lease + validated, asked)} (${lease} under a lease, ${validated} validated), ${refused} refused, ${writes} writes, ${(asked / seconds).toFixed(0)} reads/s`,
    );
    switch (mode) {
      case 'lease':
        t.true(lease > asked / 2, `${lease} of ${asked} reads were hits under a lease`);
        break;
      case 'validate':
        t.is(lease, 0);
        t.true(validated > asked / 2, `${validated} of ${asked} reads were validated hits`);
        break;
      default:
        t.is(fetched, asked - refused);
    }
    t.true(refused <= asked / 100, `${refused} of ${asked} reads were not answered in time`);
    t.true(writes >= asked / readsPerWrite / 2);
  });
}

function socketTo(t: ExecutionContext, cluster: Cluster, gateway: string): ReadingSocket {
  const socket = new ReadingSocket(cluster.url(gateway));
  t.teardown(() => socket.close());
  return socket;
}
