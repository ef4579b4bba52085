/**
 * Proposes, where this replica leads, what nobody asks for: the time, the end of what is over, chunks of indexes that are being
 * built, and the removal of what was dropped. One proposal at a time; whatever becomes of it, the state tells what is next.
 */
import type { Clock, Timer } from '../raft/interfaces.ts';
import type { ProposalOutcome } from '../raft/node.ts';
import type { Collection } from './collection.ts';
import type { Command, CommandResult } from './command.ts';
import { encodeCommand } from './command-codec.ts';
import type { KeyValueReader } from './disk.ts';
import { chunkToBuild, chunkToSweep, dueBy } from './duties.ts';
import type { StateClock } from './tables.ts';

export interface HousekeeperOptions {
  readonly clock: Clock;
  readonly leads: () => boolean;
  /** In milliseconds since 1970, the cluster's. */
  readonly now: () => number;
  readonly propose: (commands: readonly Uint8Array[]) => Promise<readonly ProposalOutcome<CommandResult>[]>;
  readonly state: {
    readonly clock: StateClock;
    readonly collections: readonly Collection[];
    /** Of what is on disk, with everything that was evaluated before the call. Rejects if the state is damaged. */
    read<T>(read: (reader: KeyValueReader) => Promise<T>): Promise<T>;
  };
  readonly onFatal: (error: Error) => void;
}

/** While anything can expire the time is stated so often. */
const intervalMs = 1000;

export class Housekeeper {
  readonly #options: HousekeeperOptions;
  #timer: Timer | null = null;
  #closed = false;

  constructor(options: HousekeeperOptions) {
    this.#options = options;
    this.#wait();
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  #wait(): void {
    if (this.#closed) return;
    this.#timer = this.#options.clock.setTimer(intervalMs, () => {
      this.#round().then(
        () => this.#wait(),
        (error) => {
          if (!this.#closed) this.#options.onFatal(error as Error);
        },
      );
    });
  }

  /** There may be chunks for hours: the time is stated between them. */
  async #round(): Promise<void> {
    do await this.#stateTime();
    while (await this.#worksBeyond(intervalMs));
  }

  async #stateTime(): Promise<void> {
    const { state, now } = this.#options;
    const { mortals, records } = state.clock;
    if (mortals + records === 0) return;
    for (let isFirst = true; this.#mayGoOn; isFirst = false) {
      const tick = await state.read((reader) => dueBy(reader, state.collections, now()));
      // Where nothing is due the stamp alone is told: whoever leads next goes on from the last one.
      const isEmpty = tick.expired.length + tick.forgotten.length === 0;
      if (isEmpty && !isFirst) return;
      // What is due beyond one command comes at once.
      if (!(await this.#propose(tick)) || isEmpty) return;
    }
  }

  /** Whether chunks are left after as long. */
  async #worksBeyond(milliseconds: number): Promise<boolean> {
    const { clock, state } = this.#options;
    const endAt = clock.now() + milliseconds;
    while (this.#mayGoOn) {
      const isBuilt = await this.#carryOut((reader) => chunkToBuild(reader, state.collections));
      const isSwept = await this.#carryOut(chunkToSweep);
      if (!isBuilt && !isSwept) return false;
      if (clock.now() >= endAt) return true;
    }
    return false;
  }

  /** False: there is nothing, or it could not be. */
  async #carryOut(next: (reader: KeyValueReader) => Promise<Command | null>): Promise<boolean> {
    if (!this.#mayGoOn) return false;
    const command = await this.#options.state.read(next);
    return command !== null && this.#propose(command);
  }

  get #mayGoOn(): boolean {
    return !this.#closed && this.#options.leads();
  }

  /** Whether it was carried out. */
  async #propose(command: Command): Promise<boolean> {
    const [outcome] = await this.#options.propose([encodeCommand(command)]);
    return outcome?.type === 'applied';
  }
}
