/** A disk alone in its simulated world, and lives that come and go. */

import { createLogger, type LogLevel } from '../../src/logger.ts';
import { openDataDirectory } from '../../src/store/data-directory.ts';
import type { Disk } from '../../src/store/disk.ts';
import { historyBoundsDefault } from '../../src/store/history.ts';
import { openLogStore } from '../../src/store/log-store.ts';
import { isFirstStart } from '../../src/store/state-directory.ts';
import { openStateMachine } from '../../src/store/state-machine.ts';
import { undeclaredTouch } from '../store/undeclared-touch.ts';
import { type CrashKind, type DiskConditions, SimDisk } from './disk.ts';
import { Kernel } from './kernel.ts';
import type { Life } from './life.ts';
import { Probes } from './probes.ts';
import { streamOf } from './random.ts';

export const directory = '/data/r1';

const conditions: DiskConditions = { writeMs: [1, 10], readMs: [0.1, 1] };

const patienceMs = 600_000;

export class DiskWorld {
  readonly kernel = new Kernel({ afterEvent: () => {}, eventsMax: 10_000_000 });
  readonly probes = new Probes();
  readonly random;
  readonly simDisk: SimDisk;
  life: Life;
  disk: Disk;

  constructor(seed: number) {
    this.random = streamOf(seed, 'test');
    const random = streamOf(seed, 'disk');
    this.simDisk = new SimDisk({ kernel: this.kernel, random, probes: this.probes, conditions });
    this.life = this.kernel.startLife('r1', 1);
    this.disk = this.simDisk.attach(this.life);
  }

  /** Virtual time passes until this has settled. */
  async until<Result>(work: Promise<Result>): Promise<Result> {
    let settled = false;
    const settle = () => {
      settled = true;
    };
    work.then(settle, settle);
    // Time stops there, not at the end of all events.
    const limit = this.kernel.after(patienceMs, null, 'world', () => {});
    await this.kernel.run(limit.at, () => settled);
    limit.run = null;
    if (!settled) throw new Error('it never settles');
    return work;
  }

  async pass(durationMs: number): Promise<void> {
    await this.kernel.run(this.kernel.now + durationMs);
  }

  crash(kind: CrashKind): void {
    this.life.end();
    this.simDisk.crash(kind);
  }

  /** A new life has the disk. */
  restart(): void {
    this.life.end();
    this.life = this.kernel.startLife('r1', 1);
    this.disk = this.simDisk.attach(this.life);
  }

  crashAndRestart(kind: CrashKind): void {
    this.crash(kind);
    this.restart();
  }
}

/** What came of it over the seeds, each once, sorted. */
export async function outcomesOver(
  seeds: number,
  run: (world: DiskWorld) => Promise<string>,
): Promise<readonly string[]> {
  const seen = new Set<string>();
  for (let seed = 1; seed <= seeds; seed++) seen.add(await run(new DiskWorld(seed)));
  return [...seen].sort();
}

/** The product's own stores, put together as a replica does. */
export async function openStores(disk: Disk, life: Life) {
  const warnings: string[] = [];
  const write = (line: string) => {
    const { level }: { level: LogLevel } = JSON.parse(line);
    if (level !== 'info') warnings.push(line);
  };
  const log = createLogger({ id: 'r1', level: 'info', write });
  const options = { clusterId: 'cluster', replicaId: 'r1', newUuid: () => 'uuid-1' };
  const opened = await openDataDirectory(disk, directory, options);
  const logStore = await openLogStore(disk, opened, { replicaId: 'r1', log });
  const machine = await openStateMachine(disk, `${directory}/state`, {
    firstStart: isFirstStart(logStore.state),
    syncWrites: true,
    clock: life.clock,
    gatherMs: 10,
    history: historyBoundsDefault,
    onUndeclaredTouch: undeclaredTouch,
    log,
  });
  const close = async () => {
    await machine.close();
    await logStore.close();
    await opened.release();
  };
  return { logStore, machine, warnings, close };
}

export type OpenStores = Awaited<ReturnType<typeof openStores>>;
