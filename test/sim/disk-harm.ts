/** A disk that remembers what was done to it: only of what was harmed a replica may say that it is damaged. */
import type { Disk } from '../../src/store/disk.ts';
import {
  type DamageKind,
  type DatabasePart,
  type DiskImage,
  type RestoredPart,
  SimDisk,
  type WitnessDamage,
  type WitnessSlotKind,
  type WriteFailure,
} from './disk.ts';
import type { Life } from './life.ts';

export class HarmableDisk extends SimDisk {
  /** Log and witness are judged together. */
  readonly #harmed = new Set<DatabasePart>();
  #isExamined = false;

  /** Was it harmed since a start last came to its end? */
  isHarmed(part: DatabasePart): boolean {
    return this.#harmed.has(part);
  }

  /** A start has come to its end: it reads everything, and leaves nothing as it should not be. */
  examined(): void {
    this.#isExamined = true;
    this.#harmed.clear();
  }

  override attach(life: Life): Disk {
    this.#isExamined = false;
    const disk = super.attach(life);
    this.#noteFailures();
    return disk;
  }

  override failWrites(code: WriteFailure, count: number): void {
    super.failWrites(code, count);
    this.#noteFailures();
  }

  override damage(part: DatabasePart, kind: DamageKind): string | null {
    const done = super.damage(part, kind);
    if (done !== null) this.#harmed.add(part);
    return done;
  }

  override damageWitness(kind: WitnessSlotKind, how: WitnessDamage): string | null {
    const done = super.damageWitness(kind, how);
    // Without the older slot nothing is missed. Without the newest one the log may be two batches ahead of the other.
    if (done !== null && kind !== 'older') this.#harmed.add('log');
    return done;
  }

  override restore(part: RestoredPart, image: DiskImage): void {
    super.restore(part, image);
    this.#harmed.add(part === 'state' ? 'state' : 'log');
  }

  /**
   * After EIO nobody knows what was written. While the log is in use that leaves no more than a crash does; where it is
   * opened, it passes for damage.
   */
  #noteFailures(): void {
    if (this.failing === 'EIO' && !this.#isExamined) this.#harmed.add('log');
  }
}
