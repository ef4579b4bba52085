import { z } from 'zod';
import { documentId } from '../schemas/common.ts';
import { book, booksAnswer, order, orderAnswer, orderBody, ordersAnswer } from '../schemas/order.ts';
import { joined, type Operation, type Problems } from './operation.ts';
import {
  cursorParameter,
  etag,
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
  requiredIdempotencyKey,
  timeout,
  writeAnswerHeaders,
  writeProblems,
} from './parts.ts';

const text = (description: string, example: string) => z.string().optional().meta({ description, example });
const bookId = documentId.meta({ description: 'The id of a book.', example: '9' });
const read = { ...readAnswerHeaders, ETag: etag };
export const noBook: Problems = { 400: ['bad_id'], 404: ['book_not_found'] };
const searchProblems = joined(
  { 400: ['search_too_wide', 'no_index'], 409: ['index_not_ready'], 503: ['definition_changed'] },
  ...[preconditionProblems, readProblems],
);
export const purchaseProblems: Problems = {
  400: ['bad_header'],
  404: ['book_not_found'],
  409: ['sold_out', 'not_a_number', 'order_exists', 'idempotency_in_progress', 'conflict'],
  413: ['too_large'],
  422: ['invalid_order', 'invalid_document', 'idempotency_mismatch'],
  429: ['idempotency_full'],
};

export const shopOperations: readonly Operation[] = [
  {
    method: 'get',
    path: '/v1/books',
    id: 'listBooks',
    tag: 'Bookstore',
    need: 'read',
    summary: 'Lists books, page by page',
    query: {
      topic: text('This topic alone.', 'education'),
      q: text('Words of the title.', 'project'),
      limit: limit(50),
      cursor: cursorParameter,
      ...readQuery,
    },
    headers: readHeaders,
    answers: {
      200: { description: 'A page.', content: { 'application/json': booksAnswer }, headers: read },
      304: notModified,
    },
    problems: searchProblems,
  },
  {
    method: 'get',
    path: '/v1/books/{id}',
    id: 'getBook',
    tag: 'Bookstore',
    need: 'read',
    summary: 'Reads a book',
    pathParameters: { id: bookId },
    query: readQuery,
    headers: readHeaders,
    answers: {
      200: { description: 'As it is now.', content: { 'application/json': book }, headers: read },
      304: notModified,
    },
    problems: joined(noBook, preconditionProblems, readProblems),
  },
  {
    method: 'post',
    path: '/v1/orders',
    id: 'placeOrder',
    tag: 'Bookstore',
    need: 'write',
    summary: 'Buys copies of a book',
    description: 'There is enough of it, its stock becomes less and the order is written; or nothing happens.',
    query: { timeout },
    headers: requiredIdempotencyKey,
    body: { isRequired: true, content: { 'application/json': orderBody } },
    answers: {
      201: {
        description: 'Bought.',
        content: { 'application/json': orderAnswer },
        headers: { ...writeAnswerHeaders, ...locationHeader, ...replayedHeader },
      },
    },
    problems: joined({ 400: ['idempotency_key_required'] }, purchaseProblems, jsonProblems, writeProblems),
  },
  {
    method: 'get',
    path: '/v1/orders/{id}',
    id: 'getOrder',
    tag: 'Bookstore',
    need: 'read',
    summary: 'Reads an order',
    pathParameters: { id: documentId.meta({ description: 'The id of an order.', example: '1' }) },
    query: readQuery,
    headers: readHeaders,
    answers: {
      200: { description: 'As it was placed.', content: { 'application/json': order }, headers: read },
      304: notModified,
    },
    problems: joined({ 400: ['bad_id'], 404: ['order_not_found'] }, preconditionProblems, readProblems),
  },
  {
    method: 'get',
    path: '/v1/orders',
    id: 'listOrders',
    tag: 'Bookstore',
    need: 'read',
    summary: 'Lists the orders of a book, or all, page by page',
    query: { book: text('The id of a book.', '9'), limit: limit(50), cursor: cursorParameter, ...readQuery },
    headers: readHeaders,
    answers: {
      200: { description: 'A page.', content: { 'application/json': ordersAnswer }, headers: read },
      304: notModified,
    },
    problems: searchProblems,
  },
];
