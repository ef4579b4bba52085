/**
 * `/v1/watch` and `/v1/collections/{collection}/watch`: what changes from now on, or from a revision on, in order, each change
 * once.
 */
import type { Router } from '@koa/router';
import { keyProblem, type StoreClient, type Watched } from '../../store/client.ts';
import { needing } from '../access/needs.ts';
import type { RequestContext, RequestState } from '../answer.ts';
import { collectionNotFound } from '../catalog/problems.ts';
import { collectionWatchRoute, requestedCollection } from '../catalog/target.ts';
import { readProblem } from '../errors.ts';
import { badParameter, parseParameters } from '../parameters.ts';
import { parseWatch, watchParameters } from '../watch/request.ts';
import type { Watches } from '../watch/watches.ts';

const watchPath = '/v1/watch';

export interface WatchRoutesOptions {
  readonly watches: Watches;
  readonly client: Pick<StoreClient, 'read'>;
}

export function addWatchRoutes(router: Router<RequestState>, { watches, client }: WatchRoutesOptions): void {
  async function watchKeys(ctx: RequestContext): Promise<void> {
    const parameters = parseParameters(ctx.querystring, ['prefix', ...watchParameters]);
    const request = parseWatch(parameters, ctx.headers);
    await watches.serve(ctx, keysOf(parameters.get('prefix') ?? ''), request);
  }

  async function watchCollection(ctx: RequestContext): Promise<void> {
    const name = requestedCollection(ctx);
    const request = parseWatch(parseParameters(ctx.querystring, watchParameters), ctx.headers);
    // Whoever goes on from a revision is told that it was dropped.
    if (request.from === null) await checkCollection(name, request.timeoutMs);
    await watches.serve(ctx, { type: 'collection', name }, request);
  }

  /** Of a name that is misspelt nothing would ever be heard. */
  async function checkCollection(name: string, timeoutMs: number): Promise<void> {
    const outcome = await client.read({ type: 'collection', name }, { timeoutMs });
    if (outcome.type !== 'done') throw readProblem(outcome, { timeoutMs });
    if (outcome.result.type === 'collection' && outcome.result.collection === null) throw collectionNotFound(name);
  }

  router.get(watchPath, watchPath, needing('read', watchKeys));
  router.get(collectionWatchRoute.name, collectionWatchRoute.path, needing('read', watchCollection));
}

function keysOf(prefix: string): Watched {
  const reason = prefix === '' ? null : keyProblem(prefix);
  if (reason !== null) throw badParameter('prefix', `the beginning of a key (${reason})`, prefix);
  return { type: 'keys', prefix };
}
