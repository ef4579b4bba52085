/** What calls reject with. */
import type { Problem } from '../gateway/schemas/problem.ts';

/**
 * What became of a write: nothing was changed, or nobody can say. Reads change nothing.
 * A write that is `unknown` may still happen: read what it writes to find out.
 */
export type Outcome = 'not_applied' | 'unknown';

export interface BazarErrorOptions {
  readonly code: string;
  readonly status?: number | null;
  readonly outcome?: Outcome;
  readonly path?: string | null;
  readonly problem?: Problem | null;
  readonly cause?: unknown;
}

export class BazarError extends Error {
  override readonly name: string = 'BazarError';
  /**
   * Does not change, unlike the message: that of the problem document, or of the client itself: `unreachable` (no gateway
   * answered), `deadline` (the time was up), `bad_answer` (what came is no answer of a gateway), `bad_name` (no URL can name it),
   * `bad_header` (no request can bear it).
   */
  readonly code: string;
  /** Of HTTP; null where there was no answer. */
  readonly status: number | null;
  readonly outcome: Outcome;
  /** What is at fault: a JSON pointer into the body, or the name of a parameter; null where nothing is named. */
  readonly path: string | null;
  /** As it came; null where none did. */
  readonly problem: Problem | null;

  constructor(message: string, { code, status, outcome, path, problem, cause }: BazarErrorOptions) {
    super(message, cause === undefined ? {} : { cause });
    this.code = code;
    this.status = status ?? null;
    this.outcome = outcome ?? 'not_applied';
    this.path = path ?? null;
    this.problem = problem ?? null;
  }
}

/** A watch asked for changes that are not kept any more: read what there is now, and watch from the revision of that. */
export class CompactedError extends BazarError {
  override readonly name = 'CompactedError';
  /** Up to here they are gone. */
  readonly compactedRevision: number;

  constructor(message: string, compactedRevision: number, problem: Problem | null) {
    super(message, { code: 'compacted', status: problem === null ? null : 410, problem });
    this.compactedRevision = compactedRevision;
  }
}

/** Of an answer that is a refusal. `isWrite`: of one that does not say so nobody knows what became of it. */
export function errorOf(status: number, body: string, isWrite: boolean): BazarError {
  const problem = parsed(body) as Partial<Problem> & { readonly compactedRevision?: unknown };
  if (typeof problem?.code !== 'string' || typeof problem.detail !== 'string') {
    const outcome = isWrite && status >= 500 ? 'unknown' : 'not_applied';
    return new BazarError(`expected an answer of a Bazar gateway, got status ${status}: is the URL right?`, {
      ...{ code: 'bad_answer', status, outcome },
    });
  }
  const { code, detail, compactedRevision } = problem;
  if (code === 'compacted' && typeof compactedRevision === 'number') {
    return new CompactedError(detail, compactedRevision, problem as Problem);
  }
  const outcome = problem.outcome ?? 'not_applied';
  const path = typeof problem.path === 'string' ? problem.path : null;
  return new BazarError(detail, { code, status, outcome, path, problem: problem as Problem });
}

/** Of what fetch rejects with, for a message: it says `fetch failed`, and why in its cause; of several addresses the code alone. */
export function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (!(cause instanceof Error)) return '';
  const { message } = cause;
  return `: ${message === '' && 'code' in cause ? String(cause.code) : message}`;
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return null;
  }
}
