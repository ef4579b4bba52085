/** Reads of a gateway that found no replica to ask, or failed at one, until they are assigned anew. */
import type { Clock, Timer } from '../raft/interfaces.ts';
import { RetryBudget } from './retry-budget.ts';

export interface Retriable {
  /** It failed at a replica: to be sent again it needs a place in the budget. */
  owesRetry: boolean;
}

export interface ReadRetriesOptions<Read> {
  readonly clock: Clock;
  /** Whether it still waits for its answer. */
  readonly isOpen: (read: Read) => boolean;
  readonly assign: (read: Read) => void;
}

const retryMs = 20;

export class ReadRetries<Read extends Retriable> {
  readonly #options: ReadRetriesOptions<Read>;
  readonly #budget: RetryBudget;
  #waiting: Read[] = [];
  #timer: Timer | null = null;
  #retries = 0;
  #refused = 0;
  #closed = false;

  constructor(options: ReadRetriesOptions<Read>) {
    this.#options = options;
    this.#budget = new RetryBudget(options.clock);
  }

  /** `refused` are those that had to wait for a place in the budget. */
  statistics(): { readonly retries: number; readonly refused: number } {
    return { retries: this.#retries, refused: this.#refused };
  }

  /** To be called for every read that may be sent again: the budget is a share of these. */
  readBegan(): void {
    this.#budget.readBegan();
  }

  /** Assigns it anew after a moment. */
  wait(read: Read): void {
    if (!this.#isOpen(read)) return;
    this.#waiting.push(read);
    this.#timer ??= this.#options.clock.setTimer(retryMs, () => {
      const waiting = this.#waiting;
      this.#waiting = [];
      this.#timer = null;
      for (const each of waiting) {
        if (each.owesRetry) this.retry(each);
        else this.#options.assign(each);
      }
    });
  }

  /** Assigns it anew, at once if the budget allows; else it waits for a place there, until its deadline. */
  retry(read: Read): void {
    if (!this.#isOpen(read)) return;
    if (this.#budget.take()) {
      this.#retries += 1;
      read.owesRetry = false;
      this.#options.assign(read);
      return;
    }
    if (!read.owesRetry) this.#refused += 1;
    read.owesRetry = true;
    this.wait(read);
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#waiting = [];
  }

  #isOpen(read: Read): boolean {
    return !this.#closed && this.#options.isOpen(read);
  }
}
