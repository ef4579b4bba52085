/**
 * The durable log of one replica: LevelDB and the witness, written in parallel, judged together at the start.
 * DESIGN-disk.md says why.
 */
import { join } from 'node:path';
import type { Logger } from '../logger.ts';
import { invariant } from '../raft/assert.ts';
import type { LogStore } from '../raft/interfaces.ts';
import {
  beforeTheLog,
  type Entry,
  type HardState,
  type Index,
  index,
  type LogBatch,
  type LogState,
  type ReplicaId,
  term,
} from '../raft/types.ts';
import type { Disk, KeyValueStore } from './disk.ts';
import { StoreError } from './errors.ts';
import { openVerifiedLog, openWitness, witnessName } from './log-boot.ts';
import { logName } from './log-repair.ts';
import { chainHashIn, verifiedRecords } from './log-rows.ts';
import { emptyLog } from './log-summary.ts';
import { LogWriter } from './log-writer.ts';
import { Witness } from './witness.ts';

/** Makes an empty log, whole and witnessed, in a directory that has none. */
export async function createLog(disk: Disk, directory: string): Promise<void> {
  await using opened = new AsyncDisposableStack();
  const database = await disk.openKeyValueStore(join(directory, logName), { createIfMissing: true });
  opened.defer(() => database.close());
  const witness = await Witness.open(disk, join(directory, witnessName), { create: true });
  opened.defer(() => witness.close());
  const hardState: HardState = { currentTerm: term(0), votedFor: null, claim: null };
  const { last, chainHash } = emptyLog;
  const writer = new LogWriter(database, witness, { generation: 0, hardState, last, chainHash });
  await writer.begin();
}

/**
 * Verifies the whole log, repairs it if it is damaged, and writes the first batch of a new life.
 * Rejects with StartError (replicaLost, logUnavailable) when the replica must not start.
 */
export async function openLogStore(
  disk: Disk,
  directory: { readonly path: string; readonly uuid: string },
  { replicaId, log }: { readonly replicaId: ReplicaId; readonly log: Logger },
): Promise<LogStore> {
  await using opened = new AsyncDisposableStack();
  const witness = await openWitness(disk, directory.path, replicaId);
  opened.defer(() => witness.close());
  const verified = await openVerifiedLog(disk, directory.path, witness.slots, { replicaId, log });
  const { database, summary, hardState, nextGeneration } = verified;
  opened.defer(() => database.close());
  const { last, chainHash } = summary;
  const writer = new LogWriter(database, witness, { generation: nextGeneration - 1, hardState, last, chainHash });
  await writer.begin();
  const closing = opened.move();
  return new LevelLogStore(database, writer, () => closing.disposeAsync(), {
    hardState,
    base: beforeTheLog,
    last,
    termStarts: summary.termStarts,
    configurations: summary.configurations,
    bootId: nextGeneration,
    uuid: directory.uuid,
  });
}

class LevelLogStore implements LogStore {
  readonly state: LogState;
  readonly #database: KeyValueStore;
  readonly #writer: LogWriter;
  readonly #close: () => Promise<void>;

  constructor(database: KeyValueStore, writer: LogWriter, close: () => Promise<void>, state: LogState) {
    this.#database = database;
    this.#writer = writer;
    this.#close = close;
    this.state = state;
  }

  append(batch: LogBatch): Promise<void> {
    return this.#writer.append(batch);
  }

  async read(from: Index, to: Index, maxBytes: number): Promise<readonly Entry[]> {
    invariant(from > this.state.base.index, `the log begins behind ${this.state.base.index}, asked for ${from}`);
    await this.#writer.untilStable(to);
    const end = index(Math.min(to, this.#writer.head.last.index));
    if (from > end) return [];
    const view = this.#database.snapshot();
    try {
      const entries: Entry[] = [];
      let bytes = 0;
      for await (const record of verifiedRecords(view, from, end, chainHashIn(view, index(from - 1)))) {
        if (record.type === 'flaw') throw new StoreError('logDamaged', `the log is damaged: ${record.reason}`);
        bytes += record.payloadBytes;
        if (bytes > maxBytes && entries.length > 0) break;
        entries.push(record.entry);
      }
      return entries;
    } catch (error) {
      if (error instanceof StoreError) throw error;
      throw new StoreError('logDamaged', `the log cannot be read from entry ${from} on`, { cause: error });
    } finally {
      view.close();
    }
  }

  chainHash(at: Index): Uint8Array {
    const { last, chainHash } = this.#writer.head;
    invariant(at <= last.index, `the durable log ends at ${last.index}, asked for the hash of ${at}`);
    return Buffer.from(at === last.index ? chainHash : chainHashIn(this.#database, at), 'latin1');
  }

  async close(): Promise<void> {
    await this.#writer.idle();
    await this.#close();
  }
}
