/** Books: `/v1/books`, and the short forms of searches and details under the paths that they have always had. */
import type { Router } from '@koa/router';
import type { Search } from '../../store/client.ts';
import { answering, type RequestContext, type RequestState } from '../answer.ts';
import type { Share } from '../in-flight.ts';
import { limitOf, parseParameters } from '../parameters.ts';
import { parseReadOptions, type ReadRequest, readParameters } from '../reads.ts';
import { bookFields, bookForm, infoForm, shortFields, shortForm } from '../shop/forms.ts';
import { itemRead } from '../shop/item-answer.ts';
import { pageAnswer, wholeAnswer } from '../shop/list-answer.ts';
import {
  bookNotFound,
  fromCursor,
  lastPart,
  partOfTopicFilter,
  requestedId,
  titleFilter,
  topicFilter,
} from '../shop/request.ts';
import type { ShopRoutesOptions } from '../shop/shop.ts';

const pageParameters = ['topic', 'q', 'limit', 'cursor', ...readParameters] as const;
const booksDefault = 50;
/** As many as a page can have. */
const booksMax = 1000;

const allBooks: Search = {
  ...{ collection: 'books', filters: [], sort: null, after: null },
  ...{ limit: booksMax, fields: bookFields, count: false },
};

export function addBookRoutes(router: Router<RequestState>, { shop, inFlight }: ShopRoutesOptions): void {
  const get = (
    name: string,
    path: string | RegExp,
    handle: (request: ReadRequest, share: Share) => ReturnType<typeof pageAnswer>,
  ) => {
    router.get(name, path, answering('read', inFlight.admitting<RequestContext, ReturnType<typeof handle>>(handle)));
  };

  get('/v1/books', '/v1/books', async (request, share) => {
    const parameters = parseParameters(request.querystring, pageParameters);
    const [topic, words] = [parameters.get('topic'), parameters.get('q')];
    const filters = [
      ...(topic === undefined ? [] : [topicFilter(topic)]),
      ...(words === undefined ? [] : [titleFilter(words)]),
    ];
    const search = fromCursor({ ...allBooks, filters, limit: limitOf(parameters, booksDefault) }, parameters);
    const options = parseReadOptions(parameters, request.headers);
    return pageAnswer(shop, search, { request, share, options }, bookForm);
  });

  /** All that fit, as an array. */
  const searchShort = async (request: ReadRequest, share: Share) => {
    const filters = [partOfTopicFilter(lastPart(request, 'the topic'))];
    const search = { ...allBooks, filters, fields: shortFields };
    const options = parseReadOptions(parseParameters(request.querystring, readParameters), request.headers);
    return wholeAnswer(shop, search, { request, share, options }, shortForm);
  };
  get('/search/{topic}', /^\/search\/[^/]+$/, searchShort);
  get('/catalog-service/search/{topic}', /^\/catalog-service\/search\/[^/]+$/, searchShort);

  get('/api/catalog/books', '/api/catalog/books', async (request, share) => {
    const options = parseReadOptions(parseParameters(request.querystring, readParameters), request.headers);
    return wholeAnswer(shop, allBooks, { request, share, options }, infoForm);
  });

  const ofOne = { collection: 'books', idIn: requestedId, notFound: bookNotFound } as const;
  const book = itemRead(shop.reader, { ...ofOne, show: bookForm });
  const info = itemRead(shop.reader, { ...ofOne, show: infoForm });
  for (const [name, path, read] of [
    ['/v1/books/{id}', /^\/v1\/books\/[^/]+$/, book],
    ['/info/{id}', /^\/info\/[^/]+$/, info],
    ['/catalog-service/info/{id}', /^\/catalog-service\/info\/[^/]+$/, info],
  ] as const) {
    router.get(name, path, answering('read', inFlight.admitting(read)));
  }
}
