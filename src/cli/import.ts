import { stat } from 'node:fs/promises';
import { extname } from 'node:path';
import { duration, flag, integer, optional, path, required, text, UsageError, withDefault } from '../config.ts';
import { count, createProgress, type Progress } from '../progress.ts';
import { type Checkpoint, openCheckpoint } from './checkpoint.ts';
import { defineCommand } from './command.ts';
import { readCsv } from './csv.ts';
import { Failure } from './failure.ts';
import { createHttpClient, failureOf, type HttpClient, keyPath, timeoutQuery, urlOption } from './http-client.ts';
import { readNdjson } from './ndjson.ts';
import type { Row } from './record.ts';
import { retry } from './retry.ts';

export const command = defineCommand({
  name: 'import',
  summary: 'Store every row of a CSV or NDJSON file.',
  details: `A CSV row becomes a JSON object of strings in the order of the header; an NDJSON line, which must be
a JSON object, is stored as it is. The key is the prefix and the row's --key; of rows with one key
the last is kept. The content type is application/json.

A record is sent again on 429, 503, 504 and broken connections until --timeout has passed. That
holds for an outcome that is unknown too: storing the same value twice changes only its version.

How far it came stands in FILE.bazar-import until all is done. --resume goes on from there, and
refuses if the file, the prefix or the key field has changed since.`,
  arguments: { file: required(path('FILE'), 'Its name ends in .csv, .ndjson or .jsonl.') },
  options: {
    prefix: withDefault({ placeholder: 'PREFIX', parse: (value) => value }, '', 'What every key begins with.'),
    key: required(text('FIELD'), 'The column or field that makes the rest of the key.'),
    concurrency: withDefault(integer('N', 1, 1024), '64', 'How many records are on their way at once.'),
    skipBad: flag('Count rows that cannot be stored and go on, instead of stopping at the first.'),
    resume: flag('Go on where an earlier run stopped.'),
    progressFile: optional(path('FILE'), 'Where to keep how far it came; by default FILE.bazar-import.'),
    timeout: withDefault(duration, '60s', 'How long to try one record.'),
    url: urlOption,
  },
  async run(input, { stderr, nextInterruption }) {
    const { file, prefix, key } = input;
    const rows = readerOf(file)(file, prefix, key);
    const source = await sourceOf(file, prefix, key);
    const checkpoint = openCheckpoint<ImportState>(input.progressFile ?? `${file}.bazar-import`);
    const start = input.resume ? await resumeFrom(checkpoint, source) : { ...source, ...nothingDone };
    await checkpoint.save(start);
    const client = createHttpClient(input.url, input.concurrency);
    const progress = createProgress({ stream: stderr, start: progressOf(start) });
    const run = new ImportRun({ ...input, start, rows, client, checkpoint, progress, interrupted: nextInterruption() });
    try {
      await run.finish();
    } catch (error) {
      progress.finish(`imported ${run.summary()}; go on with --resume`);
      throw error instanceof Failure ? new Failure(`${file}: ${error.message}`, error.exitCode) : error;
    } finally {
      client.close();
    }
    await checkpoint.remove();
    progress.finish(`imported ${run.summary()}`);
  },
});

function readerOf(file: string): (file: string, prefix: string, key: string) => AsyncGenerator<Row> {
  const extension = extname(file).toLowerCase();
  if (extension === '.csv') return readCsv;
  if (extension === '.ndjson' || extension === '.jsonl') return readNdjson;
  throw new UsageError(`import: expected a file whose name ends in .csv, .ndjson or .jsonl, got ${file}`);
}

/** What a checkpoint holds good for. */
interface ImportSource {
  readonly sizeBytes: number;
  readonly modifiedMs: number;
  readonly prefix: string;
  readonly key: string;
}

interface ImportState extends ImportSource {
  /** Every row up to this number is stored, or was skipped as bad. */
  readonly row: number;
  /** Of the file, up to the end of that row. */
  readonly bytes: number;
  readonly bad: number;
}

const nothingDone = { row: 0, bytes: 0, bad: 0 };

async function sourceOf(file: string, prefix: string, key: string): Promise<ImportSource> {
  const { size, mtimeMs } = await stat(file).catch((error: NodeJS.ErrnoException) => {
    throw new Failure(error.code === 'ENOENT' ? `there is no file ${file}` : `cannot read ${file}: ${error.message}`);
  });
  return { sizeBytes: size, modifiedMs: mtimeMs, prefix, key };
}

async function resumeFrom(checkpoint: Checkpoint<ImportState>, source: ImportSource): Promise<ImportState> {
  const state = await checkpoint.load();
  if (state === null) return { ...source, ...nothingDone };
  const changed = (Object.keys(source) as (keyof ImportSource)[]).filter((name) => state[name] !== source[name]);
  if (changed.length > 0) {
    const what = changed.map((name) => sourceWords[name]).join(' and ');
    throw new Failure(`cannot resume: ${what} changed since the earlier run; start again without --resume`);
  }
  return state;
}

const sourceWords: Readonly<Record<keyof ImportSource, string>> = {
  sizeBytes: 'the size of the file',
  modifiedMs: 'the time of the file',
  prefix: 'the prefix',
  key: 'the key field',
};

const progressOf = ({ row, bytes, bad, sizeBytes }: ImportState) => ({
  rows: row,
  errors: bad,
  fraction: sizeBytes === 0 ? 1 : Math.min(1, bytes / sizeBytes),
});

const rowsPerCheckpoint = 500;
/** Well within --timeout, so that a gateway that fell silent is left for another attempt. */
const attemptTimeoutMs = 5000;

/** Rows on their way, by several workers that draw from one reader. */
class ImportRun {
  readonly #options: ImportRunOptions;
  readonly #startedAt = performance.now();
  /** The contiguous prefix of rows that are done. */
  #state: ImportState;
  #savedRow: number;
  #saving: Promise<void> = Promise.resolve();
  /** Rows that are read and not yet in the prefix, in order; without their values, for many may wait behind one. */
  readonly #open: OpenRow[] = [];
  /** The last write under way for each key: one after the other, so that the last row of a key wins. */
  readonly #turns = new Map<string, Promise<void>>();
  /** The first thing that went wrong; nobody draws another row after it. */
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
    await this.#options.rows.return(undefined);
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
        const next = await this.#options.rows.next();
        if (next.done || this.#failure !== null) return;
        if (next.value.number > this.#options.start.row) await this.#take(next.value);
      }
    } catch (error) {
      this.#failure ??= error;
    }
  }

  async #take(row: Row): Promise<void> {
    const { number, bytes, content } = row;
    const open = { number, bytes, bad: content.type === 'bad', done: false };
    this.#open.push(open);
    if (content.type === 'bad' && !this.#options.skipBad) {
      this.#failure ??= new Failure(`row ${number}: ${content.problem}; --skip-bad would go on`);
      return;
    }
    if (content.type === 'record') {
      await this.#inTurn(content.key, () => this.#store(number, content.key, content.value));
    }
    open.done = true;
    this.#advance();
  }

  async #inTurn(key: string, store: () => Promise<void>): Promise<void> {
    const before = this.#turns.get(key);
    const turn = before === undefined ? store() : before.then(store);
    this.#turns.set(key, turn);
    try {
      await turn;
    } finally {
      if (this.#turns.get(key) === turn) this.#turns.delete(key);
    }
  }

  async #store(number: number, key: string, value: Uint8Array): Promise<void> {
    const { client, interrupted } = this.#options;
    const timeoutMs = Math.min(attemptTimeoutMs, this.#options.timeout);
    const put = () =>
      client.request({
        method: 'PUT',
        path: keyPath(key),
        query: timeoutQuery(timeoutMs),
        headers: { 'Content-Type': 'application/json' },
        body: value,
        timeoutMs,
      });
    const onRetry = () => void this.#retries++;
    const answer = await retry(put, { timeoutMs: this.#options.timeout, interrupted, onRetry }).catch(
      (error: unknown) => {
        throw error instanceof Failure ? new Failure(`row ${number}: ${error.message}`, error.exitCode) : error;
      },
    );
    if (answer.status !== 200 && answer.status !== 201)
      throw new Failure(`row ${number}: ${failureOf(answer).message}`);
    this.#stored++;
  }

  #advance(): void {
    const firstOpen = this.#open.findIndex(({ done }) => !done);
    const done = this.#open.splice(0, firstOpen === -1 ? this.#open.length : firstOpen);
    const last = done.at(-1);
    if (last === undefined) return;
    const bad = done.filter((row) => row.bad).length;
    this.#state = { ...this.#state, row: last.number, bytes: last.bytes, bad: this.#state.bad + bad };
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

interface OpenRow {
  readonly number: number;
  readonly bytes: number;
  readonly bad: boolean;
  done: boolean;
}

interface ImportRunOptions {
  readonly start: ImportState;
  readonly rows: AsyncGenerator<Row>;
  readonly client: HttpClient;
  readonly checkpoint: Checkpoint<ImportState>;
  readonly progress: Progress;
  readonly concurrency: number;
  readonly skipBad: boolean;
  readonly timeout: number;
  readonly interrupted: AbortSignal;
}
