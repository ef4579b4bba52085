import { documentId } from '../schemas/common.ts';
import { book, booksAnswer, order, orderAnswer, orderBody, ordersAnswer } from '../schemas/order.ts';
import { joined, type Operation, type Problems } from './operation.ts';
import {
  cursorParameter,
  jsonAnswer,
  jsonBody,
  jsonProblems,
  keptAnswers,
  keptGet,
  keptProblems,
  limit,
  locationHeader,
  readQuery,
  replayedHeader,
  requiredIdempotencyKey,
  searchProblems,
  text,
  timeout,
  writeAnswerHeaders,
  writeProblems,
} from './parts.ts';

export const bookId = documentId.meta({ description: 'The id of a book.', example: '9' });
export const noBook: Problems = { 400: ['bad_id'], 404: ['book_not_found'] };
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
    ...keptGet,
    path: '/v1/books',
    id: 'listBooks',
    tag: 'Bookstore',
    summary: 'Lists books, page by page',
    query: {
      topic: text('This topic alone.', 'education'),
      q: text('Words of the title.', 'project'),
      limit: limit(50),
      cursor: cursorParameter,
      ...readQuery,
    },
    answers: keptAnswers('A page.', booksAnswer),
    problems: joined(searchProblems, keptProblems),
  },
  {
    ...keptGet,
    path: '/v1/books/{id}',
    id: 'getBook',
    tag: 'Bookstore',
    summary: 'Reads a book',
    pathParameters: { id: bookId },
    answers: keptAnswers('As it is now.', book),
    problems: joined(noBook, keptProblems),
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
    body: jsonBody(orderBody),
    answers: {
      201: jsonAnswer('Bought.', orderAnswer, { ...writeAnswerHeaders, ...locationHeader, ...replayedHeader }),
    },
    problems: joined({ 400: ['idempotency_key_required'] }, purchaseProblems, jsonProblems, writeProblems),
  },
  {
    ...keptGet,
    path: '/v1/orders/{id}',
    id: 'getOrder',
    tag: 'Bookstore',
    summary: 'Reads an order',
    pathParameters: { id: documentId.meta({ description: 'The id of an order.', example: '1' }) },
    answers: keptAnswers('As it was placed.', order),
    problems: joined({ 400: ['bad_id'], 404: ['order_not_found'] }, keptProblems),
  },
  {
    ...keptGet,
    path: '/v1/orders',
    id: 'listOrders',
    tag: 'Bookstore',
    summary: 'Lists the orders of a book, or all, page by page',
    query: { book: text('The id of a book.', '9'), limit: limit(50), cursor: cursorParameter, ...readQuery },
    answers: keptAnswers('A page.', ordersAnswer),
    problems: joined(searchProblems, keptProblems),
  },
];
