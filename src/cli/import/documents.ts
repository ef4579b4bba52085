/** Rows as documents of a collection: what they become, and how many of them are put in one transaction. */

import { idProblem } from '../../store/names.ts';
import { Failure } from '../failure.ts';
import { failureOf, problemOf } from '../http-client.ts';
import { parseObject } from '../ndjson.ts';
import { bad, type Row, type RowContent, recordOf } from '../record.ts';
import { retry } from '../retry.ts';
import type { BatchBounds, RecordRow } from './batches.ts';
import { attemptMsMax, type StoreOptions } from './keys.ts';
import type { Store } from './run.ts';

export const documentBounds: BatchBounds = { rowsMax: 64, bytesMax: 1024 * 1024 };

export interface DocumentShape {
  readonly id: string;
  /** Whose texts become numbers; an empty one is left out. */
  readonly numbers: readonly string[];
  /** Whose texts become lists, by what stands between their parts. */
  readonly splits: ReadonlyMap<string, string>;
  /** What every row of a CSV has; a line of NDJSON may lack anything. */
  readonly mustHave: readonly string[];
}

/** Throws Failure where a field is named that no row has. */
export async function* documentRows(rows: AsyncGenerator<Row>, shape: DocumentShape): AsyncGenerator<Row> {
  for await (const row of rows) yield { ...row, content: documentOf(row.content, shape) };
}

function documentOf(content: RowContent, shape: DocumentShape): RowContent {
  if (content.type === 'bad') return content;
  const { key } = content;
  const problem = idProblem(key);
  if (problem !== null) return bad(problem);
  const fields = parseObject(Buffer.from(content.value).toString()) ?? {};
  const changed = new Map<string, unknown>();
  // Ids are texts.
  if (fields[shape.id] !== key) changed.set(shape.id, key);
  const lacking = shape.mustHave.find((field) => !Object.hasOwn(fields, field));
  if (lacking !== undefined) throw new Failure(`there is no column ${JSON.stringify(lacking)}`);
  for (const field of shape.numbers) {
    const text = fields[field];
    if (typeof text !== 'string') continue;
    const number = numberIn(text);
    if (number === null) return bad(`its ${JSON.stringify(field)} is ${JSON.stringify(text)}, expected a number`);
    if (isRounded(text, number)) {
      return bad(`its ${JSON.stringify(field)} is ${JSON.stringify(text)}, which no double holds: leave it a text`);
    }
    changed.set(field, number);
  }
  for (const [field, separator] of shape.splits) {
    const text = fields[field];
    if (typeof text === 'string')
      changed.set(
        field,
        text.split(separator).filter((part) => part !== ''),
      );
  }
  if (changed.size === 0) return content;
  // What is undefined is left out.
  return recordOf(key, Buffer.from(JSON.stringify({ ...fields, ...Object.fromEntries(changed) })));
}

/** Undefined for an empty text, null for one that is no number. */
function numberIn(text: string): number | null | undefined {
  const trimmed = text.trim();
  if (trimmed === '') return undefined;
  const number = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(trimmed) ? Number(trimmed) : Number.NaN;
  return Number.isFinite(number) ? number : null;
}

/** An integer would be another one: gateways refuse those, too. */
function isRounded(text: string, number: number | undefined): boolean {
  const trimmed = text.trim();
  return number !== undefined && /^[+-]?\d+$/.test(trimmed) && BigInt(trimmed.replace('+', '')) !== BigInt(number);
}

export interface DocumentStoreOptions extends StoreOptions {
  readonly collection: string;
  /** Of this import: with the rows it names each transaction, so that one which is sent twice is done once. */
  readonly run: string;
  readonly skipBad: boolean;
}

export function storingDocuments(options: DocumentStoreOptions): Store {
  const { client, collection, run, skipBad, timeoutMs, interrupted } = options;
  const attemptMs = Math.min(attemptMsMax, timeoutMs);

  async function put(rows: readonly RecordRow[], onRetry: () => void): Promise<{ readonly bad: number }> {
    const [first, last] = [rows[0], rows.at(-1)];
    if (first === undefined || last === undefined) return { bad: 0 };
    const named = first === last ? `row ${first.number}` : `rows ${first.number} to ${last.number}`;
    const body = Buffer.from(`{"then":[${rows.map((row) => operationOf(collection, row)).join(',')}]}`);
    const attempt = () =>
      client.request({
        method: 'POST',
        path: '/v1/txn',
        query: { timeout: `${attemptMs}ms` },
        headers: {
          'Content-Type': 'application/json',
          'Idempotency-Key': `import ${run} ${first.number} ${last.number} ${rows.length}`,
        },
        body,
        timeoutMs: attemptMs,
      });
    const answer = await retry(attempt, { timeoutMs, interrupted, onRetry, alsoFor: codesToRetry }).catch(
      (error: unknown) => {
        throw error instanceof Failure ? new Failure(`${named}: ${error.message}`, error.exitCode) : error;
      },
    );
    if (answer.status === 200) return { bad: 0 };
    if (answer.status === 413 && rows.length > 1) {
      const middle = rows.length >> 1;
      const one = await put(rows.slice(0, middle), onRetry);
      const other = await put(rows.slice(middle), onRetry);
      return { bad: one.bad + other.bad };
    }
    const { message, exitCode } = failureOf(answer);
    const refused = refusedRow(rows, answer.status, problemOf(answer).path);
    if (refused === null) throw new Failure(`${named}: ${message}`, exitCode);
    if (!skipBad) throw new Failure(`row ${refused.number}: ${message}; --skip-bad would go on`);
    // Nothing was done: the others go on without it.
    const { bad } = await put(
      rows.filter((row) => row !== refused),
      onRetry,
    );
    return { bad: bad + 1 };
  }
  return put;
}

/** The documents were changed all the time, or the same transaction is under way already. */
const codesToRetry: ReadonlySet<string> = new Set(['conflict', 'idempotency_in_progress']);

function operationOf(collection: string, { content }: RecordRow): string {
  const head = JSON.stringify({ op: 'put', collection, id: content.key }).slice(0, -1);
  return `${head},"document":${Buffer.from(content.value).toString()}}`;
}

/** The one whose document is at fault, if one is. */
function refusedRow(rows: readonly RecordRow[], status: number, path: string | undefined): RecordRow | null {
  if (status !== 422 && status !== 413) return null;
  if (rows.length === 1) return rows[0] ?? null;
  const [, place] = /^\/then\/(\d+)(?:\/|$)/.exec(path ?? '') ?? [];
  return place === undefined ? null : (rows[Number(place)] ?? null);
}
