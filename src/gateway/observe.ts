import type { Next } from 'koa';
import type { Logger } from '../logger.ts';
import type { GatewayMetrics } from '../metrics.ts';
import type { Clock } from '../system-clock.ts';
import type { RequestContext } from './answer.ts';

const knownMethods = new Set(['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'POST', 'PATCH']);

/** Metrics and access log. Neither ever sees a key, a value, or anything else a client chose. */
export function observe(metrics: GatewayMetrics, log: Logger, clock: Clock) {
  return (ctx: RequestContext, next: Next): Promise<void> => {
    const began = clock.now();
    metrics.requestBegan();
    ctx.res.on('close', () => {
      const ms = clock.now() - began;
      const route = ctx.matched?.[0]?.name ?? 'unmatched';
      const method = knownMethods.has(ctx.method) ? ctx.method : 'other';
      // 499: the client, or a limit on it, closed the connection first.
      const status = ctx.res.writableFinished ? ctx.res.statusCode : 499;
      metrics.requestEnded(route, method, String(status), ms / 1000);
      const { read, servedBy } = ctx.state;
      if (read !== undefined) metrics.readEnded(read.result, read.kind);
      if (servedBy !== undefined) metrics.answered(servedBy);
      if (log.level !== 'debug') return;
      const cache = read?.cacheStatus ?? null;
      log.debug('request', { route, method, status, ms: Math.round(ms * 1000) / 1000, cache });
    });
    return next();
  };
}
