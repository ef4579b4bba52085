/** What clients do, and on which keys. */
import type { Operation, Request, Value } from '../history/operation.ts';
import type { SeededRandom } from '../sim/random.ts';
import type { KeyGroup } from './keys.ts';

export type WorkloadOptions =
  | { readonly type: 'mixed' }
  | {
      readonly type: 'zipf';
      readonly keys: number;
      /** Of all operations: 0 to 1. */
      readonly writeShare: number;
    };

/** A client, as far as it matters for what it does next. */
export interface Asker {
  /** From 0. */
  readonly position: number;
  readonly random: SeededRandom;
  /** The key that it has just written, if its next request goes to another gateway. */
  readonly written: string | null;
}

/** One thing for a client to do. */
export interface Turn {
  readonly group: KeyGroup;
  readonly request: Request;
  /** Added to the query, such as `replica=r2`. */
  readonly parameters: readonly string[];
}

export interface Workload {
  /** Puts write `value`. Null: for the moment there is nothing that may be asked. */
  next(asker: Asker, value: Value): Turn | null;
  /** The group knows of it already. */
  ended(turn: Turn, operation: Operation): void;
  /** Nothing is asked any more: retires all groups that are left. */
  finish(): void;
}

/** Nobody asks anything of this group any more; `goesOn`: its keys have come into another, which has its pending writes. */
export type OnRetired = (group: KeyGroup, goesOn: boolean) => void;

export interface WorkloadWorld {
  readonly askers: number;
  readonly replicas: readonly string[];
  readonly onRetired: OnRetired;
}
