/** PUT and DELETE of `/v1/collections/{collection}`: what a collection is, and that there is to be none. */
import type { Router } from '@koa/router';
import { definitionProblem, type Precondition, type WriteResults } from '../../store/client.ts';
import type { Clock } from '../../system-clock.ts';
import { type Answer, answering, jsonAnswer, type RequestContext, type RequestState } from '../answer.ts';
import { readBody } from '../body.ts';
import { type Definitions, isUnavailable } from '../catalog/definitions.ts';
import { collectionNotFound } from '../catalog/problems.ts';
import { collectionRoute, requestedCollection } from '../catalog/target.ts';
import { HttpProblem, problemAnswer, problemAt, quote, writeProblem } from '../errors.ts';
import type { InFlight, Share } from '../in-flight.ts';
import { parseBody } from '../json-body.ts';
import { parseParameters, requireConfirmation, timeoutMsOf } from '../parameters.ts';
import { entityTag, holdsAt, parsePrecondition } from '../preconditions.ts';
import { provenance } from '../reads.ts';
import { type CollectionBody, collectionBody } from '../schemas/collection.ts';
import type { StoreWriter } from '../store.ts';

export interface CollectionWriteOptions {
  readonly writer: StoreWriter;
  readonly definitions: Definitions;
  readonly inFlight: InFlight;
  readonly clock: Clock;
}

/** 32 indexes on the longest names take less, however they are escaped. */
const bodyBytesMax = 64 * 1024;
/** Rounds of looking and writing, where somebody else defines it each time between the two. */
const roundsMax = 4;

interface Asked {
  readonly name: string;
  /** Null: there is to be none. */
  readonly body: CollectionBody | null;
  readonly precondition: Precondition;
  readonly timeoutMs: number;
}

export function addCollectionWriteRoutes(router: Router<RequestState>, options: CollectionWriteOptions): void {
  const { writer, definitions, inFlight, clock } = options;

  async function put(ctx: RequestContext, share: Share): Promise<Answer> {
    const name = requestedCollection(ctx);
    const timeoutMs = timeoutMsOf(parseParameters(ctx.querystring, ['timeout']));
    const precondition = parsePrecondition(ctx.headers);
    const bytes = await readBody(ctx.req, ctx.res, share, bodyBytesMax, 'definition');
    return define(ctx, { name, body: parseBody(bytes, collectionBody), precondition, timeoutMs });
  }

  async function drop(ctx: RequestContext): Promise<Answer> {
    const name = requestedCollection(ctx);
    const parameters = parseParameters(ctx.querystring, ['timeout', 'confirm']);
    const precondition = parsePrecondition(ctx.headers);
    requireConfirmation(parameters, `the collection ${quote(name)} and all documents in it`);
    return define(ctx, { name, body: null, precondition, timeoutMs: timeoutMsOf(parameters) });
  }

  /** A precondition is looked at here, and holds when it is done: the definition that was looked at is the one replaced. */
  async function define(ctx: RequestContext, asked: Asked): Promise<Answer> {
    const { name, body, precondition, timeoutMs } = asked;
    const definition = body && { idField: body.idField ?? 'id', indexes: body.indexes ?? [] };
    const problem = definitionProblem({ type: 'define', name, definition, replaces: null });
    if (problem !== null) throw problemAt('', 'bad_body', problem.problem);
    const deadlineAt = clock.now() + timeoutMs;
    for (let round = 1; ; round += 1) {
      const leftMs = Math.max(1, deadlineAt - clock.now());
      const replaces = await replacedBy(name, precondition, leftMs);
      const write = { type: 'define', name, definition, replaces } as const;
      const outcome = await writer.write<'define'>(write, Math.max(1, deadlineAt - clock.now()));
      if (outcome.type !== 'done') return problemAnswer(writeProblem(outcome, timeoutMs), ctx.method);
      const { result, replica } = outcome;
      if (result.type === 'definitionConflict' && round < roundsMax) {
        forget(name);
        continue;
      }
      forget(name);
      ctx.state.servedBy = replica;
      return answerTo(ctx, name, result, replica);
    }
  }

  /** What was remembered is of no use any more, whatever it was. */
  function forget(name: string): void {
    definitions.forget(name, Number.MAX_SAFE_INTEGER as Parameters<Definitions['forget']>[1]);
  }

  /** The revision of the definition that stands there; null where none is asked for. Throws HttpProblem. */
  async function replacedBy(name: string, precondition: Precondition, timeoutMs: number): Promise<number | null> {
    if (precondition.ifMatch === null && precondition.ifNoneMatch === null) return null;
    forget(name);
    const current = await definitions.get(name, timeoutMs);
    if (isUnavailable(current)) throw writeProblem({ type: 'noLeader' }, timeoutMs);
    const revision = current?.modRevision ?? 0;
    if (!holdsAt(precondition, revision)) throw definitionPreconditionFailed(revision);
    return revision;
  }

  router.put(collectionRoute.name, collectionRoute.path, answering('admin', inFlight.admitting(put)));
  router.delete(collectionRoute.name, collectionRoute.path, answering('admin', inFlight.admitting(drop)));
}

function answerTo(ctx: RequestContext, name: string, result: WriteResults['define'], replica: string): Answer {
  const servedBy = ['Bazar-Served-By', replica];
  switch (result.type) {
    case 'defined': {
      const { revision, created } = result;
      const headers = ['ETag', entityTag(revision), ...provenance(revision, replica)];
      return jsonAnswer(created ? 201 : 200, headers, { name, revision });
    }
    case 'dropped':
      return jsonAnswer(200, provenance(result.revision, replica), { name, revision: result.revision });
    case 'notFound':
      return problemAnswer(collectionNotFound(name), ctx.method, servedBy);
    case 'definitionConflict':
      return problemAnswer(definitionPreconditionFailed(result.revision), ctx.method, servedBy);
    case 'idFieldDiffers': {
      const detail = `the documents of this collection have their id under ${quote(result.idField)}: keep that, or delete them first`;
      return problemAnswer(problemAt('/idField', 'id_field_differs', detail), ctx.method, servedBy);
    }
    case 'tooManyCollections': {
      const detail = 'there are as many collections as there can be, 1000: delete one first';
      return problemAnswer(new HttpProblem('too_many_collections', detail), ctx.method, servedBy);
    }
  }
}

function definitionPreconditionFailed(revision: number): HttpProblem {
  const current = revision === 0 ? 'the collection does not exist' : `the definition is at revision ${revision}`;
  const tag = revision === 0 ? [] : ['ETag', entityTag(revision)];
  return new HttpProblem('precondition_failed', `${current}, which the precondition rules out`, 'not_applied', tag);
}
