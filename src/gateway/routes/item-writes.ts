/** Writes of documents: PUT, PATCH and DELETE of one, POST of a new one. Bad input is refused before the store hears of it. */
import type { Router } from '@koa/router';
import { fieldOf, type Idempotency, idProblem, type JsonObject, pointer } from '../../store/client.ts';
import type { Clock } from '../../system-clock.ts';
import { type Answer, answering, jsonAnswer, type RequestContext, type RequestState } from '../answer.ts';
import { readBody } from '../body.ts';
import type { Committer } from '../catalog/committer.ts';
import { type ConditionallyCommitted, commitConditionally } from '../catalog/conditional.ts';
import { type Definitions, isUnavailable } from '../catalog/definitions.ts';
import type { Documents, DocumentTarget } from '../catalog/documents.ts';
import type { DraftOperation } from '../catalog/draft.ts';
import { collectionNotFound, documentNotFound, documentPreconditionFailed } from '../catalog/problems.ts';
import { collectionsPath, itemRoute, itemsRoute, requestedCollection, requestedItem } from '../catalog/target.ts';
import { itemProblem } from '../catalog/transaction-problems.ts';
import { HttpProblem, problemAnswer, problemAt, writeProblem } from '../errors.ts';
import { type InProgress, idempotencyOf, replayHeaders } from '../idempotency.ts';
import type { InFlight, Share } from '../in-flight.ts';
import { parseDocument } from '../json-body.ts';
import { requirePatch } from '../merge-patch.ts';
import { parseParameters, timeoutMsOf, ttlMsOf } from '../parameters.ts';
import { entityTag, parsePrecondition } from '../preconditions.ts';
import { provenance } from '../reads.ts';
import { refuseConditions } from '../unconditional.ts';

export interface ItemWriteOptions {
  readonly committer: Committer;
  readonly definitions: Definitions;
  readonly documents: Documents;
  readonly inProgress: InProgress;
  readonly inFlight: InFlight;
  readonly clock: Clock;
  readonly bodyBytesMax: number;
}

const putParameters = ['timeout', 'ttl'] as const;
const writeParameters = ['timeout'] as const;

export function addItemWriteRoutes(router: Router<RequestState>, options: ItemWriteOptions): void {
  const { committer, definitions, documents, inProgress, inFlight, clock, bodyBytesMax } = options;

  async function put(ctx: RequestContext, share: Share): Promise<Answer> {
    const target = targetOf(ctx);
    const parameters = parseParameters(ctx.querystring, putParameters);
    const asked = { timeoutMs: timeoutMsOf(parameters), precondition: parsePrecondition(ctx.headers) };
    const ttlMs = ttlMsOf(parameters);
    const document = parseDocument(await readBody(ctx.req, ctx.res, share, bodyBytesMax, 'document'), 'document');
    const { collection, id } = target;
    return write(ctx, target, { type: 'putDocument', collection, id, document, ttlMs }, asked);
  }

  async function patch(ctx: RequestContext, share: Share): Promise<Answer> {
    const target = targetOf(ctx);
    const timeoutMs = timeoutMsOf(parseParameters(ctx.querystring, writeParameters));
    const precondition = parsePrecondition(ctx.headers);
    requirePatch(ctx);
    const body = parseDocument(await readBody(ctx.req, ctx.res, share, bodyBytesMax, 'patch'), 'patch');
    return write(ctx, target, { type: 'patch', target, patch: body }, { timeoutMs, precondition });
  }

  async function remove(ctx: RequestContext): Promise<Answer> {
    const target = targetOf(ctx);
    const timeoutMs = timeoutMsOf(parseParameters(ctx.querystring, writeParameters));
    const precondition = parsePrecondition(ctx.headers);
    return write(ctx, target, { type: 'delete', target }, { timeoutMs, precondition });
  }

  async function write(
    ctx: RequestContext,
    target: DocumentTarget,
    operation: DraftOperation,
    asked: Pick<Parameters<typeof commitConditionally>[1], 'timeoutMs' | 'precondition'>,
  ): Promise<Answer> {
    const committed = await commitConditionally(committer, {
      ...{ target, operation, clock, ...asked },
      standing: async (timeoutMs) => {
        const answer = await documents.find(target, { withJson: false, timeoutMs });
        if (answer.type === 'unavailable') return answer;
        if (!answer.hasCollection) return { type: 'noCollection' };
        return { type: 'at', revision: answer.document?.modRevision ?? 0 };
      },
    });
    return writtenAnswer(ctx, target, committed, asked.timeoutMs);
  }

  /** Names what is created itself, from the document: whoever sends it again names the same. */
  async function create(ctx: RequestContext, share: Share): Promise<Answer> {
    const collection = requestedCollection(ctx);
    refuseConditions(ctx.headers, 'POST only creates, and PUT of the document takes conditions');
    const parameters = parseParameters(ctx.querystring, putParameters);
    const [timeoutMs, ttlMs] = [timeoutMsOf(parameters), ttlMsOf(parameters)];
    const body = await readBody(ctx.req, ctx.res, share, bodyBytesMax, 'document');
    const idempotency = idempotencyOf(ctx, body, false);
    const document = parseDocument(body, 'document');
    return inProgress.during(idempotency, async () => {
      const id = await idIn(document, collection, timeoutMs);
      return created(ctx, { type: 'putDocument', collection, id, document, ttlMs }, { timeoutMs, idempotency });
    });
  }

  async function created(
    ctx: RequestContext,
    operation: Extract<DraftOperation, { readonly type: 'putDocument' }>,
    asked: { readonly timeoutMs: number; readonly idempotency: Idempotency | null },
  ): Promise<Answer> {
    const { collection, id } = operation;
    const target = { type: 'document', collection, id } as const;
    const draft = { compares: [{ of: 'exists', target, is: false } as const], then: [operation], otherwise: [] };
    const committed = await committer.commit(draft, asked);
    if (committed.type !== 'done') return problemAnswer(problemOf(committed, target, asked.timeoutMs), ctx.method);
    const { result, replica } = committed;
    ctx.state.servedBy = replica;
    const headers = [...provenance(result.revision, replica), ...replayHeaders(result)];
    if (!result.succeeded) return problemAnswer(documentExists(), ctx.method, headers);
    const location = `${collectionsPath}/${encodeURIComponent(collection)}/items/${encodeURIComponent(id)}`;
    const view = { collection, id, revision: result.revision, version: 1 };
    return jsonAnswer(201, ['Location', location, 'ETag', entityTag(result.revision), ...headers], view);
  }

  /** Throws HttpProblem where there is none. */
  async function idIn(document: JsonObject, collection: string, timeoutMs: number): Promise<string> {
    // What was seen last is enough to go by, and not enough to refuse anything.
    for (let isSure = false; ; isSure = true) {
      const definition = await definitions.get(collection, timeoutMs);
      if (isUnavailable(definition)) throw writeProblem({ type: 'noLeader' }, timeoutMs);
      if (definition === null) throw collectionNotFound(collection);
      const { idField, name, modRevision } = definition;
      const id = fieldOf(document, idField);
      const reason =
        typeof id === 'string' ? idProblem(id) : 'expected a text of 1 to 512 bytes, the id of the document';
      if (typeof id === 'string' && reason === null) return id;
      const path = pointer([idField]);
      if (isSure) throw problemAt(path, 'invalid_document', `${path}: ${reason}`);
      definitions.forget(name, modRevision);
    }
  }

  router.put(itemRoute.name, itemRoute.path, answering('write', inFlight.admitting(put)));
  router.patch(itemRoute.name, itemRoute.path, answering('write', inFlight.admitting(patch)));
  router.delete(itemRoute.name, itemRoute.path, answering('write', inFlight.admitting(remove)));
  router.post(itemsRoute.name, itemsRoute.path, answering('write', inFlight.admitting(create)));
}

function targetOf(ctx: RequestContext): DocumentTarget {
  return { type: 'document', ...requestedItem(ctx) };
}

function writtenAnswer(
  ctx: RequestContext,
  target: DocumentTarget,
  committed: ConditionallyCommitted,
  timeoutMs: number,
): Answer {
  const { collection, id } = target;
  if (committed.type === 'preconditionFailed') {
    const { revision, replica } = committed;
    const tag = revision === 0 ? [] : ['ETag', entityTag(revision)];
    const servedBy = replica === null ? [] : ['Bazar-Served-By', replica];
    return problemAnswer(documentPreconditionFailed(revision), ctx.method, [...tag, ...servedBy]);
  }
  if (committed.type !== 'done') return problemAnswer(problemOf(committed, target, timeoutMs), ctx.method);
  const { result, replica } = committed;
  const { revision } = result;
  ctx.state.servedBy = replica;
  const headers = provenance(revision, replica);
  const [done] = result.results;
  if (done?.type === 'deleted') {
    if (done.count === 0) return problemAnswer(documentNotFound(), ctx.method, headers);
    return jsonAnswer(200, headers, { collection, id, revision });
  }
  if (done?.type !== 'written') throw new Error(`a write of a document was answered with ${done?.type}`);
  const { version, created } = done;
  const view = { collection, id, revision, version };
  return jsonAnswer(created ? 201 : 200, ['ETag', entityTag(revision), ...headers], view);
}

function problemOf(
  committed: Exclude<ConditionallyCommitted, { readonly type: 'done' | 'preconditionFailed' }>,
  { collection }: DocumentTarget,
  timeoutMs: number,
): HttpProblem {
  if (committed.type === 'noCollection') return collectionNotFound(collection);
  if (committed.type === 'failed' && committed.failure.reason === 'noCollection') return collectionNotFound(collection);
  return itemProblem(committed, timeoutMs);
}

function documentExists(): HttpProblem {
  const detail = 'there is a document with this id; PUT replaces it, PATCH changes it, another id makes another one';
  return new HttpProblem('document_exists', detail);
}
