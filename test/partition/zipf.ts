/** Zipf's law: of many things, the nth most wanted is drawn with a chance proportional to 1 / n ** exponent. */
import type { SeededRandom } from '../sim/random.ts';

export class Zipf {
  /** The chance of one of the ranks up to this one. */
  readonly #shares: Float64Array;

  /** At least one thing. */
  constructor(count: number, exponent: number) {
    const shares = new Float64Array(count);
    let sum = 0;
    for (let rank = 0; rank < count; rank += 1) {
      sum += 1 / (rank + 1) ** exponent;
      shares[rank] = sum;
    }
    this.#shares = shares.map((share) => share / sum);
  }

  /** A rank from 0, the most wanted, to `count - 1`. */
  draw(random: SeededRandom): number {
    const at = random.next();
    let low = 0;
    let high = this.#shares.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#shares[middle] as number) <= at) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
