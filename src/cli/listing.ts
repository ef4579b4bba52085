/** Lists of keys, page by page. */
import type { KeyValue } from '../store/command.ts';
import { type Answer, type HttpRequest, jsonOf, timeoutQuery } from './http-client.ts';

/** An item of `GET /v1/kv`. */
export interface ListItem extends Pick<KeyValue, 'key' | 'modRevision' | 'version' | 'contentType'> {
  /** Bytes. */
  readonly size: number;
  readonly value?: string;
  /** In place of `value` where the bytes are not UTF-8. */
  readonly valueBase64?: string;
}

export interface ListPage {
  readonly revision: number;
  readonly items: readonly ListItem[];
  /** Null on the last page. */
  readonly cursor: string | null;
}

export interface ListQuery {
  readonly prefix: string;
  readonly limit: number;
  /** From the page before; null for the first. */
  readonly cursor: string | null;
  readonly keysOnly: boolean;
  readonly timeoutMs: number;
}

export function listRequest({ prefix, limit, cursor, keysOnly, timeoutMs }: ListQuery): HttpRequest {
  const query = { prefix, limit: `${limit}`, cursor, keysOnly: keysOnly ? 'true' : null, ...timeoutQuery(timeoutMs) };
  return { path: '/v1/kv', query, timeoutMs };
}

export function pageOf(answer: Answer): ListPage {
  const page = jsonOf(answer) as Omit<ListPage, 'cursor'> & { readonly cursor?: string | null };
  return { ...page, cursor: page.cursor ?? null };
}
