/** What clients of the catalog do in a run, and the plans of such runs. */
import type { Plan } from '../plan.ts';
import { type SeededRandom, streamOf } from '../random.ts';

/** Seeds from here on are of the catalog. Those below have no transactions, documents, lifetimes and watches. */
export const catalogSeedsFrom = 1_000_000_000;

const buildsProbability = 0.15;

export const catalogKinds = [
  'purchase',
  'restock',
  'transaction',
  'document',
  'search',
  'key',
  'query',
  'burst',
  'define',
  'build',
] as const;
export type CatalogKind = (typeof catalogKinds)[number];

export interface CatalogPlan {
  readonly clients: number;
  readonly watches: number;
  /** Between an answer and the next request, on average. */
  readonly thinkMs: number;
  /** How long clients are ready to wait. */
  readonly timeoutMs: readonly [number, number];
  /** Documents that come and go. */
  readonly documents: number;
  /** Of different searches. */
  readonly searches: number;
  /** Of the book that everybody wants. */
  readonly copies: number;
  /** Of keys and documents that have a lifetime. */
  readonly ttlMs: readonly [number, number];
  /** How often a request with an idempotency key is made once more although it was answered. */
  readonly repeatProbability: number;
  /** How often what was asked is asked again, a moment later; and how often a search follows a write. */
  readonly againProbability: number;
  /** How often a gateway only hands on what a client has worked out, and nothing that it has in memory. */
  readonly directProbability: number;
  /** Changes in one answer to a watch, at most. */
  readonly watchLimit: number;
  /** How far the clock on the wall of each replica's machine is from the others', by its id. */
  readonly wallMs: Readonly<Record<string, number>>;
  /** How much of each there is, in any unit. */
  readonly mix: Readonly<Record<CatalogKind, number>>;
}

export function isOfCatalog(seed: number): boolean {
  return seed >= catalogSeedsFrom;
}

/** The faults and the cluster are as in other plans; what clients do is not. */
export function forCatalog(plan: Plan): Plan {
  const random = streamOf(plan.seed, 'catalog');
  const workload = { ...plan.workload, clients: 2, thinkMs: 500, valueBytes: [1, 16] as const };
  const catalog = drawCatalog(random, plan.replicas);
  return { ...plan, workload, catalog: forBuilds(catalog, streamOf(plan.seed, 'catalog builds')) };
}

/** In some plans one index after the other is begun and built, most of the time. */
function forBuilds(catalog: CatalogPlan, random: SeededRandom): CatalogPlan {
  if (!random.chance(buildsProbability)) return catalog;
  return { ...catalog, documents: Math.max(4, catalog.documents), mix: { ...catalog.mix, build: 5 } };
}

function drawCatalog(random: SeededRandom, replicas: number): CatalogPlan {
  const clients = random.integer(3, 6);
  const wallMs: Record<string, number> = {};
  for (let replica = 1; replica <= replicas; replica++) wallMs[`r${replica}`] = random.integer(0, 600_000);
  const longest = random.pick([600, 1500, 4000] as const);
  return {
    clients,
    watches: random.integer(1, 3),
    thinkMs: (clients * 1000) / random.between(15, 30),
    timeoutMs: [random.integer(200, 600), random.integer(800, 2500)],
    documents: random.integer(2, 8),
    searches: random.integer(1, 5),
    copies: random.integer(3, 40),
    ttlMs: [random.integer(150, 400), longest],
    repeatProbability: random.between(0, 0.3),
    againProbability: random.between(0.5, 0.85),
    directProbability: random.between(0.2, 0.6),
    watchLimit: random.pick([1, 2, 3, 100] as const),
    wallMs,
    mix: {
      purchase: random.between(1, 4),
      restock: random.between(0, 0.5),
      transaction: random.between(1, 4),
      document: random.between(2, 5),
      search: random.between(3, 8),
      key: random.between(1, 4),
      query: random.between(1, 2),
      burst: random.between(0, 0.3),
      define: random.between(0.05, 0.5),
      build: 0,
    },
  };
}
