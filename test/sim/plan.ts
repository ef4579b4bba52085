/**
 * A plan: all that one run is made of, as plain data. It follows from the seed alone, can be printed, kept in a file, and
 * cut down. Seeds differ in character: each draws its own few kinds of faults, and how often they come.
 */
import type { RaftConstants } from '../../src/raft/constants.ts';
import { type CatalogPlan, forCatalog, isOfCatalog } from './catalog/plan.ts';
import type { DiskConditions } from './disk.ts';
import type { NetworkConditions } from './network.ts';
import { type CachingPlan, drawCaching, drawReading, type ReadingPlan } from './plan-caching.ts';
import { type FaultFamily, faultFamilies } from './plan-families.ts';
import type { Fault } from './plan-fault.ts';
import { forLeases } from './plan-leases.ts';
import { type SeededRandom, streamOf } from './random.ts';
import type { WorkloadPlan } from './workload.ts';

export interface Plan {
  readonly seed: number;
  readonly replicas: 3 | 5;
  readonly gateways: 1 | 2 | 3;
  /** Faults and clients for so long; then all has to come right. */
  readonly safetyMs: number;
  readonly network: NetworkConditions;
  readonly disk: DiskConditions;
  /** In place of the usual constants. */
  readonly raft: Partial<RaftConstants>;
  /** How fast each process's clock runs, by its id; 1 is true. */
  readonly clockRates: Readonly<Record<string, number>>;
  readonly caching: CachingPlan;
  readonly workload: WorkloadPlan;
  /** Only in runs of the catalog. */
  readonly catalog?: CatalogPlan;
  /** By time. */
  readonly faults: readonly Fault[];
  /** Who is healed at the end: everybody, or no more than a quorum. */
  readonly survivors: 'everybody' | 'quorum';
  /** What becomes of the others: gateways still reach those that are not down. */
  readonly outcasts: (typeof outcastFates)[number];
}

/** Down, or cut off from the other replicas: altogether, without hearing them, or without being heard. */
export const outcastFates = ['down', 'isolated', 'deaf', 'mute'] as const;

interface Character {
  /** Between so many and so many. */
  readonly faults: readonly [number, number];
  readonly familyProbability: number;
}

/** As often as it stands here. */
const characters: readonly Character[] = [
  { faults: [3, 7], familyProbability: 0.25 },
  { faults: [8, 14], familyProbability: 0.4 },
  { faults: [8, 16], familyProbability: 0.7 },
  { faults: [15, 24], familyProbability: 0.5 },
];

/** Most faults come when there is a leader and something to lose; some while the cluster is being born. */
const bornMs = 1500;
const earlyProbability = 0.15;
/** The last ones have some time to show. */
const lastBeforeEndMs = 1000;

export function generatePlan(seed: number): Plan {
  const plan = forLeases(drawPlan(seed), streamOf(seed, 'leases'));
  return isOfCatalog(seed) ? forCatalog(plan) : plan;
}

function drawPlan(seed: number): Plan {
  const random = streamOf(seed, 'plan');
  const replicas = random.chance(0.6) ? 3 : 5;
  const gateways = random.pick([1, 2, 2, 2, 3, 3] as const);
  const safetyMs = random.integer(20_000, 21_500);
  const network = drawNetwork(random);
  const disk = drawDisk(random);
  const clockRates = drawClockRates(random, replicas, gateways);
  const stale = streamOf(seed, 'stale reads of the plan');
  const workload = {
    ...drawWorkload(random, streamOf(seed, 'value sizes'), drawReading(streamOf(seed, 'reading'))),
    staleProbability: stale.chance(withoutStaleReads) ? 0 : stale.between(0.1, 0.5),
  };
  const faults = drawFaults(random, { replicas, gateways, safetyMs });
  const rates = [...Object.values(clockRates), ...faults.flatMap(ratesOf)];
  return {
    seed,
    replicas,
    gateways,
    safetyMs,
    network,
    disk,
    raft: drawRaft(streamOf(seed, 'raft')),
    clockRates,
    caching: drawCaching(streamOf(seed, 'caching'), rates.every(isWithinLeases)),
    workload,
    faults,
    survivors: random.chance(0.4) ? 'quorum' : 'everybody',
    outcasts: random.pick(outcastFates),
  };
}

/** What leases allow for: ../../src/store/DESIGN-leases.md. */
const rateErrorMax = 0.02;

function isWithinLeases(rate: number): boolean {
  return Math.abs(rate - 1) <= rateErrorMax;
}

function ratesOf(fault: Fault): readonly number[] {
  return fault.type === 'clockRate' ? [fault.rate] : [];
}

function drawNetwork(random: SeededRandom): NetworkConditions {
  const delayMs = random.pick([
    [0.1, 1],
    [0.5, 5],
    [1, 20],
  ] as const);
  const isClean = random.chance(0.4);
  return {
    delayMs,
    lateProbability: isClean ? 0 : random.between(0, 0.01),
    lateMs: random.between(20, 400),
    lossProbability: isClean ? 0 : random.between(0, 0.02),
    duplicateProbability: isClean ? 0 : random.between(0, 0.05),
  };
}

function drawDisk(random: SeededRandom): DiskConditions {
  const writeMs = random.pick([
    [0.2, 1],
    [0.2, 1],
    [0.5, 4],
    [0.5, 4],
    [2, 15],
    [2, 15],
    [5, 100],
  ] as const);
  return { writeMs, readMs: [0.02, 0.3] };
}

const smallRaftProbability = 0.25;

/** Small windows, batches and caches, which small values fill as well. */
function drawRaft(random: SeededRandom): Partial<RaftConstants> {
  if (!random.chance(smallRaftProbability)) return {};
  const appendBytesMax = random.integer(200, 2000);
  return {
    appendBytesMax,
    inflightMessagesMax: random.integer(1, 4),
    inflightBytesMax: appendBytesMax * random.integer(1, 4),
    batchBytesMax: random.integer(100, 2000),
    uncommittedEntriesMax: random.integer(4, 64),
    logCacheBytesMax: random.chance(0.3) ? 0 : random.integer(0, 5000),
  };
}

function drawClockRates(random: SeededRandom, replicas: number, gateways: number): Record<string, number> {
  const drift = random.chance(0.15) ? 0.1 : 0.02;
  const rates: Record<string, number> = {};
  for (let replica = 1; replica <= replicas; replica++) rates[`r${replica}`] = random.between(1 - drift, 1 + drift);
  for (let gateway = 1; gateway <= gateways; gateway++) rates[`g${gateway}`] = random.between(1 - drift, 1 + drift);
  return rates;
}

/**
 * Most values are small. Some make batches of many pages; very few, as they cost most of the time, are so large that the
 * usual batches, messages and windows are full.
 */
const valueSizes = [
  { weight: 40, valueBytes: [1, 16], slower: 1 },
  { weight: 9, valueBytes: [500, 12_000], slower: 1 },
  { weight: 1, valueBytes: [20_000, 400_000], slower: 2 },
] as const;

/** What a seed shows without them, it goes on showing. */
const withoutStaleReads = 0.5;

/** Few clients per key, and few operations on each: a history must stay checkable. */
function drawWorkload(
  random: SeededRandom,
  sizes: SeededRandom,
  reading: ReadingPlan,
): Omit<WorkloadPlan, 'staleProbability'> {
  const clients = random.integer(4, 8);
  const { valueBytes, slower } = pickByWeight(sizes, valueSizes);
  return {
    clients,
    keys: random.integer(2, 6),
    // Together some 20 to 35 requests a second, as long as they are answered at once, and what is read again on top.
    thinkMs: (slower * clients * 1000) / random.between(20, 35),
    timeoutMs: [random.integer(200, 600), random.integer(800, 2500)],
    valueBytes,
    reading,
    mix: {
      get: random.between(2, 5),
      pinnedGet: random.between(0.3, 1.5),
      list: random.between(0.2, 1),
      put: random.between(2, 5),
      create: random.between(0.3, 1.5),
      replace: random.between(0.5, 3),
      delete: random.between(0.3, 1.5),
    },
  };
}

interface Weighted {
  readonly family: FaultFamily;
  readonly weight: number;
}

function drawFaults(
  random: SeededRandom,
  cluster: { readonly replicas: number; readonly gateways: number; readonly safetyMs: number },
): readonly Fault[] {
  const character = random.pick(characters);
  const families = drawFamilies(random, character.familyProbability);
  const fromMs = random.chance(earlyProbability) ? 0 : bornMs;
  const faults = Array.from({ length: random.integer(...character.faults) }, (): Fault => {
    const atMs = Math.round(random.between(fromMs, cluster.safetyMs - lastBeforeEndMs));
    const action = pickByWeight(random, families).family.draw(random, cluster);
    return { ...action, atMs, choice: random.integer(0, 2 ** 31) };
  });
  return faults.sort((a, b) => a.atMs - b.atMs);
}

/** A few families, each more or less often than usual; one at least takes leaders away. */
function drawFamilies(random: SeededRandom, probability: number): readonly Weighted[] {
  const drawn = faultFamilies.filter(() => random.chance(probability));
  const anchor = random.pick(faultFamilies.filter(({ deposes }) => deposes));
  return [...new Set([anchor, ...drawn])].map((family) => ({ family, weight: family.weight * random.between(0.3, 2) }));
}

function pickByWeight<One extends { readonly weight: number }>(random: SeededRandom, some: readonly One[]): One {
  let left = random.next() * some.reduce((sum, { weight }) => sum + weight, 0);
  for (const one of some) {
    left -= one.weight;
    if (left < 0) return one;
  }
  return random.pick(some);
}
