/**
 * One replica's disk, which outlives the lives of its process. What is durable stays; what a crash finds in flight is
 * decided by chance, each on its own; and while nobody is there it can be damaged, wiped or put back to an older copy.
 */
import { dirname } from 'node:path';
import { invariant } from '../../src/raft/assert.ts';
import type { Disk } from '../../src/store/disk.ts';
import { witnessName } from '../../src/store/log-boot.ts';
import { logName } from '../../src/store/log-repair.ts';
import { DiskChance } from './disk-chance.ts';
import {
  type DatabaseDamage,
  damageDatabase,
  damageWitnessFile,
  databaseDamages,
  type WitnessDamage,
  type WitnessSlotKind,
} from './disk-damage.ts';
import { LifeDisk } from './disk-life.ts';
import { type CrashMoment, type DiskConditions, DiskQueue, type WriteFailure } from './disk-queue.ts';
import { rowName } from './disk-rows.ts';
import { copyOf, DiskTree } from './disk-tree.ts';
import type { Kernel } from './kernel.ts';
import type { Life } from './life.ts';
import type { Probes } from './probes.ts';
import type { SeededRandom } from './random.ts';

export type { WitnessDamage, WitnessSlotKind } from './disk-damage.ts';
export type { CrashMoment, DiskConditions, WriteFailure } from './disk-queue.ts';

/** `deleted`: the whole database. */
export const damageKinds = [...databaseDamages, 'deleted'] as const;
export type DamageKind = DatabaseDamage | 'deleted';

export type CrashKind = 'process' | 'power';
export type DatabasePart = 'log' | 'state';
export type RestoredPart = 'log' | 'witness' | 'state' | 'log and witness';

const namesOf = {
  log: [logName],
  witness: [witnessName],
  state: ['state'],
  'log and witness': [logName, witnessName],
} as const satisfies Readonly<Record<RestoredPart, readonly string[]>>;

/** The whole disk as it was. */
export class DiskImage {
  readonly tree: DiskTree;

  constructor(tree: DiskTree) {
    this.tree = tree;
  }
}

export interface SimDiskOptions {
  readonly kernel: Kernel;
  readonly random: SeededRandom;
  readonly probes: Probes;
  readonly conditions: DiskConditions;
}

export class SimDisk {
  readonly #tree = new DiskTree();
  readonly #chance: DiskChance;
  readonly #queue: DiskQueue;
  #full = false;

  constructor({ kernel, random, probes, conditions }: SimDiskOptions) {
    this.#chance = new DiskChance(random, kernel.trace, probes);
    this.#queue = new DiskQueue(kernel, this.#chance, conditions);
  }

  /** What its watch says: writes still have the room that was kept back. */
  get full(): boolean {
    return this.#full;
  }

  /** As in the queue: how writes fail, or may yet. */
  get failing(): WriteFailure | null {
    return this.#queue.failing;
  }

  /** The disk as this life sees it. Operations in flight, open handles and locks end with the life. */
  attach(life: Life): Disk {
    this.#queue.interruptDead();
    return new LifeDisk(this.#tree, this.#queue, this.#chance, life);
  }

  /** Right after `life.end()`: what was in flight is decided by chance; a power loss takes what was not synced, too. */
  crash(kind: CrashKind): void {
    this.#queue.interruptDead();
    if (kind === 'process') return;
    this.#checkNobodyIsThere();
    for (const [path, node] of [...this.#tree.nodes()]) {
      if (node.type === 'database') node.database.loseUnsynced(this.#chance);
      if (node.type === 'lock' && this.#chance.outcome('lock file at a power loss', ['kept', 'lost']) === 'lost') {
        this.#tree.delete(path);
      }
    }
  }

  /**
   * The next `count` writes fail with this code, fewer if `heal` comes first. ENOSPC spares what has its room already;
   * in a database it leaves a torn record, behind which later batches are lost when it is opened again. After EIO
   * nobody knows what was written.
   */
  failWrites(code: WriteFailure, count: number): void {
    this.#queue.failWrites(code, count);
  }

  /** As in the queue: `reached` has to crash the process, at once unless it is to hear of the write. */
  atWrite(nth: number, moment: CrashMoment, reached: () => void): () => boolean {
    return this.#queue.atWrite(nth, moment, reached);
  }

  /** From now on every operation takes this much longer. */
  slowDown(extraMs: number): void {
    this.#queue.slowDown(extraMs);
  }

  /** What is asked for from now on is done only when this has passed. */
  stall(durationMs: number): void {
    this.#queue.stall(durationMs);
  }

  fill(full: boolean): void {
    this.#full = full;
  }

  /** Ends failing, slowness and stall, and makes room. What a failed write has left behind stays. */
  heal(): void {
    this.#queue.heal();
    this.#full = false;
  }

  /** Answers in words for a person; null if it is not possible with what is there, or if nothing would show. */
  damage(part: DatabasePart, kind: DamageKind): string | null {
    this.#checkNobodyIsThere();
    const path = this.#tree.find(part === 'log' ? logName : 'state');
    const node = this.#tree.get(path ?? '');
    if (path === undefined || node?.type !== 'database') return null;
    if (kind === 'deleted') {
      this.#tree.delete(path);
      this.#chance.reached('damage: deleted');
      return `${part} deleted`;
    }
    const done = damageDatabase(node.database, kind, this.#chance);
    return done === null ? null : `${part}: ${done}`;
  }

  /** As `damage`. */
  damageWitness(kind: WitnessSlotKind, how: WitnessDamage): string | null {
    this.#checkNobodyIsThere();
    const node = this.#tree.get(this.#tree.find(witnessName) ?? '');
    return node?.type === 'fixedFile' ? damageWitnessFile(node.file, kind, how, this.#chance) : null;
  }

  wipe(): void {
    this.#checkNobodyIsThere();
    this.#tree.clear();
    this.#chance.reached('wiped');
  }

  image(): DiskImage {
    return new DiskImage(this.#tree.copy());
  }

  restore(part: RestoredPart, { tree }: DiskImage): void {
    this.#checkNobodyIsThere();
    for (const name of namesOf[part]) {
      const old = tree.find(name);
      const node = tree.get(old ?? '');
      const now = this.#tree.find(name);
      if (now !== undefined) this.#tree.delete(now);
      if (old === undefined || node === undefined) continue;
      for (const missing of this.#tree.missingDirectories(dirname(old))) {
        this.#tree.set(missing, { type: 'directory' });
      }
      this.#tree.set(old, copyOf(node));
    }
    this.#chance.reached(`restored: ${part}`);
  }

  /** For checkers: what would be there after any crash now. */
  durableRow(path: string, key: Uint8Array): Uint8Array | undefined {
    const node = this.#tree.get(path);
    return node?.type === 'database' ? node.database.durable(rowName(key)) : undefined;
  }

  /** For checkers: what can be read now; nothing if there is no such database. */
  rows(path: string): readonly (readonly [key: Uint8Array, value: Uint8Array])[] {
    const node = this.#tree.get(path);
    if (node?.type !== 'database') return [];
    const { database } = node;
    return database.names.map((name) => [Buffer.from(name, 'latin1'), database.get(name) ?? Buffer.of()]);
  }

  /** What ended lives left in flight is decided first. */
  #checkNobodyIsThere(): void {
    this.#queue.interruptDead();
    invariant(!this.#queue.hasLiving, 'damage and power losses come when the process is down');
    for (const [path, node] of this.#tree.nodes()) {
      invariant(node.type !== 'database' || !node.database.isHeld, `nobody has ${path} open`);
    }
  }
}
