import { anything, isLike } from './wildcard.ts';

/** Null, or the first line that is not as expected. A line of `…` alone stands for any number of lines. */
export function linesProblem(expected: readonly string[], printed: readonly string[]): string | null {
  const failures = new Map<string, number>();
  let furthest = { expected: 0, printed: 0 };
  const matches = (at: number, from: number): boolean => {
    if (failures.has(`${at},${from}`)) return false;
    if (at >= furthest.expected) furthest = { expected: at, printed: from };
    const line = expected[at];
    const got = printed[from];
    const fits = line === undefined ? got === undefined : fitsAt(line, got, at, from);
    if (!fits) failures.set(`${at},${from}`, from);
    return fits;
  };
  const fitsAt = (line: string, got: string | undefined, at: number, from: number): boolean => {
    if (line === anything && (matches(at + 1, from) || (got !== undefined && matches(at, from + 1)))) return true;
    return got !== undefined && isLike(line, got) && matches(at + 1, from + 1);
  };
  if (matches(0, 0)) return null;
  return `expected ${shown(expected[furthest.expected])}, got ${shown(printed[furthest.printed])}`;
}

const shown = (line: string | undefined): string => (line === undefined ? 'the end' : `the line ${line}`);

/** Without the end of the last line. */
export function linesOf(text: string): readonly string[] {
  const lines = text.replaceAll('\r\n', '\n').split('\n');
  return lines.at(-1) === '' ? lines.slice(0, -1) : lines;
}
