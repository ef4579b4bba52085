/**
 * Which entry goes when there is no room. A policy knows nothing of bytes or names: it is told what came, was used and
 * went, and asked who is next.
 */
import { Queue, type Queued } from './queue.ts';

export const cachePolicies = ['sieve', 'lru', 'ttl'] as const;
export type CachePolicy = (typeof cachePolicies)[number];

export interface Evictable<Item> extends Queued<Item> {
  /** Used since it came, or since the policy last passed it by; false at first. */
  visited: boolean;
}

/** No call but `hottest` allocates. An item is `added` or `addedAsColdest` once, and `removed` once when it goes, whoever decided that. */
export interface EvictionPolicy<Item> {
  added(item: Item): void;
  /** It is to go before those that are there. */
  addedAsColdest(item: Item): void;
  used(item: Item): void;
  removed(item: Item): void;
  /** Who is to go next; it stays until it is `removed`. Null if there is nobody. */
  next(): Item | null;
  /** In the order in which they are worth keeping. Nothing may change meanwhile. */
  hottest(): Iterable<Item>;
}

export function createPolicy<Item extends Evictable<Item>>(policy: CachePolicy): EvictionPolicy<Item> {
  switch (policy) {
    case 'sieve':
      return new SievePolicy();
    case 'lru':
      return new LruPolicy();
    case 'ttl':
      return new TtlPolicy();
  }
}

/** Of SIEVE's hand, in search of one: some microseconds. */
const handStepsMax = 1024;

/**
 * SIEVE (Zhang et al., NSDI 2024): a hand walks from the oldest to the newest; who was used since it last came by stays
 * where it is, the first who was not goes. A use sets one bit; a step of the hand takes one back, so that an eviction
 * has a constant cost on average. Where all were used, the hand would walk past all of them in one turn: it stops
 * earlier, and takes whom it has come to.
 */
class SievePolicy<Item extends Evictable<Item>> implements EvictionPolicy<Item> {
  readonly #queue = new Queue<Item>();
  /** Where the hand stands; null: at the oldest. */
  #hand: Item | null = null;

  added(item: Item): void {
    this.#queue.join(item);
  }

  addedAsColdest(item: Item): void {
    this.#queue.joinAsOldest(item);
  }

  used(item: Item): void {
    item.visited = true;
  }

  removed(item: Item): void {
    if (this.#hand === item) this.#hand = item.newer;
    this.#queue.leave(item);
  }

  next(): Item | null {
    let item = this.#hand ?? this.#queue.oldest;
    for (let steps = 0; item?.visited && steps < handStepsMax; steps += 1) {
      item.visited = false;
      item = item.newer ?? this.#queue.oldest;
    }
    this.#hand = item;
    return item;
  }

  *hottest(): Iterable<Item> {
    for (const item of this.#queue.newestFirst()) if (item.visited) yield item;
    for (const item of this.#queue.newestFirst()) if (!item.visited) yield item;
  }
}

/** Who was not used for longest. */
class LruPolicy<Item extends Evictable<Item>> implements EvictionPolicy<Item> {
  readonly #queue = new Queue<Item>();

  added(item: Item): void {
    this.#queue.join(item);
  }

  addedAsColdest(item: Item): void {
    this.#queue.joinAsOldest(item);
  }

  used(item: Item): void {
    this.#queue.leave(item);
    this.#queue.join(item);
  }

  removed(item: Item): void {
    this.#queue.leave(item);
  }

  next(): Item | null {
    return this.#queue.oldest;
  }

  hottest(): Iterable<Item> {
    return this.#queue.newestFirst();
  }
}

/** Who was stored first, used or not. */
class TtlPolicy<Item extends Evictable<Item>> implements EvictionPolicy<Item> {
  readonly #queue = new Queue<Item>();

  added(item: Item): void {
    this.#queue.join(item);
  }

  addedAsColdest(item: Item): void {
    this.#queue.joinAsOldest(item);
  }

  used(): void {}

  removed(item: Item): void {
    this.#queue.leave(item);
  }

  next(): Item | null {
    return this.#queue.oldest;
  }

  hottest(): Iterable<Item> {
    return this.#queue.newestFirst();
  }
}
