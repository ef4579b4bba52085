/** One process and the machine it runs on, as the faults under way leave it: down, slow, its clock too fast. */
import type { CrashKind } from './disk.ts';
import { Layers } from './plan-layers.ts';
import type { TargetProcess } from './plan-world.ts';

export class Machine<Process extends TargetProcess> {
  readonly process: Process;
  /** How long each event takes. */
  readonly slowness = new Layers<number>(() => this.#apply());
  /** Of its clock; the youngest one counts. */
  readonly rates = new Layers<number>(() => this.#apply());
  readonly #rate: number;
  /** Faults that keep it down. */
  #holds = 0;

  /** `rate`: of its clock, without faults. */
  constructor(process: Process, rate: number) {
    this.process = process;
    this.#rate = rate;
  }

  get isDown(): boolean {
    return this.#holds > 0;
  }

  /** Returns what lets it start again, once, unless another fault keeps it down. */
  takeDown(kind: CrashKind): () => void {
    this.#holds++;
    this.process.crash(kind);
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.#holds--;
      if (this.#holds === 0) this.start();
    };
  }

  start(): void {
    this.process.start();
    this.#apply();
  }

  /** To a new life as well: what is slow or fast is the machine. */
  #apply(): void {
    const { life } = this.process;
    if (life === null) return;
    life.slowDown(Math.max(0, ...this.slowness.values));
    life.setRate(this.rates.values.at(-1) ?? this.#rate);
  }
}
