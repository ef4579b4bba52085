/**
 * Answers in memory, bounded in bytes. Pure and synchronous: it holds entries, and neither knows nor decides whether
 * they are still true; its caller does, at every hit.
 */
import { Doorkeeper } from './doorkeeper.ts';
import { chargedBytes, type Entry, type EntryKind, entryKinds } from './entry.ts';
import { type CachePolicy, createPolicy, type Evictable, type EvictionPolicy } from './policy.ts';
import { type Purge, takenBy } from './purge.ts';
import type { CacheStatistics, EvictionCause } from './statistics.ts';
import { ageUnbounded, type CacheTtl, ttlMsOf } from './ttl.ts';

export interface CacheOptions {
  /** For everything that entries keep in memory; at 0 nothing is stored. The cache's own fixed memory, some 64 KiB, comes on top. */
  readonly cacheBytes: number;
  readonly policy?: CachePolicy;
  readonly ttl?: CacheTtl;
}

/**
 * What became of an entry: `firstSight`: a page that nobody asked for lately; `superseded`: a later one is there; `full`:
 * it would have to take the place of others.
 */
export type PutOutcome = 'stored' | 'tooLarge' | 'firstSight' | 'superseded' | 'expired' | 'full';

/** An entry in its place. */
interface Slot<Prepared> extends Evictable<Slot<Prepared>> {
  readonly entry: Entry<Prepared>;
  readonly bytes: number;
  /** Infinity if age does not end it. */
  readonly expiresAtMs: number;
  /**
   * Found to be true no longer, and never served again. It keeps its place until the next answer takes it: whoever found
   * out is fetching one, and what is written often would otherwise always be the newcomer that goes first.
   */
  isStale: boolean;
}

/** A part of the bytes that is filled and emptied by itself. */
interface Compartment<Prepared> {
  readonly bytesMax: number;
  readonly entryBytesMax: number;
  readonly policy: EvictionPolicy<Slot<Prepared>>;
  /** Invariant: at most bytesMax, and the sum over its slots. */
  bytes: number;
}

/** Of the cache's bytes: for absences, so that no storm of 404s evicts a value. */
const absencesShare = 1 / 16;
/** Of the cache's bytes: one entry may take no more, or a few would evict all others. */
const entryShare = 1 / 8;
/** Pages seen once that are remembered, at least. */
const pagesRemembered = 16_384;

export class Cache<Prepared> {
  readonly #ttl: CacheTtl;
  readonly #copyOf: (answer: Prepared) => Prepared;
  /** Invariant: exactly the slots of both compartments, by the names of their entries. */
  readonly #slots = new Map<string, Slot<Prepared>>();
  readonly #absences: Compartment<Prepared>;
  readonly #others: Compartment<Prepared>;
  readonly #doorkeeper = new Doorkeeper(pagesRemembered);
  #hits = 0;
  #misses = 0;
  #stored = 0;
  readonly #evictions: Record<EvictionCause, number> = { size: 0, expired: 0, purged: 0, stale: 0 };
  readonly #bytes: Record<EntryKind, number> = zeros();
  readonly #entries: Record<EntryKind, number> = zeros();

  /** `copyOf` takes what is kept, and nothing else, into memory of its own. */
  constructor(
    { cacheBytes, policy = 'sieve', ttl = ageUnbounded }: CacheOptions,
    copyOf: (answer: Prepared) => Prepared = (answer) => answer,
  ) {
    this.#ttl = ttl;
    this.#copyOf = copyOf;
    const compartment = (bytesMax: number): Compartment<Prepared> => ({
      bytesMax,
      entryBytesMax: Math.min(bytesMax, Math.floor(cacheBytes * entryShare)),
      policy: createPolicy(policy),
      bytes: 0,
    });
    const absencesBytes = Math.floor(cacheBytes * absencesShare);
    this.#absences = compartment(absencesBytes);
    this.#others = compartment(cacheBytes - absencesBytes);
  }

  /**
   * The entry, if there is one, it is not too old, and `isCurrent` says that it is still true. What is refused once is
   * refused for ever: what was true and is not will not be again.
   */
  get(name: string, nowMs: number, isCurrent: (entry: Entry<Prepared>) => boolean): Entry<Prepared> | null {
    const slot = this.#liveSlot(name, nowMs);
    if (slot !== null && isCurrent(slot.entry)) {
      this.#hits += 1;
      this.#compartmentOf(slot.entry).policy.used(slot);
      return slot.entry;
    }
    if (slot !== null) {
      slot.isStale = true;
      this.#evictions.stale += 1;
    }
    this.#misses += 1;
    return null;
  }

  /** To see whether a hit is worth asking about: counts as neither hit nor miss, nor as use. */
  peek(name: string, nowMs: number): Entry<Prepared> | null {
    return this.#liveSlot(name, nowMs)?.entry ?? null;
  }

  /**
   * In place of what has its name, if that was not read at a higher index. What is stored at second sight, as lists are, is
   * one of many that are read once.
   */
  put(entry: Entry<Prepared>, atSecondSight: boolean = entry.kind === 'list'): PutOutcome {
    const compartment = this.#compartmentOf(entry);
    const bytes = chargedBytes(entry);
    if (bytes > compartment.entryBytesMax) return 'tooLarge';
    const expiresAtMs = this.#expiresAtMs(entry);
    if (expiresAtMs <= entry.storedAtMs) return 'expired';
    const replaced = this.#slots.get(entry.name);
    if (replaced !== undefined) {
      if (replaced.entry.index > entry.index) return 'superseded';
      this.#remove(replaced);
    } else if (atSecondSight && !this.#doorkeeper.knows(entry.name)) {
      return 'firstSight';
    }
    this.#makeRoom(compartment, bytes);
    const slot = this.#slotOf(entry, bytes, expiresAtMs);
    compartment.policy.added(slot);
    this.#count(compartment, slot);
    // It was wanted again, though what was there could not be served.
    if (replaced !== undefined) compartment.policy.used(slot);
    return 'stored';
  }

  /**
   * What was hot in an earlier run: it is the first to go, and takes nobody's place. Lists need not come twice, since they
   * have done so then.
   */
  recall(entry: Entry<Prepared>): PutOutcome {
    if (this.#slots.has(entry.name)) return 'superseded';
    const compartment = this.#compartmentOf(entry);
    const bytes = chargedBytes(entry);
    if (compartment.bytes + bytes > compartment.bytesMax) return 'full';
    if (bytes > compartment.entryBytesMax) return 'tooLarge';
    const expiresAtMs = this.#expiresAtMs(entry);
    if (expiresAtMs <= entry.storedAtMs) return 'expired';
    const slot = this.#slotOf(entry, bytes, expiresAtMs);
    compartment.policy.addedAsColdest(slot);
    this.#count(compartment, slot);
    return 'stored';
  }

  /** The names of what is worth keeping, absences after all others. Nothing may change while they are walked through. */
  *hottest(): Iterable<string> {
    for (const { policy } of [this.#others, this.#absences]) {
      for (const { entry } of policy.hottest()) yield entry.name;
    }
  }

  /** Whether there was one, stale or not. */
  delete(name: string): boolean {
    const slot = this.#slots.get(name);
    if (slot === undefined) return false;
    this.#evict(slot, 'purged');
    return true;
  }

  /** Looks at every entry, stale ones too, in one turn; answers how many went. */
  deleteWhere(isTaken: (entry: Entry<Prepared>) => boolean): number {
    const before = this.#slots.size;
    for (const slot of this.#slots.values()) {
      if (isTaken(slot.entry)) this.#evict(slot, 'purged');
    }
    return before - this.#slots.size;
  }

  /** As deleteWhere. */
  purge(purge: Purge): number {
    return this.deleteWhere(takenBy(purge));
  }

  statistics(): CacheStatistics {
    return {
      hits: this.#hits,
      misses: this.#misses,
      stored: this.#stored,
      evictions: { ...this.#evictions },
      bytes: { ...this.#bytes },
      entries: { ...this.#entries },
    };
  }

  #slotOf(entry: Entry<Prepared>, bytes: number, expiresAtMs: number): Slot<Prepared> {
    const answer = this.#copyOf(entry.answer);
    const kept = answer === entry.answer ? entry : { ...entry, answer };
    return { entry: kept, bytes, expiresAtMs, isStale: false, newer: null, older: null, visited: false };
  }

  #liveSlot(name: string, nowMs: number): Slot<Prepared> | null {
    const slot = this.#slots.get(name);
    if (slot === undefined || slot.isStale) return null;
    if (nowMs < slot.expiresAtMs) return slot;
    this.#evict(slot, 'expired');
    return null;
  }

  #expiresAtMs({ kind, storedAtMs, expiresAtMs }: Entry<Prepared>): number {
    const ttlMs = ttlMsOf(this.#ttl, kind);
    return Math.min(
      expiresAtMs ?? Number.POSITIVE_INFINITY,
      ttlMs === null ? Number.POSITIVE_INFINITY : storedAtMs + ttlMs,
    );
  }

  #compartmentOf({ kind }: Entry<Prepared>): Compartment<Prepared> {
    return kind === 'absence' ? this.#absences : this.#others;
  }

  #makeRoom(compartment: Compartment<Prepared>, bytes: number): void {
    while (compartment.bytes + bytes > compartment.bytesMax) {
      const slot = compartment.policy.next();
      if (slot === null) return;
      this.#evict(slot, 'size');
    }
  }

  #evict(slot: Slot<Prepared>, cause: Exclude<EvictionCause, 'stale'>): void {
    // A stale one was counted when it was found out.
    if (!slot.isStale) this.#evictions[cause] += 1;
    this.#remove(slot);
  }

  #count(compartment: Compartment<Prepared>, slot: Slot<Prepared>): void {
    const { name, kind } = slot.entry;
    this.#slots.set(name, slot);
    compartment.bytes += slot.bytes;
    this.#bytes[kind] += slot.bytes;
    this.#entries[kind] += 1;
    this.#stored += 1;
  }

  #remove(slot: Slot<Prepared>): void {
    const { name, kind } = slot.entry;
    const compartment = this.#compartmentOf(slot.entry);
    this.#slots.delete(name);
    compartment.policy.removed(slot);
    compartment.bytes -= slot.bytes;
    this.#bytes[kind] -= slot.bytes;
    this.#entries[kind] -= 1;
  }
}

function zeros(): Record<EntryKind, number> {
  return Object.fromEntries(entryKinds.map((kind) => [kind, 0])) as Record<EntryKind, number>;
}
