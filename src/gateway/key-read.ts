/** GET and HEAD of one key. Bad input is refused before the store hears of it. */
import type { Precondition } from '../store/client.ts';
import { rfc3339 } from '../system-clock.ts';
import type { Answer } from './answer.ts';
import { HttpProblem, problemAnswer, readProblem } from './errors.ts';
import type { Handler, Share } from './in-flight.ts';
import { parseParameters } from './parameters.ts';
import { entityTag, evaluateRead, parsePrecondition } from './preconditions.ts';
import { noteReading, parseReadOptions, type ReadRequest, readHeaders, readParameters, revalidate } from './reads.ts';
import type { GetResult, Reading, ReadOptions, StoreReader } from './store.ts';
import { decodeKey } from './target.ts';

export const keyBase = '/v1/kv/';
export const keyRoute = '/v1/kv/{key}';
/** A pattern, not a template: the router would decode what a template captures, and fold a trailing slash. */
export const keyPath = /^\/v1\/kv\/.*$/;

/** The type is whatever its writer said: no browser may run it as a page of ours. */
export const confined = ['Content-Security-Policy', "default-src 'none'; sandbox"];

export function createKeyRead(reader: StoreReader): Handler<ReadRequest> {
  return (request, share) => {
    const key = requestedKey(request);
    const options = parseReadOptions(parseParameters(request.querystring, readParameters), request.headers);
    const precondition = parsePrecondition(request.headers);
    const query = { type: 'get', key, withValue: request.method === 'GET' } as const;
    const atOnce = reader.getAtOnce(query, options);
    if (atOnce !== null) return answerTo(request, share, atOnce, options, precondition);
    return reader.get(query, options).then((reading) => answerTo(request, share, reading, options, precondition));
  };
}

/** From the raw path: the router's own captures are decoded by other rules. */
export function requestedKey({ path }: { readonly path: string }): string {
  return decodeKey(path.slice(keyBase.length));
}

export function keyNotFound(): HttpProblem {
  return new HttpProblem('key_not_found', 'there is no such key');
}

export function preconditionFailed(revision: number): HttpProblem {
  const current = revision === 0 ? 'the key does not exist' : `the key is at revision ${revision}`;
  return new HttpProblem('precondition_failed', `${current}, which the precondition rules out`);
}

function answerTo(
  request: ReadRequest,
  share: Share,
  reading: Reading<GetResult>,
  options: ReadOptions,
  precondition: Precondition,
): Answer {
  noteReading(request, reading);
  const { outcome, cacheStatus } = reading;
  if (outcome.type !== 'done') {
    return problemAnswer(readProblem(outcome, options), request.method, ['Cache-Status', cacheStatus]);
  }
  const { item } = outcome.result;
  const headers = readHeaders(cacheStatus, outcome);
  if (item === null) return problemAnswer(keyNotFound(), request.method, headers);
  headers.push('ETag', entityTag(item.modRevision));
  if (item.expiresAtMs !== undefined) headers.push('Bazar-Expires-At', rfc3339(item.expiresAtMs));
  switch (evaluateRead(precondition, item.modRevision)) {
    case 'failed':
      return problemAnswer(preconditionFailed(item.modRevision), request.method, headers);
    case 'notModified':
      headers.push(...revalidate);
      return { status: 304, headers, body: null };
    case 'send':
      headers.push('Content-Type', item.contentType, ...confined, ...revalidate);
      if (item.value === undefined) headers.push('Content-Length', String(item.sizeBytes));
      else share.hold(item.value.byteLength);
      return { status: 200, headers, body: item.value === undefined ? null : asBuffer(item.value) };
  }
}

export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
