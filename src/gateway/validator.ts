/**
 * Proves that the floors know of every write that was acknowledged before the proof was asked for: a read index of the
 * leader, and a published position that has come to it. Those who ask in one turn of the loop share one proof.
 */
import type { ProofOutcome } from '../metrics.ts';
import type { Clock } from '../system-clock.ts';

export interface ValidatorOptions {
  readonly clock: Clock;
  /** Batched; null if no leader confirmed one in time. */
  readonly readIndex: (timeoutMs: number) => Promise<number | null>;
  /** Up to here every touch of a published entry is in the floors. */
  readonly published: () => number;
  /** The position did not come to a read index in time: the stream may be stuck. */
  readonly onBehind: () => void;
  /** Told of every proof; must not throw. */
  readonly onProof: (outcome: ProofOutcome, ms: number) => void;
}

interface Wait {
  readonly promise: Promise<boolean>;
  readonly settle: (reached: boolean) => void;
}

/** A leader that has not said by then is asked nothing more: a fetch may find another replica. */
const readIndexMs = 250;
/** For the stream, which is some messages behind the answer at most. */
const positionMs = 50;
/** A proof takes no longer. */
export const validationMsMax = readIndexMs + positionMs;

export class Validator {
  readonly #options: ValidatorOptions;
  /** Of those who have asked in this turn. */
  #next: Promise<number | null> | null = null;
  /** By the index that is waited for. */
  readonly #waiting = new Map<number, Wait>();

  constructor(options: ValidatorOptions) {
    this.#options = options;
  }

  /**
   * The index up to which the floors are known to be complete, at or above every write that was acknowledged before the
   * call; null if it could not be proven in time.
   */
  validate(): Promise<number | null> {
    this.#next ??= this.#begin();
    return this.#next;
  }

  /** To be called when the published position has risen. */
  advanced(published: number): void {
    for (const [index, { settle }] of this.#waiting) if (index <= published) settle(true);
  }

  #begin(): Promise<number | null> {
    return new Promise((resolve) => {
      this.#options.clock.defer(() => {
        // Whoever asks from now on may have seen a write that the question below has not.
        this.#next = null;
        resolve(this.#prove());
      });
    });
  }

  async #prove(): Promise<number | null> {
    const { clock, readIndex, published, onBehind, onProof } = this.#options;
    const beganAt = clock.now();
    const ended = (outcome: ProofOutcome) => onProof(outcome, clock.now() - beganAt);
    const index = await readIndex(readIndexMs);
    if (index === null) {
      ended('noLeader');
      return null;
    }
    if (index <= published() || (await this.#reached(index))) {
      ended('proven');
      return index;
    }
    ended('behind');
    onBehind();
    return null;
  }

  #reached(index: number): Promise<boolean> {
    const known = this.#waiting.get(index);
    if (known !== undefined) return known.promise;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const settle = (reached: boolean) => {
      this.#waiting.delete(index);
      timer.cancel();
      resolve(reached);
    };
    const timer = this.#options.clock.setTimer(positionMs, () => settle(false));
    this.#waiting.set(index, { promise, settle });
    return promise;
  }
}
