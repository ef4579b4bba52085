/** The lives of one data directory, one after the other, each judged by the oracle. */
import type { SeededRandom } from '../random.ts';
import { streamOf } from '../random.ts';
import { type Ending, runLife } from './life.ts';
import { type Damaged, Oracle, type Truth } from './oracle.ts';
import type { LifeLine, LifeOrders } from './protocol.ts';
import { SessionMemory } from './session-memory.ts';

export interface LivesOptions {
  readonly directory: string;
  readonly seed: number;
  readonly compileCache: string;
  readonly valueBytesMax: number;
  /** Words before every command line. */
  readonly prefix?: readonly string[];
}

const microsecondsMax = 2000;
/** A start takes about this long from its first look at the directory on, and this long for its first batch. */
const startMicroseconds = { opening: 40_000, judged: 2000 } as const;
const seedMax = 2 ** 31 - 1;

export class Lives {
  readonly oracle = new Oracle();
  readonly random: SeededRandom;
  readonly #options: LivesOptions;
  readonly #memory = new SessionMemory();

  constructor(options: LivesOptions) {
    this.#options = options;
    this.random = streamOf(options.seed, 'lives');
  }

  /** Until it is killed, or told to close, after so many answers at most. */
  work(type: 'killedWorking' | 'closed', answersMax: number, damaged: Damaged | null): Promise<readonly LifeLine[]> {
    const answers = this.random.integer(1, answersMax);
    const microseconds = this.random.integer(0, microsecondsMax);
    return this.#live({ type, answers, microseconds }, { works: true }, damaged);
  }

  /** Until it cannot go on. */
  workUntilFailed(): Promise<readonly LifeLine[]> {
    return this.#live({ type: 'byItself' }, { works: true }, null);
  }

  /** Killed while it starts, or soon after; then perhaps again. */
  async cutShort(damaged: Damaged | null): Promise<readonly LifeLine[]> {
    const { random } = this;
    const lines: LifeLine[] = [];
    do {
      const after = random.pick(['opening', 'judged'] as const);
      const microseconds = random.integer(0, startMicroseconds[after]);
      lines.push(...(await this.#live({ type: 'killedStarting', after, microseconds }, { works: false }, damaged)));
    } while (random.chance(0.5));
    return lines;
  }

  /** It tells what it found, and closes. */
  report(damaged: Damaged | null): Promise<readonly LifeLine[]> {
    return this.#live({ type: 'byItself' }, { works: false }, damaged);
  }

  /** What a copy of the directory shows; the directory itself has no life by it. */
  async lookAt(copy: string): Promise<Truth> {
    return this.oracle.check(await this.#run({ type: 'byItself' }, { directory: copy, works: false }));
  }

  async #live(
    ending: Ending,
    orders: Pick<LifeOrders, 'works'>,
    damaged: Damaged | null,
  ): Promise<readonly LifeLine[]> {
    // A client that gives up: what it has not heard of may have been done, and nobody asks again.
    if (this.random.chance(0.15)) this.#memory.forget();
    const lines = await this.#run(ending, { ...orders, directory: this.#options.directory });
    this.#memory.follow(lines);
    this.oracle.live(lines, damaged);
    return lines;
  }

  #run(ending: Ending, orders: Pick<LifeOrders, 'works' | 'directory'>): Promise<readonly LifeLine[]> {
    const { compileCache, prefix = [], valueBytesMax } = this.#options;
    const seed = this.random.integer(0, seedMax);
    const { session } = this.#memory;
    return runLife({ orders: { ...orders, seed, valueBytesMax, session }, ending, prefix, compileCache });
  }
}
