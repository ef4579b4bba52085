/** Lines of child processes, for a person. */
import { printable } from '../output.ts';

/** `r1 info became leader term=3` from a JSON log line; anything else as it is, after the id. */
export function renderLogLine(id: string, line: string): string {
  const fields = parseFields(line);
  if (fields === null) return `${id} ${printable(line)}`;
  const { time: _time, id: _id, level, message, ...rest } = fields;
  const pairs = Object.entries(rest).map(([name, value]) => `${name}=${wordOf(value)}`);
  return [id, wordOf(level), printable(String(message)), ...pairs].join(' ');
}

function parseFields(line: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(line);
    const isLogLine = typeof value === 'object' && value !== null && 'level' in value && 'message' in value;
    return isLogLine ? (value as Readonly<Record<string, unknown>>) : null;
  } catch {
    return null;
  }
}

function wordOf(value: unknown): string {
  return typeof value === 'string' && /^[^\s"=]+$/.test(value) ? printable(value) : JSON.stringify(value);
}

const lineCharactersMax = 64 * 1024;

/** Cuts a stream of chunks into lines; one without an end is cut where it gets too long. */
export function createLineSplitter(onLine: (line: string) => void): { add(chunk: Buffer): void; end(): void } {
  const decoder = new TextDecoder();
  let rest = '';
  return {
    add(chunk) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) onLine(line);
      if (rest.length > lineCharactersMax) {
        onLine(rest);
        rest = '';
      }
    },
    end() {
      if (rest !== '') onLine(rest);
      rest = '';
    },
  };
}
