/**
 * Fetches what was hot before the gateway was started anew. Requests go first: it takes only room and time that nobody
 * else wants.
 */
import type { Clock } from '../../system-clock.ts';
import type { Question } from './hot-list.ts';
import { pause } from './pause.ts';

/** `skipped`: it came by itself meanwhile, or could not be fetched, or may not be kept. */
export type Warmed = 'warmed' | 'skipped' | 'full';

/** The answers that a gateway keeps. */
export interface KeptAnswers {
  /** What they answer, hottest first. */
  hottest(): Iterable<Question>;
  /** Fetches an answer to keep it, in room that is free. */
  warm(question: Question, timeoutMs: number): Promise<Warmed>;
  /** Fetches that requests wait for at this moment. */
  readonly fetching: number;
  /** Whether what is fetched now may be kept: somebody leads, and says what changes. */
  readonly canKeep: boolean;
}

/** They only grow. */
export interface WarmUpCounts {
  readonly warmed: number;
  readonly skipped: number;
}

export type WarmUpEnd = 'complete' | 'full' | 'outOfTime' | 'stopped';

export interface WarmerOptions {
  readonly kept: KeptAnswers;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** From time to time, with how many questions are left. */
  readonly onProgress: (left: number) => void;
}

const lanes = 8;
const totalMsMax = 30_000;
const fetchMsMax = 5000;
/** How often a lane looks whether requests still wait for replicas. */
const pauseMs = 20;
/** For so long; then it goes on with one fetch, or a busy gateway would never be warm. With all lanes 80 in a second. */
const pausedMsMax = 100;
const progressMs = 5000;

export class Warmer {
  readonly #options: WarmerOptions;
  readonly #counts = { warmed: 0, skipped: 0 };
  #end: WarmUpEnd | null = null;

  constructor(options: WarmerOptions) {
    this.#options = options;
  }

  get counts(): WarmUpCounts {
    return { ...this.#counts };
  }

  /** In this order, more or less. When the signal is given, it does not wait for what is under way. To be called once. */
  async warm(questions: readonly Question[]): Promise<WarmUpEnd> {
    const { clock, signal, onProgress } = this.#options;
    const deadlineAt = clock.now() + totalMsMax;
    let next = 0;
    let toldAt = clock.now();

    const lane = async (): Promise<void> => {
      while (await this.#turn(deadlineAt)) {
        const question = questions[next];
        if (question === undefined) return;
        next += 1;
        await this.#fetch(question, deadlineAt);
        if (clock.now() - toldAt < progressMs) continue;
        toldAt = clock.now();
        onProgress(questions.length - next);
      }
    };
    const { promise: stopped, resolve: stop } = Promise.withResolvers<void>();
    signal.addEventListener('abort', () => stop(), { once: true });
    if (signal.aborted) stop();
    await Promise.race([stopped, Promise.all(Array.from({ length: lanes }, lane))]);
    return signal.aborted ? 'stopped' : (this.#end ?? 'complete');
  }

  /** Waits for a lane's turn; false when it is over. */
  async #turn(deadlineAt: number): Promise<boolean> {
    const { kept, clock, signal } = this.#options;
    const since = clock.now();
    for (;;) {
      if (signal.aborted || this.#end !== null) return false;
      if (clock.now() >= deadlineAt) {
        this.#end = 'outOfTime';
        return false;
      }
      const isFree = kept.fetching === 0 || clock.now() - since >= pausedMsMax;
      if (kept.canKeep && isFree) return true;
      await pause(clock, pauseMs, signal);
    }
  }

  async #fetch(question: Question, deadlineAt: number): Promise<void> {
    const { kept, clock } = this.#options;
    const outcome = await kept.warm(question, Math.min(fetchMsMax, deadlineAt - clock.now()));
    if (outcome === 'warmed') this.#counts.warmed += 1;
    else this.#counts.skipped += 1;
    if (outcome === 'full') this.#end ??= 'full';
  }
}
