/** What is imported, and how far that has come: what a checkpoint holds, and what it holds good for. */
import { randomUUID } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { extname } from 'node:path';
import { UsageError } from '../../config.ts';
import type { Checkpoint } from '../checkpoint.ts';
import { readCsv } from '../csv.ts';
import { Failure } from '../failure.ts';
import { readNdjson } from '../ndjson.ts';
import type { Row } from '../record.ts';

/** What the rows become: the options that say so, as they were written. */
export type ImportSettings = Readonly<Partial<Record<keyof typeof settingWords, string>>>;

const settingWords = {
  prefix: 'the prefix',
  key: 'the key field',
  collection: 'the collection',
  id: 'the id field',
  number: 'the number fields',
  split: 'the split fields',
} as const;

const fileWords = { sizeBytes: 'the size of the file', modifiedMs: 'the time of the file' } as const;

export interface ImportSource extends ImportSettings {
  readonly sizeBytes: number;
  readonly modifiedMs: number;
}

export interface ImportState extends ImportSource {
  /** Tells one import from another, through all its resumptions. */
  readonly run: string;
  /** Every row up to this number is stored, or was skipped as bad. */
  readonly row: number;
  /** Of the file, up to the end of that row. */
  readonly bytes: number;
  readonly bad: number;
}

export async function sourceOf(file: string, settings: ImportSettings): Promise<ImportSource> {
  const { size, mtimeMs } = await stat(file).catch((error: NodeJS.ErrnoException) => {
    throw new Failure(error.code === 'ENOENT' ? `there is no file ${file}` : `cannot read ${file}: ${error.message}`);
  });
  return { sizeBytes: size, modifiedMs: mtimeMs, ...settings };
}

export function begun(source: ImportSource): ImportState {
  return { ...source, run: randomUUID(), row: 0, bytes: 0, bad: 0 };
}

/** Throws Failure where the earlier run imported something else. */
export async function resumed(checkpoint: Checkpoint<ImportState>, source: ImportSource): Promise<ImportState> {
  const state = await checkpoint.load();
  if (state === null) return begun(source);
  const words = { ...fileWords, ...settingWords };
  const changed = (Object.keys(words) as (keyof typeof words)[]).filter((name) => state[name] !== source[name]);
  if (changed.length === 0) return state;
  const what = changed.map((name) => words[name]).join(' and ');
  throw new Failure(`cannot resume: ${what} changed since the earlier run; start again without --resume`);
}

type Reader = (file: string, prefix: string, field: string) => AsyncGenerator<Row>;

export function readerOf(file: string): { readonly read: Reader; readonly format: 'csv' | 'ndjson' } {
  const extension = extname(file).toLowerCase();
  if (extension === '.csv') return { read: readCsv, format: 'csv' };
  if (extension === '.ndjson' || extension === '.jsonl') return { read: readNdjson, format: 'ndjson' };
  throw new UsageError(`import: expected a file whose name ends in .csv, .ndjson or .jsonl, got ${file}`);
}
