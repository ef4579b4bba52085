import type { Clock, Timer } from '../../src/raft/interfaces.ts';

/** Time that stands until it is moved. Deferred calls run after the promises that are already settled. */
export class ManualClock implements Clock {
  #now = 0;
  #sleptMs = 0;
  #timers: { at: number; callback: () => void }[] = [];
  #deferred: (() => void)[] = [];

  now(): number {
    return this.#now;
  }

  wallNow(): number {
    return this.#now + this.#sleptMs;
  }

  /** That are to fire yet. */
  get timers(): number {
    return this.#timers.length;
  }

  /** The machine sleeps: the monotonic clock stands. */
  sleep(milliseconds: number): void {
    this.#sleptMs += milliseconds;
  }

  /** The process stood still: what was due meanwhile happens at the end, before anything that was said to it. */
  stall(milliseconds: number): void {
    this.#now += milliseconds;
    const due = this.#timers.filter(({ at }) => at <= this.#now).sort((a, b) => a.at - b.at);
    this.#timers = this.#timers.filter(({ at }) => at > this.#now);
    for (const { callback } of due) callback();
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const timer = { at: this.#now + Math.max(0, delayMs), callback };
    this.#timers.push(timer);
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((each) => each !== timer);
      },
    };
  }

  defer(callback: () => void): void {
    this.#deferred.push(callback);
  }

  /** Runs whatever can run without time passing. */
  async settle(): Promise<void> {
    for (;;) {
      for (let turn = 0; turn < 20; turn++) await null;
      const callbacks = this.#deferred;
      if (callbacks.length === 0) return;
      this.#deferred = [];
      for (const callback of callbacks) callback();
    }
  }

  async advance(milliseconds: number): Promise<void> {
    await this.settle();
    const until = this.#now + milliseconds;
    for (;;) {
      const due = this.#timers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#timers = this.#timers.filter((each) => each !== due);
      this.#now = Math.max(this.#now, due.at);
      due.callback();
      await this.settle();
    }
    this.#now = until;
    await this.settle();
  }
}
