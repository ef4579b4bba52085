/**
 * Virtual time. One event happens at a time: it runs to its end, every promise that can settle settles, the checks run,
 * and only then comes the next. Nothing else moves time, so a run depends on its seed alone.
 */
import { type Event, EventHeap } from './event-heap.ts';
import { Life } from './life.ts';
import { Trace } from './trace.ts';

/** For the trace. */
export const eventKinds = { world: 0, timer: 1, deferred: 2, network: 3, disk: 4, client: 5, wake: 6 } as const;
export type EventKind = keyof typeof eventKinds;

export interface KernelOptions {
  /** After each event, once nothing more can settle; `life` is whose event it was. What it throws ends the run. */
  readonly afterEvent: (life: Life | null) => void;
  /** A run with more events than this is taken for one that never ends. */
  readonly eventsMax: number;
}

/** Between two events Node drains its ticks and promises; a batch of immediates costs one turn of the loop. */
const eventsPerTurn = 256;

export class Kernel {
  readonly trace = new Trace();
  readonly #options: KernelOptions;
  readonly #heap = new EventHeap();
  #now = 0;
  #order = 0;
  #lives = 0;
  #events = 0;
  #failure: { readonly error: unknown } | null = null;

  constructor(options: KernelOptions) {
    this.#options = options;
  }

  /** True time in milliseconds, from 0. Only the world and the checks may know it. */
  get now(): number {
    return this.#now;
  }

  get events(): number {
    return this.#events;
  }

  /** A process starts: `rate` is how fast its clock runs, 1 being true. */
  startLife(id: string, rate: number): Life {
    return new Life(this, id, ++this.#lives, rate);
  }

  /** `life` null: nothing can stop it. Returns the event; setting its `run` to null takes it back. */
  after(delayMs: number, life: Life | null, kind: EventKind, run: () => void): Event {
    const event = { at: this.#now + delayMs, order: this.#order++, life, kind: eventKinds[kind], run };
    this.#heap.push(event);
    return event;
  }

  /** Again, as the last of this moment. */
  again(event: Event): void {
    event.at = this.#now;
    event.order = this.#order++;
    this.#heap.push(event);
  }

  /** Ends the run with this error: for what is found where throwing would not reach it. */
  fail(error: unknown): void {
    this.#failure ??= { error };
  }

  /** Resolves when `enough` holds between two events, or at this time; rejects as soon as something fails. */
  run(untilMs: number, enough: () => boolean = () => false): Promise<void> {
    return new Promise((resolve, reject) => {
      let running = true;
      let left = 0;
      let settling: Life | null | undefined;
      const refill = () => {
        left = eventsPerTurn;
        for (let turn = 0; turn < eventsPerTurn; turn++) setImmediate(step);
      };
      const step = () => {
        left--;
        if (!running) return;
        try {
          if (settling !== undefined) this.#options.afterEvent(settling);
          settling = undefined;
          if (this.#failure !== null) throw this.#failure.error;
          const isEnough = enough();
          if (isEnough || (this.#heap.first?.at ?? Number.POSITIVE_INFINITY) > untilMs) {
            running = false;
            if (!isEnough) this.#now = Math.max(this.#now, untilMs);
            resolve();
            return;
          }
          settling = this.#happen();
          if (left === 0) refill();
        } catch (error) {
          running = false;
          reject(error);
        }
      };
      refill();
    });
  }

  /** Returns whose event it was; undefined if nothing came of it. */
  #happen(): Life | null | undefined {
    const event = this.#heap.pop();
    if (event === undefined) return undefined;
    this.#now = event.at;
    const { run, life } = event;
    if (run === null || (life !== null && !life.admits(event))) return undefined;
    this.#events++;
    if (this.#events > this.#options.eventsMax) throw new Error(`more than ${this.#options.eventsMax} events`);
    this.trace.mix(event.at);
    this.trace.mix((life?.number ?? 0) * 8 + event.kind);
    life?.spend();
    run();
    return life;
  }
}
