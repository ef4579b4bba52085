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
  etag,
  jsonProblems,
  preconditionProblems,
  readAnswerHeaders,
  readHeaders,
  readProblems,
  readQuery,
  timeout,
  writeAnswerHeaders,
  writeConditions,
  writeProblems,
} from './parts.ts';

const collection = '/v1/collections/{collection}';
const pathParameters = { collection: collectionName };
const written = { ...writeAnswerHeaders, ETag: etag };
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
    answers: {
      200: {
        description: 'All of them. Never from a cache.',
        content: { 'application/json': collectionsAnswer },
        headers: readAnswerHeaders,
      },
    },
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
    answers: {
      200: {
        description: 'Never from a cache.',
        content: { 'application/json': collectionAnswer },
        headers: readAnswerHeaders,
      },
    },
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
    body: { isRequired: true, content: { 'application/json': collectionBody } },
    answers: {
      200: { description: 'It is so from now on.', content: { 'application/json': definedAnswer }, headers: written },
      201: { description: 'It is new.', content: { 'application/json': definedAnswer }, headers: written },
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
    answers: {
      200: { description: 'Done.', content: { 'application/json': droppedAnswer }, headers: writeAnswerHeaders },
    },
    problems: joined(notFound, preconditionProblems, writeProblems),
  },
];
