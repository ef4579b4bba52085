/** Ranks drawn by Zipf's law: the rank r, from 1 on, is drawn in proportion to 1 / r to the power of the exponent. */
export class Zipf {
  /** Of the draws, that fall on the rank or on one before it. */
  readonly #shares: Float64Array;

  constructor(ranks: number, exponent: number) {
    let sum = 0;
    const sums = Float64Array.from({ length: ranks }, (_, position) => {
      sum += 1 / (position + 1) ** exponent;
      return sum;
    });
    this.#shares = sums.map((upTo) => upTo / sum);
  }

  /** Of the draws, that fall on one of the first ranks. */
  shareOfFirst(ranks: number): number {
    return this.#shares[ranks - 1] ?? 1;
  }

  /** From 1 on; `at` is from 0 to 1, 1 excluded, and drawn evenly. */
  draw(at: number): number {
    let low = 0;
    let high = this.#shares.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#shares[middle] ?? 1) > at) high = middle;
      else low = middle + 1;
    }
    return low + 1;
  }
}
