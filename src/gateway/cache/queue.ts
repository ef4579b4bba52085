/** What a queue keeps in its items themselves, so that moving one makes no garbage. An item is in one queue at most. */
export interface Queued<Item> {
  newer: Item | null;
  older: Item | null;
}

/** By the time of joining. Every operation takes the same few steps, however long the queue. */
export class Queue<Item extends Queued<Item>> {
  #newest: Item | null = null;
  #oldest: Item | null = null;

  get oldest(): Item | null {
    return this.#oldest;
  }

  /** While it is walked through, nobody may join or leave. */
  *newestFirst(): Iterable<Item> {
    for (let item = this.#newest; item !== null; item = item.older) yield item;
  }

  join(item: Item): void {
    item.older = this.#newest;
    item.newer = null;
    if (this.#newest === null) this.#oldest = item;
    else this.#newest.newer = item;
    this.#newest = item;
  }

  /** As if it had come before all others. */
  joinAsOldest(item: Item): void {
    item.newer = this.#oldest;
    item.older = null;
    if (this.#oldest === null) this.#newest = item;
    else this.#oldest.older = item;
    this.#oldest = item;
  }

  /** The item must be in this queue. */
  leave(item: Item): void {
    if (item.newer === null) this.#newest = item.older;
    else item.newer.older = item.older;
    if (item.older === null) this.#oldest = item.newer;
    else item.older.newer = item.newer;
    // What has left keeps no other alive.
    item.newer = null;
    item.older = null;
  }
}
