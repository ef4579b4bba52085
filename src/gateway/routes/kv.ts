/**
 * `/v1/kv/{key}`: one value, its bytes as they are. Bad input is refused before the store hears of it.
 */
import type { Router } from '@koa/router';
import { contentTypeProblem, type ReplicaId } from '../../store/client.ts';
import { type Answer, answering, jsonAnswer, type RequestContext, type RequestState } from '../answer.ts';
import { readBody } from '../body.ts';
import { HttpProblem, problemAnswer, quote, readProblem, writeProblem } from '../errors.ts';
import type { InFlight, Share } from '../in-flight.ts';
import { parseParameters, timeoutMsOf } from '../parameters.ts';
import { entityTag, evaluateRead, parsePrecondition } from '../preconditions.ts';
import { noteReading, parseReadOptions, provenance, readHeaders, readParameters } from '../reads.ts';
import type { StoreReader, StoreWriter } from '../store.ts';
import { decodeKey } from '../target.ts';

export interface KvRoutesOptions {
  readonly reader: StoreReader;
  readonly writer: StoreWriter;
  readonly inFlight: InFlight;
  readonly bodyBytesMax: number;
}

const keyBase = '/v1/kv/';
/** A pattern, not a template: the router would decode what a template captures, and fold a trailing slash. */
const keyPath = /^\/v1\/kv\/.*$/;
const keyRoute = '/v1/kv/{key}';

const writeParameters = ['timeout'] as const;

export function addKvRoutes(router: Router<RequestState>, options: KvRoutesOptions): void {
  const { reader, writer, inFlight, bodyBytesMax } = options;

  /** GET and HEAD. */
  async function get(ctx: RequestContext, share: Share): Promise<Answer> {
    const key = requestedKey(ctx);
    const readOptions = parseReadOptions(parseParameters(ctx.querystring, readParameters), ctx.headers);
    const precondition = parsePrecondition(ctx.headers);
    const withValue = ctx.method === 'GET';
    const reading = await reader.get({ type: 'get', key, withValue }, readOptions);
    noteReading(ctx, reading);
    const { outcome, cacheStatus } = reading;
    if (outcome.type !== 'done') {
      return problemAnswer(readProblem(outcome, readOptions), ctx.method, ['Cache-Status', cacheStatus]);
    }
    const { item } = outcome.result;
    const headers = readHeaders(cacheStatus, outcome);
    if (item === null) return problemAnswer(keyNotFound(), ctx.method, headers);
    headers.push('ETag', entityTag(item.modRevision));
    switch (evaluateRead(precondition, item.modRevision)) {
      case 'failed':
        return problemAnswer(preconditionFailed(item.modRevision), ctx.method, headers);
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

  async function put(ctx: RequestContext, share: Share): Promise<Answer> {
    const key = requestedKey(ctx);
    const timeoutMs = timeoutMsOf(parseParameters(ctx.querystring, writeParameters));
    const precondition = parsePrecondition(ctx.headers);
    const contentType = contentTypeOf(ctx);
    const value = await readBody(ctx.req, ctx.res, share, bodyBytesMax);
    const outcome = await writer.write({ type: 'put', key, value, contentType, precondition }, timeoutMs);
    if (outcome.type !== 'done') return problemAnswer(writeProblem(outcome, timeoutMs), ctx.method);
    ctx.state.servedBy = outcome.replica;
    switch (outcome.result.type) {
      case 'put': {
        const { revision, version, created } = outcome.result;
        const headers = ['ETag', entityTag(revision), ...provenance(revision, outcome.replica)];
        return jsonAnswer(created ? 201 : 200, headers, { key, revision, version });
      }
      case 'preconditionFailed':
        return refusedWrite(ctx, outcome.result.revision, outcome.replica);
      case 'deleted':
      case 'notFound':
        throw new Error(`a put was answered with ${outcome.result.type}`);
    }
  }

  async function remove(ctx: RequestContext): Promise<Answer> {
    const key = requestedKey(ctx);
    const timeoutMs = timeoutMsOf(parseParameters(ctx.querystring, writeParameters));
    const precondition = parsePrecondition(ctx.headers);
    const outcome = await writer.write({ type: 'delete', key, precondition }, timeoutMs);
    if (outcome.type !== 'done') return problemAnswer(writeProblem(outcome, timeoutMs), ctx.method);
    ctx.state.servedBy = outcome.replica;
    switch (outcome.result.type) {
      case 'deleted': {
        const { revision } = outcome.result;
        return jsonAnswer(200, provenance(revision, outcome.replica), { key, revision });
      }
      case 'notFound':
        return problemAnswer(keyNotFound(), ctx.method, ['Bazar-Served-By', outcome.replica]);
      case 'preconditionFailed':
        return refusedWrite(ctx, outcome.result.revision, outcome.replica);
      case 'put':
        throw new Error('a delete was answered with put');
    }
  }

  router.get(keyRoute, keyPath, answering(inFlight.admitting(get)));
  router.put(keyRoute, keyPath, answering(inFlight.admitting(put)));
  router.delete(keyRoute, keyPath, answering(inFlight.admitting(remove)));
}

/** From the raw path: the router's own captures are decoded by other rules. */
function requestedKey(ctx: RequestContext): string {
  return decodeKey(ctx.path.slice(keyBase.length));
}

/** Whoever keeps an answer asks again before using it: nothing is to grow staler than it was asked to be. */
export const revalidate = ['Cache-Control', 'no-cache'];
/** The type is whatever its writer said: no browser may run it as a page of ours. */
const confined = ['Content-Security-Policy', "default-src 'none'; sandbox"];

function keyNotFound(): HttpProblem {
  return new HttpProblem('key_not_found', 'there is no such key');
}

function refusedWrite(ctx: RequestContext, revision: number, servedBy: ReplicaId): Answer {
  const tag = revision === 0 ? [] : ['ETag', entityTag(revision)];
  return problemAnswer(preconditionFailed(revision), ctx.method, [...tag, 'Bazar-Served-By', servedBy]);
}

function preconditionFailed(revision: number): HttpProblem {
  const current = revision === 0 ? 'the key does not exist' : `the key is at revision ${revision}`;
  return new HttpProblem('precondition_failed', `${current}, which the precondition rules out`);
}

const contentTypeDefault = 'application/octet-stream';
/** RFC 9110 section 8.3.1: a type, a subtype, and parameters; of which bytes is the store's to say. */
const mediaType = /^[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+ *(;.*)?$/;

function contentTypeOf(ctx: RequestContext): string {
  const contentType = ctx.headers['content-type'] ?? contentTypeDefault;
  const reason = contentTypeProblem(contentType);
  if (reason !== null || !mediaType.test(contentType)) {
    const expected = reason ?? 'expected a media type such as text/plain';
    throw new HttpProblem('bad_header', `Content-Type ${quote(contentType)}: ${expected}`);
  }
  return contentType;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
