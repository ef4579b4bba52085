/**
 * `/v1/kv/{key}`: one value, its bytes as they are. Bad input is refused before the store hears of it.
 */
import type { Router } from '@koa/router';
import { contentTypeProblem, type ReplicaId } from '../../store/client.ts';
import { type Answer, answering, jsonAnswer, type RequestContext, type RequestState } from '../answer.ts';
import { readBody } from '../body.ts';
import { HttpProblem, problemAnswer, quote, writeProblem } from '../errors.ts';
import type { InFlight, Share } from '../in-flight.ts';
import { keyNotFound, keyPath, keyRoute, preconditionFailed, requestedKey } from '../key-read.ts';
import { parseParameters, timeoutMsOf, ttlMsOf } from '../parameters.ts';
import { entityTag, parsePrecondition } from '../preconditions.ts';
import { provenance, type ReadRequest } from '../reads.ts';
import type { StoreWriter } from '../store.ts';
import type { KeyWriter } from './kv-transactions.ts';

export interface KvRoutesOptions {
  /** GET and HEAD, admitted. */
  readonly read: (request: ReadRequest) => Answer | Promise<Answer>;
  readonly writer: StoreWriter;
  /** For what a put alone cannot say. */
  readonly transact: KeyWriter;
  readonly inFlight: InFlight;
  readonly bodyBytesMax: number;
}

const putParameters = ['timeout', 'ttl'] as const;
const writeParameters = ['timeout'] as const;

export function addKvRoutes(router: Router<RequestState>, options: KvRoutesOptions): void {
  const { read, writer, transact, inFlight, bodyBytesMax } = options;

  async function put(ctx: RequestContext, share: Share): Promise<Answer> {
    const key = requestedKey(ctx);
    const parameters = parseParameters(ctx.querystring, putParameters);
    const [timeoutMs, ttlMs] = [timeoutMsOf(parameters), ttlMsOf(parameters)];
    const precondition = parsePrecondition(ctx.headers);
    const contentType = contentTypeOf(ctx);
    const value = await readBody(ctx.req, ctx.res, share, bodyBytesMax);
    if (ttlMs !== null) {
      const operation = { type: 'put', key, value, contentType, ttlMs } as const;
      return transact(ctx, key, { operation, precondition, timeoutMs });
    }
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
    }
  }

  router.get(keyRoute, keyPath, answering('read', read));
  router.put(keyRoute, keyPath, answering('write', inFlight.admitting(put)));
  router.delete(keyRoute, keyPath, answering('write', inFlight.admitting(remove)));
}

function refusedWrite(ctx: RequestContext, revision: number, servedBy: ReplicaId): Answer {
  const tag = revision === 0 ? [] : ['ETag', entityTag(revision)];
  return problemAnswer(preconditionFailed(revision), ctx.method, [...tag, 'Bazar-Served-By', servedBy]);
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
