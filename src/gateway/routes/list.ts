/**
 * `/v1/kv`: the keys of a prefix in UTF-8 byte order, page by page.
 */
import { isUtf8 } from 'node:buffer';
import type { Router } from '@koa/router';
import { type KeyValue, keyProblem } from '../../store/client.ts';
import { type Answer, answering, jsonAnswer, type RequestContext, type RequestState } from '../answer.ts';
import { decodeCursor, encodeCursor } from '../cursor.ts';
import { problemAnswer, readProblem } from '../errors.ts';
import type { InFlight, Share } from '../in-flight.ts';
import { badParameter, flagOf, limitOf, type Parameters, parseParameters } from '../parameters.ts';
import { noteReading, parseReadOptions, readHeaders, readParameters } from '../reads.ts';
import type { ListQuery, StoreReader } from '../store.ts';
import { revalidate } from './kv.ts';

const listParameters = ['prefix', 'limit', 'cursor', 'keysOnly', ...readParameters] as const;

export function addListRoute(
  router: Router<RequestState>,
  { reader, inFlight }: { readonly reader: StoreReader; readonly inFlight: InFlight },
): void {
  async function list(ctx: RequestContext, share: Share): Promise<Answer> {
    const parameters = parseParameters(ctx.querystring, listParameters);
    const query = queryOf(parameters);
    const readOptions = parseReadOptions(parameters, ctx.headers);
    const reading = await reader.list(query, readOptions);
    noteReading(ctx, reading);
    const { outcome, cacheStatus } = reading;
    if (outcome.type !== 'done') {
      return problemAnswer(readProblem(outcome, readOptions), ctx.method, ['Cache-Status', cacheStatus]);
    }
    const { revision, items, more } = outcome.result;
    const last = items.at(-1);
    const cursor = more && last !== undefined ? encodeCursor(query.prefix, last.key) : null;
    const headers = [...readHeaders(cacheStatus, outcome), ...revalidate];
    const answer = jsonAnswer(200, headers, { revision, items: items.map(listed), cursor });
    share.hold(answer.body.length);
    return answer;
  }

  router.get('/v1/kv', '/v1/kv', answering(inFlight.admitting(list)));
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

function listed({ key, modRevision, version, contentType, sizeBytes, value }: KeyValue): object {
  const item = { key, modRevision, version, contentType, size: sizeBytes };
  if (value === undefined) return item;
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  return isUtf8(bytes) ? { ...item, value: bytes.toString() } : { ...item, valueBase64: bytes.toString('base64') };
}
