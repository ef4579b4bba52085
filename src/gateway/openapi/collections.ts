import {
  collectionAnswer,
  collectionBody,
  collectionsAnswer,
  definedAnswer,
  droppedAnswer,
} from '../schemas/collection.ts';
import { collectionName } from '../schemas/common.ts';
import { joined, type Operation } from './operation.ts';
import {
  confirm,
  jsonAnswer,
  jsonBody,
  jsonProblems,
  preconditionProblems,
  readAnswerHeaders,
  readHeaders,
  readProblems,
  readQuery,
  taggedWriteHeaders,
  timeout,
  writeAnswerHeaders,
  writeConditions,
  writeProblems,
} from './parts.ts';

const collection = '/v1/collections/{collection}';
const pathParameters = { collection: collectionName };
const notFound = { 400: ['bad_collection'], 404: ['collection_not_found'] };
const { 'If-None-Match': _, ...uncached } = readHeaders;

export const collectionOperations: readonly Operation[] = [
  {
    method: 'get',
    path: '/v1/collections',
    id: 'listCollections',
    tag: 'Collections',
    need: 'read',
    summary: 'Lists the collections',
    query: readQuery,
    headers: uncached,
    answers: { 200: jsonAnswer('All of them. Never from a cache.', collectionsAnswer, readAnswerHeaders) },
    problems: readProblems,
  },
  {
    method: 'get',
    path: collection,
    id: 'getCollection',
    tag: 'Collections',
    need: 'read',
    summary: 'Tells how a collection is defined, and how far its indexes are',
    pathParameters,
    query: readQuery,
    headers: uncached,
    answers: { 200: jsonAnswer('Never from a cache.', collectionAnswer, readAnswerHeaders) },
    problems: joined(notFound, readProblems),
  },
  {
    method: 'put',
    path: collection,
    id: 'defineCollection',
    tag: 'Collections',
    need: 'admin',
    summary: 'Makes a collection, or changes its indexes',
    description: 'New indexes are built while everything goes on.',
    pathParameters,
    query: { timeout },
    headers: writeConditions,
    body: jsonBody(collectionBody),
    answers: {
      200: jsonAnswer('It is so from now on.', definedAnswer, taggedWriteHeaders),
      201: jsonAnswer('It is new.', definedAnswer, taggedWriteHeaders),
    },
    problems: joined(
      { 400: ['bad_collection'], 409: ['id_field_differs', 'too_many_collections'] },
      ...[preconditionProblems, jsonProblems, writeProblems],
    ),
  },
  {
    method: 'delete',
    path: collection,
    id: 'dropCollection',
    tag: 'Collections',
    need: 'admin',
    summary: 'Deletes a collection with all its documents',
    pathParameters,
    query: { confirm, timeout },
    answers: { 200: jsonAnswer('Done.', droppedAnswer, writeAnswerHeaders) },
    problems: joined(notFound, preconditionProblems, writeProblems),
  },
];
