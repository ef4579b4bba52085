/**
 * What a disk is asked to do: when it is done, what the faults make of it, and what a crash finds half done.
 * Each operation takes its own time, so those that run at once end in any order.
 */
import { invariant } from '../../src/raft/assert.ts';
import { errorCode } from '../../src/store/errors.ts';
import type { DiskChance } from './disk-chance.ts';
import { diskError } from './disk-errors.ts';
import type { Event } from './event-heap.ts';
import type { Kernel } from './kernel.ts';
import type { Life } from './life.ts';

/** Milliseconds, [from, to). */
export type DurationRange = readonly [from: number, to: number];

export interface DiskConditions {
  /** Of a synced write. */
  readonly writeMs: DurationRange;
  readonly readMs: DurationRange;
}

export type WriteFailure = 'ENOSPC' | 'EIO';

export interface DiskWrite<Result> {
  /** False: it needs no room that it does not have, so a full disk does not matter. */
  readonly needsRoom: boolean;
  /** At its end. What it throws is the operation's error. */
  complete(): Result;
  /** It was cut short: chance decides how far it came. */
  interrupt(): void;
  /** Where a failure leaves something else than a crash does. */
  fail?(code: WriteFailure): void;
}

/** A process hears of its write in the third case only: the crash comes some time later. */
export type CrashMoment = 'before' | 'after' | 'heard';

interface WriteCount {
  left: number;
  readonly moment: CrashMoment;
  readonly reached: () => void;
}

interface Operation<Result> {
  readonly life: Life;
  readonly range: DurationRange;
  readonly isWrite: boolean;
  /** It will fail with this; null: it will not. */
  readonly failure: WriteFailure | null;
  readonly complete: () => Result;
  readonly interrupt: () => void;
}

interface Running extends Pick<Operation<unknown>, 'life' | 'range' | 'failure' | 'interrupt'> {
  readonly isStalled: boolean;
  readonly finish: () => void;
  event: Event;
}

/** How long a process that is busy with something else does not hear that an operation has ended, and how often it is. */
const busyMs: DurationRange = [0, 60];
const busyProbability = 0.5;

const nothing = () => {};

export class DiskQueue {
  readonly #kernel: Kernel;
  readonly #chance: DiskChance;
  readonly #conditions: DiskConditions;
  readonly #running = new Set<Running>();
  readonly #counts = new Set<WriteCount>();
  #extraMs = 0;
  /** What is asked for before this time ends after it. */
  #stalledUntil = 0;
  #failing: { readonly code: WriteFailure; left: number } | null = null;

  constructor(kernel: Kernel, chance: DiskChance, conditions: DiskConditions) {
    this.#kernel = kernel;
    this.#chance = chance;
    this.#conditions = conditions;
  }

  read<Result>(life: Life, complete: () => Result): Promise<Result> {
    const range = this.#conditions.readMs;
    return this.#perform({ life, range, isWrite: false, failure: null, complete, interrupt: nothing });
  }

  write<Result>(life: Life, work: DiskWrite<Result>): Promise<Result> {
    return this.#write(life, this.#conditions.writeMs, work);
  }

  /** Into the system's memory only. */
  writeUnsynced<Result>(life: Life, work: DiskWrite<Result>): Promise<Result> {
    return this.#write(life, this.#conditions.readMs, work);
  }

  /** Between the end of an operation and its process hearing of it. */
  moment(life: Life): Promise<void> {
    const { random } = this.#chance;
    const range = random.chance(busyProbability) ? busyMs : this.#conditions.readMs;
    return new Promise((resolve) => {
      this.#kernel.after(random.between(...range), life, 'disk', resolve);
    });
  }

  /**
   * When the `nth` write from now on is to end, `reached` is called in its place, or right after it. It has to crash the
   * process, which does not hear of this write, unless it is to. Returns what takes it back, and says whether it was still to come.
   */
  atWrite(nth: number, moment: CrashMoment, reached: () => void): () => boolean {
    const count = { left: nth, moment, reached };
    this.#counts.add(count);
    return () => this.#counts.delete(count);
  }

  failWrites(code: WriteFailure, count: number): void {
    this.#failing = { code, left: count };
  }

  /** How the next writes fail, or one that is under way; null: all succeed. */
  get failing(): WriteFailure | null {
    const failing = this.#failing;
    if (failing !== null && failing.left > 0) return failing.code;
    return this.#running.values().find(({ life, failure }) => !life.dead && failure !== null)?.failure ?? null;
  }

  slowDown(extraMs: number): void {
    this.#extraMs = extraMs;
  }

  stall(durationMs: number): void {
    this.#stalledUntil = this.#kernel.now + durationMs;
  }

  /** What is stuck goes on. */
  heal(): void {
    this.#failing = null;
    this.#extraMs = 0;
    this.#stalledUntil = 0;
    for (const running of this.#running) {
      if (!running.isStalled || running.event.at <= this.#kernel.now) continue;
      running.event.run = null;
      running.event = this.#schedule(running.life, running.range, running.finish);
    }
  }

  /** Decides what became of the operations of lives that have ended. */
  interruptDead(): void {
    for (const running of this.#running) {
      if (!running.life.dead) continue;
      this.#running.delete(running);
      try {
        running.interrupt();
      } catch (error) {
        // What the disk would have refused is not half done either.
        if (errorCode(error) === undefined) throw error;
      }
    }
  }

  get hasLiving(): boolean {
    return this.#running.values().some(({ life }) => !life.dead);
  }

  #write<Result>(life: Life, range: DurationRange, work: DiskWrite<Result>): Promise<Result> {
    const interrupt = () => work.interrupt();
    const failure = life.dead ? null : this.#takeFailure(work.needsRoom);
    const complete = (): Result => {
      if (failure === null) return work.complete();
      if (work.fail === undefined) work.interrupt();
      else work.fail(failure);
      throw diskError(failure, failure === 'EIO' ? 'Input/output error' : 'No space left on device');
    };
    return this.#perform({ life, range, isWrite: true, failure, complete, interrupt });
  }

  #takeFailure(needsRoom: boolean): WriteFailure | null {
    const failing = this.#failing;
    if (failing === null || failing.left === 0 || (failing.code === 'ENOSPC' && !needsRoom)) return null;
    failing.left--;
    this.#chance.reached(`write failed: ${failing.code}`);
    return failing.code;
  }

  #perform<Result>({ life, range, isWrite, failure, complete, interrupt }: Operation<Result>): Promise<Result> {
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    // Of a process that has ended nothing reaches the disk any more.
    if (life.dead) return promise;
    const finish = () => {
      const reached = isWrite ? this.#countWrite() : [];
      if (reached.some(({ moment }) => moment === 'before')) {
        tell(reached);
        return;
      }
      const isHeard = reached.every(({ moment }) => moment === 'heard');
      invariant(this.#running.delete(running), 'an operation ends once');
      try {
        const result = complete();
        if (isHeard) resolve(result);
      } catch (error) {
        if (isHeard) reject(error);
      }
      tell(reached);
    };
    const running: Running = {
      life,
      range,
      isStalled: this.#stalledUntil > this.#kernel.now,
      failure,
      finish,
      interrupt,
      event: this.#schedule(life, range, finish),
    };
    this.#running.add(running);
    return promise;
  }

  /** Those whose write this is. */
  #countWrite(): readonly WriteCount[] {
    for (const count of this.#counts) count.left--;
    const reached = [...this.#counts].filter(({ left }) => left === 0);
    for (const count of reached) this.#counts.delete(count);
    return reached;
  }

  #schedule(life: Life, range: DurationRange, finish: () => void): Event {
    const stalledMs = Math.max(0, this.#stalledUntil - this.#kernel.now);
    const delayMs = stalledMs + this.#chance.random.between(...range) + this.#extraMs;
    return this.#kernel.after(delayMs, life, 'disk', finish);
  }
}

function tell(reached: readonly WriteCount[]): void {
  for (const count of reached) count.reached();
}
