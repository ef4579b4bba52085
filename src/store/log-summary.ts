/** What is remembered of a verified log. */
import { beforeTheLog, type EntryId, type Index, type IndexedConfiguration } from '../raft/types.ts';
import { type ChainHash, chainHashBeforeTheLog, type LogRecord } from './log-record.ts';

export interface LogSummary {
  readonly last: EntryId;
  readonly chainHash: ChainHash;
  /** The first entry of every term, ascending. */
  readonly termStarts: readonly EntryId[];
  /** Ascending. */
  readonly configurations: readonly IndexedConfiguration[];
}

export const emptyLog: LogSummary = {
  last: beforeTheLog,
  chainHash: chainHashBeforeTheLog,
  termStarts: [],
  configurations: [],
};

/** The entry at an index of the log. */
export function entryIdAt({ termStarts }: LogSummary, at: Index): EntryId {
  const start = termStarts.findLast((termStart) => termStart.index <= at);
  return start === undefined ? beforeTheLog : { term: start.term, index: at };
}

/** The log up to and including an index, whose chain hash is given. */
export function summaryThrough(log: LogSummary, through: Index, chainHash: ChainHash): LogSummary {
  return {
    last: entryIdAt(log, through),
    chainHash,
    termStarts: log.termStarts.filter((start) => start.index <= through),
    configurations: log.configurations.filter((configuration) => configuration.index <= through),
  };
}

export class LogSummaryBuilder {
  #last: EntryId;
  #chainHash: ChainHash;
  readonly #termStarts: EntryId[];
  readonly #configurations: IndexedConfiguration[];

  constructor(log: LogSummary) {
    this.#last = log.last;
    this.#chainHash = log.chainHash;
    this.#termStarts = [...log.termStarts];
    this.#configurations = [...log.configurations];
  }

  /** The next one. */
  add({ entry, chainHash }: LogRecord): void {
    const { term, index } = entry;
    if (term !== this.#last.term) this.#termStarts.push({ term, index });
    if (entry.type === 'configuration') {
      this.#configurations.push({ index, configuration: entry.configuration });
    }
    this.#last = { term, index };
    this.#chainHash = chainHash;
  }

  build(): LogSummary {
    return {
      last: this.#last,
      chainHash: this.#chainHash,
      termStarts: this.#termStarts,
      configurations: this.#configurations,
    };
  }
}
