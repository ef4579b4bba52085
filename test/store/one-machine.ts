/** The state machine on a memory disk, which is given one entry after the other, each written before the next. */
import { silentLogger } from '../../src/logger.ts';
import { index, term } from '../../src/raft/types.ts';
import type { Command, CommandResult, SessionStamp } from '../../src/store/command.ts';
import { encodeCommand } from '../../src/store/command-codec.ts';
import { chunkToSweep } from '../../src/store/duties.ts';
import { historyBoundsDefault } from '../../src/store/history.ts';
import { type KvStateMachine, openStateMachine } from '../../src/store/state-machine.ts';
import type { Operation } from '../../src/store/transaction.ts';
import { systemClock } from '../../src/system-clock.ts';
import { MemoryDisk } from './memory-disk.ts';
import { undeclaredTouch } from './undeclared-touch.ts';

const hash = Buffer.from('12345678');

export function openMachine(): Promise<KvStateMachine> {
  return openStateMachine(new MemoryDisk(), '/state', {
    firstStart: true,
    syncWrites: true,
    clock: systemClock,
    gatherMs: 0,
    history: historyBoundsDefault,
    log: silentLogger,
    onUndeclaredTouch: undeclaredTouch,
  });
}

/** Its first entry is to open the session that it writes in. */
export class OneMachine {
  readonly machine: KvStateMachine;
  #sequence = 0;

  constructor(machine: KvStateMachine) {
    this.machine = machine;
  }

  async apply(command: Command): Promise<CommandResult | null> {
    const at = index(this.machine.appliedInMemory.index + 1);
    const entry = { term: term(1), index: at, type: 'command', command: encodeCommand(command) } as const;
    const { results, written } = this.machine.apply([entry], hash);
    await written;
    return results[0] ?? null;
  }

  async transact(...then: readonly Operation[]): Promise<void> {
    const transaction = { compares: [], then, otherwise: [] };
    const done = await this.apply({ type: 'transaction', stamp: this.stamp(), idempotency: null, transaction });
    if (done?.type !== 'transaction') throw new Error(`it failed: ${JSON.stringify(done)}`);
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
