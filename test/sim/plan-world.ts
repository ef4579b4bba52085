/** What faults are done to: as much of the world as the nemesis has to know. */
import type { CrashKind, SimDisk } from './disk.ts';
import type { Kernel } from './kernel.ts';
import type { Life } from './life.ts';
import type { SimNetwork } from './network.ts';
import type { Probes } from './probes.ts';

export type TargetLife = Pick<Life, 'pause' | 'suspend' | 'slowDown' | 'setRate' | 'setWall'>;

export type TargetDisk = Pick<
  SimDisk,
  | 'failWrites'
  | 'atWrite'
  | 'slowDown'
  | 'stall'
  | 'heal'
  | 'fill'
  | 'damage'
  | 'damageWitness'
  | 'wipe'
  | 'image'
  | 'restore'
>;

export type TargetNetwork = Pick<
  SimNetwork,
  'block' | 'unblock' | 'healAll' | 'clog' | 'unclog' | 'setConditions' | 'setLinkConditions' | 'slowDown' | 'hangUp'
>;

/** A process that can be taken down and started again. */
export interface TargetProcess {
  readonly id: string;
  /** Null: it is down. */
  readonly life: TargetLife | null;
  /** Does nothing if it runs. */
  start(): void;
  crash(kind: CrashKind): void;
}

export interface TargetGateway extends TargetProcess {
  /** Clients read elsewhere, until what is returned is called. */
  rest(): () => void;
}

export interface TargetReplica extends TargetProcess {
  readonly disk: TargetDisk;
  /** Null while it is down or starting. */
  readonly role: string | null;
  readonly isRecovering: boolean;
  /** Why it refuses to start for good. */
  readonly refused: string | null;
  /** Null while it is down or starting; `lastIndex` is that of the log in memory. */
  readonly status: { readonly lastIndex: number; readonly appliedIndex: number } | null;
  /** From now on it may find its disk failing or its state damaged, say so, and stop. */
  excuse(): void;
  /** What it promised is gone: it may refuse to start for good. */
  lose(): void;
}

export interface TargetWorld {
  readonly kernel: Pick<Kernel, 'now' | 'after'>;
  readonly network: TargetNetwork;
  readonly replicas: readonly TargetReplica[];
  readonly gateways: readonly TargetGateway[];
  readonly clients: readonly string[];
  readonly probes: Pick<Probes, 'sometimes'>;
  leader(): Pick<TargetReplica, 'id'> | null;
  /** What this replica promised may not stand on its disk any more. */
  noteDamage(id: string): void;
  note(line: string): void;
}
