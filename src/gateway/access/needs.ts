/** Who may do what, and what each route says it needs. */

/** Each may do what those before it may. */
export const roles = ['read', 'write', 'admin'] as const;
export type Role = (typeof roles)[number];

/** `public` is for everybody, with a token or without. */
export type Need = Role | 'public';

export function allows(role: Role, need: Need): boolean {
  return need === 'public' || roles.indexOf(role) >= roles.indexOf(need);
}

const needs = new WeakMap<object, Need>();

/** Declares what whoever comes to this middleware of a route needs. A route without such a middleware is refused. */
export function needing<Middleware extends object>(need: Need, middleware: Middleware): Middleware {
  needs.set(middleware, need);
  return middleware;
}

/** Null where nothing is declared, or two things are. */
export function needOf(middleware: readonly object[]): Need | null {
  const declared = middleware.flatMap((each) => needs.get(each) ?? []);
  return declared.length === 1 ? (declared[0] ?? null) : null;
}
