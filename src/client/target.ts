/** Paths, queries and headers of requests. */
import { BazarError } from './errors.ts';
import type { CallOptions } from './transport.ts';

export interface ReadOptions extends CallOptions {
  /** `stale`: any replica answers at once from what it has. */
  readonly consistency?: 'linearizable' | 'stale';
  /** This replica, and no other, is to answer. */
  readonly replica?: string;
  /** Of a stale read: it sees this revision. That of a write makes it see the write. */
  readonly minRevision?: number;
  /** Whatever the gateway keeps, a replica is asked. */
  readonly noCache?: boolean;
}

export interface WriteOptions extends CallOptions {
  /** Only if it is at this revision, or there at all (`*`). */
  readonly ifMatch?: number | '*';
  /** Only if it is not there. */
  readonly ifNoneMatch?: '*';
}

export interface LivingOptions {
  /** It ends by itself after this time: milliseconds, or a text such as `30s`, `5m`, `24h`, `7d`. Without: never. */
  readonly ttl?: number | string;
}

export interface PostOptions extends CallOptions {
  /**
   * Makes the request happen once however often it is sent. The client makes one for each call: give your own where the call
   * itself may be made again, after a restart for one.
   */
  readonly idempotencyKey?: string;
}

type Value = string | number | boolean | null | undefined;

/** Without what is undefined, null or false. */
export function withQuery(path: string, values: Readonly<Record<string, Value>>): string {
  const given = Object.entries(values).filter(([, value]) => value !== undefined && value !== null && value !== false);
  const query = given
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`)
    .join('&');
  return query === '' ? path : `${path}?${query}`;
}

/** One step of a path. Throws BazarError for what URLs take for another place. */
export function step(name: string): string {
  if (name !== '.' && name !== '..' && name.isWellFormed()) return encodeURIComponent(name);
  const detail = `${JSON.stringify(name)} cannot be named in a URL; a transaction can name it`;
  throw new BazarError(detail, { code: 'bad_name' });
}

export function readQuery({ consistency, replica }: ReadOptions): Readonly<Record<string, Value>> {
  return { consistency, replica };
}

export function readHeaders({ minRevision, noCache }: ReadOptions): Record<string, string> {
  return {
    ...(minRevision === undefined ? {} : { 'Bazar-Min-Revision': String(minRevision) }),
    ...(noCache === true ? { 'Cache-Control': 'no-cache' } : {}),
  };
}

export function ttlText({ ttl }: LivingOptions): string | undefined {
  return typeof ttl === 'number' ? `${ttl}ms` : ttl;
}

export function conditions({ ifMatch, ifNoneMatch }: WriteOptions): Record<string, string> {
  return {
    ...(ifMatch === undefined ? {} : { 'If-Match': ifMatch === '*' ? '*' : `"${ifMatch}"` }),
    ...(ifNoneMatch === undefined ? {} : { 'If-None-Match': ifNoneMatch }),
  };
}

/** One that names a revision, or nothing, is done once at most. */
export function repeatOf({ ifMatch, ifNoneMatch }: WriteOptions): 'once' | 'never' {
  return typeof ifMatch === 'number' || ifNoneMatch !== undefined ? 'once' : 'never';
}

export function idempotencyHeader({ idempotencyKey = crypto.randomUUID() }: PostOptions): Record<string, string> {
  return { 'Idempotency-Key': idempotencyKey };
}
