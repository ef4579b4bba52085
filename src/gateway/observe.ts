import type { ServerResponse } from 'node:http';
import type { Next } from 'koa';
import type { Logger } from '../logger.ts';
import type { GatewayMetrics } from '../metrics.ts';
import type { Clock } from '../system-clock.ts';
import type { RequestContext, RequestState } from './answer.ts';

const knownMethods = new Set(['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'POST', 'PATCH']);

/** A request that has begun. */
export interface Observed {
  readonly res: ServerResponse;
  readonly method: string;
  readonly state: RequestState;
  /** Its template; to be asked when the request ends. */
  readonly route: () => string;
}

/** Metrics and access log. Neither ever sees a key, a value, or anything else a client chose. */
export function createObserver(metrics: GatewayMetrics, log: Logger, clock: Clock): (request: Observed) => void {
  return (request) => {
    const { res } = request;
    const began = clock.now();
    metrics.requestBegan();
    res.on('close', () => {
      const ms = clock.now() - began;
      const route = request.route();
      const method = knownMethods.has(request.method) ? request.method : 'other';
      // 499: the client, or a limit on it, closed the connection first.
      const status = res.writableFinished ? res.statusCode : 499;
      metrics.requestEnded(route, method, String(status), ms / 1000);
      const { read, servedBy } = request.state;
      if (read !== undefined) metrics.readEnded(read.result, read.kind);
      if (servedBy !== undefined) metrics.answered(servedBy);
      if (log.level !== 'debug') return;
      const cache = read?.cacheStatus ?? null;
      log.debug('request', { route, method, status, ms: Math.round(ms * 1000) / 1000, cache });
    });
  };
}

export function observing(observe: (request: Observed) => void) {
  return (ctx: RequestContext, next: Next): Promise<void> => {
    const { res, method, state } = ctx;
    observe({ res, method, state, route: () => ctx.matched?.[0]?.name ?? 'unmatched' });
    return next();
  };
}
