/**
 * The replicated state on LevelDB. Entries are evaluated at once, against the rows on disk and the changes that are
 * not there yet, so that answers need not wait for the write; groups that arrive while a batch is being written go
 * into the next one together.
 */
import { invariant } from '../raft/assert.ts';
import type { AppliedGroup, Clock, StateMachine } from '../raft/interfaces.ts';
import { beforeTheLog, type Entry, type EntryId, type Index } from '../raft/types.ts';
import { type Applied, type BatchChain, readApplied, sealApplied } from './batch-chain.ts';
import { type Command, type CommandResult, type KeyValue, limits, type Query, type QueryResult } from './command.ts';
import { decodeCommand } from './command-codec.ts';
import { innermostMessage, isDamage } from './damage.ts';
import { type Digest, digestAfter, formatDigest, noChecksum } from './digest.ts';
import type { Disk, KeyRange, KeyValueReader, KeyValueStore, WriteOperation } from './disk.ts';
import { StoreError } from './errors.ts';
import { keyOfValue, valueKey, valueRows } from './keys.ts';
import {
  evaluate,
  type Revisions,
  readKeyValue,
  readRevisions,
  type StoredValue,
  sealValue,
  type Write,
  type WriteResult,
} from './kv.ts';
import { openRow, type SealedRow } from './row.ts';
import type { Sessions } from './session.ts';
import { type OpenState, openStateDirectory, type StateDirectoryOptions } from './state-directory.ts';
import { declaresKey } from './touch.ts';

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
  /** 16 hex digits, of the state at `applied`; equal on replicas with equal applied index. */
  digest(): string;
}

export interface StateMachineOptions extends StateDirectoryOptions {
  /** Whether a batch is on the disk itself, not just in the system's memory, when it counts as applied. */
  readonly syncWrites: boolean;
  readonly clock: Clock;
  /**
   * How long a batch gathers what is applied before it is written, if nobody waits for it: answers have left already,
   * and many groups cost one sync. 0: not at all.
   */
  readonly gatherMs: number;
  /** A command changed what its touches do not name: caches were not told. The change is made; a throw stops the machine. */
  readonly onUndeclaredTouch: (kind: UndeclaredTouch) => void;
}

/** What it was that changed; which one it was is nobody's business. */
export type UndeclaredTouch = 'key';

/** A batch of this many groups' entries is worth its sync. */
const gatherEntriesMax = 2048;

/** Throws a StartError if the directory at `path` cannot be opened; a damaged one is set aside, and starts empty. */
export async function openStateMachine(
  disk: Disk,
  path: string,
  options: StateMachineOptions,
): Promise<KvStateMachine> {
  return new LevelStateMachine(await openStateDirectory(disk, path, options), options);
}

interface KeyState {
  /** Null if there is no such key. */
  readonly stored: Revisions | null;
  /** Of the key's row on disk. */
  readonly checksum: bigint;
}

/** What a key becomes in a batch. */
interface KeyChange {
  readonly stored: StoredValue | null;
  /** Until the batch is encoded that of the row it replaces, then that of its own. */
  checksum: bigint;
}

interface Batch {
  readonly from: Index;
  last: EntryId;
  chainHash: Uint8Array;
  readonly changes: Map<string, KeyChange>;
  readonly written: PromiseWithResolvers<void>;
}

class LevelStateMachine implements KvStateMachine {
  readonly #store: KeyValueStore;
  readonly #chain: BatchChain;
  readonly #sessions: Sessions;
  readonly #options: StateMachineOptions;
  readonly #condemn: (reason: string) => Promise<void>;

  #applied: Applied;
  #appliedInMemory: EntryId;
  /** Of everything encoded so far. */
  #digest: Digest;

  /** Evaluated, not encoded yet. */
  #pending: Batch | null = null;
  /** Encoded, on its way to the disk. */
  #writing: Batch | null = null;
  #writer: Promise<void> = Promise.resolve();
  #writerRuns = false;
  /** Set while a batch gathers. */
  #endGathering: (() => void) | null = null;
  #hurried = false;

  /** Set once, by the first error; from then on nothing is evaluated or written. */
  #failure: Error | null = null;
  #condemned: Promise<void> = Promise.resolve();

  constructor(parts: OpenState, options: StateMachineOptions) {
    this.#store = parts.store;
    this.#chain = parts.chain;
    this.#sessions = parts.sessions;
    this.#options = options;
    this.#condemn = parts.condemn;
    this.#applied = parts.applied;
    this.#appliedInMemory = parts.applied.last;
    this.#digest = parts.applied.digest;
  }

  get applied(): EntryId {
    return this.#applied.last;
  }

  get appliedInMemory(): EntryId {
    return this.#appliedInMemory;
  }

  get appliedChainHash(): Uint8Array {
    return this.#applied.chainHash;
  }

  digest(): string {
    return formatDigest(this.#applied.digest);
  }

  /** Never throws for what an entry holds; a StoreError if the state itself is damaged or an earlier write failed. */
  apply(entries: readonly Entry[], chainHash: Uint8Array): AppliedGroup<CommandResult> {
    if (this.#failure !== null) throw this.#failure;
    invariant(entries.length > 0, 'a group to apply holds an entry');
    const batch = this.#batchToFill();
    const results = this.#evaluate(batch, entries);
    batch.last = this.#appliedInMemory;
    batch.chainHash = Buffer.from(chainHash);
    if (batch.last.index - batch.from >= gatherEntriesMax) this.hurry();
    return { results, written: batch.written.promise };
  }

  hurry(): void {
    if (this.#pending === null) return;
    this.#hurried = true;
    this.#endGathering?.();
  }

  async query(query: Query): Promise<QueryResult> {
    return query.type === 'get' ? this.#get(query) : this.#list(query);
  }

  /** Writes what was evaluated, then closes. */
  async close(): Promise<void> {
    this.hurry();
    await this.#writer;
    await this.#condemned;
    await this.#store.close();
  }

  #evaluate(batch: Batch, entries: readonly Entry[]): readonly (CommandResult | null)[] {
    try {
      return entries.map((entry) => this.#applyEntry(batch, entry));
    } catch (error) {
      // Half a group must never be written, whatever stopped it.
      this.#failure ??= error instanceof Error ? error : new Error(String(error));
      throw error;
    }
  }

  #applyEntry(batch: Batch, entry: Entry): CommandResult | null {
    const { index, term } = entry;
    const expected = this.#appliedInMemory.index + 1;
    invariant(index === expected, `entries are applied in order: expected ${expected}, got ${index}`);
    const result = entry.type === 'command' ? this.#applyCommand(batch, entry.command, index) : null;
    this.#appliedInMemory = { term, index };
    return result;
  }

  #applyCommand(batch: Batch, bytes: Uint8Array, index: Index): CommandResult {
    const command = decodeCommand(bytes);
    if (command === null) return { type: 'invalidCommand' };
    if (command.type === 'openSession') {
      this.#sessions.open(index);
      return { type: 'sessionOpened', session: index };
    }
    const admission = this.#sessions.admit(command.stamp, index);
    if (admission.type === 'expired') return { type: 'sessionExpired' };
    if (admission.type === 'answered') return admission.result;
    const result = this.#execute(batch, command, index);
    this.#sessions.keep(command.stamp, result);
    return result;
  }

  #execute(batch: Batch, write: Write, index: Index): WriteResult {
    const { stored, checksum } = batch.changes.get(write.key) ?? this.#current(write.key);
    const { result, next } = evaluate(write, stored, index);
    if (next !== undefined) this.#change(batch, write, write.key, { stored: next, checksum });
    return result;
  }

  /** The only way for a value to change: whatever a command comes to do, here it is held against what it declares. */
  #change(batch: Batch, command: Command, key: string, change: KeyChange): void {
    if (!declaresKey(command, key)) this.#options.onUndeclaredTouch('key');
    batch.changes.set(key, change);
  }

  /** The key as it will be once the batch being written is on disk. */
  #current(key: string): KeyState {
    const change = this.#writing?.changes.get(key);
    if (change !== undefined) return change;
    const row = this.#read(() => getRow(this.#store, valueKey(key)));
    if (row === null) return { stored: null, checksum: noChecksum };
    return { stored: readRevisions(row.body), checksum: row.checksum };
  }

  #batchToFill(): Batch {
    if (this.#pending !== null) return this.#pending;
    const { index } = this.#appliedInMemory;
    const written = Promise.withResolvers<void>();
    // A group whose evaluation throws has nobody to hear that it was not written either.
    written.promise.catch(() => {});
    this.#pending = { from: index, last: beforeTheLog, chainHash: Buffer.alloc(0), changes: new Map(), written };
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
      this.#applied = applied;
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
    for (const [key, change] of batch.changes) {
      const row = change.stored === null ? null : sealValue(key, change.stored);
      replace(row?.key ?? valueKey(key), row, change.checksum);
      change.checksum = row?.checksum ?? noChecksum;
    }
    this.#sessions.takeChanges(replace);
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

  async #list({ prefix, after, limit, keysOnly }: Extract<Query, { type: 'list' }>): Promise<QueryResult> {
    const snapshot = this.#store.snapshot();
    try {
      const revision = readApplied(snapshot).last.index;
      const range = valueRows(prefix, after);
      if (range === null) return { type: 'list', revision, items: [], more: false };
      const { items, more } = await readPage(snapshot, range, limit, keysOnly);
      return { type: 'list', revision, items, more };
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

function getItem(
  reader: KeyValueReader,
  { key, withValue }: Extract<Query, { type: 'get' }>,
  revision: Index,
): QueryResult {
  const row = getRow(reader, valueKey(key));
  return { type: 'get', revision, item: row === null ? null : readKeyValue(key, row.body, withValue) };
}

function getRow(reader: KeyValueReader, key: Buffer) {
  const row = reader.get(key);
  return row === undefined ? null : openRow(key, row);
}

async function readPage(
  reader: KeyValueReader,
  range: KeyRange,
  limit: number,
  keysOnly: boolean,
): Promise<{ readonly items: readonly KeyValue[]; readonly more: boolean }> {
  const items: KeyValue[] = [];
  let bytes = 0;
  for await (const [rowKey, row] of reader.iterate({ ...range, limit: limit + 1 })) {
    const item = readKeyValue(keyOfValue(rowKey), openRow(rowKey, row).body, !keysOnly);
    bytes += rowKey.length - 1 + (item.value?.length ?? 0);
    if (items.length === limit || (items.length > 0 && bytes > limits.listBytesMax)) {
      await checkNothingSkipped(reader, { gte: range.gte, lt: rowKey }, items.length);
      return { items, more: true };
    }
    items.push(item);
  }
  return { items, more: false };
}

/**
 * LevelDB leaves out what a damaged block held, and says so only when an iteration runs to its own end:
 * a page that stopped early is read once more, to where it stopped.
 */
async function checkNothingSkipped(reader: KeyValueReader, range: KeyRange, expected: number): Promise<void> {
  let seen = 0;
  for await (const _row of reader.iterate(range)) seen += 1;
  invariant(seen === expected, `a snapshot does not change: ${expected} rows, then ${seen}`);
}
