/** Puts what its declaration asks for before each route. */
import type { Router } from '@koa/router';
import type { Next } from 'koa';
import type { RequestContext, RequestState } from '../answer.ts';
import type { Access } from './access.ts';
import { needOf, type Role } from './needs.ts';
import { checkPage } from './pages.ts';

export interface GuardOptions {
  /** Null: whoever reaches the gateway may do everything. */
  readonly access: Access | null;
  /** Origins whose pages may write where `access` is null; besides the gateway's own. */
  readonly origins: readonly string[];
}

/** Throws Error for a route that does not declare what it needs: it is a mistake of whoever added it. */
export function guardRoutes(router: Router<RequestState>, { access, origins }: GuardOptions): void {
  for (const { methods, path, name, stack } of router.stack) {
    const need = needOf(stack);
    const route = `${methods.join(' ')} ${name ?? path}`;
    if (need === null) throw new Error(`${route} does not declare, once, what it needs; see answering() and needing()`);
    if (need === 'public') continue;
    stack.unshift(access === null ? pageGuard(origins) : roleGuard(access, need));
  }
}

function roleGuard(access: Access, need: Role) {
  return (ctx: RequestContext, next: Next): Promise<void> => {
    const { method, url: target } = ctx;
    access.check(need, ctx.headers.authorization, { method, target });
    return next();
  };
}

function pageGuard(origins: readonly string[]) {
  return (ctx: RequestContext, next: Next): Promise<void> => {
    checkPage(ctx, origins);
    return next();
  };
}
