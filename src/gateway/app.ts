/**
 * The gateway without its socket. The order of `use` is the way of a request, plain reads apart.
 */
import type { RequestListener } from 'node:http';
import { Router } from '@koa/router';
import Koa, { type Next } from 'koa';
import type { Logger } from '../logger.ts';
import type { GatewayMetrics } from '../metrics.ts';
import type { StoreClient } from '../store/client.ts';
import type { Clock } from '../system-clock.ts';
import { type Answer, answering, type RequestContext, type RequestState, send } from './answer.ts';
import { ClientGoneError, discardRest } from './body.ts';
import { HttpProblem, problemAnswer } from './errors.ts';
import { InFlight } from './in-flight.ts';
import { createKeyRead } from './key-read.ts';
import { defaultLimits, type GatewayLimits } from './limits.ts';
import { createListRead, listPath } from './list-read.ts';
import { createObserver, observing } from './observe.ts';
import type { Peers } from './peers.ts';
import { type CachingOptions, createReader, type GatewayReader } from './reader.ts';
import { addCacheRoute } from './routes/cache.ts';
import { addClusterRoute, type GatewayView } from './routes/cluster.ts';
import { addClusterMetricsRoute } from './routes/cluster-metrics.ts';
import { addKvRoutes } from './routes/kv.ts';
import { addMetaRoutes } from './routes/meta.ts';
import { createShortWay } from './short-way.ts';
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
): RequestListener {
  const { client, id, peers, metrics, log, clock } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const inFlight = new InFlight(limits);
  for (const each of [...client.replicas(), options]) metrics.mayAnswer(each.id);

  const router = new Router<RequestState>({ sensitive: true, strict: true });
  const readKey = inFlight.admitting(createKeyRead(reader));
  const readList = inFlight.admitting(createListRead(reader));
  addKvRoutes(router, { read: readKey, writer: client, inFlight, bodyBytesMax: limits.bodyBytesMax });
  router.get(listPath, listPath, answering(readList));
  const askingInFlight = new InFlight({ ...limits, requestsInFlightMax: limits.purgesInFlightMax });
  addCacheRoute(router, { id, purge, peers, inFlight, askingInFlight });
  addClusterRoute(router, { ...options, lease });
  addClusterMetricsRoute(router, options);
  addMetaRoutes(router, options);

  const app = new Koa<RequestState>();
  const observe = createObserver(metrics, log, clock);
  const problemAnswerTo = problemAnswers(log);
  app.use(observing(observe));
  app.use(answerProblems(problemAnswerTo, limits));
  app.use(normalizeTarget(limits));
  app.use(router.routes());
  app.use(answerUnrouted);
  // What is left are connections that broke while a response was on its way.
  app.on('error', (error: NodeJS.ErrnoException) => log.debug('response lost', { code: error.code ?? error.name }));
  const theLongWay = app.callback();
  const { urlBytesMax } = limits;
  const takeTheShortWay = createShortWay({ readKey, readList, observe, problemAnswerTo, urlBytesMax });
  return (request, response) => {
    if (!takeTheShortWay(request, response)) void theLongWay(request, response);
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
