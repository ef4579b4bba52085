import { type FileHandle, open } from 'node:fs/promises';
import { extname } from 'node:path';
import { duration, flag, optional, path, text, UsageError, withDefault } from '../config.ts';
import { count, createProgress } from '../progress.ts';
import { limits } from '../store/command.ts';
import { openCheckpoint } from './checkpoint.ts';
import { defineCommand, type Output } from './command.ts';
import { csvRow, parseObjectText } from './csv.ts';
import { Failure } from './failure.ts';
import {
  createHttpClient,
  failureOf,
  type ListItem,
  type ListPage,
  listRequest,
  pageOf,
  urlOption,
} from './http-client.ts';
import { parseObject } from './ndjson.ts';
import { write } from './output.ts';
import { keyText } from './record.ts';
import { retry } from './retry.ts';

export const command = defineCommand({
  name: 'export',
  summary: 'Write the values under a prefix as "bazar import" reads them.',
  details: `NDJSON takes every value that is a JSON object on one line, and writes it as it is. CSV takes flat
objects of strings with the same fields in the same order, written as import writes them. Anything
else, and an object without a field that import could make its key from, stops the export and is
named: "bazar list --json" and "bazar get" show such values.

Keys that exist throughout appear once each; what is written meanwhile may appear or not. How far it
came stands in FILE.bazar-export until all is done; --resume goes on from there.`,
  arguments: {},
  options: {
    prefix: withDefault({ placeholder: 'PREFIX', parse: (value) => value }, '', 'Only keys that begin with this.'),
    key: optional(text('FIELD'), 'The field that makes the rest of the key; by default any that does so everywhere.'),
    output: optional(
      path('FILE'),
      'A name that ends in .ndjson, .jsonl or .csv; by default NDJSON goes to the standard output.',
    ),
    resume: flag('Go on where an earlier run stopped.'),
    timeout: withDefault(duration, '60s', 'How long to try one page.'),
    url: urlOption,
  },
  async run(input, { stdout, stderr, nextInterruption }) {
    const { prefix, key, output } = input;
    if (input.resume && output === null) throw new UsageError('export: --resume needs --output FILE');
    const format = formatOf(output);
    const checkpoint = output === null ? null : openCheckpoint<ExportState>(`${output}.bazar-export`);
    const start = (input.resume ? await checkpoint?.load() : null) ?? { prefix, key, ...nothingDone };
    if (start.prefix !== prefix || start.key !== key) {
      throw new Failure(
        'cannot resume: the prefix or the key field differs from the earlier run; start without --resume',
      );
    }
    const destination = output === null ? standardOutput(stdout) : await openOutput(output, start);
    const client = createHttpClient(input.url);
    const progress = createProgress({ stream: stderr, start: progressOf(start) });
    const interrupted = nextInterruption();
    let state = start;
    try {
      do {
        if (interrupted.aborted) throw new Failure('interrupted');
        const query = {
          prefix,
          limit: limits.listItemsMax,
          cursor: state.cursor,
          keysOnly: false,
          timeoutMs: pageTimeoutMs,
        };
        const answer = await retry(() => client.request(listRequest(query)), { timeoutMs: input.timeout, interrupted });
        if (answer.status !== 200) throw failureOf(answer);
        const page = pageOf(answer);
        const { text, next } = pageText(page, state, format);
        await destination.write(text);
        state = { ...next, bytes: state.bytes + Buffer.byteLength(text) };
        await checkpoint?.save(state);
        progress.update(progressOf(state));
      } while (state.cursor !== null);
    } catch (error) {
      progress.finish(`exported ${count(state.rows)} rows${output === null ? '' : '; go on with --resume'}`);
      throw error;
    } finally {
      client.close();
      await destination.close();
    }
    await checkpoint?.remove();
    progress.finish(`exported ${count(state.rows)} rows${importHint(state, output)}`);
  },
});

const pageTimeoutMs = 5000;

type Format = 'ndjson' | 'csv';

function formatOf(output: string | null): Format {
  const extension = output === null ? '.ndjson' : extname(output).toLowerCase();
  if (extension === '.csv') return 'csv';
  if (extension === '.ndjson' || extension === '.jsonl') return 'ndjson';
  throw new UsageError(`export: expected a file whose name ends in .ndjson, .jsonl or .csv, got ${output}`);
}

interface ExportState {
  readonly prefix: string;
  readonly key: string | null;
  readonly rows: number;
  /** Of the output. */
  readonly bytes: number;
  /** Where the next page begins; null at the start, and after the last page. */
  readonly cursor: string | null;
  /** Of the CSV; null before its first row. */
  readonly columns: readonly string[] | null;
  /** Those that make the key in every row so far; null before the first row. */
  readonly keyFields: readonly string[] | null;
}

const nothingDone = { rows: 0, bytes: 0, cursor: null, columns: null, keyFields: null };

const progressOf = ({ rows }: ExportState) => ({ rows, errors: 0, fraction: null });

function pageText(
  page: ListPage,
  state: ExportState,
  format: Format,
): { readonly text: string; readonly next: ExportState } {
  let { columns, keyFields } = state;
  const lines: string[] = [];
  for (const item of page.items) {
    const value = lineOf(item);
    keyFields = keyFieldsOf(item, value, state, keyFields);
    if (format === 'ndjson') {
      lines.push(`${value}\n`);
    } else {
      const cells = cellsOf(item, value, columns);
      if (columns === null) lines.push(csvRow(cells.columns));
      columns = cells.columns;
      lines.push(csvRow(cells.cells));
    }
  }
  const rows = state.rows + page.items.length;
  return { text: lines.join(''), next: { ...state, rows, cursor: page.cursor, columns, keyFields } };
}

function lineOf({ key, value }: ListItem): string {
  if (value === undefined) throw refusal(key, 'is not UTF-8');
  if (/[\r\n]/.test(value)) throw refusal(key, 'has more than one line');
  return value;
}

function keyFieldsOf(
  { key }: ListItem,
  text: string,
  { prefix, key: only }: ExportState,
  before: readonly string[] | null,
): readonly string[] {
  const value = parseObject(text);
  if (value === null) throw refusal(key, 'is not a JSON object');
  const rest = key.slice(prefix.length);
  const candidates = before ?? (only === null ? Object.keys(value) : [only]);
  const fields = candidates.filter((field) => Object.hasOwn(value, field) && keyText(value[field]) === rest);
  if (fields.length > 0) return fields;
  const which = candidates.length === 1 ? JSON.stringify(candidates[0]) : 'no field that fits the keys before it';
  throw refusal(key, `does not hold ${JSON.stringify(rest)} in ${which}, so that import could not find its key again`);
}

function cellsOf({ key }: ListItem, text: string, columns: readonly string[] | null) {
  const parsed = parseObjectText(text);
  if (parsed === null) throw refusal(key, 'is not a flat JSON object of strings as import writes it; use .ndjson');
  if (columns !== null && JSON.stringify(parsed.columns) !== JSON.stringify(columns)) {
    throw refusal(key, 'has other fields than those before it; use .ndjson');
  }
  return parsed;
}

const refusal = (key: string, problem: string): Failure =>
  new Failure(`cannot export ${JSON.stringify(key)}: its value ${problem}`);

function importHint({ prefix, keyFields }: ExportState, output: string | null): string {
  if (output === null || keyFields === null) return '';
  const [field = ''] = keyFields;
  return `; read back with: bazar import ${output} --prefix ${JSON.stringify(prefix)} --key ${JSON.stringify(field)}`;
}

interface Destination {
  write(text: string): Promise<void>;
  close(): Promise<void>;
}

const standardOutput = (stdout: Output): Destination => ({
  write: (text) => write(stdout, text),
  close: () => Promise.resolve(),
});

/** The file up to where the checkpoint says; what an earlier run wrote beyond is cut off. */
async function openOutput(file: string, { bytes }: ExportState): Promise<Destination> {
  const handle = await open(file, bytes === 0 ? 'w' : 'r+').catch((error: NodeJS.ErrnoException) => {
    throw new Failure(`cannot write ${file}: ${error.message}`);
  });
  try {
    await cutTo(handle, file, bytes);
  } catch (error) {
    await handle.close();
    throw error;
  }
  let position = bytes;
  return {
    async write(text) {
      const content = Buffer.from(text);
      await handle.write(content, 0, content.byteLength, position);
      // The checkpoint must not say more than the disk holds.
      await handle.datasync();
      position += content.byteLength;
    },
    close: () => handle.close(),
  };
}

async function cutTo(handle: FileHandle, file: string, bytes: number): Promise<void> {
  const { size } = await handle.stat();
  if (size < bytes) {
    throw new Failure(`cannot resume: ${file} has ${size} bytes, expected ${bytes} or more; start without --resume`);
  }
  await handle.truncate(bytes);
}
