/** What import reads and export writes: records, one per row of a file. */
import { keyProblem, limits } from '../store/command.ts';

export interface Row {
  /** From 1; a CSV header does not count. */
  readonly number: number;
  /** Of the file, up to the end of this row. */
  readonly bytes: number;
  readonly content: RowContent;
}

export type RowContent =
  | { readonly type: 'record'; readonly key: string; readonly value: Uint8Array }
  | { readonly type: 'bad'; readonly problem: string };

/** The row as a record, unless its key or value is beyond what the store takes. */
export function recordOf(key: string, value: Uint8Array): RowContent {
  const problem = keyProblem(key);
  if (problem !== null) return bad(problem);
  if (value.byteLength > limits.valueBytesMax) {
    return bad(`its value has ${value.byteLength} bytes, and a value is at most ${limits.valueBytesMax}`);
  }
  return { type: 'record', key, value };
}

export const bad = (problem: string): RowContent => ({ type: 'bad', problem });

/** What the field of a JSON object adds to the prefix to make the key; null where it cannot. */
export function keyText(value: unknown): string | null {
  if (typeof value === 'string' && value !== '') return value;
  return Number.isSafeInteger(value) ? String(value) : null;
}
