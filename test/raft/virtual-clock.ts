import type { Clock, Timer } from '../../src/raft/interfaces.ts';
import { EventQueue } from './event-queue.ts';

/** Time that passes only when a test lets it. */
export class VirtualClock implements Clock {
  #now = 0;
  #wallAheadMs = 0;
  readonly #timers = new EventQueue();
  #deferred: (() => void)[] = [];

  now(): number {
    return this.#now;
  }

  wallNow(): number {
    return this.#now + this.#wallAheadMs;
  }

  /** By a hand, or by a sleep in which the monotonic clock stands. */
  moveWall(milliseconds: number): void {
    this.#wallAheadMs += milliseconds;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    let isCancelled = false;
    this.#timers.add(this.#now + Math.max(0, delayMs), () => {
      if (!isCancelled) callback();
    });
    return {
      cancel: () => {
        isCancelled = true;
      },
    };
  }

  defer(callback: () => void): void {
    this.#deferred.push(callback);
  }

  /** Until every promise that can settle has settled, and nothing is deferred. */
  async settle(): Promise<void> {
    do {
      for (const callback of this.#deferred.splice(0)) callback();
      await new Promise((resolve) => setImmediate(resolve));
    } while (this.#deferred.length > 0);
  }

  async advance(durationMs: number): Promise<void> {
    const end = this.#now + durationMs;
    await this.settle();
    while (this.#timers.nextAt <= end) {
      this.#now = Math.max(this.#now, this.#timers.nextAt);
      this.#timers.take()();
      await this.settle();
    }
    this.#now = end;
  }

  /** The process stood still: what was due meanwhile happens at the end of the pause, and nothing is deferred yet. */
  stall(durationMs: number): void {
    this.#now += durationMs;
    while (this.#timers.nextAt <= this.#now) this.#timers.take()();
  }
}
