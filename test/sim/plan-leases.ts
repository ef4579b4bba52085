/**
 * Plans in which leases are put to the test: fast networks and disks, few keys that are read and written all the time,
 * and faults that last about as long as a lease does. In other plans the moments that count are too rare.
 */
import type { RaftConstants } from '../../src/raft/constants.ts';
import type { Plan } from './plan.ts';
import { usualCaching } from './plan-caching.ts';
import { type Action, type Fault, slowPackets, usurpations } from './plan-fault.ts';
import type { Storm } from './plan-weather.ts';
import type { SeededRandom } from './random.ts';
import type { WorkloadPlan } from './workload.ts';

const probability = 0.2;
/** Of them: hits are proven all the same. */
const validateProbability = 0.3;
/** Of them: what a stream resumes over is no longer in memory. */
const forgetfulProbability = 0.25;
/** Of them: clocks differ as much as leases allow for, in the direction that hurts. */
const driftProbability = 0.3;
/** Of them, where hits are not proven and clocks agree: leases are given back and taken again. */
const restsProbability = 0.2;
/** Of the rest of these: gateways ask again and again for a stream. */
const followsProbability = 0.1;
const rateErrorMax = 0.02;
/** Leaders are there. */
const fromMs = 1500;
const betweenMs = [400, 1500] as const;
/** Of a gateway's rest, and of what goes with it. */
const restEndMs = 1800;
/** Of a leader that steps down, and of what comes late after that. */
const followsEndMs = 2500;

interface Cluster {
  readonly gateways: Plan['gateways'];
  readonly clocksDiffer: boolean;
}

/** The plan itself, or one for leases in its place. `random` is of this choice alone: other plans stay as they are. */
export function forLeases(plan: Plan, random: SeededRandom): Plan {
  if (!random.chance(probability)) return plan;
  const gateways = random.pick([2, 2, 3] as const);
  const clocksDiffer = random.chance(driftProbability);
  const drawn = drawLeases(plan, random, { gateways, clocksDiffer });
  if (clocksDiffer || drawn.caching.coherence !== 'lease') return drawn;
  const run = { gateways, safetyMs: plan.safetyMs };
  if (random.chance(restsProbability)) return { ...drawn, faults: drawRests(random, run) };
  if (random.chance(followsProbability)) return { ...drawn, faults: drawFollows(random, run) };
  return drawn;
}

function drawLeases(plan: Plan, random: SeededRandom, { gateways, clocksDiffer }: Cluster): Plan {
  return {
    ...plan,
    gateways,
    network: {
      ...plan.network,
      delayMs: clocksDiffer || random.chance(0.5) ? [0.1, 1] : [0.5, 5],
      lossProbability: 0,
      lateProbability: 0,
    },
    disk: { ...plan.disk, writeMs: [0.2, 1] },
    raft: drawRaft(random, plan.raft),
    clockRates: drawClockRates(random, { replicas: plan.replicas, gateways, clocksDiffer }),
    caching: {
      ...plan.caching,
      coherence: random.chance(validateProbability) ? 'validate' : 'lease',
      cacheBytes: usualCaching.cacheBytes,
      ttlMs: null,
    },
    workload: drawWorkload(random, plan.workload, clocksDiffer),
    faults: drawFaults(random, { gateways, clocksDiffer, safetyMs: plan.safetyMs }),
  };
}

/** Some read all the time, wherever others hang in a write: what is shown at a wrong moment must be seen by somebody. */
function drawWorkload(random: SeededRandom, workload: WorkloadPlan, clocksDiffer: boolean): WorkloadPlan {
  return {
    ...workload,
    clients: 8,
    // What clocks make wrong lasts for some milliseconds: whoever has written must look at once, and it must be there.
    keys: clocksDiffer ? random.integer(1, 2) : random.integer(2, 6),
    thinkMs: random.between(40, 100),
    timeoutMs: [random.integer(150, 300), random.integer(400, 1000)],
    valueBytes: [1, 16],
    reading: {
      skew: random.between(1, 2),
      againProbability: random.between(0.7, 0.85),
      againMs: random.pick([2, 8]),
      formProbability: 0.1,
      directiveProbability: 0.02,
    },
    mix: {
      get: 5,
      pinnedGet: 0.2,
      list: 0.3,
      put: clocksDiffer ? 4 : random.between(1, 4),
      create: 0.3,
      replace: 0.5,
      delete: 0.5,
    },
  };
}

function drawRaft(random: SeededRandom, raft: Partial<RaftConstants>): Partial<RaftConstants> {
  return random.chance(forgetfulProbability) ? { ...raft, logCacheBytesMax: random.integer(0, 300) } : raft;
}

/** A leader whose clock is fast believes too soon that a lease has ended; a gateway whose clock is slow, too late. */
function drawClockRates(
  random: SeededRandom,
  { replicas, gateways, clocksDiffer }: Cluster & { readonly replicas: number },
) {
  const rates: Record<string, number> = {};
  const rate = (worst: number) => (clocksDiffer ? worst : random.between(1 - rateErrorMax, 1 + rateErrorMax));
  for (let replica = 1; replica <= replicas; replica++) rates[`r${replica}`] = rate(1 + rateErrorMax);
  for (let gateway = 1; gateway <= gateways; gateway++) rates[`g${gateway}`] = rate(1 - rateErrorMax);
  return rates;
}

/** One after the other, some at the same time as another. */
function drawFaults(
  random: SeededRandom,
  { gateways, clocksDiffer, safetyMs }: Cluster & { readonly safetyMs: number },
): readonly Fault[] {
  const faults: Fault[] = [];
  const kinds = shuffled(
    ['usurpation', 'usurpation', 'usurpation', 'alone', 'asleep', 'clockSet', 'slow', 'slow', 'storm'] as const,
    random,
  );
  const how = random.pick([...usurpations, 'votersRestart', 'lateAnswers'] as const);
  const some = [...kinds.slice(0, random.integer(2, 4)), ...(clocksDiffer ? (['alone', 'alone'] as const) : [])];
  for (let atMs = fromMs; atMs < safetyMs - 1000; atMs += Math.round(random.between(...betweenMs))) {
    faults.push({
      ...drawAction(random, random.pick(some), random.integer(1, gateways), how),
      atMs,
      choice: random.integer(0, 2 ** 31),
    });
  }
  return faults;
}

interface Run {
  readonly gateways: number;
  readonly safetyMs: number;
}

/** Nearly everything that a gateway says or hears comes twice, some of it late. */
function repeats(lateProbability: number, lateMs: number): Storm {
  return { lossProbability: 0, duplicateProbability: 0.9, lateProbability, lateMs, extraDelayMs: 0 };
}

/** Gateways give their lease back, while another one is cut off that relies on its own, or what they said comes again late. */
function drawRests(random: SeededRandom, { gateways, safetyMs }: Run): readonly Fault[] {
  const faults: Fault[] = [];
  const add = (action: Action, atMs: number) => faults.push(faultAt(action, atMs, random));
  const ms = (from: number, to: number) => random.integer(from, to);
  for (let atMs = fromMs; atMs < safetyMs - restEndMs; atMs += restEndMs + ms(300, 800)) {
    const gateway = random.integer(1, gateways);
    const durationMs = ms(1100, 1200);
    add({ type: 'gatewayRest', gateway, durationMs }, atMs);
    if (random.chance(0.4)) {
      const other = (gateway % gateways) + 1;
      const direction = random.pick(['in', 'out', 'both'] as const);
      add({ type: 'gatewayAlone', gateway: other, direction, durationMs: ms(200, 400) }, atMs + ms(980, 1080));
      continue;
    }
    add({ type: 'gatewayStorm', gateway, ...repeats(0.5, 400), durationMs: 150 }, atMs + 980);
    const aloneMs = ms(200, 400);
    add({ type: 'gatewayAlone', gateway, direction: 'in', durationMs: aloneMs }, atMs + durationMs + ms(50, 150));
  }
  return faults;
}

/** The leader steps down, and those who follow it ask again until it leads anew; what they asked before comes once more. */
function drawFollows(random: SeededRandom, { gateways, safetyMs }: Run): readonly Fault[] {
  const faults: Fault[] = [];
  const add = (action: Action, atMs: number) => faults.push(faultAt(action, atMs, random));
  for (let atMs = fromMs; atMs < safetyMs - followsEndMs; atMs += random.integer(2000, 3000)) {
    const durationMs = random.integer(500, 1100);
    add({ type: 'partition', shape: 'allApart', durationMs }, atMs);
    for (let gateway = 1; gateway <= gateways; gateway++) {
      add({ type: 'gatewayStorm', gateway, ...repeats(0.2, 1500), durationMs: durationMs + 1000 }, atMs);
    }
  }
  return faults;
}

function faultAt(action: Action, atMs: number, random: SeededRandom): Fault {
  return { ...action, atMs, choice: random.integer(0, 2 ** 31) };
}

type Kind = 'usurpation' | 'alone' | 'asleep' | 'clockSet' | 'slow' | 'storm';

function drawAction(random: SeededRandom, kind: Kind, gateway: number, how: (typeof usurpations)[number]): Action {
  const ms = (from: number, to: number) => random.integer(from, to);
  switch (kind) {
    case 'usurpation':
      return drawUsurpation(random, how);
    case 'alone': {
      const direction = random.pick(['in', 'out', 'both'] as const);
      return { type: 'gatewayAlone', gateway, direction, durationMs: random.chance(0.8) ? ms(50, 500) : ms(500, 4000) };
    }
    case 'asleep': {
      const sleepMs = ms(150, 800);
      return { type: 'gatewayAlone', gateway, direction: 'both', sleepMs, durationMs: sleepMs + ms(30, 300) };
    }
    case 'clockSet':
      return { type: 'gatewayAlone', gateway, direction: 'both', wallStepMs: ms(-300, 50), durationMs: ms(300, 700) };
    case 'slow':
      return {
        type: 'slowPackets',
        gateway,
        kind: random.pick(slowPackets),
        extraMs: ms(5, 150),
        durationMs: ms(500, 6000),
      };
    case 'storm':
      return {
        type: 'gatewayStorm',
        gateway,
        lossProbability: random.between(0, 0.3),
        duplicateProbability: random.between(0, 0.5),
        lateProbability: random.between(0, 0.4),
        lateMs: random.pick([20, 100, 400]),
        extraDelayMs: 0,
        durationMs: ms(500, 6000),
      };
  }
}

function drawUsurpation(random: SeededRandom, how: (typeof usurpations)[number]): Action {
  const ms = (from: number, to: number) => random.integer(from, to);
  switch (how) {
    case 'plain':
      return { type: 'usurpation', how, leadMs: 0, pauseMs: 0, durationMs: ms(400, 1200) };
    case 'leaderSleeps':
      return { type: 'usurpation', how, leadMs: 0, pauseMs: ms(250, 600), durationMs: ms(700, 1200) };
    case 'lateAnswers':
      return { type: 'usurpation', how, leadMs: ms(20, 150), pauseMs: ms(250, 420), durationMs: ms(500, 800) };
    case 'votersRestart':
      return { type: 'usurpation', how, leadMs: ms(310, 500), pauseMs: ms(1, 30), durationMs: ms(300, 700) };
  }
}

function shuffled<One>(items: readonly One[], random: SeededRandom): readonly One[] {
  const left = [...items];
  return items.flatMap(() => left.splice(random.integer(0, left.length - 1), 1));
}
