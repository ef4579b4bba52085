/** The state machine on a memory disk, which is given one entry after the other, each written before the next. */
import { silentLogger } from '../../src/logger.ts';
import type { Clock } from '../../src/raft/interfaces.ts';
import { index, term } from '../../src/raft/types.ts';
import type { Collection, IndexDefinition } from '../../src/store/collection.ts';
import type { Command, CommandResult, SessionStamp } from '../../src/store/command.ts';
import { encodeCommand } from '../../src/store/command-codec.ts';
import { chunkToSweep } from '../../src/store/duties.ts';
import { historyBoundsDefault } from '../../src/store/history.ts';
import { type KvStateMachine, openStateMachine, type StateMachineOptions } from '../../src/store/state-machine.ts';
import type { Operation } from '../../src/store/transaction.ts';
import { systemClock } from '../../src/system-clock.ts';
import { MemoryDisk } from './memory-disk.ts';
import { undeclaredTouch } from './undeclared-touch.ts';

const hash = Buffer.from('12345678');

export const machineOptions: Omit<StateMachineOptions, 'firstStart'> = {
  syncWrites: true,
  clock: systemClock,
  gatherMs: 0,
  history: historyBoundsDefault,
  log: silentLogger,
  onUndeclaredTouch: undeclaredTouch,
};

export function openMachine(clock: Clock = systemClock): Promise<KvStateMachine> {
  return openStateMachine(new MemoryDisk(), '/state', { ...machineOptions, firstStart: true, clock });
}

/** Its first entry is to open the session that it writes in. */
export class OneMachine {
  readonly machine: KvStateMachine;
  /** Called after an entry is written and before the next is applied. */
  onWritten: (command: Command) => void = () => {};
  #sequence = 0;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(machine: KvStateMachine) {
    this.machine = machine;
  }

  /** Of whatever type: what the leader proposes by itself, too. */
  apply(command: Command): Promise<CommandResult> {
    const done = this.#turn.then(() => this.#apply(command));
    this.#turn = done.catch(() => {});
    return done;
  }

  async #apply(command: Command): Promise<CommandResult> {
    const at = index(this.machine.appliedInMemory.index + 1);
    const entry = { term: term(1), index: at, type: 'command', command: encodeCommand(command) } as const;
    if (this.machine.applicable([entry]) === 0) await this.machine.prepare(entry);
    const { results, written } = this.machine.apply([entry], hash);
    await written;
    this.onWritten(command);
    const [result] = results;
    if (!result) throw new Error('an entry has no result');
    return result;
  }

  /** Makes a collection, or changes it; `indexes` null: drops it. */
  define(name: string, indexes: readonly IndexDefinition[] | null = []): Promise<CommandResult> {
    const definition = indexes && { idField: 'id', indexes };
    return this.apply({ type: 'define', stamp: this.stamp(), name, definition, replaces: null });
  }

  collection(name: string): Collection {
    const found = this.machine.collections.find((each) => each.name === name);
    if (found === undefined) throw new Error(`${name} is not defined`);
    return found;
  }

  /** Throws unless it was done. Answers the revision. */
  async transact(...then: readonly Operation[]): Promise<number> {
    const transaction = { compares: [], then, otherwise: [] };
    const done = await this.apply({ type: 'transaction', stamp: this.stamp(), idempotency: null, transaction });
    if (done.type !== 'transaction') throw new Error(`it failed: ${JSON.stringify(done)}`);
    return done.revision;
  }

  /** As a leader does. */
  async sweep(): Promise<void> {
    const next = () => this.machine.read(chunkToSweep);
    for (let chunk = await next(); chunk !== null; chunk = await next()) await this.apply(chunk);
  }

  stamp(): SessionStamp {
    this.#sequence += 1;
    return { session: index(1), sequence: this.#sequence, lowestUnanswered: this.#sequence };
  }
}
