/**
 * A store of one process over the real state machine, whose leader tells those who follow what each entry touches before the
 * write is answered, and grants leases if it is to.
 */
import type {
  ChangesOutcome,
  ChangesQuery,
  FollowedStream,
  Follower,
  Query,
  ReadOptions,
  ReadOutcome,
  Write,
  WriteOutcome,
  WriteType,
} from '../../../src/store/client.ts';
import type { Collection, IndexDefinition } from '../../../src/store/collection.ts';
import type { Command, CommandResult } from '../../../src/store/command.ts';
import { type JsonObject, stringifyJson } from '../../../src/store/json.ts';
import { termsOf } from '../../../src/store/terms.ts';
import { type Touches, touchesOf } from '../../../src/store/touch.ts';
import type { KnownDocument, Operation } from '../../../src/store/transaction.ts';
import { OneMachine, openMachine } from '../../store/one-machine.ts';
import { FakeClient } from '../fake-client.ts';
import { FakeLeader } from '../fake-leader.ts';

/** A document as its writer knows it. */
export interface Known {
  readonly revision: number;
  readonly document: JsonObject;
}

export class MachineClient extends FakeClient {
  /** Of the entries that were applied. */
  readonly touches: Touches[] = [];
  /** Called before each write and read that comes from a gateway is done; what it gives is the answer instead. */
  beforeWrite: (write: Write) => Promise<WriteOutcome | null> = async () => this.writeOutcome;
  beforeRead: (query: Query, options: ReadOptions) => Promise<ReadOutcome | null> = async () => this.readOutcome;
  /** What an entry is said to touch; a test that wants to be found out says less. */
  touchesOf: (command: Command) => Touches = touchesOf;
  /** Answers that have been read leave when it has settled. */
  held: Promise<void> | null = null;
  readonly #one: OneMachine;
  readonly #leader: FakeLeader;

  private constructor(one: OneMachine, leaseMs: number | null) {
    super();
    this.#one = one;
    this.#leader = new FakeLeader(leaseMs);
    one.onWritten = (command) => {
      const touches = this.touchesOf(command);
      this.touches.push(touches);
      this.#leader.tell(touches, one.machine.appliedInMemory.index);
    };
  }

  static async start(leaseMs: number | null = null): Promise<MachineClient> {
    const client = new MachineClient(new OneMachine(await openMachine()), leaseMs);
    await client.apply({ type: 'openSession' });
    return client;
  }

  override async write<Type extends WriteType>(
    write: Extract<Write, { readonly type: Type }>,
    timeoutMs: number,
  ): Promise<WriteOutcome<Type>> {
    this.writes.push({ write, timeoutMs });
    const instead = await this.beforeWrite(write);
    if (instead !== null) return instead as WriteOutcome<Type>;
    return { type: 'done', result: await this.writeNow(write), replica: 'r1' } as WriteOutcome<Type>;
  }

  /** Whatever `beforeWrite` says. */
  writeNow(write: Write): Promise<CommandResult> {
    return this.apply({ ...write, stamp: this.#one.stamp() });
  }

  override async read(query: Query, options: ReadOptions): Promise<ReadOutcome> {
    this.reads.push({ query, ...options });
    const instead = await this.beforeRead(query, options);
    if (instead !== null) return instead;
    const result = await this.#one.machine.query(query);
    await this.held;
    return { type: 'done', result, replica: options.replica ?? 'r2' };
  }

  override async changes(query: ChangesQuery): Promise<ChangesOutcome> {
    return { type: 'done', result: await this.#one.machine.changes(query), replica: 'r1' };
  }

  override async readIndex() {
    return this.#one.machine.appliedInMemory.index;
  }

  override follow(follower?: Follower): FollowedStream {
    const stream = this.#leader.follow(follower);
    this.#leader.tell([], this.#one.machine.appliedInMemory.index);
    return stream;
  }

  /** Forgets what has reached the store so far. */
  forget(): void {
    for (const list of [this.writes, this.reads, this.touches]) list.length = 0;
  }

  apply(command: Command): Promise<CommandResult> {
    return this.#one.apply(command);
  }

  async define(name: string, indexes: readonly IndexDefinition[]): Promise<Collection> {
    await this.#one.define(name, indexes);
    return this.#one.collection(name);
  }

  async drop(name: string): Promise<void> {
    await this.#one.define(name, null);
  }

  /** Throws unless it was done. Answers the revision. */
  transact(...then: readonly Operation[]): Promise<number> {
    return this.#one.transact(...then);
  }

  /** `known`: as it stands, null if it does not; left out, nothing is stated. */
  put(collection: string, id: string, document: JsonObject, known?: Known | null, ttlMs: number | null = null) {
    const { modRevision: definition, indexes } = this.#one.collection(collection);
    const basis = { definition, terms: termsOf(document, indexes), known: this.#known(collection, document, known) };
    return this.transact({ type: 'putDocument', collection, id, json: stringifyJson(document), ttlMs, basis });
  }

  patch(collection: string, id: string, patch: JsonObject) {
    const { modRevision: definition, indexes } = this.#one.collection(collection);
    const target = { type: 'document', collection, id } as const;
    const basis = { definition, terms: termsOf(patch, indexes) };
    return this.transact({ type: 'patch', target, json: stringifyJson(patch), basis });
  }

  add(collection: string, id: string, field: string, amount: number) {
    const target = { type: 'document', collection, id } as const;
    return this.transact({ type: 'add', target, field, amount, min: null, max: null });
  }

  /** As put. */
  remove(collection: string, id: string, known?: Known) {
    const target = { type: 'document', collection, id } as const;
    return this.transact({ type: 'delete', target, known: this.#known(collection, {}, known) });
  }

  #known(collection: string, document: JsonObject, known: Known | null | undefined): KnownDocument | null {
    if (known === undefined) return null;
    if (known === null) return { revision: 0, terms: [], changed: [] };
    const { indexes } = this.#one.collection(collection);
    const fields = new Set([...Object.keys(known.document), ...Object.keys(document)]);
    const changed = [...fields].filter(
      (field) => JSON.stringify(known.document[field]) !== JSON.stringify(document[field]),
    );
    return { revision: known.revision, terms: termsOf(known.document, indexes), changed };
  }
}
