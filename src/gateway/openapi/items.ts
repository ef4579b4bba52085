import { collectionName, documentId } from '../schemas/common.ts';
import { documentBody, documentDeleted, documentWritten, mergePatchBody, searchAnswer } from '../schemas/item.ts';
import { joined, type Operation, type Problems } from './operation.ts';
import {
  cursorParameter,
  expiresAtHeader,
  flag,
  idempotencyKey,
  idempotencyProblems,
  ifMatchRead,
  jsonAnswer,
  jsonBody,
  jsonProblems,
  keptAnswers,
  keptGet,
  keptProblems,
  limit,
  locationHeader,
  patchBody,
  preconditionProblems,
  readHeaders,
  readQuery,
  replayedHeader,
  taggedWriteHeaders,
  text,
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
const noCollection: Problems = { 400: ['bad_collection', 'bad_id'], 404: ['collection_not_found'] };
const notFound = joined(noCollection, { 404: ['document_not_found'] });
const documentProblems: Problems = {
  409: ['conflict'],
  413: ['too_large'],
  422: ['invalid_document'],
};

export const itemOperations: readonly Operation[] = [
  {
    ...keptGet,
    path: items,
    id: 'search',
    tag: 'Collections',
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
    answers: keptAnswers('A page. Its entity tag is weak: of all but the revision.', searchAnswer),
    problems: joined(
      { 400: ['no_index', 'search_too_wide'], 409: ['index_not_ready'], 503: ['definition_changed'] },
      ...[noCollection, keptProblems],
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
    body: jsonBody(documentBody),
    answers: {
      201: jsonAnswer('It is new.', documentWritten, { ...taggedWriteHeaders, ...locationHeader, ...replayedHeader }),
    },
    problems: joined(
      { 409: ['document_exists'] },
      ...[noCollection, documentProblems, idempotencyProblems, jsonProblems, writeProblems],
    ),
  },
  {
    ...keptGet,
    path: item,
    id: 'getDocument',
    tag: 'Collections',
    summary: 'Reads a document',
    pathParameters: ofItem,
    headers: { ...readHeaders, ...ifMatchRead },
    answers: keptAnswers('The document as it was stored.', documentBody, expiresAtHeader),
    problems: joined(notFound, keptProblems),
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
    body: jsonBody(documentBody),
    answers: {
      200: jsonAnswer('It took the place of another.', documentWritten, taggedWriteHeaders),
      201: jsonAnswer('It is new.', documentWritten, taggedWriteHeaders),
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
    body: patchBody(mergePatchBody),
    answers: { 200: jsonAnswer('Done.', documentWritten, taggedWriteHeaders) },
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
    answers: { 200: jsonAnswer('Done.', documentDeleted, writeAnswerHeaders) },
    problems: joined({ 409: ['conflict'] }, notFound, preconditionProblems, writeProblems),
  },
];
