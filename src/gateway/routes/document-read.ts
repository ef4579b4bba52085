/** GET and HEAD of `/v1/collections/{collection}/items/{id}`: one document, its JSON as it was stored. */
import type { Router } from '@koa/router';
import type { Precondition } from '../../store/client.ts';
import { rfc3339 } from '../../system-clock.ts';
import { type Answer, answering, type RequestState } from '../answer.ts';
import { collectionNotFound, documentNotFound, documentPreconditionFailed } from '../catalog/problems.ts';
import { itemRoute, requestedItem } from '../catalog/target.ts';
import { problemAnswer, readProblem } from '../errors.ts';
import type { Handler, InFlight, Share } from '../in-flight.ts';
import { asBuffer, confined } from '../key-read.ts';
import { parseParameters } from '../parameters.ts';
import { entityTag, evaluateRead, parsePrecondition } from '../preconditions.ts';
import { noteReading, parseReadOptions, type ReadRequest, readHeaders, readParameters, revalidate } from '../reads.ts';
import type { DocumentQuery, DocumentResult, Reading, ReadOptions, StoreReader } from '../store.ts';

export interface DocumentReadOptions {
  readonly reader: StoreReader;
  readonly inFlight: InFlight;
}

export function addDocumentReadRoute(router: Router<RequestState>, { reader, inFlight }: DocumentReadOptions): void {
  router.get(itemRoute.name, itemRoute.path, answering('read', inFlight.admitting(documentRead(reader))));
}

function documentRead(reader: StoreReader): Handler<ReadRequest> {
  return (request, share) => {
    const asked: Asked = {
      // The head alone would not tell how long the JSON is.
      query: { type: 'document', ...requestedItem(request), withJson: true },
      options: parseReadOptions(parseParameters(request.querystring, readParameters), request.headers),
      precondition: parsePrecondition(request.headers),
    };
    const atOnce = reader.atOnce(asked.query, asked.options);
    if (atOnce !== null) return answerTo(request, share, atOnce, asked);
    return reader.read(asked.query, asked.options).then((reading) => answerTo(request, share, reading, asked));
  };
}

interface Asked {
  readonly query: DocumentQuery;
  readonly options: ReadOptions;
  readonly precondition: Precondition;
}

function answerTo(
  request: ReadRequest,
  share: Share,
  reading: Reading<DocumentResult>,
  { query, options, precondition }: Asked,
): Answer {
  noteReading(request, reading);
  const { method } = request;
  const { outcome, cacheStatus } = reading;
  if (outcome.type !== 'done') {
    return problemAnswer(readProblem(outcome, options), method, ['Cache-Status', cacheStatus]);
  }
  const { hasCollection, document } = outcome.result;
  const headers = readHeaders(cacheStatus, outcome);
  if (!hasCollection) return problemAnswer(collectionNotFound(query.collection), method, headers);
  if (document === null) return problemAnswer(documentNotFound(), method, headers);
  const { modRevision, expiresAtMs, json = new Uint8Array() } = document;
  headers.push('ETag', entityTag(modRevision));
  if (expiresAtMs !== null) headers.push('Bazar-Expires-At', rfc3339(expiresAtMs));
  switch (evaluateRead(precondition, modRevision)) {
    case 'failed':
      return problemAnswer(documentPreconditionFailed(modRevision), method, headers);
    case 'notModified':
      return { status: 304, headers: [...headers, ...revalidate], body: null };
    case 'send':
      headers.push('Content-Type', 'application/json', ...confined, ...revalidate);
      share.hold(json.byteLength);
      return { status: 200, headers, body: asBuffer(json) };
  }
}
