import { type ZodType, z } from 'zod';
import { documentId } from '../schemas/common.ts';
import {
  apiPurchaseBody,
  bookUpdateBody,
  orderServicePurchaseBody,
  shortBook,
  shortBooks,
  shortCatalog,
  shortPurchaseAnswer,
  shortPurchaseBody,
} from '../schemas/order.ts';
import { joined, type Operation } from './operation.ts';
import {
  etag,
  idempotencyKey,
  jsonProblems,
  locationHeader,
  notModified,
  preconditionProblems,
  readAnswerHeaders,
  readHeaders,
  readProblems,
  readQuery,
  replayedHeader,
  timeout,
  writeAnswerHeaders,
  writeConditions,
  writeProblems,
} from './parts.ts';
import { noBook, purchaseProblems } from './shop.ts';

const bookId = { id: documentId.meta({ description: 'The id of a book.', example: '9' }) };
const topic = {
  topic: z.string().min(1).meta({ description: 'Text that the topic contains, in whatever case.', example: 'systems' }),
};
const read = { ...readAnswerHeaders, ETag: etag };
const bought = {
  201: {
    description: 'Bought.',
    content: { 'application/json': shortPurchaseAnswer },
    headers: { ...writeAnswerHeaders, ...locationHeader, ...replayedHeader },
  },
};
const buying = joined(noBook, purchaseProblems, jsonProblems, writeProblems);

type ShortForm = Pick<Operation, 'path' | 'id' | 'summary'>;

const search = (
  form: ShortForm,
  pathParameters: Operation['pathParameters'] = {},
  array: ZodType = shortBooks,
): Operation => ({
  ...form,
  method: 'get',
  tag: 'Bookstore',
  need: 'read',
  pathParameters,
  query: readQuery,
  headers: readHeaders,
  answers: {
    200: { description: 'All that fit.', content: { 'application/json': array }, headers: read },
    304: notModified,
  },
  problems: joined(
    { 400: ['search_too_wide', 'no_index', 'bad_id'], 409: ['index_not_ready'], 503: ['definition_changed'] },
    ...[preconditionProblems, readProblems],
  ),
});

const info = (form: ShortForm): Operation => ({
  ...form,
  method: 'get',
  tag: 'Bookstore',
  need: 'read',
  pathParameters: bookId,
  query: readQuery,
  headers: readHeaders,
  answers: {
    200: { description: 'As it is now.', content: { 'application/json': shortBook }, headers: read },
    304: notModified,
  },
  problems: joined(noBook, preconditionProblems, readProblems),
});

const purchase = (form: ShortForm, rest: Partial<Operation>): Operation => ({
  ...form,
  method: 'post',
  tag: 'Bookstore',
  need: 'write',
  query: { timeout },
  headers: idempotencyKey,
  answers: bought,
  problems: buying,
  ...rest,
});

export const shortFormOperations: readonly Operation[] = [
  search({ path: '/search/{topic}', id: 'searchTopic', summary: 'Finds books by topic' }, topic),
  info({ path: '/info/{id}', id: 'info', summary: 'Reads a book in its short form' }),
  purchase(
    { path: '/purchase/{id}', id: 'purchase', summary: 'Buys a book' },
    { pathParameters: bookId, body: { isRequired: false, content: { 'application/json': shortPurchaseBody } } },
  ),
  {
    method: 'put',
    path: '/update/{id}',
    id: 'updateBook',
    tag: 'Bookstore',
    need: 'admin',
    summary: 'Sets the price of a book, or how many copies there are',
    pathParameters: bookId,
    query: { timeout },
    headers: { 'If-Match': writeConditions['If-Match'] },
    body: { isRequired: true, content: { 'application/json': bookUpdateBody } },
    answers: {
      200: {
        description: 'Done.',
        content: { 'application/json': shortBook },
        headers: { ...writeAnswerHeaders, ETag: etag },
      },
    },
    problems: joined(
      { 409: ['conflict', 'not_json'], 413: ['too_large'], 422: ['invalid_document', 'invalid_book'] },
      ...[noBook, preconditionProblems, jsonProblems, writeProblems],
    ),
  },
  search({ path: '/catalog-service/search/{topic}', id: 'catalogServiceSearch', summary: 'As /search/{topic}' }, topic),
  info({ path: '/catalog-service/info/{id}', id: 'catalogServiceInfo', summary: 'As /info/{id}' }),
  purchase(
    { path: '/order-service/purchase', id: 'orderServicePurchase', summary: 'Buys a book' },
    { body: { isRequired: true, content: { 'application/json': orderServicePurchaseBody } } },
  ),
  search({ path: '/api/catalog/books', id: 'apiCatalogBooks', summary: 'Lists all books' }, {}, shortCatalog),
  purchase(
    { path: '/api/order/books/purchase/{id}', id: 'apiPurchase', summary: 'Buys copies of a book' },
    { pathParameters: bookId, body: { isRequired: true, content: { 'application/json': apiPurchaseBody } } },
  ),
];
