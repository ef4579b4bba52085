/** Cores that an oracle watches: the cluster of the core's own tests, with each disk's rows as the product writes them. */
import type { Message } from '../../src/raft/message.ts';
import type { RaftState } from '../../src/raft/state.ts';
import type { Entry, EntryId, HardState, ReplicaId } from '../../src/raft/types.ts';
import { encodeMeta } from '../../src/store/log-head.ts';
import { chainHashBeforeTheLog, payloadOf, recordHeaderBytes, writeRecord } from '../../src/store/log-record.ts';
import { encodeMessages } from '../../src/store/message-codec.ts';
import { Cluster, type ClusterOptions } from '../raft/cluster.ts';
import type { MemoryDisk } from '../raft/memory-disk.ts';
import { Probes } from './probes.ts';
import { type OracleDisk, RaftOracle } from './raft-oracle.ts';

interface WrittenRow {
  readonly entry: Entry;
  readonly bytes: Uint8Array;
  readonly chainHash: string;
}

/** What a disk in memory would look like as rows, and what a test says instead. */
export class RowsOf implements OracleDisk {
  readonly #disk: MemoryDisk;
  readonly #rows: WrittenRow[] = [];
  readonly #instead = new Map<string, Uint8Array | undefined>();

  constructor(disk: MemoryDisk) {
    this.#disk = disk;
  }

  durableLogRow(key: Uint8Array): Uint8Array | undefined {
    const name = Buffer.from(key).toString('latin1');
    if (this.#instead.has(name)) return this.#instead.get(name);
    if (name === 'm') return metaRow(this.#disk.hardState, this.#disk.last);
    return this.#row(Buffer.from(key).readUInt32BE(5))?.bytes;
  }

  /** Of the entry at this index: equal ones mean equal logs up to there. Null without such an entry. */
  chainHash(index: number): string | null {
    return index === 0 ? chainHashBeforeTheLog : (this.#row(index)?.chainHash ?? null);
  }

  /** From now on the disk holds this in the row of an entry; undefined: nothing. */
  replaceEntry(index: number, entry: Entry | undefined): void {
    const bytes = entry && entryRow(entry, this.chainHash(index - 1) ?? chainHashBeforeTheLog).bytes;
    this.replaceRow(index, bytes);
  }

  replaceRow(index: number, bytes: Uint8Array | undefined): void {
    const key = Buffer.alloc(9, 'e');
    key.writeBigUInt64BE(BigInt(index), 1);
    this.#instead.set(key.toString('latin1'), bytes);
  }

  replaceHardState(hardState: HardState): void {
    this.#instead.set('m', metaRow(hardState, this.#disk.last));
  }

  #row(index: number): WrittenRow | undefined {
    const { entries } = this.#disk;
    const rows = this.#rows;
    const changed = rows.findIndex((row, position) => row.entry !== entries[position]);
    if (changed >= 0) rows.length = changed;
    for (const entry of entries.slice(rows.length, index)) {
      rows.push(entryRow(entry, rows.at(-1)?.chainHash ?? chainHashBeforeTheLog));
    }
    return rows[index - 1];
  }
}

function entryRow(entry: Entry, previous: string): WrittenRow {
  const payload = payloadOf(entry);
  const bytes = Buffer.alloc(recordHeaderBytes + payload.length);
  const { chainHash } = writeRecord(bytes, 0, entry, payload, previous);
  return { entry, bytes, chainHash };
}

function metaRow(hardState: HardState, last: EntryId): Uint8Array {
  return encodeMeta({ generation: 1, hardState, last, chainHash: chainHashBeforeTheLog });
}

export class WatchedCluster {
  readonly cluster: Cluster;
  readonly probes = new Probes();
  readonly oracle: RaftOracle;
  readonly #rows: ReadonlyMap<ReplicaId, RowsOf>;

  constructor(options: ClusterOptions) {
    this.cluster = new Cluster(options);
    this.#rows = new Map(this.cluster.ids.map((id) => [id, new RowsOf(this.cluster.disk(id))]));
    this.oracle = new RaftOracle({ disks: this.#rows, probes: this.probes });
    for (const id of this.cluster.ids) this.#join(id);
    this.cluster.intercept = (message) => {
      this.look();
      this.says(message);
      return null;
    };
  }

  rows(id: ReplicaId): RowsOf {
    const rows = this.#rows.get(id);
    if (rows === undefined) throw new Error(`there is no ${id}`);
    return rows;
  }

  state(id: ReplicaId): Readonly<RaftState> {
    return this.cluster.replica(id).state;
  }

  says(message: Message): void {
    this.oracle.sent(message.from, message.to, encodeMessages([message]));
  }

  /** After every deed that is not told by a message. */
  look(): void {
    for (const id of this.cluster.ids) {
      if (!this.cluster.isUp(id)) continue;
      this.oracle.stepped(id);
      const applied = this.cluster.appliedIndex(id);
      const digest = this.rows(id).chainHash(applied);
      // A disk that was damaged no longer tells what was applied from it.
      if (digest !== null) this.oracle.applied(id, applied, digest);
    }
  }

  /** From now on the oracle is shown this state of a new life. */
  pretends(id: ReplicaId, state: Readonly<RaftState>): void {
    this.oracle.stopped(id);
    this.oracle.started(id, () => state);
  }

  crash(id: ReplicaId): void {
    this.oracle.stopped(id);
    this.cluster.crash(id);
  }

  start(id: ReplicaId): void {
    this.cluster.start(id);
    this.#join(id);
  }

  /** Its disk forgets the entries behind this index, and what remains is found out at the next start. */
  damage(id: ReplicaId, keptIndex: number): void {
    this.oracle.damaged(id);
    this.cluster.disk(id).loseEntriesAfter(keptIndex);
  }

  #join(id: ReplicaId): void {
    const replica = this.cluster.replica(id);
    const step = replica.step.bind(replica);
    replica.step = (...messages) => {
      for (const message of messages) {
        this.oracle.received(id, message.from, encodeMessages([message]), replica.now);
        step(message);
        this.oracle.stepped(id);
      }
    };
    this.oracle.started(id, () => replica.state);
  }
}
