/**
 * A store of one process over the real state machine, whose leader tells its follower what each entry touches before the write
 * is answered, and grants leases if it is to.
 */
import { silentLogger } from '../../../src/logger.ts';
import { type Entry, index, term } from '../../../src/raft/types.ts';
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
import { encodeCommand } from '../../../src/store/command-codec.ts';
import { historyBoundsDefault } from '../../../src/store/history.ts';
import { type JsonObject, stringifyJson } from '../../../src/store/json.ts';
import { type KvStateMachine, openStateMachine } from '../../../src/store/state-machine.ts';
import { termsOf } from '../../../src/store/terms.ts';
import { type Touches, touchesOf } from '../../../src/store/touch.ts';
import type { Compare, KnownDocument, Operation } from '../../../src/store/transaction.ts';
import { systemClock } from '../../../src/system-clock.ts';
import { MemoryDisk } from '../../store/memory-disk.ts';
import { undeclaredTouch } from '../../store/undeclared-touch.ts';
import { FakeClient } from '../fake-client.ts';

const chainHash = Buffer.from('12345678');
const session = index(1);

/** A document as its writer knows it. */
export interface Known {
  readonly revision: number;
  readonly document: JsonObject;
}

export class MachineClient extends FakeClient {
  readonly #machine: KvStateMachine;
  /** Null: none is granted. */
  readonly #leaseMs: number | null;
  /** What an entry is said to touch; a test that wants to be found out says less. */
  touchesOf: (command: Command) => Touches = touchesOf;
  /** Answers that have been read leave when it has settled. */
  held: Promise<void> | null = null;
  #follower: Follower | null = null;
  #told = 0;
  #sequence = 0;
  #collections = new Map<string, Collection>();

  private constructor(machine: KvStateMachine, leaseMs: number | null) {
    super();
    this.#machine = machine;
    this.#leaseMs = leaseMs;
  }

  static async start(leaseMs: number | null = null): Promise<MachineClient> {
    const options = { firstStart: true, syncWrites: false, clock: systemClock, gatherMs: 0, log: silentLogger };
    const machine = await openStateMachine(new MemoryDisk(), '/data/state', {
      ...options,
      history: historyBoundsDefault,
      onUndeclaredTouch: undeclaredTouch,
    });
    const client = new MachineClient(machine, leaseMs);
    await client.apply({ type: 'openSession' });
    return client;
  }

  override async write<Type extends WriteType>(
    write: Extract<Write, { readonly type: Type }>,
  ): Promise<WriteOutcome<Type>> {
    const result = await this.apply({ ...write, stamp: this.#stamp() });
    return { type: 'done', result, replica: 'r1' } as WriteOutcome<Type>;
  }

  override async read(query: Query, options: ReadOptions): Promise<ReadOutcome> {
    this.reads.push({ query, ...options });
    if (this.readOutcome !== null) return this.readOutcome;
    const result = await this.#machine.query(query);
    await this.held;
    return { type: 'done', result, replica: options.replica ?? 'r2' };
  }

  override async changes(query: ChangesQuery): Promise<ChangesOutcome> {
    return { type: 'done', result: await this.#machine.changes(query), replica: 'r1' };
  }

  override async readIndex() {
    return this.#machine.appliedInMemory.index;
  }

  override follow(follower?: Follower): FollowedStream {
    this.#follower = follower ?? null;
    follower?.begin('s');
    this.#tell([]);
    return {
      live: true,
      behind() {},
      renew: (request) => {
        const leaseMs = this.#leaseMs;
        if (leaseMs === null) return;
        follower?.granted({ type: 'granted', streamId: 's', request, term: term(1), index: index(0), leaseMs });
      },
      confirm() {},
      release() {},
    };
  }

  /** Of whatever type: what the leader proposes by itself, too. */
  async apply(command: Command): Promise<CommandResult> {
    const at = index(this.#machine.appliedInMemory.index + 1);
    const entry: Entry = { term: term(1), index: at, type: 'command', command: encodeCommand(command) };
    if (this.#machine.applicable([entry]) === 0) await this.#machine.prepare(entry);
    const { results, written } = this.#machine.apply([entry], chainHash);
    await written;
    this.#tell(this.touchesOf(command));
    const [result] = results;
    if (result === undefined || result === null) throw new Error('an entry has no result');
    return result;
  }

  /** Makes a collection, or changes it. */
  async define(name: string, indexes: readonly IndexDefinition[], idField = 'id'): Promise<Collection> {
    const definition = { idField, indexes };
    await this.apply({ type: 'define', stamp: this.#stamp(), name, definition, replaces: null });
    const collection = this.#machine.collections.find((each) => each.name === name);
    if (collection === undefined) throw new Error(`${name} is not defined`);
    this.#collections.set(name, collection);
    return collection;
  }

  async drop(name: string): Promise<void> {
    await this.apply({ type: 'define', stamp: this.#stamp(), name, definition: null, replaces: null });
    this.#collections.delete(name);
  }

  /** Throws unless it was done. Answers the revision. */
  async transact(then: readonly Operation[], compares: readonly Compare[] = []): Promise<number> {
    const transaction = { compares, then, otherwise: [] };
    const result = await this.apply({ type: 'transaction', stamp: this.#stamp(), idempotency: null, transaction });
    if (result.type !== 'transaction') throw new Error(JSON.stringify(result));
    return result.revision;
  }

  /** `known`: as it stands, null if it does not; left out, nothing is stated. */
  put(collection: string, id: string, document: JsonObject, known?: Known | null, ttlMs: number | null = null) {
    return this.transact([this.putOf(collection, id, document, known, ttlMs)]);
  }

  putOf(
    collection: string,
    id: string,
    document: JsonObject,
    known?: Known | null,
    ttlMs: number | null = null,
  ): Operation {
    const { modRevision: definition, indexes } = this.#definition(collection);
    const basis = { definition, terms: termsOf(document, indexes), known: this.#known(collection, document, known) };
    return { type: 'putDocument', collection, id, json: stringifyJson(document), ttlMs, basis };
  }

  patch(collection: string, id: string, patch: JsonObject) {
    const { modRevision: definition, indexes } = this.#definition(collection);
    const target = { type: 'document', collection, id } as const;
    const basis = { definition, terms: termsOf(patch, indexes) };
    return this.transact([{ type: 'patch', target, json: stringifyJson(patch), basis }]);
  }

  add(collection: string, id: string, field: string, amount: number) {
    const target = { type: 'document', collection, id } as const;
    return this.transact([{ type: 'add', target, field, amount, min: null, max: null }]);
  }

  /** As put. */
  remove(collection: string, id: string, known?: Known) {
    const target = { type: 'document', collection, id } as const;
    return this.transact([{ type: 'delete', target, known: this.#known(collection, {}, known) }]);
  }

  #known(collection: string, document: JsonObject, known: Known | null | undefined): KnownDocument | null {
    if (known === undefined) return null;
    if (known === null) return { revision: 0, terms: [], changed: [] };
    const { indexes } = this.#definition(collection);
    const fields = new Set([...Object.keys(known.document), ...Object.keys(document)]);
    const changed = [...fields].filter(
      (field) => JSON.stringify(known.document[field]) !== JSON.stringify(document[field]),
    );
    return { revision: known.revision, terms: termsOf(known.document, indexes), changed };
  }

  #definition(collection: string): Collection {
    const found = this.#collections.get(collection);
    if (found === undefined) throw new Error(`${collection} is not defined`);
    return found;
  }

  #stamp() {
    this.#sequence += 1;
    return { session, sequence: this.#sequence, lowestUnanswered: this.#sequence };
  }

  #tell(touches: Touches): void {
    const from = index(this.#told);
    const to = this.#machine.appliedInMemory.index;
    this.#told = to;
    const message = { lineage: 'a-cluster', streamId: 's', term: term(1), from, to, publishIndex: to };
    this.#follower?.receive({ type: 'invalidations', ...message, touches: [{ index: to, touches }] });
  }
}
