/** One life of a process: from its start to its end, by a crash or in order. Another start is another life. */
import type { Clock, Timer } from '../../src/raft/interfaces.ts';
import type { Event } from './event-heap.ts';
import type { Kernel } from './kernel.ts';

/** Node waits at least this long. */
const timerMinMs = 1;

export class Life {
  readonly id: string;
  /** Unique in the run, from 1. */
  readonly number: number;
  readonly clock: Clock;
  readonly #kernel: Kernel;
  #dead = false;
  /** Runs what waits for its end. */
  readonly #onEnd: (() => void)[] = [];

  /** Nothing of it runs before this true time. */
  #readyAt = 0;
  /** How long every event keeps it busy. */
  #eventMs = 0;
  /** What came due before it was ready, in order. */
  #backlog: Event[] = [];
  #waking = false;

  /** Its clock says `#localAt` until the true time `#trueAt`, and runs on from there at `#rate`: it never goes back. */
  #rate: number;
  #trueAt: number;
  #localAt = 0;
  /** How long its machine has stood still, as the wall clock counts that, and how far that was set. */
  #wallAheadMs = 0;

  constructor(kernel: Kernel, id: string, number: number, rate: number) {
    this.#kernel = kernel;
    this.id = id;
    this.number = number;
    this.#rate = rate;
    this.#trueAt = kernel.now;
    this.clock = {
      now: () => this.#now(),
      wallNow: () => this.#now() + this.#wallAheadMs,
      setTimer: (delayMs, callback) => this.#setTimer(delayMs, callback),
      defer: (callback) => void kernel.after(0, this, 'deferred', callback),
    };
  }

  get dead(): boolean {
    return this.#dead;
  }

  get isReady(): boolean {
    return this.#readyAt <= this.#kernel.now;
  }

  /** Nothing of it ever runs again. */
  end(): void {
    if (this.#dead) return;
    this.#dead = true;
    this.#backlog = [];
    for (const callback of this.#onEnd.splice(0)) callback();
  }

  onEnd(callback: () => void): void {
    this.#onEnd.push(callback);
  }

  /** It stands still, as after SIGSTOP: its clock runs on, and all that came due happens at the end. */
  pause(durationMs: number): void {
    this.#readyAt = Math.max(this.#readyAt, this.#kernel.now + durationMs);
  }

  /** The whole machine stands still, its clock too, but for the one on the wall; in a virtual machine that one as well. */
  suspend(durationMs: number, machine: 'real' | 'virtual' = 'real'): void {
    this.pause(durationMs);
    this.#readClock();
    const until = Math.max(this.#trueAt, this.#kernel.now + durationMs);
    if (machine === 'real') this.#wallAheadMs += (until - this.#trueAt) * this.#rate;
    this.#trueAt = until;
  }

  /** The time is set: its clock on the wall goes on from `byMs` later, or earlier. */
  setWall(byMs: number): void {
    this.#wallAheadMs += byMs;
  }

  /** From now on every event keeps it busy for so long; 0: none. */
  slowDown(eventMs: number): void {
    this.#eventMs = eventMs;
  }

  /** From now on its clock runs this fast. */
  setRate(rate: number): void {
    this.#readClock();
    this.#rate = rate;
  }

  /** For the kernel: false if the event must not happen now; it is kept for later unless the life is over. */
  admits(event: Event): boolean {
    if (this.#dead) return false;
    if (this.#readyAt <= this.#kernel.now && this.#backlog.length === 0) return true;
    this.#backlog.push(event);
    this.#wakeLater();
    return false;
  }

  /** For the kernel: an event of its begins. */
  spend(): void {
    if (this.#eventMs > 0) this.#readyAt = Math.max(this.#readyAt, this.#kernel.now + this.#eventMs);
  }

  #wakeLater(): void {
    if (this.#waking) return;
    this.#waking = true;
    this.#kernel.after(Math.max(0, this.#readyAt - this.#kernel.now), null, 'wake', () => {
      this.#waking = false;
      if (this.#dead) return;
      if (this.#readyAt > this.#kernel.now) {
        this.#wakeLater();
        return;
      }
      const due = this.#backlog;
      this.#backlog = [];
      for (const event of due) this.#kernel.again(event);
    });
  }

  #now(): number {
    return this.#localAt + Math.max(0, this.#kernel.now - this.#trueAt) * this.#rate;
  }

  /** What it says from now on no longer depends on how fast it ran, or stood, before. */
  #readClock(): void {
    this.#localAt = this.#now();
    this.#trueAt = Math.max(this.#trueAt, this.#kernel.now);
  }

  #setTimer(delayMs: number, callback: () => void): Timer {
    const dueAt = this.#now() + Math.max(timerMinMs, delayMs);
    let event: Event | null = null;
    const arm = () => {
      // Never so close that true time would not move.
      const leftMs = Math.max((dueAt - this.#now()) / this.#rate, 0.001);
      event = this.#kernel.after(leftMs, this, 'timer', () => {
        if (this.#now() < dueAt - 0.001) arm();
        else callback();
      });
    };
    arm();
    return {
      cancel: () => {
        if (event !== null) event.run = null;
      },
    };
  }
}
