/** What is exported, page by page, and how far that has come. */
import type { Answer, HttpRequest } from '../http-client.ts';

export type Format = 'ndjson' | 'csv';

export interface ExportState {
  readonly prefix: string;
  readonly key: string | null;
  /** Null, or not there in the state of an older version: keys. */
  readonly collection?: string | null;
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

export interface ExportedPage {
  readonly text: string;
  readonly next: ExportState;
}

export interface ExportSource {
  request(cursor: string | null, timeoutMs: number): HttpRequest;
  /** Throws Failure for what cannot be a row. */
  page(answer: Answer, state: ExportState): ExportedPage;
  /** With what import makes the same of it again; null if there is nothing to say. */
  importFlags(state: ExportState): string | null;
}
