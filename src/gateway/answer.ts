/**
 * Answers leave in one piece, past Koa's own response: this is the hot path, and there is one way out of it.
 */
import type { ServerResponse } from 'node:http';
import type { RouterContext } from '@koa/router';
import type { AnswerKind, CacheResult } from '../metrics.ts';
import { type Need, needing } from './access/needs.ts';

/** What became of a request, for metrics and the access log. */
export interface RequestState {
  /** Reads alone have these. */
  read?: { readonly result: CacheResult; readonly kind: AnswerKind; readonly cacheStatus: string };
  /** A replica, or this gateway itself; unset if nobody has answered. */
  servedBy?: string;
}

export type RequestContext = RouterContext<RequestState>;

export interface Answer {
  readonly status: number;
  /** Names and values in turn; without Content-Length where there is a body. */
  readonly headers: readonly string[];
  readonly body: string | Buffer | null;
  /** ASCII that goes before the body. */
  readonly start?: string;
}

/** Up to here copying a body behind its header costs less than a write of two parts. */
const joinedBytesMax = 16 * 1024;

export function send(response: ServerResponse, { status, headers, body, start = '' }: Answer): void {
  if (body === null) {
    response.writeHead(status, ['X-Content-Type-Options', 'nosniff', ...headers]);
    response.end();
    return;
  }
  const bytes = start.length + (typeof body === 'string' ? Buffer.byteLength(body) : body.byteLength);
  response.writeHead(status, ['X-Content-Type-Options', 'nosniff', 'Content-Length', String(bytes), ...headers]);
  // Node joins header and body where both are strings; in latin1 a character is a byte.
  if (typeof body === 'string') {
    response.end(start + body);
  } else if (bytes <= joinedBytesMax) {
    response.end(start + body.toString('latin1'), 'latin1');
  } else {
    if (start !== '') response.write(start, 'latin1');
    response.end(body);
  }
}

export function jsonAnswer(
  status: number,
  headers: readonly string[],
  body: unknown,
): Answer & { readonly body: string } {
  return { status, headers: ['Content-Type', 'application/json', ...headers], body: JSON.stringify(body) };
}

/** A route's handler as the router wants it, and what whoever calls it needs. */
export function answering(need: Need, handle: (ctx: RequestContext) => Answer | Promise<Answer>) {
  return needing(need, async (ctx: RequestContext): Promise<void> => send(ctx.res, await handle(ctx)));
}
