/** Parameters, headers and problems that many operations have. */
import { type ZodType, z } from 'zod';
import { memberId } from '../schemas/cluster.ts';
import { duration } from '../schemas/common.ts';
import { type AnswerShape, type Fields, joined, type Operation, type Problems } from './operation.ts';

export const timeout = z
  .string()
  .regex(/^\d{1,6}(ms|s|m)$/)
  .optional()
  .meta({ description: 'How long to try, from 1ms to 60s.', example: '5s' });

export const ttl = duration.optional().meta({
  description: 'It ends by itself after this time of the cluster: 1ms to ten years. Absent: never.',
  example: '24h',
});

/** Its name alone means true. */
export const flag = (description: string) =>
  z.enum(['true', 'false', '']).optional().meta({ description, example: 'true' });

export const confirm = z
  .enum(['true', ''])
  .meta({ description: 'So much is not deleted by mistake.', example: 'true' });

export const limit = (most: number) =>
  z
    .int()
    .min(1)
    .max(1000)
    .optional()
    .meta({ description: `Items of a page; ${most} if it is left out.`, example: most });

export const cursorParameter = z.string().optional().meta({
  description: 'That of the page before. It is bound to what was asked.',
});

export const readQuery = {
  timeout,
  replica: memberId.optional().meta({ description: 'This replica, and no other, is to answer.', example: 'r1' }),
  consistency: z.enum(['linearizable', 'stale']).optional().meta({
    description: 'stale: any replica answers at once from what it has, and says how old that may be.',
    example: 'linearizable',
  }),
};

export const text = (description: string, example: string) => z.string().optional().meta({ description, example });

const ifNoneMatch = text('What the client has: 304 if it is still so.', '"42"');

export const readHeaders = {
  'Bazar-Min-Revision': z
    .string()
    .regex(/^\d{1,15}$/)
    .optional()
    .meta({ description: 'Of a stale read: it is answered by who has applied this revision.', example: '1' }),
  'Cache-Control': z.enum(['no-cache', 'only-if-cached']).optional().meta({
    description: 'no-cache: a replica is asked, whatever is kept here. only-if-cached: 504 if nothing is.',
    example: 'no-cache',
  }),
  'If-None-Match': ifNoneMatch,
};

export const ifMatchRead = { 'If-Match': text('412 if it is another one by now.', '*') };

export const writeConditions = {
  'If-Match': text('Only if it is there (*), or at one of these revisions.', '"42"'),
  'If-None-Match': text('*: only if it is not there.', '*'),
};

/** Of a write to what must be there. */
export const ifMatchWrite = { 'If-Match': writeConditions['If-Match'] };

const idempotencyKeyText = z
  .string()
  .regex(/^[\x20-\x7e]{1,255}$/)
  .meta({
    description:
      'Makes this request happen once however often it is sent: the same key with the same request has the first answer again.',
    example: 'a-key-of-your-own-0001',
  });

export const idempotencyKey = { 'Idempotency-Key': idempotencyKeyText.optional() };
export const requiredIdempotencyKey = { 'Idempotency-Key': idempotencyKeyText };

const revisionHeader = z.string().regex(/^\d+$/).meta({ description: 'The revision of the answer.', example: '42' });
const servedBy = memberId.meta({ description: 'The replica that answered, or this gateway.', example: 'r1' });

export const etag = z.string().meta({ description: 'The entity tag.', example: '"42"' });

const provenance = { 'Bazar-Revision': revisionHeader, 'Bazar-Served-By': servedBy };

const cacheStatus = z.string().meta({ description: 'How it was answered (RFC 9211).', example: 'bazar; hit' });

const ageHeaders = {
  Age: z.string().regex(/^\d+$/).optional().meta({ description: 'Of a stale read, in seconds.' }),
  'Bazar-Max-Staleness-Ms': z
    .string()
    .regex(/^(\d+|unknown)$/)
    .optional()
    .meta({ description: 'Of a stale read: so long ago, at most, it was the newest.' }),
};

export const readAnswerHeaders = { ...provenance, 'Cache-Status': cacheStatus, ...ageHeaders };

/** Of what may be a read or a write. */
export const eitherAnswerHeaders = { ...provenance, 'Cache-Status': cacheStatus.optional(), ...ageHeaders };

export const expiresAtHeader = {
  'Bazar-Expires-At': z.string().optional().meta({
    description: 'When its lifetime ends, if it has one.',
    example: '2026-01-31T12:00:00.000Z',
  }),
};

export const writeAnswerHeaders = provenance;

export const locationHeader = { Location: z.string().meta({ description: 'Where it is.', example: '/v1/orders/1' }) };

export const replayedHeader = {
  'Idempotency-Replayed': z.literal('?1').optional().meta({ description: 'It was given before, to the same request.' }),
};

export const taggedWriteHeaders = { ...writeAnswerHeaders, ETag: etag };

export const notModified = { description: 'It is still what the client has.', headers: { ETag: etag } };

export const jsonBody = (schema: ZodType) => ({ isRequired: true, content: { 'application/json': schema } });

export const patchBody = (schema: ZodType) => ({
  isRequired: true,
  content: { 'application/merge-patch+json': schema, 'application/json': schema },
});

export const jsonAnswer = (description: string, schema: ZodType, headers?: Fields): AnswerShape => ({
  description,
  content: { 'application/json': schema },
  ...(headers === undefined ? {} : { headers }),
});

/** Of a GET whose answer caches keep, here and at clients. */
export const keptGet = { method: 'get', need: 'read', query: readQuery, headers: readHeaders } as const;

export const keptAnswers = (description: string, schema: ZodType, headers: Fields = {}): Operation['answers'] => ({
  200: jsonAnswer(description, schema, { ...readAnswerHeaders, ...headers, ETag: etag }),
  304: notModified,
});

/** Of everything that is not public. */
export const guarded: Problems = {
  401: ['token_missing', 'token_unknown', 'peer_refused'],
  403: ['role_missing'],
};

export const everywhere: Problems = { 400: ['bad_target', 'bad_parameter'], 414: ['url_too_long'], 500: ['internal'] };

export const readProblems: Problems = {
  400: ['bad_header', 'unknown_replica'],
  429: ['overloaded'],
  503: ['replica_unavailable', 'no_leader'],
  504: ['read_timeout', 'not_cached'],
};

export const writeProblems: Problems = {
  400: ['bad_header'],
  403: ['foreign_page'],
  429: ['overloaded'],
  502: ['invalid_command'],
  503: ['no_leader'],
  504: ['write_timeout'],
  507: ['disk_full'],
};

export const bodyProblems: Problems = { 413: ['value_too_large'], 415: ['unsupported_encoding'] };

export const jsonProblems: Problems = { 400: ['bad_json', 'bad_body'], ...bodyProblems, 413: ['too_large'] };

export const idempotencyProblems: Problems = {
  400: ['bad_header'],
  409: ['idempotency_in_progress'],
  422: ['idempotency_mismatch'],
  429: ['idempotency_full'],
};

export const preconditionProblems: Problems = { 400: ['bad_header'], 412: ['precondition_failed'] };

export const keptProblems = joined(preconditionProblems, readProblems);

export const searchProblems: Problems = {
  400: ['search_too_wide', 'no_index'],
  409: ['index_not_ready'],
  503: ['definition_changed'],
};
