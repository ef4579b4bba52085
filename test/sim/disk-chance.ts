/** What a disk leaves to chance: each decision is noted in the trace and as a path that was reached. */
import type { Probes } from './probes.ts';
import type { SeededRandom } from './random.ts';
import type { Trace } from './trace.ts';

export class DiskChance {
  readonly random: SeededRandom;
  readonly #trace: Trace;
  readonly #probes: Probes;

  constructor(random: SeededRandom, trace: Trace, probes: Probes) {
    this.random = random;
    this.#trace = trace;
    this.#probes = probes;
  }

  /** One of these, each as likely. */
  outcome<Name extends string>(what: string, names: readonly Name[]): Name {
    const name = this.pick(names);
    this.reached(`${what}: ${name}`);
    return name;
  }

  pick<T>(items: readonly T[]): T {
    const item = this.random.pick(items);
    this.#trace.mix(items.indexOf(item));
    return item;
  }

  /** From `from` to `to`, both included. */
  integer(from: number, to: number): number {
    const number = this.random.integer(from, to);
    this.#trace.mix(number);
    return number;
  }

  reached(what: string): void {
    this.#probes.sometimes(`disk: ${what}`);
  }
}
