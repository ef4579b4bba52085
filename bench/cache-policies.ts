/**
 * How often the cache has what is asked for, under each policy: 10,000 keys drawn by Zipf's law with exponent 0.99, in
 * a cache with room for a tenth of them. Three traces: the draws alone; the same with a scan of all keys, one by one,
 * after every 100,000 draws; the same with writes, one in 20 draws, where a key that changed is a miss once.
 * The ideal is a cache that always holds the keys drawn most. Also how long a hit takes, of 1,000 keys in turn.
 *
 *   node bench/cache-policies.ts [draws]
 */
import { Cache } from '../src/gateway/cache/cache.ts';
import { chargedBytes, type Entry, keyName } from '../src/gateway/cache/entry.ts';
import { type CachePolicy, cachePolicies } from '../src/gateway/cache/policy.ts';
import { SeededRandom } from '../test/raft/seeded-random.ts';

const keys = 10_000;
const exponent = 0.99;
const roomFor = keys / 10;
const valueBytes = 200;
/** Draws between two scans. */
const scanEvery = 100_000;
/** Of the draws, in the trace with writes. */
const writeShare = 0.05;
const hitsTimed = 2_000_000;
const seed = 1;

const traces = ['reads', 'reads and scans', 'reads and writes'] as const;
type Trace = (typeof traces)[number];

const names = Array.from({ length: keys }, (_, rank) => keyName(`books/${String(rank).padStart(6, '0')}`));

function entryOf(name: string, index = 1): Entry<null> {
  return {
    name,
    kind: 'value',
    index,
    touches: [1],
    storedAtMs: 0,
    expiresAtMs: null,
    bytes: valueBytes,
    answer: null,
  };
}

/** A sixteenth of the cache is kept for absences, of which there are none here. */
const cacheBytes = Math.ceil((roomFor * chargedBytes(entryOf(names[0] as string)) * 16) / 15);

/** The share of the draws that fall on the `rank + 1` keys drawn most, for each rank. */
function zipfShares(): Float64Array {
  const shares = new Float64Array(keys);
  let sum = 0;
  for (let rank = 0; rank < keys; rank += 1) {
    sum += 1 / (rank + 1) ** exponent;
    shares[rank] = sum;
  }
  return shares.map((share) => share / sum);
}

const shares = zipfShares();

function draw(random: SeededRandom): string {
  const at = random.next();
  let low = 0;
  let high = keys - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((shares[middle] as number) > at) high = middle;
    else low = middle + 1;
  }
  return names[low] as string;
}

/** The index at which a key was last written, by its name. */
type Writes = Map<string, number>;

function isCurrentAfter(writes: Writes): (entry: Entry<null>) => boolean {
  return ({ name, index }) => index >= (writes.get(name) ?? 0);
}

/** Of the draws in the second half of the trace, in percent; scans do not count. */
function hitPercent(policy: CachePolicy, trace: Trace, draws: number): number {
  const cache = new Cache<null>({ cacheBytes, policy });
  const random = new SeededRandom(seed);
  const writes: Writes = new Map();
  const isCurrent = isCurrentAfter(writes);
  /** Whether it was there; it is afterwards. */
  const read = (name: string, index: number): boolean => {
    const isHit = cache.get(name, 0, isCurrent) !== null;
    if (!isHit) cache.put(entryOf(name, index));
    return isHit;
  };
  let hits = 0;
  let reads = 0;
  for (let drawn = 0; drawn < draws; drawn += 1) {
    const name = draw(random);
    if (trace === 'reads and writes' && random.chance(writeShare)) {
      writes.set(name, drawn);
    } else {
      const isHit = read(name, drawn);
      if (drawn >= draws / 2) {
        reads += 1;
        hits += isHit ? 1 : 0;
      }
    }
    if (trace === 'reads and scans' && (drawn + 1) % scanEvery === 0) for (const scanned of names) read(scanned, drawn);
  }
  return (hits / reads) * 100;
}

function hitNs(policy: CachePolicy): number {
  const cache = new Cache<null>({ cacheBytes, policy });
  const hot = names.slice(0, roomFor);
  for (const name of hot) cache.put(entryOf(name));
  const isCurrent = isCurrentAfter(new Map());
  const time = (hits: number) => {
    const startedAt = performance.now();
    for (let hit = 0; hit < hits; hit += 1) cache.get(hot[hit % roomFor] as string, 0, isCurrent);
    return ((performance.now() - startedAt) * 1e6) / hits;
  };
  time(hitsTimed);
  return time(hitsTimed);
}

function main(draws: number): void {
  console.log(`| policy | ${traces.map((trace) => `${trace}: hit %`).join(' | ')} | ns per hit |`);
  console.log(`| --- |${' --- |'.repeat(traces.length + 1)}`);
  for (const policy of cachePolicies) {
    const percents = traces.map((trace) => hitPercent(policy, trace, draws).toFixed(2));
    console.log(`| ${policy} | ${percents.join(' | ')} | ${hitNs(policy).toFixed(0)} |`);
  }
  console.log(`\nThe ideal for reads: ${((shares[roomFor - 1] as number) * 100).toFixed(2)} %`);
}

main(Number(process.argv[2] ?? 1_000_000));
