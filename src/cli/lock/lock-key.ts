/** The key of a lock, asked of one gateway after another. What it holds says who has the lock; nobody needs to trust that. */
import { exitCodes, Failure } from '../failure.ts';
import { type Answer, failureOf, type HttpClient, jsonOf, keyPath, timeoutQuery } from '../http-client.ts';

export type Attempt =
  | { readonly type: 'done'; readonly revision: number }
  /** The key is there, or not as it was: nothing was done. */
  | { readonly type: 'refused' }
  /** It may have been done, or may still be. */
  | { readonly type: 'unknown'; readonly failure: Failure };

export interface Seen {
  /** At which it was looked at. */
  readonly revision: number;
  /** Null: nobody has the lock. */
  readonly item: { readonly modRevision: number; readonly value: string } | null;
}

export type Waited =
  /** The lock may be free now. */
  | { readonly type: 'freed' }
  | { readonly type: 'held'; readonly from: string }
  /** What happened meanwhile is not known: look again. */
  | { readonly type: 'unknown' };

/** All times are in milliseconds. Permanent refusals are thrown as Failure, and those that may pass too where it says so. */
export interface LockKey {
  readonly key: string;
  create(timeoutMs: number): Promise<Attempt>;
  /** It lasts for another `ttlMs` if it is at this revision. */
  renew(modRevision: number, timeoutMs: number): Promise<Attempt>;
  remove(modRevision: number, timeoutMs: number): Promise<Attempt>;
  /** Throws Failure with exit code `unavailable` if nobody can say. */
  look(timeoutMs: number): Promise<Seen>;
  /** Until something happens to it after `from`, or the time is up. Throws as `look`. */
  wait(from: string, waitMs: number, interrupted: AbortSignal): Promise<Waited>;
}

export interface LockKeyOptions {
  /** One for each gateway; the next one is asked when one fails. */
  readonly clients: readonly Pick<HttpClient, 'request'>[];
  readonly name: string;
  readonly ttlMs: number;
  readonly value: string;
}

/** How long a gateway may take to begin a watch. */
const beginMs = 5000;

export function openLockKey({ clients, name, ttlMs, value }: LockKeyOptions): LockKey {
  const key = `locks/${name}`;
  const path = keyPath(key);
  const lifetime = { ttl: `${ttlMs}ms` };
  let turn = 0;

  const request = async (asked: Parameters<HttpClient['request']>[0]): Promise<Answer> => {
    const client = clients[turn % clients.length] as LockKeyOptions['clients'][number];
    try {
      return await client.request(asked);
    } catch (error) {
      turn += 1;
      throw error;
    }
  };
  const attempt = async (
    method: 'PUT' | 'DELETE',
    precondition: Readonly<Record<string, string>>,
    timeoutMs: number,
  ): Promise<Attempt> => {
    const content =
      method === 'PUT'
        ? { query: { ...timeoutQuery(timeoutMs), ...lifetime }, body: Buffer.from(value) }
        : { query: timeoutQuery(timeoutMs) };
    const headers = { ...precondition, ...(method === 'PUT' ? { 'Content-Type': 'application/json' } : {}) };
    try {
      const answer = await request({ method, path, headers, timeoutMs, ...content });
      if (answer.status === 412 || answer.status === 404) return refusal(answer);
      if (answer.status !== 200 && answer.status !== 201) throw failureOf(answer);
      const { revision } = jsonOf(answer) as { readonly revision: number };
      return { type: 'done', revision };
    } catch (error) {
      if (isPassing(error)) return { type: 'unknown', failure: error };
      throw error;
    }
  };

  return {
    key,
    create: (timeoutMs) => attempt('PUT', { 'If-None-Match': '*' }, timeoutMs),
    renew: (modRevision, timeoutMs) => attempt('PUT', { 'If-Match': `"${modRevision}"` }, timeoutMs),
    remove: (modRevision, timeoutMs) => attempt('DELETE', { 'If-Match': `"${modRevision}"` }, timeoutMs),
    async look(timeoutMs) {
      const answer = await request({ path, query: timeoutQuery(timeoutMs), timeoutMs });
      const failure = answer.status === 200 ? null : failureOf(answer);
      if (failure !== null && failure.exitCode !== exitCodes.notFound) throw failure;
      const revision = Number(answer.headers['bazar-revision']);
      if (failure !== null) return { revision, item: null };
      const modRevision = Number(answer.headers.etag?.replaceAll('"', ''));
      return { revision, item: { modRevision, value: answer.body.toString() } };
    },
    async wait(from, waitMs, interrupted) {
      const query = { prefix: key, from, wait: `${waitMs}ms`, ...timeoutQuery(beginMs) };
      const answer = await request({ path: '/v1/watch', query, timeoutMs: waitMs + beginMs, interrupted });
      if (answer.status === 410) return { type: 'unknown' };
      if (answer.status !== 200) throw failureOf(answer);
      const { changes, cursor } = jsonOf(answer) as ChangesAnswer;
      const last = changes.findLast((change) => change.key === key);
      return last?.event === 'delete' ? { type: 'freed' } : { type: 'held', from: cursor };
    },
  };
}

interface ChangesAnswer {
  readonly changes: readonly { readonly event: string; readonly key?: string }[];
  readonly cursor: string;
}

/** Addresses that are no gateway's answer 404 as well. */
function refusal(answer: Answer): Attempt {
  const failure = failureOf(answer);
  if (answer.status === 412 || failure.exitCode === exitCodes.notFound) return { type: 'refused' };
  throw failure;
}

/** It may be otherwise in a moment, or at another gateway. */
export function isPassing(error: unknown): error is Failure {
  return error instanceof Failure && error.exitCode === exitCodes.unavailable;
}
