import { z } from 'zod';
import { collectionName, duration, prefix } from '../schemas/common.ts';
import { documentChangesAnswer, keyChangesAnswer } from '../schemas/watch.ts';
import { joined, type Operation, type Problems } from './operation.ts';
import { timeout, writeAnswerHeaders } from './parts.ts';

const position = z.string().regex(/^\d{1,15}(:\d{1,9})?$/);

const query = {
  from: position.optional().meta({ description: 'What comes after it. Absent: from now on.', example: '1' }),
  wait: duration.optional().meta({
    description: 'One answer: as soon as something has changed, or after this time, at most 60s.',
    example: '100ms',
  }),
  bookmarks: duration.optional().meta({
    description: 'How often a stream says how far it has looked: 100ms to 15s. Not together with wait.',
    example: '15s',
  }),
  timeout,
};
const headers = {
  'Last-Event-ID': position
    .optional()
    .meta({ description: 'Goes beyond from: the id of the last event.', example: '1' }),
};
const description =
  'A stream of server-sent events, or of lines of JSON (Accept: application/x-ndjson), or with wait a single answer. Events are put and delete, of a collection drop as well, bookmark, and at the end slow, compacted or closing; whoever comes back with the last id has missed nothing, at whichever gateway.';
const stream = 'A stream that does not end by itself; or, with wait, one answer.';
const problems: Problems = {
  400: ['bad_header', 'future_revision'],
  406: ['not_acceptable'],
  410: ['compacted'],
  429: ['too_many_watches'],
  503: ['no_leader', 'closing'],
  504: ['read_timeout'],
};
const events = { 'text/event-stream': z.string(), 'application/x-ndjson': z.string() };

export const watchOperations: readonly Operation[] = [
  {
    method: 'get',
    path: '/v1/watch',
    id: 'watchKeys',
    tag: 'Watches',
    need: 'read',
    summary: 'Watches the keys that begin with a prefix',
    description,
    query: { prefix: prefix.optional(), ...query },
    headers,
    answers: {
      200: {
        description: stream,
        content: { 'application/json': keyChangesAnswer, ...events },
        headers: writeAnswerHeaders,
      },
    },
    problems,
  },
  {
    method: 'get',
    path: '/v1/collections/{collection}/watch',
    id: 'watchCollection',
    tag: 'Watches',
    need: 'read',
    summary: 'Watches the documents of a collection',
    description,
    pathParameters: { collection: collectionName },
    query,
    headers,
    answers: {
      200: {
        description: stream,
        content: { 'application/json': documentChangesAnswer, ...events },
        headers: writeAnswerHeaders,
      },
    },
    problems: joined({ 400: ['bad_collection'], 404: ['collection_not_found'] }, problems),
  },
];
