/** The kinds of faults that seeds choose from, and how each is drawn. */
import { type CrashKind, type DamageKind, damageKinds } from './disk.ts';
import type { Action, GroupTarget, OneTarget, Outage, PartitionShape, WriteCrash } from './plan-fault.ts';
import type { Storm } from './plan-weather.ts';
import type { SeededRandom } from './random.ts';

export interface Cluster {
  readonly replicas: number;
  readonly gateways: number;
}

export interface FaultFamily {
  readonly name: string;
  readonly weight: number;
  /** Most of them cost the cluster its leader. */
  readonly deposes: boolean;
  draw(random: SeededRandom, cluster: Cluster): Action;
}

export const faultFamilies: readonly FaultFamily[] = [
  {
    name: 'partitions',
    weight: 4,
    deposes: true,
    draw: (random, cluster) => ({ type: 'partition', shape: drawShape(random, cluster), durationMs: spell(random) }),
  },
  {
    name: 'one-way and partial partitions',
    weight: 2,
    deposes: true,
    draw: (random, cluster) => ({
      type: 'partition',
      shape: random.pick([
        'oneDeaf',
        'oneMute',
        'onePair',
        'bridge',
        cluster.replicas > 3 ? 'majoritiesRing' : 'bridge',
      ] as const),
      durationMs: spell(random),
    }),
  },
  {
    name: 'flapping',
    weight: 1,
    deposes: true,
    draw: (random, cluster) =>
      random.chance(0.35)
        ? { type: 'swizzle', stepMs: between(random, 50, 400) }
        : {
            type: 'flapping',
            shape: drawShape(random, cluster),
            periodMs: between(random, 100, 1200),
            durationMs: between(random, 1000, 5000),
          },
  },
  {
    name: 'rotations',
    weight: 2,
    deposes: true,
    draw: (random) => ({
      ...drawRotation(random),
      whom: random.pick(['leader', 'leader', 'anybody'] as const),
      ...(random.chance(0.5) ? { lateMs: between(random, 50, 1500) } : {}),
      ...(random.chance(0.3) ? { crash: drawWriteCrash(random) } : {}),
    }),
  },
  {
    name: 'rotations while disks are slow',
    weight: 2,
    deposes: true,
    draw: (random) => ({
      ...drawRotation(random),
      extraMs: between(random, 20, 300),
      ...(random.chance(0.5) ? { crash: drawWriteCrash(random) } : {}),
    }),
  },
  {
    name: 'rotations while disks are full',
    weight: 1,
    deposes: true,
    draw: (random) => {
      const rotation = drawRotation(random);
      return {
        ...rotation,
        extraMs: between(random, 5, 100),
        fullMs: Math.round(rotation.periodMs * random.between(0.3, 0.8)),
      };
    },
  },
  {
    name: 'depositions',
    weight: 5,
    deposes: true,
    draw: drawDeposition,
  },
  { name: 'storms', weight: 2, deposes: false, draw: drawStorm },
  {
    name: 'clogs',
    weight: 1,
    deposes: false,
    draw: (random, cluster) => ({
      type: 'clog',
      target: drawOne(random, cluster),
      direction: random.pick(['in', 'out', 'both'] as const),
      capacity: random.integer(2, 20),
      durationMs: between(random, 200, 2500),
    }),
  },
  {
    name: 'crashes',
    weight: 4,
    deposes: true,
    draw: (random, cluster) => ({ type: 'crash', target: drawGroup(random, cluster), outage: drawOutage(random, 0) }),
  },
  {
    name: 'restarts within the election timeout',
    weight: 2,
    deposes: true,
    draw: (random, cluster) => ({
      type: 'crash',
      target: drawGroup(random, cluster),
      outage: { ...drawOutage(random, 0), downMs: between(random, 5, 250) },
    }),
  },
  {
    name: 'crash loops',
    weight: 1,
    deposes: true,
    draw: (random, cluster) => ({
      type: 'crash',
      target: drawGroup(random, cluster),
      outage: drawOutage(random, random.integer(2, 6)),
    }),
  },
  {
    name: 'crashes at a write',
    weight: 2,
    deposes: true,
    draw: (random, cluster) => ({
      type: 'crashAtWrite',
      target: drawOne(random, cluster),
      ...drawWriteCrash(random),
    }),
  },
  {
    name: 'pauses',
    weight: 3,
    deposes: true,
    draw: (random, cluster) => ({
      type: random.chance(0.7) ? 'pause' : 'suspend',
      target: drawGroup(random, cluster),
      durationMs: random.chance(0.3) ? between(random, 10, 300) : between(random, 500, 8000),
    }),
  },
  {
    name: 'slow processes',
    weight: 1,
    deposes: false,
    draw: (random, cluster) => ({
      type: 'slowProcess',
      target: drawOne(random, cluster),
      eventMs: between(random, 1, 25),
      durationMs: spell(random),
    }),
  },
  {
    name: 'drifting clocks',
    weight: 1,
    deposes: false,
    draw: (random, cluster) => ({
      type: 'clockRate',
      target: drawOne(random, cluster),
      rate: Number((random.chance(0.5) ? random.between(0.9, 1.1) : random.between(0.98, 1.02)).toFixed(4)),
      durationMs: between(random, 1000, 8000),
    }),
  },
  {
    name: 'slow and stuck disks',
    weight: 2,
    deposes: false,
    draw: (random, cluster) =>
      random.chance(0.5)
        ? {
            type: 'slowDisk',
            target: drawGroup(random, cluster),
            extraMs: between(random, 5, 400),
            durationMs: spell(random),
          }
        : { type: 'stalledDisk', target: drawGroup(random, cluster), durationMs: between(random, 100, 5000) },
  },
  {
    name: 'full and failing disks',
    weight: 2,
    deposes: false,
    draw: (random, cluster) =>
      random.chance(0.3)
        ? { type: 'fullDisk', target: drawGroup(random, cluster), durationMs: spell(random) }
        : {
            type: 'failingWrites',
            target: drawOne(random, cluster),
            code: random.pick(['ENOSPC', 'EIO'] as const),
            count: random.integer(1, 4),
            durationMs: between(random, 200, 2000),
          },
  },
  {
    name: 'damage to the log',
    weight: 3,
    deposes: true,
    draw: (random, cluster) => ({
      type: 'damage',
      target: drawOne(random, cluster),
      part: 'log',
      kind: drawDamage(random),
      ...drawStart(random),
    }),
  },
  {
    name: 'damage to the state',
    weight: 2,
    deposes: true,
    draw: (random, cluster) => ({
      type: 'damage',
      target: drawOne(random, cluster),
      part: 'state',
      kind: drawDamage(random),
      outage: drawOutage(random, fewStartCrashes(random)),
    }),
  },
  {
    name: 'damage to the witness',
    weight: 1,
    deposes: true,
    draw: (random, cluster) => ({
      type: 'witnessDamage',
      target: drawOne(random, cluster),
      which: random.pick(['newest', 'newest', 'older', 'older', 'both'] as const),
      how: random.pick(['rot', 'zeros', 'torn'] as const),
      outage: drawOutage(random, fewStartCrashes(random)),
    }),
  },
  {
    name: 'stale copies',
    weight: 2,
    deposes: true,
    draw: (random, cluster) => {
      const part = random.pick(['log', 'witness', 'witness', 'state', 'log and witness'] as const);
      const copy = { type: 'staleCopy', target: drawOne(random, cluster), part } as const;
      if (part !== 'witness') {
        return { ...copy, ageMs: between(random, 50, 6000), outage: drawOutage(random, fewStartCrashes(random)) };
      }
      // A witness of an earlier life knows less than the peers do: the repair that follows has to be cut short anywhere.
      return { ...copy, ageMs: Math.round(random.between(500, 12_000)), ...drawStart(random) };
    },
  },
  {
    name: 'wiped directories',
    weight: 0.5,
    deposes: true,
    draw: (random, cluster) => ({ type: 'wipe', target: drawOne(random, cluster), outage: drawOutage(random, 0) }),
  },
  {
    name: 'gateways',
    weight: 2,
    deposes: false,
    draw: drawGatewayFault,
  },
];

function drawGatewayFault(random: SeededRandom, { gateways }: Cluster): Action {
  const gateway = random.integer(1, gateways);
  switch (random.pick(['crash', 'pause', 'slow', 'clog', 'storm', 'storm', 'without leader'] as const)) {
    case 'crash':
      return { type: 'gatewayCrash', gateway, downMs: between(random, 20, 3000) };
    case 'pause':
      return { type: 'gatewayPause', gateway, durationMs: between(random, 10, 4000) };
    case 'slow':
      return { type: 'slowGateway', gateway, eventMs: between(random, 1, 15), durationMs: spell(random) };
    case 'clog': {
      const direction = random.pick(['in', 'out', 'both'] as const);
      return { type: 'gatewayClog', gateway, direction, capacity: random.integer(2, 20), durationMs: spell(random) };
    }
    case 'storm': {
      const troubles = drawTroubles(random, random.pick(stormKinds));
      // Few messages of a stream are lost at a time: long ones leave gaps.
      const durationMs = random.chance(0.5) ? Math.round(random.between(5_000, 20_000)) : spell(random);
      return { type: 'gatewayStorm', gateway, ...troubles, durationMs };
    }
    case 'without leader':
      return { type: 'partition', shape: 'gatewaysWithoutLeader', durationMs: spell(random) };
  }
}

/** Whole milliseconds, the shorter the more often. */
function between(random: SeededRandom, fromMs: number, toMs: number): number {
  const share = random.next() * random.next();
  return Math.round(fromMs + share * (toMs - fromMs));
}

/** As long as most faults last: around the election timeout, up to some seconds. */
function spell(random: SeededRandom): number {
  return between(random, 300, 6000);
}

function drawOne(random: SeededRandom, { replicas }: Cluster): OneTarget {
  if (random.chance(0.6)) return 'leader';
  return random.chance(0.3) ? 'follower' : random.integer(1, replicas);
}

function drawGroup(random: SeededRandom, cluster: Cluster): GroupTarget {
  return random.chance(0.75) ? drawOne(random, cluster) : random.pick(['minority', 'majority', 'all'] as const);
}

function drawShape(random: SeededRandom, { replicas }: Cluster): PartitionShape {
  const leader = ['leaderIsolated', 'leaderIsolated', 'leaderWithGateway', 'halves', 'halves'] as const;
  const other = ['oneIsolated', 'onePair', 'bridge', 'allApart', 'gatewayIsolated', 'gatewayUnreachable'] as const;
  if (random.chance(0.65)) return random.pick(leader);
  return random.pick(replicas > 3 ? [...other, 'majoritiesRing' as const] : other);
}

function drawOutage(random: SeededRandom, again: number): Outage {
  const kind: CrashKind = random.chance(0.5) ? 'power' : 'process';
  const downMs = again > 0 ? between(random, 5, 300) : between(random, 20, 4000);
  return { kind, downMs, again, upMs: random.chance(0.7) ? between(random, 1, 60) : between(random, 60, 1500) };
}

function drawWriteCrash(random: SeededRandom): WriteCrash {
  const again = random.chance(0.5) ? 0 : random.integer(1, 4);
  return {
    nth: random.integer(1, 6),
    moment: random.pick(['before', 'after', 'heard'] as const),
    outage: { ...drawOutage(random, again), upMs: between(random, 100, 3000) },
  };
}

/** Of leaders, unless more is said. */
function drawRotation(random: SeededRandom) {
  return {
    type: 'rotation',
    whom: 'leader',
    periodMs: between(random, 300, 1800),
    durationMs: between(random, 1500, 8000),
  } as const;
}

function drawDeposition(random: SeededRandom): Action {
  const deposition = { type: 'deposition', durationMs: between(random, 650, 2500) } as const;
  switch (random.pick(['plain', 'slow', 'crash', 'loss'] as const)) {
    case 'plain':
      return deposition;
    case 'slow':
      return { ...deposition, extraMs: between(random, 200, 1500) };
    case 'crash':
      return { ...deposition, crash: { ...drawWriteCrash(random), nth: random.integer(1, 4) } };
    case 'loss':
      return { ...deposition, crash: { ...drawWriteCrash(random), nth: random.integer(2, 12) }, losesTail: true };
  }
}

/** After something has happened to the disk: a start that may be cut short at any of its writes. */
function drawStart(random: SeededRandom): { readonly outage: Outage; readonly crash?: WriteCrash } {
  if (random.chance(0.6)) return { outage: drawOutage(random, fewStartCrashes(random)) };
  const outage = { ...drawOutage(random, 0), downMs: between(random, 5, 500) };
  return { outage, crash: { ...drawWriteCrash(random), nth: random.integer(1, 12) } };
}

/** Repairs that are cut short, and what they leave for the next start. */
function fewStartCrashes(random: SeededRandom): number {
  return random.chance(0.5) ? 0 : random.integer(1, 4);
}

/** What is noticed at once needs no more than a try; what may pass for sound needs many. */
function drawDamage(random: SeededRandom): DamageKind {
  return random.chance(0.6) ? random.pick(['rot', 'lostTail'] as const) : random.pick(damageKinds);
}

const stormKinds = ['loss', 'duplicates', 'disorder', 'delay', 'all'] as const;

function drawStorm(random: SeededRandom, cluster: Cluster): Action {
  const kind = random.pick(stormKinds);
  const scope = random.chance(0.6) ? 'everywhere' : drawOne(random, cluster);
  return { type: 'storm', scope, ...drawTroubles(random, kind), durationMs: spell(random) };
}

function drawTroubles(random: SeededRandom, kind: (typeof stormKinds)[number]): Storm {
  const has = (one: typeof kind) => kind === one || kind === 'all';
  return {
    lossProbability: has('loss') ? random.between(0.02, 0.3) : 0,
    duplicateProbability: has('duplicates') ? random.between(0.1, 0.5) : 0,
    lateProbability: has('disorder') ? random.between(0.05, 0.5) : 0,
    lateMs: has('disorder') ? random.between(20, 1500) : 0,
    extraDelayMs: has('delay') ? between(random, 10, 600) : 0,
  };
}
