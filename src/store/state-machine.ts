/**
 * The replicated state on LevelDB. Entries are evaluated at once, against the rows on disk and the changes that are
 * not there yet, so that answers need not wait for the write; groups that arrive while a batch is being written go
 * into the next one together. What entries do is in evaluator.ts.
 */
import { invariant } from '../raft/assert.ts';
import type { AppliedGroup, StateMachine } from '../raft/interfaces.ts';
import { beforeTheLog, type Entry, type EntryId, type Index, type Term } from '../raft/types.ts';
import { type Applied, type BatchChain, readApplied, sealApplied } from './batch-chain.ts';
import type { Collection } from './collection.ts';
import type { Command, CommandResult, Query, QueryResult } from './command.ts';
import { decodeCommand, isTransaction } from './command-codec.ts';
import { innermostMessage, isDamage } from './damage.ts';
import { type Digest, digestAfter, formatDigest, noChecksum } from './digest.ts';
import type { Disk, KeyValueReader, KeyValueStore, WriteOperation } from './disk.ts';
import { StoreError } from './errors.ts';
import { Evaluator, type UndeclaredTouch } from './evaluator.ts';
import type { History } from './history.ts';
import type { SealedRow } from './row.ts';
import { type OpenState, openStateDirectory, type StateDirectoryOptions } from './state-directory.ts';
import { answer, getItem, readRanges } from './state-queries.ts';
import type { StateClock } from './tables.ts';
import type { Compare, Operation } from './transaction.ts';
import type { ChangesQuery, ChangesResult } from './watch.ts';

export interface KvStateMachine extends StateMachine<CommandResult> {
  /** The last entry evaluated: its result is known, its effects may not be durable yet. */
  readonly appliedInMemory: EntryId;
  /** The log's hash at `applied`. */
  readonly appliedChainHash: Uint8Array;
  /**
   * Reads what is applied at a moment between the call and the answer.
   * Rejects with a StoreError if the state is damaged or cannot be read: then the replica must stop, and await
   * `close`, which leaves word for the next start to build the state anew.
   */
  query(query: Query): Promise<QueryResult>;
  /** What has changed, as far as it was evaluated here: it was published. Rejects as `query`. */
  changes(query: ChangesQuery): Promise<ChangesResult>;
  /** As far as entries were evaluated. */
  readonly clock: StateClock;
  readonly collections: readonly Collection[];
  /** 16 hex digits, of the state at `applied`; equal on replicas with equal applied index. */
  digest(): string;
  /** On this replica's clock: when a stamp was evaluated last, or the state was opened. */
  readonly stampSeenAt: number;
  /** Of the entry that bore it; null if that was evaluated before the state was opened. */
  readonly stampTerm: Term | null;
  /** Reads what is on disk, with everything that was evaluated before the call. Rejects as `query`. */
  read<T>(read: (reader: KeyValueReader) => Promise<T>): Promise<T>;
}

export interface StateMachineOptions extends StateDirectoryOptions {
  /** Whether a batch is on the disk itself, not just in the system's memory, when it counts as applied. */
  readonly syncWrites: boolean;
  /**
   * How long a batch gathers what is applied before it is written, if nobody waits for it: answers have left already,
   * and many groups cost one sync. 0: not at all.
   */
  readonly gatherMs: number;
  /** A command changed what its touches do not name: caches were not told. The change is made; a throw stops the machine. */
  readonly onUndeclaredTouch: (kind: UndeclaredTouch) => void;
}

/** A batch of this many groups' entries is worth its sync. */
const gatherEntriesMax = 2048;
/** In one turn: each may parse a mebibyte, or leave one behind, however few bytes it takes to ask for it. */
const parsesMax = 64;
/** Batches end at different revisions on each replica: of so many, replicas have some in common. */
const digestsKept = 256;

/** Throws a StartError if the directory at `path` cannot be opened; a damaged one is set aside, and starts empty. */
export async function openStateMachine(
  disk: Disk,
  path: string,
  options: StateMachineOptions,
): Promise<KvStateMachine> {
  const state = await openStateDirectory(disk, path, options);
  return new LevelStateMachine(state, options);
}

interface Batch {
  readonly from: Index;
  last: EntryId;
  chainHash: Uint8Array;
  readonly written: PromiseWithResolvers<void>;
}

class LevelStateMachine implements KvStateMachine {
  readonly #store: KeyValueStore;
  readonly #chain: BatchChain;
  readonly #evaluator: Evaluator;
  readonly #history: History;
  readonly #options: StateMachineOptions;
  readonly #condemn: (reason: string) => Promise<void>;

  #applied: Applied;
  /** Of everything encoded so far. */
  #digest: Digest;
  /** At the ends of the last batches. */
  readonly #digests: { readonly revision: Index; readonly digest: string }[] = [];

  /** Evaluated, not encoded yet. */
  #pending: Batch | null = null;
  /** Encoded, on its way to the disk. */
  #writing: Batch | null = null;
  #writer: Promise<void> = Promise.resolve();
  #writerRuns = false;
  /** Set while a batch gathers. */
  #endGathering: (() => void) | null = null;
  #hurried = false;
  /** The next entry, once it has been prepared for. */
  #preparedFor: Index | null = null;
  #stampSeenAt: number;

  /** Set once, by the first error; from then on nothing is evaluated or written. */
  #failure: Error | null = null;
  #condemned: Promise<void> = Promise.resolve();

  constructor(parts: OpenState, options: StateMachineOptions) {
    this.#store = parts.store;
    this.#chain = parts.chain;
    this.#history = parts.history;
    this.#options = options;
    this.#condemn = parts.condemn;
    this.#applied = parts.applied;
    this.#digest = parts.applied.digest;
    this.#noteDigest();
    this.#stampSeenAt = options.clock.now();
    const { store, sessions, collections, applied } = parts;
    const readFailure = (cause: unknown) => this.#readFailure(cause);
    this.#evaluator = new Evaluator({ ...options, store, sessions, collections, applied: applied.last, readFailure });
  }

  get applied(): EntryId {
    return this.#applied.last;
  }

  get appliedInMemory(): EntryId {
    return this.#evaluator.applied;
  }

  get clock(): StateClock {
    return this.#evaluator.clock;
  }

  get stampSeenAt(): number {
    return this.#stampSeenAt;
  }

  get stampTerm(): Term | null {
    return this.#evaluator.lastTick?.term ?? null;
  }

  get collections(): readonly Collection[] {
    return this.#evaluator.collections;
  }

  get appliedChainHash(): Uint8Array {
    return this.#applied.chainHash;
  }

  digest(): string {
    return formatDigest(this.#applied.digest);
  }

  applicable(entries: readonly Entry[]): number {
    let parses = 0;
    for (const [nth, entry] of entries.entries()) {
      const { compares, operations } = partsOf(entry);
      if (operations.some(iterates) && entry.index !== this.#preparedFor) return nth;
      parses += operations.filter(({ type }) => type === 'patch' || type === 'add').length;
      parses += compares.filter((compare) => compare.of === 'field').length;
      if (parses > parsesMax && nth > 0) return nth;
    }
    return entries.length;
  }

  /** What was evaluated is written first: then the disk alone has what the ranges hold. */
  async prepare(entry: Entry): Promise<void> {
    this.hurry();
    await this.#writer;
    if (this.#failure !== null) throw this.#failure;
    const command = commandOf(entry);
    invariant(command?.type === 'transaction', 'only a transaction has ranges');
    try {
      this.#evaluator.prepare({ index: entry.index, ...(await readRanges(this.#store, command.transaction)) });
      this.#preparedFor = entry.index;
    } catch (error) {
      throw this.#readFailure(error);
    }
  }

  /** Never throws for what an entry holds; a StoreError if the state itself is damaged or an earlier write failed. */
  apply(entries: readonly Entry[], chainHash: Uint8Array): AppliedGroup<CommandResult> {
    if (this.#failure !== null) throw this.#failure;
    invariant(entries.length > 0, 'a group to apply holds an entry');
    const batch = this.#batchToFill();
    const { results, changedBytes } = this.#evaluate(entries);
    batch.last = this.#evaluator.applied;
    batch.chainHash = Buffer.from(chainHash);
    if (batch.last.index - batch.from >= gatherEntriesMax) this.hurry();
    return { results, written: batch.written.promise, changedBytes };
  }

  hurry(): void {
    if (this.#pending === null) return;
    this.#hurried = true;
    this.#endGathering?.();
  }

  async query(query: Query): Promise<QueryResult> {
    switch (query.type) {
      case 'get':
        return this.#get(query);
      case 'digests':
        return { type: 'digests', revision: this.applied.index, digests: [...this.#digests] };
      default:
        return this.#fromSnapshot((reader) => answer(reader, query, readApplied(reader).last.index));
    }
  }

  async read<T>(read: (reader: KeyValueReader) => Promise<T>): Promise<T> {
    const batch = this.#pending ?? this.#writing;
    this.hurry();
    await batch?.written.promise;
    return this.#fromSnapshot(read);
  }

  async changes(query: ChangesQuery): Promise<ChangesResult> {
    try {
      return await this.#history.query(query);
    } catch (error) {
      throw this.#readFailure(error);
    }
  }

  /** Writes what was evaluated, then closes. */
  async close(): Promise<void> {
    this.#history.close();
    this.hurry();
    await this.#writer;
    await this.#condemned;
    await this.#store.close();
  }

  #evaluate(entries: readonly Entry[]): Omit<AppliedGroup<CommandResult>, 'written'> {
    try {
      const { lastTick } = this.#evaluator;
      const results = entries.map((entry) => this.#evaluator.apply(entry));
      if (this.#evaluator.lastTick !== lastTick) this.#stampSeenAt = this.#options.clock.now();
      const changedBytes = this.#history.add(this.#evaluator.takeChanges(), this.#evaluator.applied.index);
      this.#preparedFor = null;
      return { results, changedBytes };
    } catch (error) {
      // Half a group must never be written, whatever stopped it.
      this.#failure ??= error instanceof Error ? error : new Error(String(error));
      throw error;
    }
  }

  #batchToFill(): Batch {
    if (this.#pending !== null) return this.#pending;
    const { index } = this.#evaluator.applied;
    const written = Promise.withResolvers<void>();
    // A group whose evaluation throws has nobody to hear that it was not written either.
    written.promise.catch(() => {});
    this.#pending = { from: index, last: beforeTheLog, chainHash: Buffer.alloc(0), written };
    if (!this.#writerRuns) this.#writer = this.#writePending();
    return this.#pending;
  }

  async #writePending(): Promise<void> {
    this.#writerRuns = true;
    // Whoever called apply sends the answers first; encoding waits until it has given its turn away.
    await Promise.resolve();
    while (this.#pending !== null && this.#failure === null) {
      await this.#gathered();
      if (this.#failure !== null) break;
      const batch = this.#pending;
      this.#pending = null;
      this.#hurried = false;
      this.#writing = batch;
      await this.#write(batch);
      this.#writing = null;
    }
    this.#writerRuns = false;
    if (this.#failure !== null) this.#pending?.written.reject(this.#failure);
  }

  async #gathered(): Promise<void> {
    const { clock, gatherMs } = this.#options;
    if (gatherMs === 0 || this.#hurried) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#endGathering = resolve;
    const timer = clock.setTimer(gatherMs, resolve);
    await promise;
    timer.cancel();
    this.#endGathering = null;
  }

  async #write(batch: Batch): Promise<void> {
    try {
      const { operations, applied } = this.#encode(batch);
      await this.#store.batch(operations, { sync: this.#options.syncWrites });
      this.#evaluator.written();
      this.#history.written();
      this.#applied = applied;
      this.#noteDigest();
      batch.written.resolve();
    } catch (cause) {
      // A compaction that meets a damaged table fails every write from then on, in every later life too.
      if (isDamage(cause)) this.#readFailure(cause);
      this.#failure ??= new StoreError(
        'stateWriteFailed',
        `the state could not be written (${innermostMessage(cause)}): check the disk, then start the replica again`,
        { cause },
      );
      batch.written.reject(this.#failure);
    }
  }

  #noteDigest(): void {
    this.#digests.push({ revision: this.applied.index, digest: this.digest() });
    if (this.#digests.length > digestsKept) this.#digests.shift();
  }

  #encode(batch: Batch): { readonly operations: readonly WriteOperation[]; readonly applied: Applied } {
    const operations: WriteOperation[] = [];
    let bytes = 0;
    const write = (key: Uint8Array, row: SealedRow | null) => {
      operations.push(row === null ? { type: 'delete', key } : { type: 'put', key, value: row.value });
      bytes += key.length + (row?.value.length ?? 0);
    };
    const replace = (key: Uint8Array, row: SealedRow | null, previousChecksum: bigint) => {
      write(key, row);
      this.#digest = digestAfter(this.#digest, previousChecksum, row?.checksum ?? noChecksum);
    };
    this.#evaluator.encode(replace);
    const { rows, outdated: compacted } = this.#history.takeRows();
    for (const row of rows) write(row.key, row);
    for (const key of compacted) write(key, null);
    const applied: Applied = { last: batch.last, chainHash: batch.chainHash, digest: this.#digest };
    const appliedRow = sealApplied(applied);
    write(appliedRow.key, appliedRow);
    const { link, outdated } = this.#chain.extend(batch.from, batch.last.index, bytes);
    write(link.key, link);
    for (const key of outdated) write(key, null);
    return { operations, applied };
  }

  #get(query: Extract<Query, { type: 'get' }>): QueryResult {
    if (this.#writing === null) return this.#read(() => getItem(this.#store, query, this.applied.index));
    // A batch can be read a moment before it counts as applied: what is read tells by itself how far it has come.
    const snapshot = this.#store.snapshot();
    try {
      return this.#read(() => getItem(snapshot, query, readApplied(snapshot).last.index));
    } finally {
      snapshot.close();
    }
  }

  async #fromSnapshot<T>(read: (reader: KeyValueReader) => Promise<T>): Promise<T> {
    const snapshot = this.#store.snapshot();
    try {
      return await read(snapshot);
    } catch (error) {
      throw this.#readFailure(error);
    } finally {
      snapshot.close();
    }
  }

  #read<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      throw this.#readFailure(error);
    }
  }

  #readFailure(cause: unknown): unknown {
    if (cause instanceof StoreError) return cause;
    const reason = innermostMessage(cause);
    if (this.#failure !== null) return this.#failure;
    if (!isDamage(cause)) {
      this.#failure = new StoreError(
        'stateReadFailed',
        `the state could not be read (${reason}): check the disk, then start the replica again`,
        { cause },
      );
      return this.#failure;
    }
    this.#failure = new StoreError(
      'stateDamaged',
      `the state is damaged (${reason}); the log and the other replicas are not: start the replica again, ` +
        'and it builds its state anew from the log',
      { cause },
    );
    this.#condemned = this.#condemn(reason);
    return this.#failure;
  }
}

/** Of a transaction, operations of both branches; none of another entry. */
function partsOf(entry: Entry): { readonly compares: readonly Compare[]; readonly operations: readonly Operation[] } {
  const command = entry.type === 'command' && isTransaction(entry.command) ? commandOf(entry) : null;
  if (command?.type !== 'transaction') return { compares: [], operations: [] };
  const { compares, then, otherwise } = command.transaction;
  return { compares, operations: [...then, ...otherwise] };
}

function iterates({ type }: Operation): boolean {
  return type === 'range' || type === 'deleteRange';
}

function commandOf(entry: Entry): Command | null {
  return entry.type === 'command' ? decodeCommand(entry.command) : null;
}
