/**
 * The cache against a model of arrays and sums, through random operations. The model is told nothing but what the cache
 * is told, and both must agree on every answer, on every entry that is there, and on every number.
 */
import test from 'ava';
import { Cache, type PutOutcome } from '../../../src/gateway/cache/cache.ts';
import { chargedBytes, type EntryKind, entryKinds, keyName } from '../../../src/gateway/cache/entry.ts';
import { type CachePolicy, cachePolicies } from '../../../src/gateway/cache/policy.ts';
import type { CacheStatistics, EvictionCause } from '../../../src/gateway/cache/statistics.ts';
import type { CacheTtl } from '../../../src/gateway/cache/ttl.ts';
import { SeededRandom } from '../../raft/seeded-random.ts';
import { entryOf, listOf, sized, type TestEntry } from './entries.ts';

class Model {
  readonly #cacheBytes: number;
  readonly #policy: CachePolicy;
  readonly #ttl: CacheTtl;
  readonly #seen = new Set<string>();
  /** From the oldest to the newest; under lru by use. */
  #entries: TestEntry[] = [];
  readonly #visited = new Set<TestEntry>();
  readonly #stale = new Set<TestEntry>();
  /** Of sieve: the entry at which the hand stands, by share. */
  readonly #hands = new Map<boolean, TestEntry>();
  hits = 0;
  misses = 0;
  stored = 0;
  readonly evictions: Record<EvictionCause, number> = { size: 0, expired: 0, purged: 0, stale: 0 };

  constructor(cacheBytes: number, policy: CachePolicy, ttl: CacheTtl) {
    this.#cacheBytes = cacheBytes;
    this.#policy = policy;
    this.#ttl = ttl;
  }

  get(name: string, nowMs: number, isCurrent: boolean): TestEntry | null {
    const entry = this.peek(name, nowMs);
    if (entry === null || !isCurrent) {
      this.misses += 1;
      if (entry === null) return null;
      this.#stale.add(entry);
      this.evictions.stale += 1;
      return null;
    }
    this.hits += 1;
    this.#visited.add(entry);
    if (this.#policy === 'lru') this.#entries = [...this.#entries.filter((other) => other !== entry), entry];
    return entry;
  }

  peek(name: string, nowMs: number): TestEntry | null {
    const entry = this.#entries.find((candidate) => candidate.name === name);
    if (entry === undefined || this.#stale.has(entry)) return null;
    if (nowMs < this.#endMs(entry)) return entry;
    this.#evict(entry, 'expired');
    return null;
  }

  put(entry: TestEntry): PutOutcome {
    const charged = chargedBytes(entry);
    const isAbsence = entry.kind === 'absence';
    const absencesBytes = Math.floor(this.#cacheBytes / 16);
    const shareBytes = isAbsence ? absencesBytes : this.#cacheBytes - absencesBytes;
    if (charged > shareBytes || charged > this.#cacheBytes / 8) return 'tooLarge';
    if (this.#endMs(entry) <= entry.storedAtMs) return 'expired';
    const replaced = this.#entries.find(({ name }) => name === entry.name);
    if (replaced !== undefined && replaced.index > entry.index) return 'superseded';
    if (replaced === undefined && entry.kind === 'list' && !this.#seen.has(entry.name)) {
      this.#seen.add(entry.name);
      return 'firstSight';
    }
    if (replaced !== undefined) this.#remove(replaced);
    while (sumOf(this.#share(isAbsence)) + charged > shareBytes) this.#evict(this.#victim(isAbsence), 'size');
    this.#entries.push(entry);
    if (replaced !== undefined) this.#visited.add(entry);
    this.stored += 1;
    return 'stored';
  }

  deleteWhere(isTaken: (entry: TestEntry) => boolean): number {
    const taken = this.#entries.filter(isTaken);
    for (const entry of taken) this.#evict(entry, 'purged');
    return taken.length;
  }

  get entries(): ReadonlySet<TestEntry> {
    return new Set(this.#entries);
  }

  statistics(): CacheStatistics {
    const byKind = (measure: (entries: readonly TestEntry[]) => number) =>
      Object.fromEntries(
        entryKinds.map((kind) => [kind, measure(this.#entries.filter((entry) => entry.kind === kind))]),
      ) as Record<EntryKind, number>;
    const { hits, misses, stored, evictions } = this;
    return { hits, misses, stored, evictions, bytes: byKind(sumOf), entries: byKind(({ length }) => length) };
  }

  #endMs({ kind, storedAtMs, expiresAtMs }: TestEntry): number {
    const ttlMs = kind === 'list' ? this.#ttl.searchMs : this.#ttl.infoMs;
    const ends = [expiresAtMs, ttlMs === null ? null : storedAtMs + ttlMs].filter((end) => end !== null);
    return Math.min(...ends);
  }

  #share(isAbsence: boolean): readonly TestEntry[] {
    return this.#entries.filter(({ kind }) => (kind === 'absence') === isAbsence);
  }

  #victim(isAbsence: boolean): TestEntry {
    const share = this.#share(isAbsence);
    const hand = this.#hands.get(isAbsence);
    let at = this.#policy === 'sieve' && hand !== undefined ? share.indexOf(hand) : 0;
    while (this.#policy === 'sieve' && this.#visited.delete(share[at] as TestEntry)) at = (at + 1) % share.length;
    const victim = share[at] as TestEntry;
    this.#hands.set(isAbsence, victim);
    return victim;
  }

  #evict(entry: TestEntry, cause: EvictionCause): void {
    if (!this.#stale.has(entry)) this.evictions[cause] += 1;
    this.#remove(entry);
  }

  #remove(entry: TestEntry): void {
    const isAbsence = entry.kind === 'absence';
    if (this.#hands.get(isAbsence) === entry) {
      const share = this.#share(isAbsence);
      const next = share[share.indexOf(entry) + 1];
      if (next === undefined) this.#hands.delete(isAbsence);
      else this.#hands.set(isAbsence, next);
    }
    this.#visited.delete(entry);
    this.#entries = this.#entries.filter((other) => other !== entry);
  }
}

function sumOf(entries: readonly TestEntry[]): number {
  return entries.reduce((sum, entry) => sum + chargedBytes(entry), 0);
}

function entriesOf(cache: Cache<string>): ReadonlySet<TestEntry> {
  const entries = new Set<TestEntry>();
  cache.deleteWhere((entry) => {
    entries.add(entry);
    return false;
  });
  return entries;
}

const cacheBytes = 64 * 1024;
const keys = Array.from({ length: 40 }, (_, number) => `a/${number}`);
const prefixes = Array.from({ length: 10 }, (_, number) => `a/${number}/`);

function randomEntry(random: SeededRandom, nowMs: number): TestEntry {
  const key = random.pick(keys);
  const given = {
    index: random.integer(1, 5),
    touches: [random.integer(1, 8), random.integer(1, 8)],
    storedAtMs: nowMs,
    expiresAtMs: random.chance(0.8) ? null : nowMs + random.integer(0, 100),
  };
  const drawn = random.next();
  if (drawn < 0.2) return listOf(random.pick(prefixes), { ...given, bytes: random.integer(0, 8000) });
  if (drawn < 0.5) return entryOf(key, { ...given, kind: 'absence', bytes: random.integer(0, 1000) });
  return entryOf(key, { ...given, bytes: random.integer(0, 8200) });
}

for (const policy of cachePolicies) {
  test(`under ${policy} contents, answers, bytes and counters are those of the model after every operation`, (t) => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const random = new SeededRandom(seed);
      const ttl = { infoMs: random.chance(0.5) ? 300 : null, searchMs: random.chance(0.5) ? 200 : null };
      const cache = new Cache<string>({ cacheBytes, policy, ttl });
      const model = new Model(cacheBytes, policy, ttl);
      let nowMs = 0;
      const both = <Result>(operation: (subject: Cache<string> | Model) => Result): boolean =>
        operation(cache) === operation(model);
      const step = (): boolean => {
        const drawn = random.next();
        const name = random.chance(0.8) ? keyName(random.pick(keys)) : listOf(random.pick(prefixes)).name;
        if (drawn < 0.45) {
          const entry = randomEntry(random, nowMs);
          return both((subject) => subject.put(entry));
        }
        if (drawn < 0.85) {
          const isCurrent = random.chance(0.9);
          return cache.get(name, nowMs, () => isCurrent) === model.get(name, nowMs, isCurrent);
        }
        if (drawn < 0.93) return both((subject) => subject.peek(name, nowMs));
        if (drawn < 0.97) {
          return cache.delete(name) === (model.deleteWhere((entry) => entry.name === name) === 1);
        }
        if (drawn < 0.99) {
          const touch = random.integer(1, 8);
          return (
            cache.purge({ type: 'touches', touches: [touch] }) ===
            model.deleteWhere((entry) => entry.touches.includes(touch))
          );
        }
        return cache.purge({ type: 'all' }) === model.deleteWhere(() => true);
      };
      for (let steps = 0; steps < 500; steps += 1) {
        nowMs += random.integer(0, 5);
        if (!step()) return t.fail(`seed ${seed}, step ${steps}: another answer`);
        t.deepEqual(cache.statistics(), model.statistics(), `seed ${seed}, step ${steps}`);
        if (entriesOf(cache).symmetricDifference(model.entries).size !== 0) {
          return t.fail(`seed ${seed}, step ${steps}: other entries`);
        }
      }
    }
  });
}

test('no sequence of operations takes more than the shares allow, or leaves a byte behind', (t) => {
  for (let seed = 1; seed <= 20; seed += 1) {
    const random = new SeededRandom(seed);
    const cache = new Cache<string>({ cacheBytes, policy: random.pick(cachePolicies) });
    for (let steps = 0; steps < 1000; steps += 1) {
      const entry = randomEntry(random, 0);
      cache.put(random.chance(0.1) ? sized(entry, random.pick([1024, 4096, 8192])) : entry);
      const { bytes } = cache.statistics();
      if (bytes.absence > cacheBytes / 16 || bytes.value + bytes.list > (cacheBytes / 16) * 15) {
        return t.fail(`seed ${seed}, step ${steps}: ${JSON.stringify(bytes)}`);
      }
    }
    t.true(cache.purge({ type: 'all' }) > 0);
    const { bytes, entries } = cache.statistics();
    t.deepEqual(
      [bytes, entries],
      [
        { value: 0, absence: 0, list: 0, document: 0, search: 0 },
        { value: 0, absence: 0, list: 0, document: 0, search: 0 },
      ],
    );
  }
});
