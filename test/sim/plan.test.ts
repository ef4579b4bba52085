import test from 'ava';
import { checkConstants, raftConstants } from '../../src/raft/constants.ts';
import { generatePlan, type Plan } from './plan.ts';
import { type Fault, faultName, partitionShapes, slowPackets, usurpations } from './plan-fault.ts';

const plans: readonly Plan[] = Array.from({ length: 2000 }, (_, at) => generatePlan(at + 1));

test('one seed, one plan, and it survives a file', (t) => {
  for (const plan of plans.slice(0, 100)) {
    t.deepEqual(generatePlan(plan.seed), plan);
    t.deepEqual(JSON.parse(JSON.stringify(plan)), plan);
  }
});

test('neighbouring seeds have nothing in common', (t) => {
  t.is(new Set(plans.map((plan) => JSON.stringify(plan.faults))).size, plans.length);
});

test('on average there are eight faults at least, and every plan has some', (t) => {
  const counts = plans.map(({ faults }) => faults.length);
  t.true(mean(counts) >= 10, `${mean(counts)}: some of them are not carried out`);
  t.true(Math.min(...counts) >= 3);
});

test('on average the leader is taken away more than three times', (t) => {
  const deposed = mean(plans.map((plan) => sum(plan.faults.map((fault) => deposes(fault, plan)))));
  t.true(deposed > 3.5, `${deposed}`);
});

test('on average there is time for more than 240 operations', (t) => {
  // Of each client's time a third goes to waiting for a leader, and each answer takes some 100 ms more.
  const asked = plans.map(
    ({ workload, safetyMs }) => ((2 / 3) * workload.clients * safetyMs) / (workload.thinkMs + 100),
  );
  t.true(mean(asked) >= 240, `${mean(asked)}`);
});

test('most values are small, some fill pages, very few fill batches', (t) => {
  const share = (some: (bytesMax: number) => boolean) =>
    plans.filter(({ workload }) => some(workload.valueBytes[1])).length / plans.length;
  t.true(share((bytesMax) => bytesMax < 100) > 0.7);
  t.true(share((bytesMax) => bytesMax > 8192) > 0.1);
  t.true(share((bytesMax) => bytesMax > 256 * 1024) > 0.01);
});

test('in half of the runs clients ask for what may be stale', (t) => {
  const share = plans.filter(({ workload }) => workload.staleProbability > 0).length / plans.length;
  t.true(share > 0.4 && share < 0.6, `${share}`);
});

test('most clusters have several gateways; some keep little, some not for long, few nothing', (t) => {
  const share = (some: (plan: Plan) => boolean) => plans.filter(some).length / plans.length;
  t.true(share(({ gateways }) => gateways > 1) > 0.75);
  t.true(share(({ gateways }) => gateways === 3) > 0.25);
  t.true(share(({ caching }) => caching.cacheBytes < 30_000) > 0.2);
  t.true(share(({ caching }) => caching.ttlMs !== null) > 0.1);
  const off = share(({ caching }) => caching.coherence === 'off');
  t.true(off > 0.02 && off < 0.1, `${off}`);
  t.is(new Set(plans.map(({ caching }) => caching.policy)).size, 3);
  t.is(new Set(plans.map(({ caching }) => caching.balance)).size, 3);
});

test('some plans are for leases: much is read, little else goes wrong, and clocks differ by no more than is allowed', (t) => {
  const forLeases = plans.filter(({ faults }) =>
    faults.some(({ type }) => type === 'usurpation' || type === 'gatewayAlone' || type === 'slowPackets'),
  );
  const share = forLeases.length / plans.length;
  t.true(share > 0.1 && share < 0.25, `${share}`);
  t.true(forLeases.filter(({ caching }) => caching.coherence === 'lease').length > forLeases.length / 2);
  t.true(forLeases.some(({ caching }) => caching.coherence === 'validate'));
  t.true(forLeases.some(({ raft }) => (raft.logCacheBytesMax ?? Number.POSITIVE_INFINITY) < 300));
  for (const { gateways, caching, clockRates } of forLeases) {
    t.true(gateways > 1);
    t.not(caching.coherence, 'off');
    t.true(Object.values(clockRates).every((rate) => Math.abs(rate - 1) <= 0.0200001));
  }
});

test('some clusters have small windows, batches and caches, and none has other timeouts or a larger batch', (t) => {
  const small = plans.filter(({ raft }) => Object.keys(raft).length > 0);
  t.true(small.length > plans.length / 5 && small.length < plans.length / 3, `${small.length}`);
  for (const { raft } of plans) {
    const constants = { ...raftConstants, ...raft };
    t.notThrows(() => checkConstants(constants));
    t.true(constants.batchBytesMax <= raftConstants.batchBytesMax);
    t.false(Object.keys(raft).some((name) => name.endsWith('Ms')));
  }
});

test('seeds differ in character: a few kinds of faults each, calm and stormy ones', (t) => {
  const kinds = plans.map(({ faults }) => new Set(faults.map(({ type }) => type)).size);
  t.true(plans.filter((_, at) => (kinds[at] ?? 0) <= 3).length > plans.length / 20);
  t.true(plans.filter((_, at) => (kinds[at] ?? 0) >= 7).length > plans.length / 20);
  t.true(plans.filter(({ faults }) => faults.length <= 6).length > plans.length / 10);
  t.true(plans.filter(({ faults }) => faults.length >= 15).length > plans.length / 10);
});

test('everything in the catalogue comes up', (t) => {
  const faults = plans.flatMap((plan) => plan.faults);
  const types = new Set<string>(faults.map(({ type }) => type));
  for (const type of [
    ...['partition', 'flapping', 'swizzle', 'storm', 'clog', 'crash', 'pause', 'suspend', 'slowProcess', 'clockRate'],
    ...['slowDisk', 'stalledDisk', 'fullDisk', 'failingWrites', 'damage', 'witnessDamage', 'staleCopy', 'wipe'],
    ...[
      'gatewayCrash',
      'gatewayPause',
      'slowGateway',
      'gatewayClog',
      'gatewayStorm',
      'rotation',
      'deposition',
      'crashAtWrite',
    ],
    ...['usurpation', 'gatewayAlone', 'slowPackets', 'gatewayRest'],
  ]) {
    t.true(types.delete(type), type);
  }
  t.deepEqual([...types], []);
  const names = new Set(faults.map(faultName));
  for (const trouble of ['slow disks', 'late packets', 'slow disks, full disks', 'slow disks, crashes']) {
    t.true(names.has(`rotation of leader, ${trouble}`), trouble);
  }
  for (const crashing of ['deposition', 'deposition, loses its tail', 'damage log rot', 'stale copy of witness']) {
    t.true(names.has(`${crashing}, crashes`), crashing);
  }
  for (const moment of ['in flight', 'done', 'done and heard of']) {
    t.true(names.has(`crash at a write, ${moment} (power)`), moment);
  }
  for (const shape of partitionShapes) t.true(names.has(`partition ${shape}`), shape);
  for (const how of usurpations) t.true(names.has(`usurpation, ${how}`), how);
  for (const kind of slowPackets) t.true(names.has(`slow packets, ${kind}`), kind);
  for (const trouble of ['', ', asleep', ', clock set']) t.true(names.has(`gateway alone${trouble}`), trouble);
  for (const code of ['ENOSPC', 'EIO']) t.true(names.has(`failing writes ${code}`), code);
  for (const part of ['log', 'witness', 'state', 'log and witness']) t.true(names.has(`stale copy of ${part}`), part);
});

test('faults lie within the safety phase, in order; rings only where there is one', (t) => {
  for (const { faults, safetyMs, replicas, gateways } of plans) {
    t.true(safetyMs >= 20_000);
    t.deepEqual(
      faults,
      faults.toSorted((a, b) => a.atMs - b.atMs),
    );
    t.true(faults.every(({ atMs }) => atMs >= 0 && atMs < safetyMs));
    t.true(faults.every((fault) => !('gateway' in fault) || (fault.gateway >= 1 && fault.gateway <= gateways)));
    t.true(faults.every((fault) => !('shape' in fault) || fault.shape !== 'majoritiesRing' || replicas === 5));
  }
});

test('clocks are wrong by a tenth at most, and most of them by two hundredths', (t) => {
  const drifts = plans.map(({ clockRates }) =>
    Math.max(...Object.values(clockRates).map((rate) => Math.abs(rate - 1))),
  );
  t.true(Math.max(...drifts) <= 0.1);
  t.true(drifts.filter((drift) => drift <= 0.02).length > plans.length * 0.7);
  for (const { clockRates, replicas, gateways } of plans) t.is(Object.keys(clockRates).length, replicas + gateways);
});

/** How likely it is that another leader is elected because of this. */
function deposes(fault: Fault, { replicas }: Plan): number {
  const longMs = 700;
  switch (fault.type) {
    // The first turn at least, if it leaves time for an election.
    case 'rotation':
      return fault.whom === 'leader' && fault.periodMs >= longMs ? 1 : 0;
    case 'deposition':
      return fault.durationMs >= longMs ? 1 : 0;
    case 'crash':
    case 'crashAtWrite':
    case 'pause':
    case 'suspend': {
      if ('durationMs' in fault && fault.durationMs < longMs) return 0;
      if (fault.target === 'leader' || fault.target === 'all') return 1;
      return fault.target === 'follower' ? 0 : 1 / replicas;
    }
    case 'damage':
    case 'witnessDamage':
      return fault.target === 'leader' ? 1 : 0;
    case 'partition': {
      if (fault.durationMs < longMs) return 0;
      if (fault.shape === 'leaderIsolated' || fault.shape === 'leaderWithGateway') return 1;
      return fault.shape === 'halves' ? 1 / 3 : 1 / replicas;
    }
    default:
      return 0;
  }
}

function mean(values: readonly number[]): number {
  return sum(values) / values.length;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
