/** Batches on their way, by several workers that draw from one reader, and the checkpoint that follows behind them. */
import { count, type Progress } from '../../progress.ts';
import type { Checkpoint } from '../checkpoint.ts';
import { Failure } from '../failure.ts';
import type { Batch, RecordRow } from './batches.ts';
import type { ImportState } from './source.ts';

/** Stores rows, again and again while that may help, and says how many it cannot. `onRetry` hears of each repetition. */
export type Store = (rows: readonly RecordRow[], onRetry: () => void) => Promise<{ readonly bad: number }>;

export interface ImportRunOptions {
  readonly start: ImportState;
  readonly batches: AsyncGenerator<Batch>;
  readonly store: Store;
  readonly checkpoint: Checkpoint<ImportState>;
  readonly progress: Progress;
  readonly concurrency: number;
  readonly skipBad: boolean;
  readonly interrupted: AbortSignal;
}

interface OpenBatch {
  /** Of its last row. */
  readonly number: number;
  readonly bytes: number;
  bad: number;
  done: boolean;
}

const rowsPerCheckpoint = 500;

export const progressOf = ({ row, bytes, bad, sizeBytes }: ImportState) => ({
  rows: row,
  errors: bad,
  fraction: sizeBytes === 0 ? 1 : Math.min(1, bytes / sizeBytes),
});

export class ImportRun {
  readonly #options: ImportRunOptions;
  readonly #startedAt = performance.now();
  /** The contiguous prefix of rows that are done. */
  #state: ImportState;
  #savedRow: number;
  #saving: Promise<void> = Promise.resolve();
  /** Batches that are read and not yet in the prefix, in order; without their values, for many may wait behind one. */
  readonly #open: OpenBatch[] = [];
  /** The last write under way for each key: one after the other, so that the last row of a key wins. */
  readonly #turns = new Map<string, Promise<unknown>>();
  /** The first thing that went wrong; nobody draws another batch after it. */
  #failure: unknown = null;
  #stored = 0;
  #retries = 0;

  constructor(options: ImportRunOptions) {
    this.#options = options;
    this.#state = options.start;
    this.#savedRow = options.start.row;
  }

  /** Rejects with what stopped it, once all that was under way is settled and the checkpoint is written. */
  async finish(): Promise<void> {
    await Promise.all(Array.from({ length: this.#options.concurrency }, () => this.#work()));
    await this.#options.batches.return(undefined);
    await this.#saving;
    await this.#options.checkpoint.save(this.#state);
    if (this.#failure !== null) throw this.#failure;
  }

  summary(): string {
    const seconds = (performance.now() - this.#startedAt) / 1000;
    const notes = [
      this.#options.start.row > 0 ? `${count(this.#options.start.row)} rows were done before` : null,
      this.#state.bad > 0 ? `${count(this.#state.bad)} bad rows skipped` : null,
      this.#retries > 0 ? `${count(this.#retries)} retries` : null,
    ].filter((note) => note !== null);
    const rate = count(Math.round(this.#stored / seconds));
    const stored = `${count(this.#stored)} rows in ${seconds.toFixed(1)} s, ${rate} rows/s`;
    return [stored, ...notes].join(', ');
  }

  async #work(): Promise<void> {
    try {
      while (this.#failure === null) {
        if (this.#options.interrupted.aborted) throw new Failure('interrupted');
        const next = await this.#options.batches.next();
        if (next.done || this.#failure !== null) return;
        await this.#take(next.value);
      }
    } catch (error) {
      this.#failure ??= error;
    }
  }

  async #take(batch: Batch): Promise<void> {
    const last = batch.type === 'bad' ? batch.row : (batch.rows.at(-1) ?? batch.rows[0]);
    const open: OpenBatch = { number: last.number, bytes: last.bytes, bad: 0, done: false };
    this.#open.push(open);
    if (batch.type === 'bad' && !this.#options.skipBad) {
      this.#failure ??= new Failure(`row ${last.number}: ${batch.problem}; --skip-bad would go on`);
      return;
    }
    open.bad = batch.type === 'bad' ? 1 : await this.#store(batch.rows);
    open.done = true;
    this.#advance();
  }

  /** How many of them cannot be stored. */
  async #store(rows: readonly RecordRow[]): Promise<number> {
    const keys = rows.map(({ content }) => content.key);
    const before = keys.flatMap((key) => this.#turns.get(key) ?? []);
    const store = () => this.#options.store(rows, () => void this.#retries++);
    const turn = before.length === 0 ? store() : Promise.all(before).then(store);
    for (const key of keys) this.#turns.set(key, turn);
    try {
      const { bad } = await turn;
      this.#stored += rows.length - bad;
      return bad;
    } finally {
      for (const key of keys) if (this.#turns.get(key) === turn) this.#turns.delete(key);
    }
  }

  #advance(): void {
    const firstOpen = this.#open.findIndex(({ done }) => !done);
    const done = this.#open.splice(0, firstOpen === -1 ? this.#open.length : firstOpen);
    const last = done.at(-1);
    if (last === undefined) return;
    const bad = done.reduce((total, batch) => total + batch.bad, this.#state.bad);
    this.#state = { ...this.#state, row: last.number, bytes: last.bytes, bad };
    this.#options.progress.update(progressOf(this.#state));
    if (this.#state.row - this.#savedRow >= rowsPerCheckpoint) this.#save(this.#state);
  }

  /** Beside the work, one at a time. */
  #save(state: ImportState): void {
    this.#savedRow = state.row;
    this.#saving = this.#saving
      .then(() => this.#options.checkpoint.save(state))
      .catch((error: unknown) => {
        this.#failure ??= error;
      });
  }
}
