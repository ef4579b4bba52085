/** What a request for a watch asks for. */
import type { IncomingHttpHeaders } from 'node:http';
import { HttpProblem, problemAt, quote } from '../errors.ts';
import { badParameter, durationOf, type Parameters, timeoutMsOf } from '../parameters.ts';
import { ndjson, type StreamFormat, sse } from './format.ts';
import { type Position, parseId } from './position.ts';

export const watchParameters = ['from', 'wait', 'bookmarks', 'timeout'] as const;

export type WatchForm =
  | { readonly type: 'stream'; readonly format: StreamFormat; readonly bookmarkMs: number }
  | { readonly type: 'longPoll'; readonly waitMs: number };

export interface WatchRequest {
  readonly form: WatchForm;
  /** Null: from now on. */
  readonly from: Position | null;
  /** The parameter that `from` stood in; null: there was none, or it came in a header. */
  readonly fromPath: 'from' | null;
  /** How long it may take to begin. */
  readonly timeoutMs: number;
}

/** Clients and what is between them may rely on this: nothing for longer means that something is wrong. */
const bookmarkMsMax = 15_000;
const bookmarkMsMin = 100;
const waitMsMax = 60_000;

/** Throws HttpProblem naming what is malformed. */
export function parseWatch(
  parameters: Parameters<(typeof watchParameters)[number]>,
  headers: IncomingHttpHeaders,
): WatchRequest {
  const waitMs = durationOf(parameters, 'wait', { minMs: 1, maxMs: waitMsMax });
  const bookmarkMs = durationOf(parameters, 'bookmarks', { minMs: bookmarkMsMin, maxMs: bookmarkMsMax });
  if (waitMs !== undefined && bookmarkMs !== undefined) {
    throw problemAt(
      'bookmarks',
      'bad_parameter',
      'expected one of "wait" and "bookmarks": an answer that ends has no bookmarks',
    );
  }
  const form: WatchForm =
    waitMs === undefined
      ? { type: 'stream', format: formatOf(headers.accept), bookmarkMs: bookmarkMs ?? bookmarkMsMax }
      : { type: 'longPoll', waitMs };
  return { form, ...fromOf(parameters, headers), timeoutMs: timeoutMsOf(parameters) };
}

const idExpected = 'a revision, such as 42, or the id of an event, such as 42:3';

function fromOf(parameters: Parameters<'from'>, headers: IncomingHttpHeaders): Pick<WatchRequest, 'from' | 'fromPath'> {
  const text = parameters.get('from');
  const from = text === undefined ? null : parseId(text);
  if (text !== undefined && from === null) throw badParameter('from', idExpected, text);
  // What a client says when it comes back goes beyond the address it came with first.
  const lastId = headers['last-event-id'];
  if (lastId === undefined) return { from, fromPath: from === null ? null : 'from' };
  const last = parseId(String(lastId));
  if (last !== null) return { from: last, fromPath: null };
  throw new HttpProblem('bad_header', `Last-Event-ID: expected ${idExpected}, got ${quote(String(lastId))}`);
}

function formatOf(accept = '*/*'): StreamFormat {
  const ranges = accept.split(',').map((range) => {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    const quality = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2);
    return { type, quality: quality === undefined ? 1 : Number(quality) };
  });
  const qualityOf = ({ contentType }: StreamFormat): number => {
    const [kind] = contentType.split('/');
    const names = [contentType, `${kind}/*`, '*/*'];
    const found = names.map((name) => ranges.find(({ type }) => type === name)).find((range) => range !== undefined);
    return found?.quality ?? 0;
  };
  const best = qualityOf(ndjson) > qualityOf(sse) ? ndjson : sse;
  if (qualityOf(best) > 0) return best;
  const expected = `expected ${sse.contentType} or ${ndjson.contentType}; a single JSON answer comes with ?wait=30s`;
  throw new HttpProblem('not_acceptable', `Accept ${quote(accept)}: ${expected}`);
}
