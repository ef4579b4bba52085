/** What every read can be asked for, and what every answer to one says of itself. */
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { ReplicaId } from '../store/client.ts';
import type { RequestState } from './answer.ts';
import { parseCacheControl } from './cache-control.ts';
import { kindOf } from './cached-result.ts';
import { HttpProblem, quote } from './errors.ts';
import { consistencyOf, type Parameters, timeoutMsOf } from './parameters.ts';
import type { GetResult, Reading, ReadOptions, Result } from './store.ts';

/** What a read takes of its request, on whichever way it came. */
export interface ReadRequest {
  readonly method: string;
  /** As it was sent, up to the question mark. */
  readonly path: string;
  /** What follows it. */
  readonly querystring: string;
  readonly headers: IncomingHttpHeaders;
  readonly state: RequestState;
  readonly res: ServerResponse;
}

/** Whoever keeps an answer asks again before using it: nothing is to grow staler than it was asked to be. */
export const revalidate = ['Cache-Control', 'no-cache'];

export const readParameters = ['replica', 'timeout', 'consistency'] as const;

/** Throws HttpProblem naming what is malformed. */
export function parseReadOptions(
  parameters: Parameters<(typeof readParameters)[number]>,
  headers: IncomingHttpHeaders,
): ReadOptions {
  const replica = parameters.get('replica');
  return {
    timeoutMs: timeoutMsOf(parameters),
    consistency: consistencyOf(parameters),
    minRevision: minRevisionOf(headers),
    directives: parseCacheControl(headers['cache-control']),
    ...(replica === undefined ? {} : { replica }),
  };
}

/** Of any read: one that is linearizable sees every revision a client can know of anyway. */
function minRevisionOf(headers: IncomingHttpHeaders): GetResult['revision'] {
  const text = String(headers['bazar-min-revision'] ?? '0');
  const revision = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(revision)) return revision as GetResult['revision'];
  throw new HttpProblem('bad_header', `Bazar-Min-Revision: expected a revision, such as 42, got ${quote(text)}`);
}

/** For metrics and the access log. */
export function noteReading(
  { state }: Pick<ReadRequest, 'state'>,
  { cacheResult, cacheStatus, outcome }: Reading<Result>,
): void {
  const kind = outcome.type === 'done' ? kindOf(outcome.result) : null;
  state.read = { result: cacheResult, cacheStatus, kind: kind ?? 'none' };
  if (outcome.type === 'done') state.servedBy = outcome.servedBy;
}

export function provenance(revision: number, servedBy: ReplicaId): string[] {
  return ['Bazar-Revision', String(revision), 'Bazar-Served-By', servedBy];
}

/** What an answer says of where it comes from. */
interface Done {
  readonly result: { readonly revision: number };
  readonly servedBy: string;
  readonly staleMs?: number | null | undefined;
}

export function readHeaders(cacheStatus: string, { result, servedBy, staleMs }: Done): string[] {
  return ['Cache-Status', cacheStatus, ...provenance(result.revision, servedBy), ...ageHeaders(staleMs)];
}

/** Undefined: the answer is not stale; null: how old it may be is unknown. */
function ageHeaders(staleMs: number | null | undefined): readonly string[] {
  if (staleMs === undefined) return [];
  if (staleMs === null) return ['Bazar-Max-Staleness-Ms', 'unknown'];
  return ['Age', String(Math.ceil(staleMs / 1000)), 'Bazar-Max-Staleness-Ms', String(Math.ceil(staleMs))];
}
