/**
 * A gateway that holds a lease stops, ends, or no longer hears the leader: writes wait for it once, for no longer than a
 * lease, and it never shows what they have replaced.
 */
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import { raftConstants } from '../../src/raft/constants.ts';
import { bazarCommand, type Child, startChild } from '../cluster/child.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { freePorts } from '../cluster/ports.ts';
import { pause, waitFor } from '../cluster/wait.ts';
import { namespaces } from './requirements.ts';
import { clusterFor, systemTest } from './system-test.ts';
import { type ReadTally, startTraffic, type Traffic } from './traffic.ts';

const writers = 4;
/** Half of them are spared in a fault until shortly before its end. */
const keys = Array.from({ length: 200 }, (_, number) => `leased/${number}`);
const { leaseMs } = raftConstants;
/** For a machine that is busy. A lease without an end would show as the whole time of the fault. */
const writeMsMax = 2_000;
/** Before a fault ends, each key is asked for once more. */
const askedBeforeMs = 100;

interface Fault {
  /** Completes the sentence "while g2 …". */
  readonly description: string;
  readonly lastsMs: number;
  /** The gateway's name among those that are read from. */
  readonly gateway: string;
  begin(): Promise<void> | void;
  end(): Promise<void> | void;
}

/** Writes go through g1; the fault meets a gateway that serves under a lease. */
async function endure(t: ExecutionContext, traffic: Traffic, fault: Fault): Promise<ReadTally> {
  const { gateway, description, lastsMs } = fault;
  const sweep = traffic.sweeper(gateway);
  const writtenOnce = async () => {
    const enough = traffic.writes.length + 2 * keys.length;
    await waitFor(() => traffic.writes.length >= enough, { description: 'writes to every key', timeoutMs: 60_000 });
  };
  await leasedHits(traffic, gateway);
  await writtenOnce();
  // Of these it has copies, and will hear of what replaces them last of all.
  traffic.spare(true);
  await sweep();
  await sweep();
  traffic.take(gateway);

  const begunAt = performance.now();
  await fault.begin();
  await pause(lastsMs);
  const meanwhile = traffic.take(gateway);
  traffic.spare(false);
  await writtenOnce();
  // A gateway that wakes finds these in its sockets.
  const asked = sweep();
  await pause(askedBeforeMs);
  const endingAt = performance.now();
  await fault.end();
  await Promise.all([asked, traffic.sweeper(gateway)()]);

  const during = traffic.writes.filter(({ sentAt, tookMs }) => sentAt + tookMs >= begunAt && sentAt < endingAt);
  const slow = during.filter(({ tookMs }) => tookMs > leaseMs);
  const longestMs = Math.max(...during.map(({ tookMs }) => tookMs));
  t.log(
    `while ${description} for ${lastsMs / 1000} s: ${during.length} writes, the longest ${longestMs.toFixed(0)} ms, ${slow.length} above ${leaseMs} ms; its reads: ${inWords(meanwhile)}`,
  );
  t.deepEqual(traffic.judge.violations, []);
  t.true(during.length > lastsMs / 200, `${during.length} writes while ${description}`);
  t.true(longestMs > leaseMs / 8, `no write waited for the lease: the longest took ${longestMs} ms`);
  t.true(longestMs < writeMsMax, `a write took ${longestMs} ms while ${description}`);
  t.true(slow.length <= writers, `${slow.length} writes took over ${leaseMs} ms while ${description}`);
  const endedAt = performance.now();
  await leasedHits(traffic, gateway);
  t.log(`hits under a lease again ${((performance.now() - endedAt) / 1000).toFixed(1)} s later`);
  return meanwhile;
}

/** Waits until the gateway serves under a lease, again. */
async function leasedHits(traffic: Traffic, gateway: string): Promise<void> {
  traffic.take(gateway);
  let leased = 0;
  const served = () => {
    leased += traffic.take(gateway).lease;
    return leased >= keys.length;
  };
  await waitFor(served, { description: `${gateway} to serve under a lease`, timeoutMs: 120_000 });
}

function inWords({ lease, validated, fetched, refused, lost }: ReadTally): string {
  return `${lease} under a lease, ${validated} validated, ${fetched} fetched, ${refused} refused, ${lost} without an answer`;
}

function trafficAt(cluster: Cluster, others: Readonly<Record<string, string>> = {}): Traffic {
  const gateways = { g1: cluster.url('g1'), g2: cluster.url('g2'), ...others };
  return startTraffic({ client: cluster.client('g1'), gateways, keys, writers, readersPerGateway: 4 });
}

systemTest('a gateway that is paused holds up writes once, and is never stale when it wakes', [], async (t) => {
  const cluster = await clusterFor(t, { gateways: 2 });
  await using traffic = trafficAt(cluster);
  await endure(t, traffic, {
    description: 'g2 is paused',
    lastsMs: 10_000,
    gateway: 'g2',
    begin: () => cluster.pause('g2'),
    end: () => cluster.resume('g2'),
  });
});

systemTest('a gateway that is killed holds up writes once, and is never stale when it is back', [], async (t) => {
  const cluster = await clusterFor(t, { gateways: 2 });
  await using traffic = trafficAt(cluster);
  const meanwhile = await endure(t, traffic, {
    description: 'g2 is dead',
    lastsMs: 3_000,
    gateway: 'g2',
    begin: () => cluster.kill('g2'),
    end: () => cluster.start('g2'),
  });
  t.true(meanwhile.lost > 0);
});

const cuts = [
  { description: 'g2 and the leader do not hear each other', hearsLeader: false, isHeard: false },
  { description: 'the leader does not hear g2', hearsLeader: true, isHeard: false },
];

for (const { description, hearsLeader, isHeard } of cuts) {
  systemTest(`while ${description}, writes wait once, and followers answer g2's reads`, namespaces, async (t) => {
    const cluster = await clusterFor(t, { gateways: 2, namespaces: true });
    await using traffic = trafficAt(cluster);
    let leader = '';
    const meanwhile = await endure(t, traffic, {
      description,
      lastsMs: 5_000,
      gateway: 'g2',
      async begin() {
        leader = await cluster.someLeader();
        const toGateway = { from: leader, to: 'g2' };
        const toLeader = { from: 'g2', to: leader };
        await cluster.cutLinks([...(hearsLeader ? [] : [toGateway]), ...(isHeard ? [] : [toLeader])]);
      },
      async end() {
        t.is(await cluster.someLeader(), leader, 'another one is not cut off');
        await cluster.heal();
      },
    });
    t.true(meanwhile.fetched > 0);
  });
}

systemTest('writes wait for each of two gateway processes under one id', [], async (t) => {
  const cluster = await clusterFor(t, { gateways: 2 });
  const port = await freePorts(1);
  const twin = startTwin(t, cluster, port);
  await using traffic = trafficAt(cluster, { twin: `http://127.0.0.1:${port}` });
  const first = {
    description: 'g2 is paused, and not its twin',
    lastsMs: 3_000,
    gateway: 'g2',
    begin: () => cluster.pause('g2'),
    end: () => cluster.resume('g2'),
  };
  const second = {
    description: 'the twin is paused, and not g2',
    lastsMs: 3_000,
    gateway: 'twin',
    begin: () => void twin.process.kill('SIGSTOP'),
    end: () => void twin.process.kill('SIGCONT'),
  };
  for (const [fault, other] of [
    [first, 'twin'],
    [second, 'g2'],
  ] as const) {
    await leasedHits(traffic, other);
    await endure(t, traffic, fault);
    t.true(traffic.take(other).lease > 0, `${other} went on`);
  }
});

/** A second process that takes itself for g2. */
function startTwin(t: ExecutionContext, cluster: Cluster, port: number): Child {
  const identity = ['--id', 'g2', '--cluster', cluster.clusterFile, '--key', cluster.keyFile('g2')];
  const twin = startChild(bazarCommand('gateway', ...identity, '--http-port', `${port}`), {
    logFile: path.join(cluster.directory, 'logs', 'twin.log'),
  });
  t.teardown(async () => {
    await twin.end('SIGKILL');
  });
  return twin;
}
