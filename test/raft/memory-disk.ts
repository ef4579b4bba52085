/** What one replica's disk holds: only what a batch made durable survives a crash. */
import { invariant } from '../../src/raft/assert.ts';
import { entryBytes } from '../../src/raft/log.ts';
import type {
  Configuration,
  Entry,
  EntryId,
  HardState,
  Index,
  LogBatch,
  LogState,
  ReplicaId,
  Term,
} from '../../src/raft/types.ts';
import { atLeastAsUpToDate, beforeTheLog } from '../../src/raft/types.ts';

export class MemoryDisk {
  readonly uuid: string;
  hardState: HardState = { currentTerm: 0 as Term, votedFor: null, claim: null };
  readonly #entries: Entry[] = [];
  #bootId = 0;

  constructor(uuid: string) {
    this.uuid = uuid;
  }

  get last(): EntryId {
    const last = this.#entries.at(-1);
    return last === undefined ? beforeTheLog : { term: last.term, index: last.index };
  }

  get entries(): readonly Entry[] {
    return this.#entries;
  }

  /** Begins a new life. */
  open(): LogState {
    this.#bootId++;
    const entries = this.#entries;
    return {
      hardState: this.hardState,
      base: beforeTheLog,
      last: this.last,
      termStarts: entries.filter((entry, position) => entry.term !== entries[position - 1]?.term),
      configurations: entries.filter((entry) => entry.type === 'configuration'),
      bootId: this.#bootId,
      uuid: this.uuid,
    };
  }

  write(batch: LogBatch): void {
    if (batch.truncateFrom !== null) {
      invariant(batch.truncateFrom <= this.last.index, `nothing is stored at ${batch.truncateFrom}`);
      this.#entries.length = batch.truncateFrom - 1;
    }
    for (const entry of batch.entries) {
      invariant(entry.index === this.last.index + 1, `entry ${entry.index} does not follow ${this.last.index}`);
      this.#entries.push(entry);
    }
    this.hardState = batch.hardState;
  }

  read(from: Index, to: Index, maxBytes: number): readonly Entry[] {
    const found: Entry[] = [];
    let bytes = 0;
    for (const entry of this.#entries.slice(from - 1, to)) {
      bytes += entryBytes(entry);
      if (bytes > maxBytes && found.length > 0) break;
      found.push(entry);
    }
    return found;
  }

  holds(id: EntryId): boolean {
    return id.index === 0 || this.#entries[id.index - 1]?.term === id.term;
  }

  /** The disk forgets its last entries, and what remains is found out at the next start: the log reached further. */
  loseEntriesAfter(index: number): void {
    const { last } = this;
    if (index >= last.index) return;
    this.#entries.length = index;
    const { claim } = this.hardState;
    this.hardState = { ...this.hardState, claim: claim !== null && atLeastAsUpToDate(claim, last) ? claim : last };
  }
}

export function uuidOf(id: ReplicaId): string {
  return `uuid-${id}`;
}

/** A configuration as the cluster file gives it: no id is bound to a directory unless `uuids` says so. */
export function configurationOf(
  voters: readonly ReplicaId[],
  options: {
    readonly learners?: readonly ReplicaId[];
    readonly votersOutgoing?: readonly ReplicaId[];
    readonly uuids?: Readonly<Record<ReplicaId, string>>;
  } = {},
): Configuration {
  const { learners = [], votersOutgoing = [], uuids = {} } = options;
  return {
    voters,
    votersOutgoing,
    learners,
    members: [...new Set([...voters, ...votersOutgoing, ...learners])].map((id) => ({
      id,
      uuid: uuids[id] ?? '',
      publicKey: '',
      rpc: '',
      http: '',
    })),
    gateways: [],
  };
}
