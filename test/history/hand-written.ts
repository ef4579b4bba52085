/** Short histories by hand: each operation its client, its times, what it asked and what it was told. */
import type { Condition, Item, Operation, Outcome, Reply, Request } from './operation.ts';

/** `[client, invokedAt, returnedAt, request, outcome]` */
export type Line = readonly [client: string, invokedAt: number, returnedAt: number, request: Request, outcome: Outcome];

export function history(...lines: readonly Line[]): readonly Operation[] {
  return lines
    .toSorted(([, a], [, b]) => a - b)
    .map(([client, invokedAt, returnedAt, request, outcome], number) => ({
      ...{ number, client, request, invokedAt, returnedAt, outcome },
    }));
}

export const unknown: Outcome = { type: 'unknown' };
export const notApplied: Outcome = { type: 'notApplied' };

export const ifAbsent: Condition = { type: 'absent' };
export const ifAt = (revision: number): Condition => ({ type: 'matches', revision });

export const get = (key: string): Request => ({ type: 'get', key });
export const head = (key: string): Request => ({ type: 'get', key, form: { type: 'head' } });
export const getUnlessAt = (key: string, revision: number): Request => ({
  ...{ type: 'get', key, form: { type: 'unlessAt', revision } },
});
export const put = (key: string, value: string, condition: Condition = { type: 'none' }): Request => ({
  ...{ type: 'put', key, value, condition },
});
export const remove = (key: string, condition: Condition = { type: 'none' }): Request => ({
  ...{ type: 'delete', key, condition },
});
export const list = (prefix: string, limit = 100): Request => ({ type: 'list', prefix, limit });
export const listAfter = (key: string, prefix: string, limit = 100): Request => ({
  ...{ type: 'list', prefix, limit, after: { key, cursor: 'c' } },
});

const answered = (reply: Reply): Outcome => ({ type: 'answered', reply });

/** A get of `key` that was evaluated at `revision` and saw this value of this revision. */
export const got = (key: string, value: string, modRevision: number, revision = modRevision): Outcome =>
  answered({ type: 'got', revision, item: { key, value, modRevision } });
export const gotNothing = (revision: number): Outcome => answered({ type: 'got', revision, item: null });
/** No value was told: HEAD, or 304. */
export const checked = (current: number, revision = current): Outcome =>
  answered({ type: 'checked', revision, current });
export const done = (revision: number, version: number): Outcome =>
  answered({ type: 'put', revision, version, created: version === 1 });
export const deleted = (revision: number): Outcome => answered({ type: 'deleted', revision });
export const notFound: Outcome = answered({ type: 'notFound' });
export const conditionFailed = (current: number): Outcome => answered({ type: 'conditionFailed', current });
export const listed = (revision: number, items: readonly Item[], more = false): Outcome =>
  answered({ type: 'listed', revision, items, more });
export const item = (key: string, value: string, modRevision: number, version: number): Item => ({
  ...{ key, value, modRevision, version },
});
