import { keyName, prefix } from '../schemas/common.ts';
import { mergePatchBody } from '../schemas/item.ts';
import { deleteAnswer, deleteRangeAnswer, listAnswer, putAnswer } from '../schemas/kv.ts';
import { joined, type Operation } from './operation.ts';
import {
  bodyProblems,
  confirm,
  cursorParameter,
  etag,
  expiresAtHeader,
  flag,
  ifMatchRead,
  jsonProblems,
  limit,
  notModified,
  preconditionProblems,
  readAnswerHeaders,
  readHeaders,
  readProblems,
  readQuery,
  timeout,
  ttl,
  writeAnswerHeaders,
  writeConditions,
  writeProblems,
} from './parts.ts';

const key = '/v1/kv/{key}';
const pathParameters = { key: keyName };
const written = { ...writeAnswerHeaders, ETag: etag };

export const keyOperations: readonly Operation[] = [
  {
    method: 'get',
    path: key,
    id: 'getKey',
    tag: 'Keys',
    need: 'read',
    summary: 'Reads a value',
    pathParameters,
    query: readQuery,
    headers: { ...readHeaders, ...ifMatchRead },
    answers: {
      200: {
        description: 'The bytes as they were stored, with the content type that they were stored with.',
        content: { '*/*': null },
        headers: { ...readAnswerHeaders, ...expiresAtHeader, ETag: etag },
      },
      304: notModified,
    },
    problems: joined({ 400: ['bad_key'], 404: ['key_not_found'] }, preconditionProblems, readProblems),
  },
  {
    method: 'put',
    path: key,
    id: 'putKey',
    tag: 'Keys',
    need: 'write',
    summary: 'Stores a value',
    pathParameters,
    query: { timeout, ttl },
    headers: writeConditions,
    body: { isRequired: false, content: { 'application/octet-stream': null, 'text/plain': null } },
    answers: {
      200: {
        description: 'It took the place of another value.',
        content: { 'application/json': putAnswer },
        headers: written,
      },
      201: { description: 'The key is new.', content: { 'application/json': putAnswer }, headers: written },
    },
    problems: joined({ 400: ['bad_key'] }, preconditionProblems, bodyProblems, writeProblems),
  },
  {
    method: 'patch',
    path: key,
    id: 'patchKey',
    tag: 'Keys',
    need: 'write',
    summary: 'Changes members of a value that is a JSON object',
    pathParameters,
    query: { timeout },
    headers: writeConditions,
    body: {
      isRequired: true,
      content: { 'application/merge-patch+json': mergePatchBody, 'application/json': mergePatchBody },
    },
    answers: {
      200: { description: 'Done.', content: { 'application/json': putAnswer }, headers: written },
    },
    problems: joined(
      { 400: ['bad_key'], 404: ['key_not_found'], 409: ['not_json', 'conflict'], 413: ['too_large'] },
      { 415: ['unsupported_media_type'], 422: ['invalid_document'] },
      ...[preconditionProblems, jsonProblems, writeProblems],
    ),
  },
  {
    method: 'delete',
    path: key,
    id: 'deleteKey',
    tag: 'Keys',
    need: 'write',
    summary: 'Deletes a key',
    pathParameters,
    query: { timeout },
    headers: writeConditions,
    answers: {
      200: { description: 'Done.', content: { 'application/json': deleteAnswer }, headers: writeAnswerHeaders },
    },
    problems: joined({ 400: ['bad_key'], 404: ['key_not_found'] }, preconditionProblems, writeProblems),
  },
  {
    method: 'get',
    path: '/v1/kv',
    id: 'listKeys',
    tag: 'Keys',
    need: 'read',
    summary: 'Lists keys in the order of their bytes, page by page',
    query: {
      prefix: prefix.optional(),
      limit: limit(100),
      cursor: cursorParameter,
      keysOnly: flag('Without values.'),
      ...readQuery,
    },
    headers: readHeaders,
    answers: {
      200: {
        description: 'A page. Its entity tag is weak: of all but the revision.',
        content: { 'application/json': listAnswer },
        headers: { ...readAnswerHeaders, ETag: etag },
      },
      304: notModified,
    },
    problems: joined(preconditionProblems, readProblems),
  },
  {
    method: 'delete',
    path: '/v1/kv',
    id: 'deleteKeys',
    tag: 'Keys',
    need: 'write',
    summary: 'Deletes all keys that begin with a prefix',
    query: {
      prefix: prefix.meta({ description: 'The beginning of the keys; empty for all.', example: 'old/' }),
      confirm,
      timeout,
    },
    answers: {
      200: {
        description: 'Done, all at one revision.',
        content: { 'application/json': deleteRangeAnswer },
        headers: writeAnswerHeaders,
      },
    },
    problems: joined({ 413: ['too_large'] }, writeProblems),
  },
];
