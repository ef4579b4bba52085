/**
 * Cuts a failing plan down: fewer faults, simpler and shorter ones, fewer clients, a calmer network, the usual constants.
 * Each step is kept only if the plan still fails in the same way, as a shorter plan is another run.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Finding } from '../history/operation.ts';
import { catalogKinds } from './catalog/plan.ts';
import type { Plan } from './plan.ts';
import { usualCaching, usualReading } from './plan-caching.ts';
import { type Less, smaller, withoutOptional } from './shrink-fault.ts';

export interface ShrinkProgress {
  readonly tries: number;
  readonly plan: Plan;
}

/** Of two runs: did the same judge find the same fault? Names, terms and times may differ. */
export function failsAlike(one: Finding, other: Finding): boolean {
  return one.checker === other.checker && one.giveUp === other.giveUp && gist(one) === gist(other);
}

/** Of errors in the run itself, the first line; whatever the judges of histories find is one sort of fault each. */
function gist({ checker, message }: Finding): string {
  return checker === 'invariants' ? (message.split('\n')[0] ?? '').replace(/\d+/g, '#') : '';
}

/** A try costs a run or two; most plans are as short as they get after some 50. */
const triesMaxDefault = 300;

export async function shrinkPlan(
  plan: Plan,
  failsTheSame: (plan: Plan) => Promise<boolean>,
  onProgress: (progress: ShrinkProgress) => void,
  triesMax: number = triesMaxDefault,
): Promise<Plan> {
  const shrinking = new Shrinking(plan, failsTheSame, onProgress, triesMax);
  for (;;) {
    const { shortest } = shrinking;
    await fewerFaults(shrinking);
    await calmer(shrinking);
    await simplerFaults(shrinking);
    if (shrinking.shortest === shortest || shrinking.isSpent) return shrinking.shortest;
  }
}

class Shrinking {
  shortest: Plan;
  readonly #failsTheSame: (plan: Plan) => Promise<boolean>;
  readonly #onProgress: (progress: ShrinkProgress) => void;
  readonly #triesMax: number;
  #tries = 0;

  constructor(
    plan: Plan,
    failsTheSame: (plan: Plan) => Promise<boolean>,
    onProgress: (progress: ShrinkProgress) => void,
    triesMax: number,
  ) {
    this.shortest = plan;
    this.#failsTheSame = failsTheSame;
    this.#onProgress = onProgress;
    this.#triesMax = triesMax;
  }

  get isSpent(): boolean {
    return this.#tries >= this.#triesMax;
  }

  /** Keeps it, and says so, if it fails like the first one. */
  async keepsFailing(change: Partial<Plan>): Promise<boolean> {
    if (this.isSpent) return false;
    this.#tries++;
    const plan = { ...this.shortest, ...change };
    const fails = await this.#failsTheSame(plan);
    if (fails) this.shortest = plan;
    this.#onProgress({ tries: this.#tries, plan: this.shortest });
    return fails;
  }
}

/** Without all of them, without a half, a quarter, …, without one. */
async function fewerFaults(shrinking: Shrinking): Promise<void> {
  let size = shrinking.shortest.faults.length;
  while (size >= 1) {
    let from = 0;
    while (from < shrinking.shortest.faults.length) {
      const { faults } = shrinking.shortest;
      const fewer = faults.toSpliced(from, size);
      if (!(await shrinking.keepsFailing({ faults: fewer }))) from += size;
    }
    size = size === 1 ? 0 : Math.ceil(size / 2);
  }
}

async function calmer(shrinking: Shrinking): Promise<void> {
  const { network, raft, clockRates, caching } = shrinking.shortest;
  const { lossProbability, duplicateProbability, lateProbability } = network;
  if (lossProbability + duplicateProbability + lateProbability > 0) {
    await shrinking.keepsFailing({
      network: { ...network, lossProbability: 0, duplicateProbability: 0, lateProbability: 0 },
    });
  }
  if (Object.keys(raft).length > 0) await shrinking.keepsFailing({ raft: {} });
  if (Object.keys(clockRates).length > 0) await shrinking.keepsFailing({ clockRates: {} });
  if (!isDeepStrictEqual(caching, usualCaching)) await shrinking.keepsFailing({ caching: usualCaching });
  await plainerReading(shrinking);
  await fewerKinds(shrinking);
  if (shrinking.shortest.survivors === 'quorum') await shrinking.keepsFailing({ survivors: 'everybody' });
  for (;;) {
    const { workload } = shrinking.shortest;
    const clients = Math.floor(workload.clients / 2);
    if (clients < 1 || !(await shrinking.keepsFailing({ workload: { ...workload, clients } }))) return;
  }
}

/** Whichever of it is not needed. */
async function plainerReading(shrinking: Shrinking): Promise<void> {
  if (shrinking.shortest.workload.staleProbability > 0) {
    await shrinking.keepsFailing({ workload: { ...shrinking.shortest.workload, staleProbability: 0 } });
  }
  for (const name of Object.keys(usualReading) as (keyof typeof usualReading)[]) {
    const { workload } = shrinking.shortest;
    const { reading } = workload;
    if (reading[name] === usualReading[name]) continue;
    await shrinking.keepsFailing({ workload: { ...workload, reading: { ...reading, [name]: usualReading[name] } } });
  }
}

/** Of what clients of the catalog do. */
async function fewerKinds(shrinking: Shrinking): Promise<void> {
  for (const kind of catalogKinds) {
    const { catalog } = shrinking.shortest;
    if (catalog === undefined || catalog.mix[kind] === 0) continue;
    await shrinking.keepsFailing({ catalog: { ...catalog, mix: { ...catalog.mix, [kind]: 0 } } });
  }
  for (;;) {
    const { catalog } = shrinking.shortest;
    const clients = Math.floor((catalog?.clients ?? 0) / 2);
    if (catalog === undefined || clients < 1) return;
    if (!(await shrinking.keepsFailing({ catalog: { ...catalog, clients, watches: 1 } }))) return;
  }
}

async function simplerFaults(shrinking: Shrinking): Promise<void> {
  for (const position of shrinking.shortest.faults.keys()) {
    const keepsFailing = async (less: Less): Promise<boolean> => {
      const { faults } = shrinking.shortest;
      const fault = faults[position];
      const simpler = fault === undefined ? null : less(fault);
      return simpler !== null && (await shrinking.keepsFailing({ faults: faults.with(position, simpler) }));
    };
    for (const less of withoutOptional) await keepsFailing(less);
    for (const less of smaller) while (await keepsFailing(less));
  }
}
