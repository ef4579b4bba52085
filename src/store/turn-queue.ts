/** What waits for its turn, in order. What is given up meanwhile is forgotten, half of the queue at a time. */
export class TurnQueue<Item> {
  readonly #isWanted: (item: Item) => boolean;
  #items: Item[] = [];
  /** Of `#items`, how many are not wanted any more. */
  #unwanted = 0;

  constructor(isWanted: (item: Item) => boolean) {
    this.#isWanted = isWanted;
  }

  /** Of those that are wanted. */
  get length(): number {
    return this.#items.length - this.#unwanted;
  }

  push(item: Item): void {
    this.#items.push(item);
  }

  /** To be called once for each item here that is not wanted any more. */
  gaveUp(): void {
    this.#unwanted += 1;
    if (2 * this.#unwanted <= this.#items.length) return;
    this.#items = this.#items.filter(this.#isWanted);
    this.#unwanted = 0;
  }

  /** The first ones that are wanted, `countMax` at most. */
  take(countMax: number): readonly Item[] {
    const taken: Item[] = [];
    let end = 0;
    for (; end < this.#items.length && taken.length < countMax; end++) {
      const item = this.#items[end] as Item;
      if (this.#isWanted(item)) taken.push(item);
      else this.#unwanted -= 1;
    }
    this.#items.splice(0, end);
    return taken;
  }
}
