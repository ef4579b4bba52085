/** Answers to reads of one document in a form of the shop. */
import { isObject, type JsonObject, parseJson } from '../../store/client.ts';
import type { Answer } from '../answer.ts';
import { documentPreconditionFailed } from '../catalog/problems.ts';
import { type HttpProblem, problemAnswer, readProblem } from '../errors.ts';
import type { Handler, Share } from '../in-flight.ts';
import { parseParameters } from '../parameters.ts';
import { entityTag, evaluateRead, parsePrecondition } from '../preconditions.ts';
import { noteReading, parseReadOptions, type ReadRequest, readHeaders, readParameters, revalidate } from '../reads.ts';
import type { DocumentResult, Reading, StoreReader } from '../store.ts';
import type { ShopCollection } from './collections.ts';
import type { Form } from './forms.ts';

export interface Shown {
  readonly collection: ShopCollection;
  /** Of the request; throws HttpProblem. */
  readonly idIn: (request: ReadRequest) => string;
  readonly show: Form;
  readonly notFound: (id: string) => HttpProblem;
}

export function itemRead(reader: StoreReader, { collection, idIn, show, notFound }: Shown): Handler<ReadRequest> {
  return (request, share) => {
    const id = idIn(request);
    const options = parseReadOptions(parseParameters(request.querystring, readParameters), request.headers);
    const query = { type: 'document', collection, id, withJson: true } as const;
    const answer = (reading: Reading<DocumentResult>): Answer => {
      noteReading(request, reading);
      const { outcome, cacheStatus } = reading;
      if (outcome.type !== 'done') {
        return problemAnswer(readProblem(outcome, options), request.method, ['Cache-Status', cacheStatus]);
      }
      const { document } = outcome.result;
      const headers = readHeaders(cacheStatus, outcome);
      if (document === null) return problemAnswer(notFound(id), request.method, headers);
      return shown(request, share, headers, document.modRevision, () => show(id, objectIn(document.json)));
    };
    const atOnce = reader.atOnce(query, options);
    return atOnce === null ? reader.read(query, options).then(answer) : answer(atOnce);
  };
}

function shown(
  request: ReadRequest,
  share: Share,
  headers: readonly string[],
  modRevision: number,
  show: () => unknown,
): Answer {
  const tagged = [...headers, 'ETag', entityTag(modRevision)];
  switch (evaluateRead(parsePrecondition(request.headers), modRevision)) {
    case 'failed':
      return problemAnswer(documentPreconditionFailed(modRevision), request.method, tagged);
    case 'notModified':
      return { status: 304, headers: [...tagged, ...revalidate], body: null };
    case 'send': {
      const body = Buffer.from(JSON.stringify(show()));
      share.hold(body.byteLength);
      return { status: 200, headers: [...tagged, 'Content-Type', 'application/json', ...revalidate], body };
    }
  }
}

/** Of a document, which is always an object. */
export function objectIn(json: Uint8Array | undefined): JsonObject {
  const parsed = parseJson(json ?? new Uint8Array());
  return parsed.type === 'json' && isObject(parsed.value) ? parsed.value : {};
}
