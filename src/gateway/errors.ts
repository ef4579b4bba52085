/**
 * Everything the gateway can refuse, and how that looks over HTTP: problem documents (RFC 9457) with a stable `code`.
 */
import { STATUS_CODES } from 'node:http';
import type { ReadOptions, ReadOutcome, WriteOutcome } from '../store/client.ts';
import type { Answer } from './answer.ts';
import type { NotCached } from './store.ts';

/** The one table of codes. Clients compare codes, never texts. */
const statusOf = {
  bad_target: 400,
  bad_key: 400,
  bad_collection: 400,
  bad_id: 400,
  bad_parameter: 400,
  bad_header: 400,
  bad_json: 400,
  bad_body: 400,
  bad_transaction: 400,
  idempotency_key_required: 400,
  unknown_replica: 400,
  future_revision: 400,
  no_index: 400,
  search_too_wide: 400,
  token_missing: 401,
  token_unknown: 401,
  peer_refused: 401,
  role_missing: 403,
  foreign_page: 403,
  unknown_route: 404,
  key_not_found: 404,
  collection_not_found: 404,
  document_not_found: 404,
  book_not_found: 404,
  order_not_found: 404,
  employee_not_found: 404,
  method_not_allowed: 405,
  not_acceptable: 406,
  index_not_ready: 409,
  not_found: 409,
  not_json: 409,
  not_a_number: 409,
  out_of_bounds: 409,
  conflict: 409,
  document_exists: 409,
  order_exists: 409,
  sold_out: 409,
  id_field_differs: 409,
  too_many_collections: 409,
  idempotency_in_progress: 409,
  compacted: 410,
  precondition_failed: 412,
  value_too_large: 413,
  too_large: 413,
  url_too_long: 414,
  unsupported_encoding: 415,
  unsupported_media_type: 415,
  invalid_document: 422,
  invalid_book: 422,
  invalid_order: 422,
  invalid_employee: 422,
  id_changed: 422,
  idempotency_mismatch: 422,
  overloaded: 429,
  too_many_watches: 429,
  idempotency_full: 429,
  internal: 500,
  invalid_command: 502,
  gateway_refused: 502,
  no_leader: 503,
  replica_unavailable: 503,
  closing: 503,
  definition_changed: 503,
  read_timeout: 504,
  not_cached: 504,
  write_timeout: 504,
  gateway_silent: 504,
  disk_full: 507,
} as const;

export type ProblemCode = keyof typeof statusOf;

/** What became of a write. */
export type Outcome = 'not_applied' | 'unknown';

/** A refusal. Thrown for bad input; what the store answers is a value. */
export class HttpProblem extends Error {
  override readonly name = 'HttpProblem';
  readonly code: ProblemCode;
  readonly status: number;
  /** For requests that write. */
  readonly outcome: Outcome;
  /** Names and values in turn. */
  readonly headers: readonly string[];
  /** Of the problem document. */
  readonly members: ProblemMembers;

  constructor(
    code: ProblemCode,
    detail: string,
    outcome: Outcome = 'not_applied',
    headers: readonly string[] = [],
    members: ProblemMembers = {},
  ) {
    super(detail);
    this.code = code;
    this.status = statusOf[code];
    this.outcome = outcome;
    this.headers = headers;
    this.members = members;
  }
}

/** What a problem document can have beside what all have. */
export interface ProblemMembers {
  /** What is at fault: a JSON pointer into the body, or the name of a parameter. */
  readonly path?: string;
}

/** Nothing was done, because of what stands at `path`. */
export function problemAt(path: string, code: ProblemCode, detail: string): HttpProblem {
  return new HttpProblem(code, detail, 'not_applied', [], { path });
}

const retryAfterSeconds: Partial<Record<ProblemCode, string>> = {
  overloaded: '1',
  too_many_watches: '5',
  no_leader: '1',
  replica_unavailable: '1',
  closing: '1',
  index_not_ready: '5',
  definition_changed: '1',
  conflict: '1',
  idempotency_in_progress: '1',
  idempotency_full: '60',
};

const writeMethods = ['PUT', 'PATCH', 'DELETE', 'POST'];

/** `headers` go with it, and `members` into its document; `method` is the request's. */
export function problemAnswer(
  problem: HttpProblem,
  method: string,
  headers: readonly string[] = [],
  members: Readonly<Record<string, unknown>> = {},
): Answer {
  const { code, status, message: detail, outcome } = problem;
  const retryAfter = retryAfterSeconds[code];
  return {
    status,
    headers: [
      ...['Content-Type', 'application/problem+json', 'Cache-Control', 'no-store'],
      ...(retryAfter === undefined ? [] : ['Retry-After', retryAfter]),
      ...problem.headers,
      ...headers,
    ],
    body: JSON.stringify({
      type: 'about:blank',
      title: STATUS_CODES[status],
      status,
      detail,
      code,
      ...(writeMethods.includes(method) ? { outcome } : {}),
      ...problem.members,
      ...members,
    }),
  };
}

export function writeProblem(outcome: Exclude<WriteOutcome, { type: 'done' }>, timeoutMs: number): HttpProblem {
  switch (outcome.type) {
    case 'noLeader':
      return new HttpProblem('no_leader', `no leader was found within ${timeoutMs} ms; nothing was written, try again`);
    case 'overloaded':
      return new HttpProblem('overloaded', 'the leader has too many writes waiting; nothing was written, try again');
    case 'diskFull':
      return new HttpProblem('disk_full', 'the leader has no room left on its disk; nothing was written');
    case 'invalid':
      return new HttpProblem('invalid_command', `the leader refused the command: ${outcome.reason}`);
    case 'unknown':
      return new HttpProblem(
        'write_timeout',
        `no answer within ${timeoutMs} ms; it may have been written, or may still be: read what it writes to find out`,
        'unknown',
      );
  }
}

export function readProblem(
  outcome: Exclude<ReadOutcome, { type: 'done' }> | NotCached,
  { replica, timeoutMs, consistency, minRevision }: ReadOptions,
): HttpProblem {
  if (outcome.type === 'notCached') {
    return new HttpProblem(
      'not_cached',
      'nothing is kept here that is proven to be current; without Cache-Control: only-if-cached a replica is asked',
    );
  }
  if (outcome.type === 'unknownReplica') {
    const known = outcome.known.join(', ');
    return new HttpProblem('unknown_replica', `there is no replica ${quote(replica)}; there are ${known}`);
  }
  if (consistency === 'stale' && minRevision !== undefined && minRevision > 0) {
    const who = replica === undefined ? 'no replica answered' : `replica ${quote(replica)} did not answer`;
    const detail = `${who} with revision ${minRevision} applied within ${timeoutMs} ms; try again`;
    return new HttpProblem('read_timeout', detail);
  }
  if (replica !== undefined) {
    return new HttpProblem(
      'replica_unavailable',
      `replica ${quote(replica)} could not answer within ${timeoutMs} ms; without ?replica another one may`,
    );
  }
  return new HttpProblem('read_timeout', `no replica could answer within ${timeoutMs} ms; try again`);
}

const quotedCharactersMax = 64;

/** What a client sent, for a `detail`: escaped, and no longer than a glance. */
export function quote(text: string | undefined): string {
  if (text === undefined) return '""';
  return JSON.stringify(text.length <= quotedCharactersMax ? text : `${text.slice(0, quotedCharactersMax)}…`);
}
