import { type ZodType, z } from 'zod';
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
  idempotencyKey,
  ifMatchWrite,
  jsonAnswer,
  jsonBody,
  jsonProblems,
  keptAnswers,
  keptGet,
  keptProblems,
  locationHeader,
  preconditionProblems,
  replayedHeader,
  searchProblems,
  taggedWriteHeaders,
  timeout,
  writeAnswerHeaders,
  writeProblems,
} from './parts.ts';
import { bookId, noBook, purchaseProblems } from './shop.ts';

const ofBook = { id: bookId };
const topic = {
  topic: z.string().min(1).meta({ description: 'Text that the topic contains, in whatever case.', example: 'systems' }),
};
const bought = {
  201: jsonAnswer('Bought.', shortPurchaseAnswer, { ...writeAnswerHeaders, ...locationHeader, ...replayedHeader }),
};
const buying = joined(noBook, purchaseProblems, jsonProblems, writeProblems);

type ShortForm = Pick<Operation, 'path' | 'id' | 'summary'>;

const search = (
  form: ShortForm,
  pathParameters: Operation['pathParameters'] = {},
  array: ZodType = shortBooks,
): Operation => ({
  ...form,
  ...keptGet,
  tag: 'Bookstore',
  pathParameters,
  answers: keptAnswers('All that fit.', array),
  problems: joined(searchProblems, { 400: ['bad_id'] }, keptProblems),
});

const info = (form: ShortForm): Operation => ({
  ...form,
  ...keptGet,
  tag: 'Bookstore',
  pathParameters: ofBook,
  answers: keptAnswers('As it is now.', shortBook),
  problems: joined(noBook, keptProblems),
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
    { pathParameters: ofBook, body: { isRequired: false, content: { 'application/json': shortPurchaseBody } } },
  ),
  {
    method: 'put',
    path: '/update/{id}',
    id: 'updateBook',
    tag: 'Bookstore',
    need: 'admin',
    summary: 'Sets the price of a book, or how many copies there are',
    pathParameters: ofBook,
    query: { timeout },
    headers: ifMatchWrite,
    body: jsonBody(bookUpdateBody),
    answers: { 200: jsonAnswer('Done.', shortBook, taggedWriteHeaders) },
    problems: joined(
      { 409: ['conflict', 'not_json'], 413: ['too_large'], 422: ['invalid_document', 'invalid_book'] },
      ...[noBook, preconditionProblems, jsonProblems, writeProblems],
    ),
  },
  search({ path: '/catalog-service/search/{topic}', id: 'catalogServiceSearch', summary: 'As /search/{topic}' }, topic),
  info({ path: '/catalog-service/info/{id}', id: 'catalogServiceInfo', summary: 'As /info/{id}' }),
  purchase(
    { path: '/order-service/purchase', id: 'orderServicePurchase', summary: 'Buys a book' },
    { body: jsonBody(orderServicePurchaseBody) },
  ),
  search({ path: '/api/catalog/books', id: 'apiCatalogBooks', summary: 'Lists all books' }, {}, shortCatalog),
  purchase(
    { path: '/api/order/books/purchase/{id}', id: 'apiPurchase', summary: 'Buys copies of a book' },
    { pathParameters: ofBook, body: jsonBody(apiPurchaseBody) },
  ),
];
