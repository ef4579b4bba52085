/**
 * The highest log index that touched each name, in fixed memory: names whose hashes end alike share a floor. What was
 * read below a floor of its own may be older than a write, and is neither stored nor served. Floors only rise.
 */
import type { Touch } from '../store/client.ts';

/**
 * A power of two: two megabytes. Writes to other keys end answers that are still right, by chance: at 20,000 a second one
 * in fourteen each second.
 */
const slots = 262_144;
const mask = slots - 1;

export class Floors {
  readonly #floors = new Float64Array(slots);
  /** Stands below everything. */
  #base = 0;

  raise(touch: Touch, index: number): void {
    const slot = touch & mask;
    this.#floors[slot] = Math.max(this.#floors[slot] ?? 0, index);
  }

  /** Nothing read below `index` passes any more. */
  raiseBase(index: number): void {
    this.#base = Math.max(this.#base, index);
  }

  /** Whether none of `touches` is known to have been touched after `index`. */
  admits(index: number, touches: readonly Touch[]): boolean {
    if (index < this.#base) return false;
    for (const touch of touches) if (index < (this.#floors[touch & mask] ?? 0)) return false;
    return true;
  }
}
