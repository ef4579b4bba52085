/**
 * The cluster's clock as a leader goes by it (DESIGN-catalog.md, "Time"): the last stamp that was evaluated here, and what
 * has passed on this replica's own clock since.
 */
import type { Clock } from '../raft/interfaces.ts';
import type { Term } from '../raft/types.ts';
import type { Command } from './command.ts';
import { encodeCommand } from './command-codec.ts';

/** As a state machine has it. */
export interface StampedState {
  readonly clock: { readonly timeMs: number };
  /** On this replica's clock: when a stamp was evaluated last, or the state was opened. */
  readonly stampSeenAt: number;
  /** Of the entry that bore it; null: unknown. */
  readonly stampTerm: Term | null;
}

/** A command that depends on time is preceded by a stamp that is no older, in milliseconds. */
const stampAgeMsMax = 100;

export class ClusterTime {
  readonly #clock: Clock;
  readonly #state: StampedState;
  readonly #term: () => Term;

  /** `term`: in which this replica leads, or would. */
  constructor(clock: Clock, state: StampedState, term: () => Term) {
    this.#clock = clock;
    this.#state = state;
    this.#term = term;
  }

  /** In milliseconds since 1970. Of use at a leader alone: elsewhere it may be behind. */
  now(): number {
    const { timeMs } = this.#state.clock;
    // Never again: from then on it is the cluster's own.
    if (timeMs === 0) return Math.max(1, Math.floor(this.#clock.wallNow()));
    return timeMs + Math.max(0, Math.floor(this.#clock.now() - this.#state.stampSeenAt));
  }

  /** What is to stand in the log before these; null: nothing. */
  stampBefore(commands: readonly Command[]): Uint8Array | null {
    if (!commands.some(dependsOnTime)) return null;
    const stampMs = this.now();
    const { stampTerm, clock } = this.#state;
    // An earlier leader's may be older than it looks here: others, who saw it sooner, count from then.
    if (stampTerm === this.#term() && stampMs - clock.timeMs <= stampAgeMsMax) return null;
    return encodeCommand({ type: 'tick', stampMs, expired: [], forgotten: [] });
  }
}

function dependsOnTime(command: Command): boolean {
  if (command.type !== 'transaction') return false;
  const { then, otherwise } = command.transaction;
  return (
    command.idempotency !== null ||
    [...then, ...otherwise].some((operation) => 'ttlMs' in operation && operation.ttlMs !== null)
  );
}
