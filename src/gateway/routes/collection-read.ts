/**
 * GET and HEAD of `/v1/collections` and of each one: what is indexed, how much there is, and how far a new index has come. That
 * changes with every document, so it is always asked for.
 */
import type { Router } from '@koa/router';
import type { Collection, CollectionIndex, Query, QueryResult, StoreClient } from '../../store/client.ts';
import { type Answer, answering, jsonAnswer, type RequestState } from '../answer.ts';
import { collectionNotFound } from '../catalog/problems.ts';
import { collectionRoute, collectionsPath, requestedCollection } from '../catalog/target.ts';
import { problemAnswer, readProblem } from '../errors.ts';
import type { InFlight } from '../in-flight.ts';
import { parseParameters } from '../parameters.ts';
import { parseReadOptions, type ReadRequest, readHeaders, readParameters } from '../reads.ts';
import { notCached } from '../store.ts';

export interface CollectionReadOptions {
  readonly client: Pick<StoreClient, 'read'>;
  readonly inFlight: InFlight;
}

interface Done {
  readonly result: QueryResult;
  readonly headers: readonly string[];
}

export function addCollectionReadRoutes(
  router: Router<RequestState>,
  { client, inFlight }: CollectionReadOptions,
): void {
  async function readOne(request: ReadRequest): Promise<Answer> {
    const name = requestedCollection(request);
    return read(request, { type: 'collection', name }, ({ result, headers }) => {
      if (result.type !== 'collection') throw mismatch(result);
      const { revision, collection } = result;
      if (collection === null) return problemAnswer(collectionNotFound(name), request.method, headers);
      return jsonAnswer(200, headers, { revision, ...shownCollection(collection) });
    });
  }

  async function readAll(request: ReadRequest): Promise<Answer> {
    return read(request, { type: 'collections' }, ({ result, headers }) => {
      if (result.type !== 'collections') throw mismatch(result);
      const { revision, collections } = result;
      return jsonAnswer(200, headers, { revision, collections: collections.map(shownCollection) });
    });
  }

  async function read(request: ReadRequest, query: Query, shown: (done: Done) => Answer): Promise<Answer> {
    const parsed = parseReadOptions(parseParameters(request.querystring, readParameters), request.headers);
    const { directives, ...options } = parsed;
    if (directives.onlyIfCached) return refused(request, readProblem(notCached.outcome, parsed), notCached.cacheStatus);
    const outcome = await client.read(query, options);
    if (outcome.type !== 'done') return refused(request, readProblem(outcome, parsed), bypass);
    const { result, replica } = outcome;
    request.state.servedBy = replica;
    const served = readHeaders(bypass, { ...outcome, servedBy: replica });
    return shown({ result, headers: [...served, 'Cache-Control', 'no-store'] });
  }

  router.get(collectionsPath, collectionsPath, answering('read', inFlight.admitting(readAll)));
  router.get(collectionRoute.name, collectionRoute.path, answering('read', inFlight.admitting(readOne)));
}

const bypass = 'bazar; fwd=bypass';

function refused(request: ReadRequest, problem: Parameters<typeof problemAnswer>[0], cacheStatus: string): Answer {
  return problemAnswer(problem, request.method, ['Cache-Status', cacheStatus]);
}

function shownCollection({ name, modRevision, idField, documents, indexes }: Collection): object {
  return { name, modRevision, idField, documents, indexes: indexes.map(shownIndex) };
}

/** `builtTo`: documents with ids up to this one are in an index that is being built. */
function shownIndex({ field, kind, state }: CollectionIndex): object {
  return { field, kind, state: state.type, builtTo: state.type === 'building' ? state.cursor : null };
}

function mismatch(result: QueryResult): Error {
  return new Error(`collections were asked for, and a ${result.type} came`);
}
