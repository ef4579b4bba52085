/** Orders: `/v1/orders`, and purchases under the paths that they have always had. */
import type { Router } from '@koa/router';
import type { Idempotency, JsonObject, Search } from '../../store/client.ts';
import { idProblem, termOf } from '../../store/client.ts';
import { type Answer, answering, jsonAnswer, type RequestContext, type RequestState } from '../answer.ts';
import { readBody } from '../body.ts';
import { problemAnswer, problemAt, quote } from '../errors.ts';
import { idempotencyOf, replayHeaders } from '../idempotency.ts';
import type { Share } from '../in-flight.ts';
import { badParameter, limitOf, parseParameters, timeoutMsOf } from '../parameters.ts';
import { parseReadOptions, provenance, readParameters } from '../reads.ts';
import { apiPurchaseBody, orderBody, orderServicePurchaseBody, shortPurchaseBody } from '../schemas/order.ts';
import { type Bought, buy } from '../shop/buy.ts';
import { orderFields, orderForm, textIn } from '../shop/forms.ts';
import { shortId } from '../shop/ids.ts';
import { itemRead } from '../shop/item-answer.ts';
import { pageAnswer } from '../shop/list-answer.ts';
import { type Ordered, orderNotFound, purchaseProblem, unansweredProblem } from '../shop/purchase-problems.ts';
import { fromCursor, parseFields, requestedId } from '../shop/request.ts';
import type { ShopRoutesOptions } from '../shop/shop.ts';

const purchaseBytesMax = 16 * 1024;
const ordersDefault = 50;
const listParameters = ['book', 'limit', 'cursor', ...readParameters] as const;

/** What a request to buy comes to. */
interface Purchase extends Ordered {
  readonly idempotency: Idempotency | null;
}

interface Bodied {
  readonly ctx: RequestContext;
  readonly bytes: Buffer;
}

export function addOrderRoutes(router: Router<RequestState>, { shop, inFlight }: ShopRoutesOptions): void {
  const post = (
    name: string,
    path: string | RegExp,
    form: 'full' | 'short',
    purchaseIn: (from: Bodied) => Purchase,
  ) => {
    const handle = async (ctx: RequestContext, share: Share): Promise<Answer> => {
      const timeoutMs = timeoutMsOf(parseParameters(ctx.querystring, ['timeout']));
      const bytes = await readBody(ctx.req, ctx.res, share, purchaseBytesMax, 'request');
      const purchase = purchaseIn({ ctx, bytes });
      const { idempotency } = purchase;
      const bought = await shop.inProgress.during(idempotency, () => buy(shop, purchase, { timeoutMs, idempotency }));
      return purchaseAnswer(ctx, purchase, bought, form, timeoutMs);
    };
    router.post(name, path, answering('write', inFlight.admitting(handle)));
  };

  post('/v1/orders', '/v1/orders', 'full', ({ ctx, bytes }) => {
    const { book, quantity } = parseFields(bytes, orderBody, 'invalid_order');
    return { book, quantity, idempotency: idempotencyOf(ctx, bytes, true), bookPath: '/book' };
  });
  post('/purchase/{id}', /^\/purchase\/[^/]+$/, 'short', ({ ctx, bytes }) => {
    const { quantity = 1 } = bytes.length === 0 ? {} : parseFields(bytes, shortPurchaseBody, 'invalid_order');
    return { book: requestedId(ctx), quantity, idempotency: idempotencyOf(ctx, bytes, false), bookPath: null };
  });
  post('/order-service/purchase', '/order-service/purchase', 'short', ({ ctx, bytes }) => {
    const { book_id: book, quantity = 1 } = parseFields(bytes, orderServicePurchaseBody, 'invalid_order');
    return { book, quantity, idempotency: idempotencyOf(ctx, bytes, false), bookPath: '/book_id' };
  });
  post('/api/order/books/purchase/{id}', /^\/api\/order\/books\/purchase\/[^/]+$/, 'short', ({ ctx, bytes }) => {
    const { uuid, quantity } = parseFields(bytes, apiPurchaseBody, 'invalid_order');
    return { book: requestedId(ctx), quantity, idempotency: idempotencyNamed(ctx, bytes, uuid), bookPath: null };
  });

  router.get(
    '/v1/orders',
    '/v1/orders',
    answering(
      'read',
      inFlight.admitting<RequestContext, Promise<Answer>>(async (request, share) => {
        const parameters = parseParameters(request.querystring, listParameters);
        const options = parseReadOptions(parameters, request.headers);
        const book = parameters.get('book');
        const reason = book === undefined ? null : idProblem(book);
        if (reason !== null) throw badParameter('book', `the id of a book (${reason})`, book ?? '');
        const first: Search = {
          collection: 'orders',
          filters: book === undefined ? [] : [{ field: 'book', type: 'term', term: termOf(book) }],
          ...{ sort: null, after: null, limit: limitOf(parameters, ordersDefault), fields: orderFields, count: false },
        };
        const search = fromCursor(first, parameters);
        const isOfBook = (order: JsonObject) => book === undefined || textIn(order, 'book') === book;
        return pageAnswer(shop, search, { request, share, options }, orderForm, isOfBook);
      }),
    ),
  );
  const order = itemRead(shop.reader, {
    ...{ collection: 'orders', idIn: requestedId, notFound: orderNotFound },
    show: orderForm,
  });
  router.get('/v1/orders/{id}', /^\/v1\/orders\/[^/]+$/, answering('read', inFlight.admitting(order)));
}

/** The body names the key; a header that names another one would leave open which of them counts. */
function idempotencyNamed(ctx: RequestContext, bytes: Buffer, uuid: string): Idempotency | null {
  const header = ctx.headers['idempotency-key'];
  const named = idempotencyOf({ ...asked(ctx), headers: { ...ctx.headers, 'idempotency-key': uuid } }, bytes, true);
  if (header === undefined || idempotencyOf(ctx, bytes, true)?.key === named?.key) return named;
  const detail = `/uuid: expected the same as in the header Idempotency-Key, or none there, got ${quote(uuid)}`;
  throw problemAt('/uuid', 'invalid_order', detail);
}

const asked = ({ method, path, querystring }: RequestContext) => ({ method, path, querystring });

function purchaseAnswer(
  ctx: RequestContext,
  wanted: Purchase,
  bought: Bought,
  form: 'full' | 'short',
  timeoutMs: number,
): Answer {
  if (bought.type !== 'answered') return problemAnswer(unansweredProblem(bought, wanted, timeoutMs), ctx.method);
  const { result, replica } = bought.committed;
  const { purchased } = bought;
  ctx.state.servedBy = replica;
  const headers = [...provenance(result.revision, replica), ...replayHeaders(result)];
  if (purchased.type !== 'bought') {
    return problemAnswer(purchaseProblem(purchased, wanted), ctx.method, headers);
  }
  const { id, title, price, stock } = purchased;
  const { revision } = result;
  const { book, quantity } = wanted;
  const body =
    form === 'full'
      ? { id, book, quantity, price, stock, revision }
      : { id, book: shortId(book), title, quantity, price, stock, revision };
  return jsonAnswer(201, [...headers, 'Location', `/v1/orders/${id}`], body);
}
