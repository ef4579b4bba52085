import { transactionAnswer, transactionBody } from '../schemas/transaction.ts';
import { joined, type Operation } from './operation.ts';
import {
  eitherAnswerHeaders,
  idempotencyKey,
  idempotencyProblems,
  jsonAnswer,
  jsonBody,
  jsonProblems,
  readHeaders,
  readProblems,
  readQuery,
  replayedHeader,
  writeProblems,
} from './parts.ts';

export const transactionOperations: readonly Operation[] = [
  {
    method: 'post',
    path: '/v1/txn',
    id: 'transact',
    tag: 'Transactions',
    need: 'read',
    summary: 'Compares, then does all of one list or all of another',
    description:
      'At most 128 parts. All of it happens at one revision, or nothing. One that writes nothing needs the role read alone.',
    query: readQuery,
    headers: { ...idempotencyKey, 'Bazar-Min-Revision': readHeaders['Bazar-Min-Revision'] },
    body: jsonBody(transactionBody),
    answers: {
      200: jsonAnswer('Done: `then` if it succeeded, `else` if not.', transactionAnswer, {
        ...eitherAnswerHeaders,
        ...replayedHeader,
      }),
    },
    problems: joined(
      {
        400: ['bad_transaction'],
        404: ['collection_not_found'],
        409: ['not_found', 'not_json', 'not_a_number', 'out_of_bounds', 'conflict'],
        413: ['too_large'],
        422: ['id_changed', 'invalid_document'],
      },
      ...[idempotencyProblems, jsonProblems, readProblems, writeProblems],
    ),
  },
];
