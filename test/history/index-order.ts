/** Real time against the order of the log: what was over before something began lies at no higher index. */
import { describe } from './describe.ts';
import type { Timed } from './real-time.ts';

/** An operation whose place in the log is known: a write's entry, or the one that a read was evaluated after. */
export interface Placed {
  readonly timed: Timed;
  readonly index: number;
  readonly isWrite: boolean;
}

export class IndexOrder {
  readonly #placed: readonly Placed[];
  /** By place in the order of invocation: of all that was over before it, what lies highest. */
  readonly #highestBefore: readonly (Placed | null)[];
  /** By the same: the highest index for what was over before everything from there on. */
  readonly #indexMaxBefore: readonly number[];

  /** `count`: how many operations there are, placed or not. */
  constructor(placed: readonly Placed[], count: number) {
    this.#placed = placed;
    this.#highestBefore = highestBefore(placed, count);
    this.#indexMaxBefore = indexMaxBefore(placed, count);
  }

  /** A write of this operation's lies above this index. */
  indexAbove({ invoked }: Timed): number {
    return this.#highestBefore[invoked / 2]?.index ?? 0;
  }

  /** A write of this operation's lies at no higher index. */
  indexMax({ returned }: Timed): number {
    return this.#indexMaxBefore[(returned + 1) / 2] ?? Number.POSITIVE_INFINITY;
  }

  /** What does not agree with real time. */
  problems(): readonly string[] {
    return this.#placed.flatMap(({ timed, index, isWrite }) => {
      const before = this.#highestBefore[timed.invoked / 2] ?? null;
      if (before === null || before.index < index || (before.index === index && !isWrite)) return [];
      const earlier = describe(before.timed.operation);
      const later = describe(timed.operation);
      return [`at index ${index}, but index ${before.index} was over before it began:\n  ${earlier}\n  ${later}`];
    });
  }
}

function highestBefore(placed: readonly Placed[], count: number): readonly (Placed | null)[] {
  const highest: (Placed | null)[] = new Array(count + 1).fill(null);
  const higher = (a: Placed | null, b: Placed | null) => ((a?.index ?? 0) >= (b?.index ?? 0) ? a : b);
  for (const one of placed) {
    if (one.timed.returned === Number.POSITIVE_INFINITY) continue;
    const after = (one.timed.returned + 1) / 2;
    highest[after] = higher(highest[after] ?? null, one);
  }
  for (let place = 1; place <= count; place++) {
    highest[place] = higher(highest[place] ?? null, highest[place - 1] ?? null);
  }
  return highest;
}

function indexMaxBefore(placed: readonly Placed[], count: number): readonly number[] {
  const max: number[] = new Array(count + 1).fill(Number.POSITIVE_INFINITY);
  for (const { timed, index } of placed) max[timed.invoked / 2] = index;
  for (let place = count - 1; place >= 0; place--) {
    max[place] = Math.min(max[place] as number, max[place + 1] as number);
  }
  return max;
}
