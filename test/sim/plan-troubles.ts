/** What the faults under way make of one disk. Healing one of them leaves the others. */
import type { WriteFailure } from './disk.ts';
import { Layers } from './plan-layers.ts';
import type { TargetDisk } from './plan-world.ts';

interface FailingWrites {
  readonly code: WriteFailure;
  readonly count: number;
}

export class DiskTroubles {
  readonly slowness = new Layers<number>(() => this.#slowDown());
  readonly fillings = new Layers<'full'>(() => this.#fill());
  readonly #disk: TargetDisk;
  readonly #now: () => number;
  #failures = 0;
  #stalledUntil = 0;

  constructor(disk: TargetDisk, now: () => number) {
    this.#disk = disk;
    this.#now = now;
  }

  /** A stuck disk needs no end of its own. */
  stall(durationMs: number): void {
    this.#stalledUntil = Math.max(this.#stalledUntil, this.#now() + durationMs);
    this.#disk.stall(this.#stalledUntil - this.#now());
  }

  /** Returns what ends it. */
  fail({ code, count }: FailingWrites): () => void {
    this.#failures++;
    this.#disk.failWrites(code, count);
    return () => {
      this.#failures--;
      if (this.#failures > 0) return;
      this.#disk.heal();
      this.#slowDown();
      this.#fill();
      if (this.#stalledUntil > this.#now()) this.#disk.stall(this.#stalledUntil - this.#now());
    };
  }

  healAll(): void {
    this.#stalledUntil = 0;
    this.#disk.heal();
  }

  #slowDown(): void {
    this.#disk.slowDown(Math.max(0, ...this.slowness.values));
  }

  #fill(): void {
    this.#disk.fill(this.fillings.values.length > 0);
  }
}
