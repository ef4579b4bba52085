/** Fetches under way whose answers are to be kept, so that a purge takes them before they are there. */
import type { Entry } from './cache/entry.ts';

export type Fill = Pick<Entry<unknown>, 'name' | 'kind' | 'touches'>;

/** Holds no more than there are reads under way. */
export class Fills {
  readonly #underWay = new Set<Fill>();

  get size(): number {
    return this.#underWay.size;
  }

  begin(fill: Fill): void {
    this.#underWay.add(fill);
  }

  /** Whether the answer may be kept. */
  end(fill: Fill): boolean {
    return this.#underWay.delete(fill);
  }

  /** The answers of these were read before now, whenever they come: none may be kept. */
  take(isTaken: (fill: Fill) => boolean): readonly Fill[] {
    const taken = [...this.#underWay].filter(isTaken);
    for (const fill of taken) this.#underWay.delete(fill);
    return taken;
  }
}
