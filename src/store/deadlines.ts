import type { Clock, Timer } from '../raft/interfaces.ts';

export interface Expiring {
  readonly deadlineAt: number;
}

/** What waits for an answer, each with its own deadline, under one timer. */
export class Deadlines<T extends Expiring> {
  readonly #clock: Clock;
  readonly #onExpired: (item: T) => void;
  readonly #waiting = new Set<T>();
  #timer: Timer | null = null;
  #timerAt = Number.POSITIVE_INFINITY;

  constructor(clock: Clock, onExpired: (item: T) => void) {
    this.#clock = clock;
    this.#onExpired = onExpired;
  }

  get size(): number {
    return this.#waiting.size;
  }

  add(item: T): void {
    this.#waiting.add(item);
    if (item.deadlineAt < this.#timerAt) this.#arm(item.deadlineAt);
  }

  /** False if it was not waiting: it expired, or was answered before. */
  remove(item: T): boolean {
    return this.#waiting.delete(item);
  }

  has(item: T): boolean {
    return this.#waiting.has(item);
  }

  /** Everything still waiting expires now. */
  close(): void {
    this.#timer?.cancel();
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const item of waiting) this.#onExpired(item);
  }

  #arm(at: number): void {
    this.#timer?.cancel();
    this.#timerAt = at;
    this.#timer = this.#clock.setTimer(at - this.#clock.now(), () => this.#sweep());
  }

  #sweep(): void {
    const now = this.#clock.now();
    this.#timer = null;
    this.#timerAt = Number.POSITIVE_INFINITY;
    let nextAt = Number.POSITIVE_INFINITY;
    for (const item of this.#waiting) {
      if (item.deadlineAt <= now) {
        this.#waiting.delete(item);
        this.#onExpired(item);
      } else if (item.deadlineAt < nextAt) {
        nextAt = item.deadlineAt;
      }
    }
    if (nextAt < this.#timerAt) this.#arm(nextAt);
  }
}
