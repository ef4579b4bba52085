/**
 * The gateway without its socket. The order of `use` is the way of a request.
 */
import { Router } from '@koa/router';
import Koa, { type Next } from 'koa';
import type { Logger } from '../logger.ts';
import type { GatewayMetrics } from '../metrics.ts';
import type { StoreClient } from '../store/client.ts';
import type { Clock } from '../system-clock.ts';
import { type RequestContext, type RequestState, send } from './answer.ts';
import { ClientGoneError, discardRest } from './body.ts';
import { HttpProblem, problemAnswer } from './errors.ts';
import { InFlight } from './in-flight.ts';
import { defaultLimits, type GatewayLimits } from './limits.ts';
import { observe } from './observe.ts';
import type { Peers } from './peers.ts';
import { type CachingOptions, createReader, type GatewayReader } from './reader.ts';
import { addCacheRoute } from './routes/cache.ts';
import { addClusterRoute, type GatewayView } from './routes/cluster.ts';
import { addClusterMetricsRoute } from './routes/cluster-metrics.ts';
import { addKvRoutes } from './routes/kv.ts';
import { addListRoute } from './routes/list.ts';
import { addMetaRoutes } from './routes/meta.ts';
import { originForm } from './target.ts';

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
  readonly metrics: GatewayMetrics;
  readonly log: Logger;
  readonly limits?: Partial<GatewayLimits>;
}

export function createApp(
  options: AppOptions,
  { reader, purge, lease }: Pick<GatewayReader, 'reader' | 'purge' | 'lease'> = createReader(options),
): Koa<RequestState> {
  const { client, id, peers, metrics, log, clock } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const inFlight = new InFlight(limits);
  for (const each of [...client.replicas(), options]) metrics.mayAnswer(each.id);

  const router = new Router<RequestState>({ sensitive: true, strict: true });
  addKvRoutes(router, { reader, writer: client, inFlight, bodyBytesMax: limits.bodyBytesMax });
  addListRoute(router, { reader, inFlight });
  const askingInFlight = new InFlight({ ...limits, requestsInFlightMax: limits.purgesInFlightMax });
  addCacheRoute(router, { id, purge, peers, inFlight, askingInFlight });
  addClusterRoute(router, { ...options, lease });
  addClusterMetricsRoute(router, options);
  addMetaRoutes(router, options);

  const app = new Koa<RequestState>();
  app.use(observe(metrics, log, clock));
  app.use(answerProblems(log, limits));
  app.use(normalizeTarget(limits));
  app.use(router.routes());
  app.use(answerUnrouted);
  // What is left are connections that broke while a response was on its way.
  app.on('error', (error: NodeJS.ErrnoException) => log.debug('response lost', { code: error.code ?? error.name }));
  return app;
}

function answerProblems(log: Logger, limits: GatewayLimits) {
  return async (ctx: RequestContext, next: Next): Promise<void> => {
    ctx.respond = false;
    try {
      await next();
    } catch (error) {
      if (!(error instanceof ClientGoneError)) send(ctx.res, problemAnswer(problemOf(error, log), ctx.method));
    }
    if (!ctx.req.complete) discardRest(ctx.req, limits.discardBytesMax);
  };
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
const knownMethods = ['GET', 'HEAD', 'PUT', 'DELETE'];

/** The router found no route for this path, or none for this method. */
function answerUnrouted(ctx: RequestContext): void {
  const methods = knownMethods.filter((method) => ctx.matched?.some((layer) => layer.methods.includes(method)));
  if (methods.length === 0) throw new HttpProblem('unknown_route', 'there is nothing at this path');
  const allow = [...methods, 'OPTIONS'].join(', ');
  if (ctx.method === 'OPTIONS') {
    send(ctx.res, { status: 204, headers: ['Allow', allow], body: null });
  } else {
    const problem = new HttpProblem('method_not_allowed', `expected one of ${allow}`);
    send(ctx.res, problemAnswer(problem, ctx.method, ['Allow', allow]));
  }
}
