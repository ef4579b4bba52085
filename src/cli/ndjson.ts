/** NDJSON as records: a line is stored as it is, without its line ending. Blank lines are passed over. */
import { isUtf8 } from 'node:buffer';
import { createReadStream } from 'node:fs';
import { limits } from '../store/command.ts';
import { bad, keyText, type Row, type RowContent, recordOf } from './record.ts';

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const byteOrderMark = Buffer.from('\ufeff');

/** Rows are numbered as lines, so that an editor finds them. */
export async function* readNdjson(file: string, prefix: string, keyField: string): AsyncGenerator<Row> {
  let number = 0;
  for await (const { line, bytes } of lines(file)) {
    number++;
    const content = contentOf(line, prefix, keyField);
    if (content !== null) yield { number, bytes, content };
  }
}

function contentOf(line: Buffer | null, prefix: string, keyField: string): RowContent | null {
  if (line === null) return bad(`it is longer than a value may be, ${limits.valueBytesMax} bytes`);
  if (!isUtf8(line)) return bad('it is not UTF-8');
  const text = line.toString();
  if (text.trim() === '') return null;
  const value = parseObject(text);
  if (value === null) return bad('it is not a JSON object');
  const key = Object.hasOwn(value, keyField) ? keyText(value[keyField]) : null;
  if (key === null)
    return bad(`its ${JSON.stringify(keyField)} is not a string or whole number, and the key comes from it`);
  return recordOf(`${prefix}${key}`, line);
}

/** Null for anything but an object. */
export function parseObject(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && !Array.isArray(value)
      ? (value as Readonly<Record<string, unknown>> | null)
      : null;
  } catch {
    return null;
  }
}

interface Line {
  /** Null where the line is too long to be a value. */
  readonly line: Buffer | null;
  /** Of the file, up to the end of this line. */
  readonly bytes: number;
}

async function* lines(file: string): AsyncGenerator<Line> {
  let pieces: Buffer[] = [];
  let lengthBytes = 0;
  let bytes = 0;
  // A line that is too long is counted on, not kept: memory stays bounded whatever the file.
  const add = (piece: Buffer) => {
    lengthBytes += piece.byteLength;
    if (lengthBytes <= limits.valueBytesMax + 1) pieces.push(piece);
  };
  const take = (): Line => {
    const line = lengthBytes <= limits.valueBytesMax + 1 ? withoutMarks(Buffer.concat(pieces), bytes) : null;
    pieces = [];
    bytes += lengthBytes;
    lengthBytes = 0;
    return { line, bytes };
  };
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
    let start = 0;
    for (let end = chunk.indexOf(lineFeed); end !== -1; end = chunk.indexOf(lineFeed, start)) {
      add(chunk.subarray(start, end));
      start = end + 1;
      const line = take();
      bytes++;
      yield { ...line, bytes };
    }
    add(chunk.subarray(start));
  }
  if (lengthBytes > 0) yield take();
}

/** Without the carriage return before a line feed, and without the byte order mark before the first line. */
function withoutMarks(line: Buffer, startBytes: number): Buffer {
  const end = line.at(-1) === carriageReturn ? -1 : undefined;
  const start = startBytes === 0 && line.subarray(0, 3).equals(byteOrderMark) ? byteOrderMark.byteLength : 0;
  return line.subarray(start, end);
}
