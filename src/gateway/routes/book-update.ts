/** `PUT /update/{id}`: another price, or another number of copies. */
import type { Router } from '@koa/router';
import { type Answer, answering, jsonAnswer, type RequestContext, type RequestState } from '../answer.ts';
import { readBody } from '../body.ts';
import { problemAnswer } from '../errors.ts';
import type { Share } from '../in-flight.ts';
import { parseParameters, timeoutMsOf } from '../parameters.ts';
import { entityTag } from '../preconditions.ts';
import { provenance } from '../reads.ts';
import { bookUpdateBody } from '../schemas/order.ts';
import { change, ifMatchOf } from '../shop/change.ts';
import { infoForm } from '../shop/forms.ts';
import { bookNotFound, parseFields, requestedId } from '../shop/request.ts';
import type { ShopRoutesOptions } from '../shop/shop.ts';

const updateBytesMax = 16 * 1024;

export function addBookUpdateRoute(router: Router<RequestState>, { shop, inFlight }: ShopRoutesOptions): void {
  const update = async (ctx: RequestContext, share: Share): Promise<Answer> => {
    const id = requestedId(ctx);
    const timeoutMs = timeoutMsOf(parseParameters(ctx.querystring, ['timeout']));
    const ifMatch = ifMatchOf(ctx.headers);
    const bytes = await readBody(ctx.req, ctx.res, share, updateBytesMax, 'request');
    const { price, quantity } = parseFields(bytes, bookUpdateBody, 'invalid_book');
    const patch = {
      ...(price === undefined ? {} : { price }),
      ...(quantity === undefined ? {} : { stock: quantity }),
    };
    const target = { type: 'document', collection: 'books', id } as const;
    const changed = await change(shop, {
      ...{ collection: 'books', id, operation: { type: 'patch', target, patch } },
      ...{ ifMatch, timeoutMs, notFound: bookNotFound },
    });
    if (changed.type === 'refused') return problemAnswer(changed.problem, ctx.method);
    const { before, revision, replica } = changed;
    ctx.state.servedBy = replica;
    const headers = ['ETag', entityTag(revision), ...provenance(revision, replica)];
    return jsonAnswer(200, headers, infoForm(id, { ...before, ...patch }));
  };
  router.put('/update/{id}', /^\/update\/[^/]+$/, answering('admin', inFlight.admitting(update)));
}
