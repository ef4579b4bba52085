/**
 * The gateway without its socket. The order of `use` is the way of a request, plain reads apart.
 */
import { randomUUID } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { Router } from '@koa/router';
import Koa, { type Next } from 'koa';
import type { Logger } from '../logger.ts';
import type { GatewayMetrics } from '../metrics.ts';
import type { StoreClient } from '../store/client.ts';
import type { Clock } from '../system-clock.ts';
import type { Access } from './access/access.ts';
import type { Cors } from './access/cors.ts';
import { guardRoutes } from './access/guard.ts';
import { type Answer, answering, type RequestContext, type RequestState, send } from './answer.ts';
import { ClientGoneError, discardRest } from './body.ts';
import { Committer } from './catalog/committer.ts';
import { Definitions } from './catalog/definitions.ts';
import { documentsOf } from './catalog/documents.ts';
import { HttpProblem, problemAnswer } from './errors.ts';
import { InProgress } from './idempotency.ts';
import { InFlight } from './in-flight.ts';
import { createKeyRead } from './key-read.ts';
import { defaultLimits, type GatewayLimits } from './limits.ts';
import { createListRead, listPath } from './list-read.ts';
import { createObserver, observing } from './observe.ts';
import type { Peers } from './peers.ts';
import { type CachingOptions, createReader, type GatewayReader } from './reader.ts';
import { addCacheRoute } from './routes/cache.ts';
import { addClusterRoute, type GatewayView } from './routes/cluster.ts';
import { addClusterHashRoute } from './routes/cluster-hash.ts';
import { addClusterMetricsRoute } from './routes/cluster-metrics.ts';
import { addCollectionReadRoutes } from './routes/collection-read.ts';
import { addCollectionWriteRoutes } from './routes/collection-writes.ts';
import { addDocumentReadRoute } from './routes/document-read.ts';
import { addItemWriteRoutes } from './routes/item-writes.ts';
import { addKvRoutes } from './routes/kv.ts';
import { addKeyTransactionRoutes, createKeyWriter } from './routes/kv-transactions.ts';
import { addMetaRoutes } from './routes/meta.ts';
import { addOpenApiRoute } from './routes/openapi.ts';
import { addSearchRoute } from './routes/search.ts';
import { addShopRoutes } from './routes/shop.ts';
import { addTransactionRoute } from './routes/txn.ts';
import { addWatchRoutes } from './routes/watch.ts';
import { type AdmittedRead, createShortWay } from './short-way.ts';
import { originForm } from './target.ts';
import { Watches } from './watch/watches.ts';

export interface AppOptions {
  readonly client: StoreClient;
  readonly clusterId: string;
  /** The gateway's own. */
  readonly id: string;
  readonly caching: CachingOptions;
  /** As the cluster file names them. */
  readonly gateways: readonly GatewayView[];
  /** The other gateways. */
  readonly peers: Peers;
  readonly version: string;
  readonly clock: Clock;
  /** For the ids of what requests without an idempotency key make; random ones by default. */
  readonly newUuid?: () => string;
  readonly metrics: GatewayMetrics;
  readonly log: Logger;
  readonly limits?: Partial<GatewayLimits>;
  /** Null: whoever reaches the gateway may do everything. */
  readonly access?: Access | null;
  /** Null: no page of another origin may read an answer. */
  readonly cors?: Cors | null;
}

type Reading = Pick<GatewayReader, 'reader' | 'purge' | 'lease'>;

/** All routes, not guarded yet, and the reads that also go past them. */
export function createRouter(
  options: AppOptions,
  { reader, purge, lease }: Reading,
  watches: Watches,
): { readonly router: Router<RequestState>; readonly readKey: AdmittedRead; readonly readList: AdmittedRead } {
  const { client, id, peers, clock, access = null, newUuid = randomUUID } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const { bodyBytesMax } = limits;
  const inFlight = new InFlight(limits);
  const router = new Router<RequestState>({ sensitive: true, strict: true });
  const readKey = inFlight.admitting(createKeyRead(reader));
  const readList = inFlight.admitting(createListRead(reader));
  const definitions = new Definitions(client);
  const documents = documentsOf(reader, client);
  const committer = new Committer({ definitions, documents, writer: client, clock });
  const inProgress = new InProgress();
  const writing = { committer, definitions, documents, inProgress, inFlight, clock, bodyBytesMax };
  const transact = createKeyWriter({ ...writing, reader });
  addKvRoutes(router, { read: readKey, writer: client, transact, inFlight, bodyBytesMax });
  router.get(listPath, listPath, answering('read', readList));
  addCollectionReadRoutes(router, { client, inFlight });
  addDocumentReadRoute(router, { reader, inFlight });
  addSearchRoute(router, { reader, definitions, clock, inFlight });
  addKeyTransactionRoutes(router, { ...writing, reader }, transact);
  addCollectionWriteRoutes(router, { ...writing, writer: client });
  addItemWriteRoutes(router, writing);
  addTransactionRoute(router, { ...writing, client, access });
  const askingInFlight = new InFlight({ ...limits, requestsInFlightMax: limits.purgesInFlightMax });
  addCacheRoute(router, { id, purge, peers, inFlight, askingInFlight });
  addClusterRoute(router, { ...options, lease });
  addClusterMetricsRoute(router, options);
  const hashing = new InFlight({ ...limits, requestsInFlightMax: limits.hashesInFlightMax });
  addClusterHashRoute(router, { ...options, inFlight: hashing });
  addWatchRoutes(router, { watches, client });
  addMetaRoutes(router, options);
  addOpenApiRoute(router, options);
  addShopRoutes(router, {
    shop: { reader, writer: client, definitions, committer, inProgress, clock, newUuid },
    inFlight,
  });
  return { router, readKey, readList };
}

export function createApp(
  options: AppOptions,
  reading: Reading = createReader(options),
  watches: Watches = createWatches(options),
): RequestListener {
  const { client, metrics, log, clock, access = null, cors = null } = options;
  const limits = { ...defaultLimits, ...options.limits };
  for (const each of [...client.replicas(), options]) metrics.mayAnswer(each.id);
  const { router, readKey, readList } = createRouter(options, reading, watches);
  guardRoutes(router, { access, origins: cors?.origins ?? [] });

  const app = new Koa<RequestState>();
  const observe = createObserver(metrics, log, clock);
  const problemAnswerTo = problemAnswers(log);
  app.use(observing(observe));
  app.use(answerProblems(problemAnswerTo, limits));
  app.use(normalizeTarget(limits));
  app.use(router.routes());
  app.use(answerUnrouted(cors));
  // What is left are connections that broke while a response was on its way.
  app.on('error', (error: NodeJS.ErrnoException) => log.debug('response lost', { code: error.code ?? error.name }));
  const theLongWay = app.callback();
  const { urlBytesMax } = limits;
  const takeTheShortWay = createShortWay({
    readKey: readable(access, readKey),
    readList: readable(access, readList),
    ...{ observe, problemAnswerTo, urlBytesMax },
  });
  return (request, response) => {
    cors?.prepare(request, response);
    if (!takeTheShortWay(request, response)) void theLongWay(request, response);
  };
}

export function createWatches({ client: store, clock, metrics, id, limits, access = null }: AppOptions): Watches {
  const { watchersMax } = { ...defaultLimits, ...limits };
  return new Watches({ store, clock, metrics, id, watchersMax, access });
}

/** What stands before the routes of reads, for the way that passes by them; without tokens it is nothing. */
function readable(access: Access | null, read: AdmittedRead): AdmittedRead {
  if (access === null) return read;
  return (request) => {
    access.check('read', request.headers.authorization, null);
    return read(request);
  };
}

type ProblemAnswerTo = (error: unknown, method: string) => Answer | null;

function answerProblems(problemAnswerTo: ProblemAnswerTo, limits: GatewayLimits) {
  return async (ctx: RequestContext, next: Next): Promise<void> => {
    ctx.respond = false;
    try {
      await next();
    } catch (error) {
      const answer = problemAnswerTo(error, ctx.method);
      if (answer !== null) send(ctx.res, answer);
    }
    if (!ctx.req.complete) discardRest(ctx.req, limits.discardBytesMax);
  };
}

/** What is to be sent for an error; null: there is nobody to send it to. */
function problemAnswers(log: Logger): ProblemAnswerTo {
  return (error, method) => (error instanceof ClientGoneError ? null : problemAnswer(problemOf(error, log), method));
}

function problemOf(error: unknown, log: Logger): HttpProblem {
  if (error instanceof HttpProblem) return error;
  log.error('request failed', { error: String((error as Error).stack) });
  return new HttpProblem('internal', 'the gateway failed; its log says how', 'unknown');
}

function normalizeTarget(limits: GatewayLimits) {
  return (ctx: RequestContext, next: Next): Promise<void> => {
    const target = ctx.url;
    if (target.length > limits.urlBytesMax) {
      throw new HttpProblem('url_too_long', `a URL is at most ${limits.urlBytesMax} bytes, got ${target.length}`);
    }
    ctx.url = originForm(target);
    return next();
  };
}

/** In the order in which Allow names them. */
const knownMethods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];

/** The router found no route for this path, or none for this method. */
function answerUnrouted(cors: Cors | null) {
  return (ctx: RequestContext): void => {
    const methods = knownMethods.filter((method) => ctx.matched?.some((layer) => layer.methods.includes(method)));
    if (methods.length === 0) throw new HttpProblem('unknown_route', 'there is nothing at this path');
    const allow = [...methods, 'OPTIONS'].join(', ');
    if (ctx.method === 'OPTIONS') {
      const headers = ['Allow', allow, ...(cors?.preflight(ctx.req, methods) ?? [])];
      send(ctx.res, { status: 204, headers, body: null });
    } else {
      const problem = new HttpProblem('method_not_allowed', `expected one of ${allow}`);
      send(ctx.res, problemAnswer(problem, ctx.method, ['Allow', allow]));
    }
  };
}
