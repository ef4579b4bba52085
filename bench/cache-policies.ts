/**
 * How often the cache has what is asked for, under each policy: 10,000 keys drawn by Zipf's law with exponent 0.99, in
 * a cache with room for a tenth of them. Three traces: the draws alone; the same with a scan of all keys, one by one,
 * after every 100,000 draws; the same with writes, one in 20 draws, where a key that changed is a miss once.
 * The ideal is a cache that always holds the keys drawn most. Also how long a hit takes, of 500 keys in turn.
 * A CSV file gives keys and sizes of its own: the first column is the key, the row the value, the first row drawn most.
 */
import { readFile } from 'node:fs/promises';
import { parse } from 'csv-parse/sync';
import { Cache } from '../src/gateway/cache/cache.ts';
import { chargedBytes, type Entry, keyName } from '../src/gateway/cache/entry.ts';
import { type CachePolicy, cachePolicies } from '../src/gateway/cache/policy.ts';
import { SeededRandom } from '../test/raft/seeded-random.ts';
import { countOf, FlagError, readFlags } from './flags.ts';
import { table } from './markdown.ts';
import { Zipf } from './zipf.ts';

const keysMade = 10_000;
const exponent = 0.99;
/** Of the keys, so many fit. */
const roomShare = 0.1;
const valueBytes = 200;
/** Draws between two scans. */
const scanEvery = 100_000;
/** Of the draws, in the trace with writes. */
const writeShare = 0.05;
const hitsTimed = 2_000_000;
const seed = 1;

const traces = ['reads', 'reads and scans', 'reads and writes'] as const;
type Trace = (typeof traces)[number];

/** In the order in which they are drawn: the first one most often. */
type Items = readonly Item[];

interface Item {
  readonly name: string;
  readonly bytes: number;
}

function madeItems(): Items {
  return Array.from({ length: keysMade }, (_, rank) => ({
    name: keyName(`books/${String(rank).padStart(6, '0')}`),
    bytes: valueBytes,
  }));
}

async function itemsOf(file: string): Promise<Items> {
  const items = new Map<string, Item>();
  try {
    const rows: readonly (readonly string[])[] = parse(await readFile(file), { bom: true, from_line: 2 });
    for (const [key = '', ...others] of rows) {
      const name = keyName(`books/${key}`);
      items.set(name, { name, bytes: Buffer.byteLength([key, ...others].join(',')) });
    }
  } catch (error) {
    throw new FlagError(`--data ${file}: expected a CSV file with a header: ${(error as Error).message}`);
  }
  if (items.size < 100) throw new FlagError(`--data ${file}: has ${items.size} keys, expected 100 at least`);
  return [...items.values()];
}

function entryOf({ name, bytes }: Item, index = 1): Entry<null> {
  return { name, kind: 'value', index, touches: [1], storedAtMs: 0, expiresAtMs: null, bytes, answer: null };
}

/** Room for a share of the items. A sixteenth of the cache is kept for absences, of which there are none here. */
function cacheBytesFor(items: Items): number {
  const charged = items.reduce((sum, item) => sum + chargedBytes(entryOf(item)), 0);
  return Math.ceil((charged * roomShare * 16) / 15);
}

/** The index at which a key was last written, by its name. */
type Writes = Map<string, number>;

function isCurrentAfter(writes: Writes): (entry: Entry<null>) => boolean {
  return ({ name, index }) => index >= (writes.get(name) ?? 0);
}

/** Of the draws in the second half of the trace, in percent; scans do not count. */
function hitPercent(items: Items, policy: CachePolicy, trace: Trace, draws: number): number {
  const cache = new Cache<null>({ cacheBytes: cacheBytesFor(items), policy });
  const random = new SeededRandom(seed);
  const zipf = new Zipf(items.length, exponent);
  const writes: Writes = new Map();
  const isCurrent = isCurrentAfter(writes);
  /** Whether it was there; it is afterwards. */
  const read = (item: Item, index: number): boolean => {
    const isHit = cache.get(item.name, 0, isCurrent) !== null;
    if (!isHit) cache.put(entryOf(item, index));
    return isHit;
  };
  let hits = 0;
  let reads = 0;
  for (let drawn = 0; drawn < draws; drawn += 1) {
    const item = items[zipf.draw(random.next()) - 1] as Item;
    if (trace === 'reads and writes' && random.chance(writeShare)) {
      writes.set(item.name, drawn);
    } else {
      const isHit = read(item, drawn);
      if (drawn >= draws / 2) {
        reads += 1;
        hits += isHit ? 1 : 0;
      }
    }
    if (trace === 'reads and scans' && (drawn + 1) % scanEvery === 0) for (const scanned of items) read(scanned, drawn);
  }
  return (hits / reads) * 100;
}

function hitNs(items: Items, policy: CachePolicy): number {
  const cache = new Cache<null>({ cacheBytes: cacheBytesFor(items), policy });
  const hot = items.slice(0, (items.length * roomShare) / 2).map(({ name }) => name);
  for (const item of items.slice(0, hot.length)) cache.put(entryOf(item));
  const isCurrent = isCurrentAfter(new Map());
  const time = (hits: number) => {
    const startedAt = performance.now();
    for (let hit = 0; hit < hits; hit += 1) cache.get(hot[hit % hot.length] as string, 0, isCurrent);
    return ((performance.now() - startedAt) * 1e6) / hits;
  };
  time(hitsTimed);
  return time(hitsTimed);
}

export async function policies(args: readonly string[]): Promise<void> {
  const flags = readFlags(args, { draws: '1000000', data: '' });
  const draws = countOf('draws', flags.draws);
  const items = flags.data === '' ? madeItems() : await itemsOf(flags.data);
  const rows = cachePolicies.map((policy) => [
    policy,
    ...traces.map((trace) => hitPercent(items, policy, trace, draws).toFixed(2)),
    hitNs(items, policy).toFixed(0),
  ]);
  console.log(`${items.length} keys, ${draws} draws\n`);
  console.log(table(['policy', ...traces.map((trace) => `${trace}: hit %`), 'ns per hit'], rows));
  const ideal = new Zipf(items.length, exponent).shareOfFirst(Math.floor(items.length * roomShare)) * 100;
  console.log(`\nThe ideal for reads, were all of one size: ${ideal.toFixed(2)} %`);
}
