/** Values under keys. */
import type { DeleteAnswer, DeleteRangeAnswer, ListAnswer, ListedKey, PutAnswer } from '../gateway/schemas/kv.ts';
import { expiresAtOf, jsonOf, modRevisionOf, type Provenance, provenanceOf, unless } from './answers.ts';
import {
  conditions,
  type LivingOptions,
  type ReadOptions,
  readHeaders,
  readQuery,
  repeatOf,
  step,
  ttlText,
  type WriteOptions,
  withQuery,
} from './target.ts';
import type { CallOptions, Transport } from './transport.ts';

export interface KeyValue extends Provenance {
  readonly key: string;
  readonly bytes: Uint8Array;
  readonly contentType: string;
  /** Of the last write to it: `ifMatch` of a write that is to replace this one. */
  readonly modRevision: number;
  /** RFC 3339, on the clock of the cluster; null: it stands for good. */
  readonly expiresAt: string | null;
  /** UTF-8. */
  text(): string;
  /** Throws SyntaxError if it is no JSON. */
  json<T = unknown>(): T;
}

export interface PutOptions extends WriteOptions, LivingOptions {
  /** `application/json` for what is made JSON of, `text/plain; charset=utf-8` for texts, else `application/octet-stream`. */
  readonly contentType?: string;
}

export interface ListOptions extends ReadOptions {
  /** All keys if it is empty. */
  readonly prefix?: string;
  readonly keysOnly?: boolean;
  /** Of a page, 1 to 1000. */
  readonly limit?: number;
}

/** A text, bytes, or what is to be stored as JSON. */
export type Storable = string | Uint8Array | { readonly json: unknown };

export class Keys {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Null: there is no such key. */
  async get(key: string, options: ReadOptions = {}): Promise<KeyValue | null> {
    const target = withQuery(path(key), readQuery(options));
    const request = { method: 'GET', target, headers: readHeaders(options), repeat: 'always' } as const;
    const answer = await unless(['key_not_found'], this.#transport.call(request, options));
    if (answer === null) return null;
    const bytes = answer.body;
    const text = () => new TextDecoder().decode(bytes);
    return {
      ...{ key, bytes, text, json: <T>() => JSON.parse(text()) as T },
      contentType: answer.headers.get('Content-Type') ?? '',
      modRevision: modRevisionOf(answer),
      expiresAt: expiresAtOf(answer),
      ...provenanceOf(answer),
    };
  }

  /** `created`: there was no such key. */
  async put(
    key: string,
    value: Storable,
    options: PutOptions = {},
  ): Promise<PutAnswer & { readonly created: boolean }> {
    const { body, type } = stored(value);
    const headers = { ...conditions(options), 'Content-Type': options.contentType ?? type };
    const target = withQuery(path(key), { ttl: ttlText(options) });
    const repeat = repeatOf(options);
    const answer = await this.#transport.call({ method: 'PUT', target, headers, body, repeat }, options);
    return { ...jsonOf<PutAnswer>(answer), created: answer.status === 201 };
  }

  /** Into a value that is a JSON object (RFC 7396): members replace those of it, null takes them away. */
  async patch(key: string, patch: object, options: WriteOptions = {}): Promise<PutAnswer> {
    const headers = { ...conditions(options), 'Content-Type': 'application/merge-patch+json' };
    const body = JSON.stringify(patch);
    const request = { method: 'PATCH', target: path(key), headers, body, repeat: repeatOf(options) } as const;
    return jsonOf(await this.#transport.call(request, options));
  }

  /** Null: there was no such key. */
  async delete(key: string, options: WriteOptions = {}): Promise<DeleteAnswer | null> {
    const repeat = repeatOf(options);
    const request = { method: 'DELETE', target: path(key), headers: conditions(options), repeat } as const;
    const answer = await unless(['key_not_found'], this.#transport.call(request, options));
    return answer === null ? null : jsonOf(answer);
  }

  /** All keys that begin with it, 10,000 at most, at one revision. */
  async deleteRange(prefix: string, options: CallOptions = {}): Promise<DeleteRangeAnswer> {
    const target = withQuery('/v1/kv', { prefix, confirm: true });
    return jsonOf(await this.#transport.call({ method: 'DELETE', target, repeat: 'never' }, options));
  }

  /** In the order of their bytes, page by page: each page is of one revision, and a later one of a later revision. */
  async *list(options: ListOptions = {}): AsyncGenerator<ListedKey, void, undefined> {
    const { prefix, keysOnly, limit } = options;
    let cursor: string | null | undefined;
    do {
      const target = withQuery('/v1/kv', { prefix, keysOnly, limit, cursor, ...readQuery(options) });
      const request = { method: 'GET', target, headers: readHeaders(options), repeat: 'always' } as const;
      const page = jsonOf<ListAnswer>(await this.#transport.call(request, options));
      yield* page.items;
      cursor = page.cursor;
    } while (cursor !== null);
  }
}

function path(key: string): string {
  return `/v1/kv/${step(key)}`;
}

function stored(value: Storable): { readonly body: string | Uint8Array; readonly type: string } {
  if (typeof value === 'string') return { body: value, type: 'text/plain; charset=utf-8' };
  if (value instanceof Uint8Array) return { body: value, type: 'application/octet-stream' };
  const body = JSON.stringify(value.json) as string | undefined;
  if (body !== undefined) return { body, type: 'application/json' };
  throw new TypeError(`expected { json } with what JSON can hold, got ${typeof value.json}`);
}
