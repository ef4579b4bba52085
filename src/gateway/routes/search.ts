/** GET and HEAD of `/v1/collections/{collection}/items`: the documents that fit, page by page. */
import type { Router } from '@koa/router';
import type { Collection } from '../../store/client.ts';
import type { Clock } from '../../system-clock.ts';
import { type Answer, answering, type RequestState } from '../answer.ts';
import { type Definitions, isUnavailable } from '../catalog/definitions.ts';
import { collectionNotFound, definitionChanged, searchRefused } from '../catalog/problems.ts';
import type { NoPage, SearchPage } from '../catalog/search-page.ts';
import { parseSearch } from '../catalog/search-request.ts';
import { itemsRoute, requestedCollection } from '../catalog/target.ts';
import { conditionalAnswer } from '../conditional-answer.ts';
import { HttpProblem, problemAnswer, readProblem } from '../errors.ts';
import type { Handler, InFlight, Share } from '../in-flight.ts';
import { pageStart } from '../list-page.ts';
import { parseAnyParameters } from '../parameters.ts';
import { parseTagCondition, type TagCondition } from '../preconditions.ts';
import { noteReading, parseReadOptions, type ReadRequest, readHeaders } from '../reads.ts';
import { notCached, type Reading, type ReadOptions, type SearchQuery, type StoreReader } from '../store.ts';

export interface SearchOptions {
  readonly reader: StoreReader;
  readonly definitions: Definitions;
  readonly clock: Clock;
  readonly inFlight: InFlight;
}

/** How often a search is worked out anew because its collection was defined anew meanwhile. */
const attemptsMax = 4;

export function addSearchRoute(router: Router<RequestState>, options: SearchOptions): void {
  router.get(itemsRoute.name, itemsRoute.path, answering('read', options.inFlight.admitting(search(options))));
}

function search({ reader, definitions, clock }: SearchOptions): Handler<ReadRequest> {
  return async (request, share) => {
    const collection = requestedCollection(request);
    const parameters = parseAnyParameters(request.querystring);
    const options = parseReadOptions(parameters, request.headers);
    const condition = parseTagCondition(request.headers);
    const deadlineAt = clock.now() + options.timeoutMs;
    for (let attempt = 0; attempt < attemptsMax && deadlineAt > clock.now(); attempt += 1) {
      const left = () => ({ ...options, timeoutMs: deadlineAt - clock.now() });
      const kept = definitions.kept(collection);
      if (kept === null && options.directives.onlyIfCached) return refusal(request, notCached, options);
      const definition = kept ?? (await definitions.get(collection, options.timeoutMs));
      if (definition === null) return unread(request, collectionNotFound(collection));
      if (isUnavailable(definition)) {
        return unread(request, readProblem(definition, { timeoutMs: options.timeoutMs }));
      }
      const query = queryOf(definition, parameters, kept !== null);
      const reading = query === null ? null : await reader.read(query, left());
      if (reading !== null && !isOfAnotherDefinition(reading, options)) {
        return answerTo(request, share, reading, { collection, condition, options });
      }
      definitions.forget(collection, definition.modRevision);
    }
    return unread(request, definitionChanged(collection));
  };
}

/** Throws HttpProblem. Null: by a definition that is from memory the request is wrong, and may be right by the present one. */
function queryOf(
  definition: Collection,
  parameters: ReadonlyMap<string, string>,
  isFromMemory: boolean,
): SearchQuery | null {
  try {
    return parseSearch(definition, parameters);
  } catch (error) {
    if (error instanceof HttpProblem && isFromMemory) return null;
    throw error;
  }
}

/** A replica that may lag is believed that there is no such collection. */
function isOfAnotherDefinition({ outcome }: Reading<SearchPage | NoPage>, { consistency }: ReadOptions): boolean {
  if (outcome.type !== 'done' || outcome.result.type !== 'noPage') return false;
  const { cause } = outcome.result;
  return cause.type === 'definitionChanged' || (cause.type === 'noCollection' && consistency !== 'stale');
}

interface Asked {
  readonly collection: string;
  readonly condition: TagCondition;
  readonly options: ReadOptions;
}

function answerTo(
  request: ReadRequest,
  share: Share,
  reading: Reading<SearchPage | NoPage>,
  { collection, condition, options }: Asked,
): Answer {
  const { outcome, cacheStatus } = reading;
  if (outcome.type !== 'done') return refusal(request, reading, options);
  noteReading(request, reading);
  const page = outcome.result;
  const headers = readHeaders(cacheStatus, outcome);
  if (page.type === 'noPage') return problemAnswer(problemOf(page, collection), request.method, headers);
  return conditionalAnswer('search', request, share, condition, headers, { ...page, start: pageStart(page) });
}

function problemOf({ cause }: NoPage, collection: string): HttpProblem {
  switch (cause.type) {
    case 'refused':
      return searchRefused(cause.refusal, collection);
    case 'noCollection':
      return collectionNotFound(collection);
    case 'definitionChanged':
      return definitionChanged(collection);
  }
}

/** Nobody has answered. */
function refusal(request: ReadRequest, reading: Reading<SearchPage | NoPage>, options: ReadOptions): Answer {
  const { outcome, cacheStatus } = reading;
  noteReading(request, reading);
  if (outcome.type === 'done') throw new Error('there is an answer');
  return problemAnswer(readProblem(outcome, options), request.method, ['Cache-Status', cacheStatus]);
}

/** It has not come to a search. */
function unread(request: ReadRequest, problem: HttpProblem): Answer {
  return problemAnswer(problem, request.method, ['Cache-Status', 'bazar; fwd=bypass']);
}
