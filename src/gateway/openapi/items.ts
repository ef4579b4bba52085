import { z } from 'zod';
import { collectionName, documentId } from '../schemas/common.ts';
import { documentBody, documentDeleted, documentWritten, mergePatchBody, searchAnswer } from '../schemas/item.ts';
import { joined, type Operation, type Problems } from './operation.ts';
import {
  cursorParameter,
  etag,
  expiresAtHeader,
  flag,
  idempotencyKey,
  idempotencyProblems,
  ifMatchRead,
  jsonProblems,
  limit,
  locationHeader,
  notModified,
  preconditionProblems,
  readAnswerHeaders,
  readHeaders,
  readProblems,
  readQuery,
  replayedHeader,
  timeout,
  ttl,
  writeAnswerHeaders,
  writeConditions,
  writeProblems,
} from './parts.ts';

const items = '/v1/collections/{collection}/items';
const item = `${items}/{id}`;
const ofCollection = { collection: collectionName };
const ofItem = { ...ofCollection, id: documentId };
const written = { ...writeAnswerHeaders, ETag: etag };
const noCollection: Problems = { 400: ['bad_collection', 'bad_id'], 404: ['collection_not_found'] };
const notFound = joined(noCollection, { 404: ['document_not_found'] });
const documentProblems: Problems = {
  409: ['conflict'],
  413: ['too_large', 'value_too_large'],
  422: ['invalid_document'],
};

const text = (description: string, example: string) => z.string().optional().meta({ description, example });

export const itemOperations: readonly Operation[] = [
  {
    method: 'get',
    path: items,
    id: 'search',
    tag: 'Collections',
    need: 'read',
    summary: 'Searches a collection, page by page',
    description: 'All conditions must hold. Without one, and without sort, it lists the documents by id.',
    pathParameters: ofCollection,
    query: {
      q: text('Words, by the only index of kind words.', 'noobs'),
      sort: text('A field with an index of kind number; with a minus before it, from the highest on.', '-price'),
      fields: text(
        'These fields of the documents alone, with commas between; without modRevision, version and expiresAt, which every write changes.',
        'id,title',
      ),
      limit: limit(50),
      cursor: cursorParameter,
      count: flag('How many fit, on all pages.'),
      ...readQuery,
    },
    furtherQuery:
      'FIELD=VALUE (the whole text, or an equal number, or all words: as the field is indexed), FIELD.eq=VALUE, FIELD.contains=TEXT, FIELD.words=WORDS, FIELD.gt, .gte, .lt and .lte=NUMBER',
    headers: readHeaders,
    answers: {
      200: {
        description: 'A page. Its entity tag is weak: of all but the revision.',
        content: { 'application/json': searchAnswer },
        headers: { ...readAnswerHeaders, ETag: etag },
      },
      304: notModified,
    },
    problems: joined(
      { 400: ['no_index', 'search_too_wide'], 409: ['index_not_ready'], 503: ['definition_changed'] },
      ...[noCollection, preconditionProblems, readProblems],
    ),
  },
  {
    method: 'post',
    path: items,
    id: 'createDocument',
    tag: 'Collections',
    need: 'write',
    summary: 'Creates a document under the id that stands in it',
    pathParameters: ofCollection,
    query: { timeout, ttl },
    headers: idempotencyKey,
    body: { isRequired: true, content: { 'application/json': documentBody } },
    answers: {
      201: {
        description: 'It is new.',
        content: { 'application/json': documentWritten },
        headers: { ...written, ...locationHeader, ...replayedHeader },
      },
    },
    problems: joined(
      { 409: ['document_exists'] },
      ...[noCollection, documentProblems, idempotencyProblems, jsonProblems, writeProblems],
    ),
  },
  {
    method: 'get',
    path: item,
    id: 'getDocument',
    tag: 'Collections',
    need: 'read',
    summary: 'Reads a document',
    pathParameters: ofItem,
    query: readQuery,
    headers: { ...readHeaders, ...ifMatchRead },
    answers: {
      200: {
        description: 'The document as it was stored.',
        content: { 'application/json': documentBody },
        headers: { ...readAnswerHeaders, ...expiresAtHeader, ETag: etag },
      },
      304: notModified,
    },
    problems: joined(notFound, preconditionProblems, readProblems),
  },
  {
    method: 'put',
    path: item,
    id: 'putDocument',
    tag: 'Collections',
    need: 'write',
    summary: 'Stores a whole document',
    pathParameters: ofItem,
    query: { timeout, ttl },
    headers: writeConditions,
    body: { isRequired: true, content: { 'application/json': documentBody } },
    answers: {
      200: {
        description: 'It took the place of another.',
        content: { 'application/json': documentWritten },
        headers: written,
      },
      201: { description: 'It is new.', content: { 'application/json': documentWritten }, headers: written },
    },
    problems: joined(noCollection, documentProblems, preconditionProblems, jsonProblems, writeProblems),
  },
  {
    method: 'patch',
    path: item,
    id: 'patchDocument',
    tag: 'Collections',
    need: 'write',
    summary: 'Changes members of a document (RFC 7396)',
    pathParameters: ofItem,
    query: { timeout },
    headers: writeConditions,
    body: {
      isRequired: true,
      content: { 'application/merge-patch+json': mergePatchBody, 'application/json': mergePatchBody },
    },
    answers: {
      200: { description: 'Done.', content: { 'application/json': documentWritten }, headers: written },
    },
    problems: joined(
      { 415: ['unsupported_media_type'], 422: ['id_changed'] },
      ...[notFound, documentProblems, preconditionProblems, jsonProblems, writeProblems],
    ),
  },
  {
    method: 'delete',
    path: item,
    id: 'deleteDocument',
    tag: 'Collections',
    need: 'write',
    summary: 'Deletes a document',
    pathParameters: ofItem,
    query: { timeout },
    headers: writeConditions,
    answers: {
      200: { description: 'Done.', content: { 'application/json': documentDeleted }, headers: writeAnswerHeaders },
    },
    problems: joined({ 409: ['conflict'] }, notFound, preconditionProblems, writeProblems),
  },
];
