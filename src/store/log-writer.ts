/** Writes batches to LevelDB and the witness; a batch is durable when it is in both. */
import { invariant } from '../raft/assert.ts';
import { type Index, index, type LogBatch } from '../raft/types.ts';
import type { KeyValueStore, WriteOperation } from './disk.ts';
import { StoreError } from './errors.ts';
import type { LogHead } from './log-head.ts';
import { batchOperations, recordIn } from './log-rows.ts';
import { emptyLog } from './log-summary.ts';
import { encodeSlot, type LogEnd, slotBytes, type Witness } from './witness.ts';

export class LogWriter {
  readonly #database: KeyValueStore;
  readonly #witness: Witness;
  /** Of the last durable batch. */
  #head: LogHead;
  /**
   * A batch's entries are encoded once, here; LevelDB is given views of it and copies them at once, the witness writes
   * it as it is. So one batch at a time.
   */
  readonly #buffer: Buffer = Buffer.alloc(slotBytes);
  #pending: { readonly truncateFrom: Index | null; readonly durable: Promise<void> } | null = null;
  #failure: StoreError | null = null;

  constructor(database: KeyValueStore, witness: Witness, head: LogHead) {
    this.#database = database;
    this.#witness = witness;
    this.#head = head;
  }

  get head(): LogHead {
    return this.#head;
  }

  /**
   * Writes the first batch of a life, an empty one; rejects as `append` does.
   * In turn: the database may be a batch ahead of the witness already, and must not come to be two ahead.
   */
  async begin(): Promise<void> {
    const { head, bytes, operations } = this.#encode({
      hardState: this.#head.hardState,
      truncateFrom: null,
      entries: [],
    });
    try {
      await this.#witness.write(bytes);
      await this.#database.batch(operations, { sync: true });
    } catch (error) {
      throw this.#fail(error);
    }
    this.#head = head;
  }

  /** Rejects with StoreError (logWriteFailed), from then on always: what stands on the disk is not known any more. */
  async append(batch: LogBatch): Promise<void> {
    if (this.#failure !== null) throw this.#failure;
    invariant(this.#pending === null, 'a batch is written only when the one before it is durable');
    const durable = this.#write(batch);
    this.#pending = { truncateFrom: batch.truncateFrom, durable };
    try {
      await durable;
    } finally {
      this.#pending = null;
    }
  }

  /** Resolves when no batch in flight replaces entries up to `to`. */
  async untilStable(to: Index): Promise<void> {
    for (;;) {
      const pending = this.#pending;
      if (pending === null || pending.truncateFrom === null || pending.truncateFrom > to) return;
      await pending.durable;
    }
  }

  /** Resolves when nothing is in flight. */
  async idle(): Promise<void> {
    await Promise.allSettled([this.#pending?.durable]);
  }

  async #write(batch: LogBatch): Promise<void> {
    const { head, bytes, operations } = this.#encode(batch);
    const outcomes = await Promise.allSettled([
      this.#database.batch(operations, { sync: true }),
      this.#witness.write(bytes),
    ]);
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed !== undefined) throw this.#fail(failed.reason);
    this.#head = head;
  }

  #encode(batch: LogBatch): {
    readonly head: LogHead;
    readonly bytes: Buffer;
    readonly operations: readonly WriteOperation[];
  } {
    const before = this.#endBefore(batch.truncateFrom);
    const { head, records, bytes } = encodeSlot(this.#buffer, this.#head.generation + 1, batch, before);
    return { head, bytes, operations: batchOperations(head, records, this.#head.last.index) };
  }

  #endBefore(truncateFrom: Index | null): LogEnd {
    const { last, chainHash } = this.#head;
    if (truncateFrom === null || truncateFrom === last.index + 1) return { last, chainHash };
    invariant(
      truncateFrom >= 1 && truncateFrom <= last.index,
      `a truncation begins in the log, from 1 to ${last.index}, got ${truncateFrom}`,
    );
    if (truncateFrom === 1) return emptyLog;
    const before = recordIn(this.#database, index(truncateFrom - 1));
    return { last: before.entry, chainHash: before.chainHash };
  }

  #fail(cause: unknown): StoreError {
    const reason = cause instanceof Error ? cause.message : String(cause);
    this.#failure = new StoreError('logWriteFailed', `the log could not be written, so nothing more is: ${reason}`, {
      cause,
    });
    return this.#failure;
  }
}
