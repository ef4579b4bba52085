/**
 * `/v1/kv`: the keys of a prefix in UTF-8 byte order, page by page.
 */
import { keyProblem } from '../store/client.ts';
import type { Answer } from './answer.ts';
import { conditionalAnswer } from './conditional-answer.ts';
import { decodeCursor } from './cursor.ts';
import { problemAnswer, readProblem } from './errors.ts';
import type { Handler, Share } from './in-flight.ts';
import { type ListPage, pageStart } from './list-page.ts';
import { badParameter, flagOf, limitOf, type Parameters, parseParameters } from './parameters.ts';
import { parseTagCondition, type TagCondition } from './preconditions.ts';
import { noteReading, parseReadOptions, type ReadRequest, readHeaders, readParameters } from './reads.ts';
import type { ListQuery, Reading, ReadOptions, StoreReader } from './store.ts';

const listParameters = ['prefix', 'limit', 'cursor', 'keysOnly', ...readParameters] as const;

export const listPath = '/v1/kv';

/** GET and HEAD of a page. */
export function createListRead(reader: StoreReader): Handler<ReadRequest> {
  return (request, share) => {
    const parameters = parseParameters(request.querystring, listParameters);
    const query = queryOf(parameters);
    const options = parseReadOptions(parameters, request.headers);
    const condition = parseTagCondition(request.headers);
    const atOnce = reader.listAtOnce(query, options);
    if (atOnce !== null) return answerTo(request, share, atOnce, condition, options);
    return reader.list(query, options).then((reading) => answerTo(request, share, reading, condition, options));
  };
}

function answerTo(
  request: ReadRequest,
  share: Share,
  reading: Reading<ListPage>,
  condition: TagCondition,
  options: ReadOptions,
): Answer {
  noteReading(request, reading);
  const { outcome, cacheStatus } = reading;
  if (outcome.type !== 'done') {
    return problemAnswer(readProblem(outcome, options), request.method, ['Cache-Status', cacheStatus]);
  }
  const page = outcome.result;
  const shown = { ...page, start: pageStart(page) };
  return conditionalAnswer('list', request, share, condition, readHeaders(cacheStatus, outcome), shown);
}

function queryOf(parameters: Parameters<(typeof listParameters)[number]>): ListQuery {
  const prefix = parameters.get('prefix') ?? '';
  const reason = prefix === '' ? null : keyProblem(prefix);
  if (reason !== null) throw badParameter('prefix', `the beginning of a key (${reason})`, prefix);
  const cursor = parameters.get('cursor');
  const after = cursor === undefined ? null : decodeCursor(cursor, prefix);
  if (cursor !== undefined && after === null) {
    throw badParameter('cursor', 'the cursor of the page before, with the same prefix', cursor);
  }
  return { type: 'list', prefix, after, limit: limitOf(parameters), keysOnly: flagOf(parameters, 'keysOnly') };
}
