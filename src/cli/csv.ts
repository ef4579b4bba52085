/**
 * CSV (RFC 4180) as records: a row is a JSON object of strings in the order of the header. The objects are written and
 * read by hand, because JavaScript would put a column named `2020` first.
 */
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream';
import { CsvError, type Info, parse } from 'csv-parse';
import { limits } from '../store/command.ts';
import { Failure } from './failure.ts';
import { bad, type Row, type RowContent, recordOf } from './record.ts';

/** Room for the quotes and doubled quotes of the largest value; a quote that is never closed must end somewhere. */
const recordBytesMax = 2 * limits.valueBytesMax;

interface ParsedRow {
  readonly record: readonly string[];
  readonly info: Info;
}

/** Throws Failure where the file as a whole is wrong: its encoding, its header, a quote that breaks off. */
export async function* readCsv(file: string, prefix: string, keyColumn: string): AsyncGenerator<Row> {
  const parser = parse({
    bom: true,
    info: true,
    max_record_size: recordBytesMax,
    record_delimiter: ['\r\n', '\n', '\r'],
    // Ragged rows are told by number here, and may be skipped.
    relax_column_count: true,
    skip_empty_lines: true,
  });
  pipeline(utf8Chunks(file), parser, () => undefined);
  let header: Header | null = null;
  let number = 0;
  try {
    for await (const { record, info } of parser as AsyncIterable<ParsedRow>) {
      if (header === null) header = headerOf(record, keyColumn);
      else yield { number: ++number, bytes: info.bytes, content: contentOf(header, record, prefix) };
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw new Failure(`row ${number + 1}: ${error.message}; rows after a broken quote cannot be told apart`);
  }
  if (header === null) throw new Failure('it is empty, expected a header row');
}

interface Header {
  readonly columns: readonly string[];
  readonly keyAt: number;
}

function headerOf(columns: readonly string[], keyColumn: string): Header {
  const twice = columns.find((column, at) => columns.indexOf(column) !== at);
  if (twice !== undefined) throw new Failure(`its header has ${JSON.stringify(twice)} twice; rename one of them`);
  const keyAt = columns.indexOf(keyColumn);
  if (keyAt === -1) {
    throw new Failure(`its header has no ${JSON.stringify(keyColumn)} for the key; it has ${columns.join(', ')}`);
  }
  return { columns, keyAt };
}

function contentOf({ columns, keyAt }: Header, cells: readonly string[], prefix: string): RowContent {
  if (cells.length !== columns.length) return bad(`expected ${columns.length} cells, got ${cells.length}`);
  const key = cells[keyAt];
  if (!key) return bad(`${JSON.stringify(columns[keyAt])} is empty, and the key comes from it`);
  return recordOf(`${prefix}${key}`, Buffer.from(objectText(columns, cells)));
}

/** `{"column":"cell",…}`. */
export function objectText(columns: readonly string[], cells: readonly string[]): string {
  return `{${columns.map((column, at) => `${JSON.stringify(column)}:${JSON.stringify(cells[at])}`).join(',')}}`;
}

/** The columns and cells of what `objectText` wrote; null for anything else. */
export function parseObjectText(text: string): { readonly columns: string[]; readonly cells: string[] } | null {
  const strings: string[] = [];
  const string = /"[^"\\]*(?:\\.[^"\\]*)*"/y;
  for (let at = 1; at < text.length; at = string.lastIndex + 1) {
    string.lastIndex = at;
    const [quoted] = string.exec(text) ?? [];
    const parsed = quoted === undefined ? null : parseString(quoted);
    if (parsed === null) return null;
    strings.push(parsed);
  }
  const columns = strings.filter((_, at) => at % 2 === 0);
  const cells = strings.filter((_, at) => at % 2 === 1);
  const same = columns.length === cells.length && objectText(columns, cells) === text;
  return same && new Set(columns).size === columns.length ? { columns, cells } : null;
}

function parseString(quoted: string): string | null {
  try {
    return JSON.parse(quoted) as string;
  } catch {
    return null;
  }
}

/** One row, quoted where it must be, with its line feed. */
export function csvRow(cells: readonly string[]): string {
  return `${cells.map((cell) => (/[",\r\n\ufeff]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join(',')}\n`;
}

/** The file as it is; Failure if it is not UTF-8, for other encodings would be stored as nonsense. */
async function* utf8Chunks(file: string): AsyncGenerator<Buffer> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let bytes = 0;
  const check = (chunk?: Buffer) => {
    try {
      decoder.decode(chunk, { stream: chunk !== undefined });
    } catch {
      throw new Failure(`it is not UTF-8 near byte ${bytes}; convert it first, for example with iconv`);
    }
  };
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
    check(chunk);
    bytes += chunk.byteLength;
    yield chunk;
  }
  check();
}
