/** A store of one process whose state is the real state machine's: what gateways ask of it is done as a replica does it. */
import { silentLogger } from '../../../src/logger.ts';
import { type Entry, index, term } from '../../../src/raft/types.ts';
import type {
  ChangesOutcome,
  FollowedStream,
  Query,
  ReadBalance,
  ReadOptions,
  ReadOutcome,
  ReplicaView,
  StoreClient,
  Write,
  WriteOutcome,
  WriteType,
} from '../../../src/store/client.ts';
import type { Command, CommandResult } from '../../../src/store/command.ts';
import { encodeCommand } from '../../../src/store/command-codec.ts';
import { historyBoundsDefault } from '../../../src/store/history.ts';
import { type KvStateMachine, openStateMachine } from '../../../src/store/state-machine.ts';
import { type Touches, touchesOf } from '../../../src/store/touch.ts';
import { systemClock } from '../../../src/system-clock.ts';
import { MemoryDisk } from '../../store/memory-disk.ts';
import { undeclaredTouch } from '../../store/undeclared-touch.ts';

type Timed = { readonly write: Write; readonly timeoutMs: number };

const hash = Buffer.from('12345678');

export class MemoryStore implements StoreClient {
  /** What reached the store, in order. */
  readonly writes: Timed[] = [];
  readonly reads: Query[] = [];
  /** Of the commands that were applied. */
  readonly touches: Touches[] = [];
  /** Called before each write and read is done, with what is to be done; what it gives is the answer instead. */
  beforeWrite: (write: Write) => Promise<WriteOutcome | undefined> = async () => undefined;
  beforeRead: (query: Query) => Promise<ReadOutcome | undefined> = async () => undefined;
  readonly #machine: KvStateMachine;
  #sequence = 0;
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(machine: KvStateMachine) {
    this.#machine = machine;
  }

  static async open(): Promise<MemoryStore> {
    const machine = await openStateMachine(new MemoryDisk(), '/data/state', {
      firstStart: true,
      syncWrites: true,
      clock: systemClock,
      gatherMs: 0,
      history: historyBoundsDefault,
      log: silentLogger,
      onUndeclaredTouch: undeclaredTouch,
    });
    const store = new MemoryStore(machine);
    await store.apply({ type: 'openSession' });
    return store;
  }

  async write<Type extends WriteType>(
    write: Extract<Write, { readonly type: Type }>,
    timeoutMs: number,
  ): Promise<WriteOutcome<Type>> {
    this.writes.push({ write, timeoutMs });
    const scripted = await this.beforeWrite(write);
    if (scripted !== undefined) return scripted as WriteOutcome<Type>;
    return { type: 'done', result: await this.writeNow(write), replica: 'r1' } as WriteOutcome<Type>;
  }

  /** Past everything that a test has put before writes. */
  async writeNow(write: Write): Promise<CommandResult> {
    this.#sequence += 1;
    const stamp = { session: index(1), sequence: this.#sequence, lowestUnanswered: this.#sequence };
    return this.apply({ ...write, stamp } as Command);
  }

  async read(query: Query, _options: ReadOptions): Promise<ReadOutcome> {
    this.reads.push(query);
    const scripted = await this.beforeRead(query);
    if (scripted !== undefined) return scripted;
    return { type: 'done', result: await this.#machine.query(query), replica: 'r1' };
  }

  /** One entry, and all that it changes is on disk. */
  apply(command: Command): Promise<CommandResult> {
    const done = this.#turn.then(async () => {
      const at = index(this.#machine.appliedInMemory.index + 1);
      const entry: Entry = { term: term(1), index: at, type: 'command', command: encodeCommand(command) };
      if (this.#machine.applicable([entry]) === 0) await this.#machine.prepare(entry);
      this.touches.push(touchesOf(command));
      const { results, written } = this.#machine.apply([entry], hash);
      await written;
      const [result] = results;
      if (!result) throw new Error('a command has a result');
      return result;
    });
    this.#turn = done.catch(() => {});
    return done;
  }

  async readIndex() {
    return this.#machine.applied.index;
  }

  async changes(): Promise<ChangesOutcome> {
    return { type: 'unavailable' };
  }

  follow(): FollowedStream {
    return { live: false, behind() {}, renew() {}, confirm() {}, release() {} };
  }

  replicas(): readonly ReplicaView[] {
    return [];
  }

  balance(): ReadBalance {
    return { policy: 'round_robin', replicas: [], retries: 0, retriesRefused: 0 };
  }

  leader(): string {
    return 'r1';
  }

  async close(): Promise<void> {}
}
