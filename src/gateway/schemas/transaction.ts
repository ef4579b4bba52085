/** `POST /v1/txn`: what may be compared and done, and what is answered. */
import { z } from 'zod';
import { expected } from './check.ts';
import {
  collectionName,
  count,
  documentId,
  duration,
  expiresAt,
  fieldName,
  json,
  jsonObject,
  keyName,
  members,
  modRevision,
  prefix,
  revision,
  version,
} from './common.ts';
import { listedKey, shownValue } from './kv.ts';

const key = { key: keyName };
const document = { collection: collectionName, id: documentId };

const text = z.string(expected('a text')).meta({ description: 'In UTF-8.', example: 'world' });
const base64 = z
  .base64(expected('base64, with its padding'))
  .meta({ description: 'Bytes in base64.', example: 'd29ybGQ=' });
const number = z.number(expected('a finite number'));

const comparison = z.enum(['=', '!=', '<', '<=', '>', '>=']).default('=').meta({ example: '>=' });
const equality = z.enum(['=', '!=']).default('=').meta({ example: '=' });

const exists = { of: z.literal('exists'), is: equality, value: z.boolean(expected('true or false')) };
const ofNumber = {
  of: z
    .enum(['version', 'modRevision', 'createRevision'])
    .meta({ description: 'Of what is not there all three are 0.', example: 'modRevision' }),
  is: comparison,
  value: z.int(expected('a whole number, 0 or more')).min(0, expected('a whole number, 0 or more')),
};
const ofField = {
  of: z.literal('field'),
  field: fieldName,
  is: comparison,
  value: z
    .union([z.string(), z.number(), z.boolean(), z.null()], expected('a text, a number, true, false or null'))
    .meta({ description: 'An order is between numbers alone.', example: 3 }),
};

export const compare = z
  .union([
    members({ ...key, ...exists }),
    members({ ...document, ...exists }),
    members({ ...key, ...ofNumber }),
    members({ ...document, ...ofNumber }),
    members({ ...key, of: z.literal('value'), is: equality, value: text }),
    members({ ...key, of: z.literal('value'), is: equality, valueBase64: base64 }),
    members({ ...key, ...ofField }),
    members({ ...document, ...ofField }),
  ])
  .meta({ id: 'Compare', example: { collection: 'books', id: '1', of: 'field', field: 'stock', is: '>=', value: 1 } });

const ttl = z.exactOptional(
  duration.meta({ description: 'It ends by itself after this time of the cluster; absent: never.', example: '30s' }),
);
const put = {
  op: z.literal('put'),
  ...key,
  contentType: z.exactOptional(
    z
      .string()
      .regex(/^[\x20-\x7e]{1,256}$/, expected('a media type such as text/plain, at most 256 characters'))
      .meta({ description: 'application/octet-stream if it is left out, application/json beside json.' }),
  ),
  ttl,
};
const add = {
  op: z.literal('add'),
  field: fieldName,
  amount: number.meta({ description: 'Negative: it is taken away.', example: -1 }),
  min: z.exactOptional(number.meta({ description: 'The sum must not be below.', example: 0 })),
  max: z.exactOptional(number.meta({ description: 'The sum must not be above.', example: 100 })),
};
const patch = {
  op: z.literal('patch'),
  patch: jsonObject.meta({ description: 'RFC 7396.', example: { price: 4500 } }),
};

const rangeLimitExpected = 'a whole number from 1 to 1000';

export const operation = z
  .union([
    members({ op: z.literal('get'), ...key }),
    members({ op: z.literal('get'), ...document }),
    members({
      op: z.literal('range'),
      prefix,
      after: z.exactOptional(keyName.meta({ description: 'Keys behind this one.', example: 'books/1' })),
      limit: z.int(expected(rangeLimitExpected)).min(1, expected(rangeLimitExpected)).max(1000).default(100),
      keysOnly: z.boolean(expected('true or false')).default(false),
    }),
    members({ ...put, value: text }),
    members({ ...put, valueBase64: base64 }),
    members({ ...put, json }),
    members({ op: z.literal('put'), ...document, document: jsonObject, ttl }),
    members({ ...patch, ...key }),
    members({ ...patch, ...document }),
    members({ ...add, ...key }),
    members({ ...add, ...document }),
    members({ op: z.literal('delete'), ...key }),
    members({ op: z.literal('delete'), ...document }),
    members({ op: z.literal('deleteRange'), prefix }),
  ])
  .meta({ id: 'Operation', example: { op: 'add', collection: 'books', id: '1', field: 'stock', amount: -1, min: 0 } });

const partsMax = 128;
const partsExpected = `an array; compare, then and else have at most ${partsMax} parts together`;

const operations = (description: string) =>
  z.array(operation, expected(partsExpected)).max(partsMax, expected(partsExpected)).default([]).meta({ description });

export const transactionBody = members({
  compare: z
    .array(compare, expected(partsExpected))
    .max(partsMax, expected(partsExpected))
    .default([])
    .meta({ description: 'If all of them hold `then` is done, otherwise `else`.' }),
  then: operations('Done if all compares hold.'),
  else: operations('Done if one does not.'),
})
  .superRefine((body, context) => {
    const parts = body.compare.length + body.then.length + body.else.length;
    const message = `expected at most ${partsMax} parts in compare, then and else together, got ${parts}: make several transactions of it`;
    if (parts > partsMax) context.addIssue({ code: 'custom', path: [], message, input: body });
  })
  .meta({
    id: 'Transaction',
    description: 'A branch is done whole or not at all. Reads in it see what was there before it.',
    example: {
      compare: [{ key: 'jobs/7', of: 'exists', value: false }],
      then: [{ op: 'put', key: 'jobs/7', json: { state: 'new' } }],
      else: [{ op: 'get', key: 'jobs/7' }],
    },
  });

const readKey = members({
  key: keyName,
  modRevision,
  version,
  ...shownValue,
});

const readDocument = members({
  collection: collectionName,
  id: documentId,
  modRevision,
  version,
  expiresAt: z.exactOptional(expiresAt),
  document: jsonObject,
});

export const operationResult = z
  .union([
    members({ item: z.union([readKey, readDocument, z.null()]) }).meta({ description: 'Of get; null: there is none.' }),
    members({ items: z.array(listedKey), more: z.boolean() }).meta({ description: 'Of range.' }),
    members({
      version,
      created: z.boolean(),
      sum: z.exactOptional(z.number().meta({ description: 'Of add alone.', example: 14 })),
    }).meta({ description: 'Of put, patch and add.' }),
    members({ deleted: count }).meta({ description: 'Of delete and deleteRange: how many there were.' }),
  ])
  .meta({ id: 'OperationResult' });

export const transactionAnswer = members({
  revision,
  succeeded: z.boolean().meta({ description: 'All compares held, and `then` was done.', example: true }),
  results: z
    .array(operationResult)
    .meta({ description: 'Of each operation of the branch that was done, in its order.' }),
}).meta({
  id: 'TransactionAnswer',
  example: { revision: 42, succeeded: true, results: [{ version: 1, created: true }] },
});

/** As it is sent, and with what was left out. */
export type TransactionInput = z.input<typeof transactionBody>;
export type TransactionBody = z.output<typeof transactionBody>;
export type CompareBody = z.output<typeof compare>;
export type OperationBody = z.output<typeof operation>;
export type OperationResult = z.output<typeof operationResult>;
export type TransactionAnswer = z.output<typeof transactionAnswer>;
