/** Random schedules of faults, replayable from the seed that a failure names. */
import test from 'ava';
import type { ReplicaId } from '../../src/raft/types.ts';
import { Cluster, type Conditions, calm } from './cluster.ts';
import type { SeededRandom } from './seeded-random.ts';

/** Small, so that every bound is met: batches, windows, entries read back from disk. */
const smallBounds = {
  appendBytesMax: 400,
  inflightMessagesMax: 4,
  inflightBytesMax: 1600,
  batchBytesMax: 500,
  entryBytesMax: 1000,
  uncommittedEntriesMax: 40,
  uncommittedBytesMax: 4000,
  logCacheBytesMax: 1500,
};

interface Schedule {
  readonly size: number;
  readonly seed: number;
  /** How many replicas at a time may have lost durable entries. */
  readonly claimsMax: number;
}

const faultyMs = 10_000;

function runSchedule(schedule: Schedule): Cluster {
  const cluster = new Cluster({
    size: schedule.size,
    seed: schedule.seed,
    conditions: conditionsOf(schedule.seed),
    constants: smallBounds,
  });
  // In some schedules hardly a leader lives to see its first entry committed.
  const faultProbability = schedule.seed % 3 === 1 ? 0.5 : 0.15;
  while (cluster.now < faultyMs) {
    const deeds = cluster.random.chance(faultProbability) ? faults : work;
    chooseDeed(cluster.random, deeds)(cluster, schedule.claimsMax);
    cluster.run(cluster.random.between(1, 60));
  }
  return cluster;
}

/** Some seeds have a fair network, others a bad one or a slow disk. */
function conditionsOf(seed: number): Conditions {
  return {
    messageMs: seed % 7 === 0 ? [5, 80] : [0.2, 5],
    lossProbability: seed % 2 === 0 ? 0.05 : 0,
    duplicateProbability: seed % 3 === 0 ? 0.05 : 0,
    lateProbability: seed % 4 < 2 ? 0.05 : 0,
    lateMs: 1500,
    writeMs: seed % 5 === 0 ? [1, 150] : [0.2, 10],
  };
}

type Deed = (cluster: Cluster, claimsMax: number) => void;

/** What may happen next, and how often. */
const work: readonly (readonly [weight: number, deed: Deed])[] = [
  [60, proposeToLeaders],
  [24, (cluster) => onOneThatIsUp(cluster, (id) => cluster.read(id))],
];
const faults: typeof work = [
  [1.5, (cluster) => cluster.separate(cluster.ids.filter(() => cluster.random.chance(0.5)))],
  [1.5, (cluster) => cluster.cut(cluster.random.pick(cluster.ids), cluster.random.pick(cluster.ids))],
  [4, (cluster) => cluster.heal()],
  [1, (cluster) => onOneThatIsUp(cluster, (id) => cluster.crash(id))],
  [1, (cluster) => cluster.leader !== null && cluster.crash(cluster.leader.id)],
  [4, restartOne],
  [2, (cluster) => onOneThatIsUp(cluster, (id) => cluster.disconnect(id, cluster.random.pick(cluster.ids)))],
  [1, (cluster) => cluster.pause(cluster.random.pick(cluster.ids), cluster.random.between(100, 1500))],
];

function chooseDeed(random: SeededRandom, deeds: typeof work): Deed {
  const total = deeds.reduce((sum, [weight]) => sum + weight, 0);
  let choice = random.between(0, total);
  const chosen = deeds.find(([weight]) => {
    choice -= weight;
    return choice < 0;
  });
  return (chosen ?? random.pick(deeds))[1];
}

function onOneThatIsUp(cluster: Cluster, deed: (id: ReplicaId) => void): void {
  const id = cluster.random.pick(cluster.ids);
  if (cluster.isUp(id)) deed(id);
}

function proposeToLeaders(cluster: Cluster): void {
  for (const { id, state } of cluster.up) {
    if (state.role.name === 'leader') cluster.propose(id, ...someCommands(cluster));
  }
}

function someCommands(cluster: Cluster): readonly string[] {
  const { random } = cluster;
  return Array.from({ length: random.integer(1, 6) }, () => 'x'.repeat(random.integer(0, random.pick([10, 300]))));
}

/**
 * Some of its durable entries may be gone, if not too many disks have lost entries already. Not before the first commit:
 * until a majority has a log, every voter is needed, and one with a claim would rightly be waited for without end.
 */
function restartOne(cluster: Cluster, claimsMax: number): void {
  const { random, ids } = cluster;
  const id = ids.find((id) => !cluster.isUp(id));
  if (id === undefined) return;
  const claims = ids.filter((other) => other !== id && cluster.disk(other).hardState.claim !== null).length;
  if (cluster.safety.committedIndex > 0 && claims < claimsMax && random.chance(0.5)) {
    const disk = cluster.disk(id);
    disk.loseEntriesAfter(random.integer(0, disk.last.index));
  }
  cluster.start(id);
}

/** The faults end; what was lost stays lost. */
function recover(cluster: Cluster): void {
  cluster.conditions = calm;
  cluster.heal();
  for (const id of cluster.ids) {
    if (!cluster.isUp(id)) cluster.start(id);
  }
}

function checkConverges(cluster: Cluster): void {
  recover(cluster);
  cluster.runUntil('all replicas agree again', () => cluster.isSettled);
  const leader = cluster.leaderId;
  const before = cluster.disk(leader).last.index;
  cluster.propose(leader, 'after the faults');
  cluster.read(leader);
  cluster.runUntil('a new write is everywhere', () => cluster.isSettled && cluster.disk(leader).last.index > before);
}

function withSeed<T>(seed: number, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw new Error(`seed ${seed}: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
}

for (const [size, firstSeed, lastSeed] of [
  [3, 1, 130],
  [5, 1001, 1080],
] as const) {
  test(`${size} replicas keep every promise through random faults, and agree when these end`, (t) => {
    let committed = 0;
    let reads = 0;
    for (let seed = firstSeed; seed <= lastSeed; seed++) {
      withSeed(seed, () => {
        const cluster = runSchedule({ size, seed, claimsMax: 1 });
        checkConverges(cluster);
        committed += cluster.safety.committedIndex;
        reads += cluster.answeredReads.length;
      });
    }
    t.true(committed > 20 * (lastSeed - firstSeed + 1), 'the schedules left room for writes');
    t.true(reads > 10 * (lastSeed - firstSeed + 1), 'the schedules left room for reads');
  });
}

/** Of three replicas two can talk at a time, for about as long as an election takes: leaders hardly begin their work. */
function runChangingPairs(seed: number): Cluster {
  const cluster = new Cluster({
    size: 3,
    seed,
    conditions: { ...calm, messageMs: [5, 60], lateProbability: 0.05, lateMs: 3000, writeMs: [1, 20] },
    constants: { ...smallBounds, appendBytesMax: 200, inflightMessagesMax: 1 },
  });
  cluster.runUntil('the first entry is everywhere', () => cluster.isSettled);
  while (cluster.now < 3 * faultyMs) {
    cluster.heal();
    cluster.separate([cluster.random.pick(cluster.ids)]);
    const end = cluster.now + cluster.random.between(300, 1200);
    while (cluster.now < end) {
      proposeToLeaders(cluster);
      for (const id of cluster.ids) cluster.read(id);
      cluster.run(cluster.random.between(1, 100));
    }
  }
  return cluster;
}

test('leaders that are cut off in the middle of their work leave nothing that is committed and lost', (t) => {
  let committed = 0;
  for (let seed = 4001; seed <= 4080; seed++) {
    withSeed(seed, () => {
      const cluster = runChangingPairs(seed);
      checkConverges(cluster);
      committed += cluster.safety.committedIndex;
    });
  }
  t.true(committed > 20 * 80, 'the schedules left room for writes');
});

test('a replica alone keeps every promise through crashes', (t) => {
  for (let seed = 2001; seed <= 2020; seed++) {
    withSeed(seed, () => {
      const cluster = runSchedule({ size: 1, seed, claimsMax: 0 });
      checkConverges(cluster);
      t.true(cluster.safety.committedIndex > 20);
    });
  }
});

test('entries lost on any number of replicas stop the cluster rather than make it wrong', (t) => {
  let committed = 0;
  for (let seed = 3001; seed <= 3030; seed++) {
    withSeed(seed, () => {
      const cluster = runSchedule({ size: 3, seed, claimsMax: 3 });
      recover(cluster);
      cluster.run(3000);
      committed += cluster.safety.committedIndex;
    });
  }
  t.true(committed > 0);
});
