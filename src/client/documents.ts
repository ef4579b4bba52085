/** Documents of one collection. */
import type { DocumentDeleted, DocumentWritten, FoundDocument, SearchAnswer } from '../gateway/schemas/item.ts';
import { expiresAtOf, isReplayed, jsonOf, modRevisionOf, type Provenance, provenanceOf, unless } from './answers.ts';
import {
  conditions,
  idempotencyHeader,
  type LivingOptions,
  type PostOptions,
  type ReadOptions,
  readHeaders,
  readQuery,
  repeatOf,
  step,
  ttlText,
  type WriteOptions,
  withQuery,
} from './target.ts';
import type { Transport } from './transport.ts';

export interface DocumentRead<T> extends Provenance {
  readonly document: T;
  /** Of the last write to it: `ifMatch` of a write that is to replace this one. */
  readonly modRevision: number;
  /** RFC 3339, on the clock of the cluster; null: it stands for good. */
  readonly expiresAt: string | null;
}

/** What a field must be. All that is given must hold; a text or number alone is `eq`. */
export interface Condition {
  /** The whole text, an equal number, or all these words: as the field is indexed. */
  readonly eq?: string | number;
  /** A part of the text. */
  readonly contains?: string;
  readonly words?: string;
  readonly gt?: number;
  readonly gte?: number;
  readonly lt?: number;
  readonly lte?: number;
}

export interface SearchOptions extends ReadOptions {
  /** By the names of fields, each of which has an index. */
  readonly where?: Readonly<Record<string, string | number | Condition>>;
  /** Words, by the only index of kind `words`. */
  readonly q?: string;
  /** A field with an index of kind `number`; with a minus before it, from the highest on. */
  readonly sort?: string;
  /** These fields alone. */
  readonly fields?: readonly string[];
  /** Of a page, 1 to 1000. */
  readonly limit?: number;
  /** Whether to count all that fit. */
  readonly count?: boolean;
}

export interface Found<T> extends Omit<FoundDocument, 'document'> {
  /** With `fields`: those alone. */
  readonly document: T;
}

export interface SearchPage<T> extends Omit<SearchAnswer, 'items'> {
  readonly items: readonly Found<T>[];
}

const notThere = ['document_not_found'];

/** `T`: what its documents are; nobody checks that. */
export class Documents<T extends object = Record<string, unknown>> {
  readonly #transport: Transport;
  readonly #path: string;

  /** Throws BazarError for a name that no URL can have. */
  constructor(transport: Transport, collection: string) {
    this.#transport = transport;
    this.#path = `/v1/collections/${step(collection)}/items`;
  }

  /** Null: there is no such document. */
  async get(id: string, options: ReadOptions = {}): Promise<DocumentRead<T> | null> {
    const target = withQuery(this.#item(id), readQuery(options));
    const request = { method: 'GET', target, headers: readHeaders(options), repeat: 'always' } as const;
    const answer = await unless(notThere, this.#transport.call(request, options));
    if (answer === null) return null;
    return {
      document: jsonOf<T>(answer),
      modRevision: modRevisionOf(answer),
      expiresAt: expiresAtOf(answer),
      ...provenanceOf(answer),
    };
  }

  /** The whole document, with its id in it. */
  async put(
    id: string,
    document: T,
    options: WriteOptions & LivingOptions = {},
  ): Promise<DocumentWritten & { readonly created: boolean }> {
    const headers = { ...conditions(options), 'Content-Type': 'application/json' };
    const target = withQuery(this.#item(id), { ttl: ttlText(options) });
    const body = JSON.stringify(document);
    const request = { method: 'PUT', target, headers, body, repeat: repeatOf(options) } as const;
    const answer = await this.#transport.call(request, options);
    return { ...jsonOf<DocumentWritten>(answer), created: answer.status === 201 };
  }

  /** Under the id that stands in it; there must be none with that. `replayed`: an earlier call with the same key has done it. */
  async create(
    document: T,
    options: PostOptions & LivingOptions = {},
  ): Promise<DocumentWritten & { readonly replayed: boolean }> {
    const headers = { ...idempotencyHeader(options), 'Content-Type': 'application/json' };
    const target = withQuery(this.#path, { ttl: ttlText(options) });
    const body = JSON.stringify(document);
    const answer = await this.#transport.call({ method: 'POST', target, headers, body, repeat: 'always' }, options);
    return { ...jsonOf<DocumentWritten>(answer), replayed: isReplayed(answer) };
  }

  /** RFC 7396: members replace those of the document, null takes them away. */
  async patch(
    id: string,
    patch: { readonly [Field in keyof T]?: T[Field] | null },
    options: WriteOptions = {},
  ): Promise<DocumentWritten> {
    const headers = { ...conditions(options), 'Content-Type': 'application/merge-patch+json' };
    const body = JSON.stringify(patch);
    const request = { method: 'PATCH', target: this.#item(id), headers, body, repeat: repeatOf(options) } as const;
    return jsonOf(await this.#transport.call(request, options));
  }

  /** Null: there was no such document. */
  async delete(id: string, options: WriteOptions = {}): Promise<DocumentDeleted | null> {
    const repeat = repeatOf(options);
    const request = { method: 'DELETE', target: this.#item(id), headers: conditions(options), repeat } as const;
    const answer = await unless(notThere, this.#transport.call(request, options));
    return answer === null ? null : jsonOf(answer);
  }

  /** What fits, page by page. */
  async *search(options: SearchOptions = {}): AsyncGenerator<Found<T>, void, undefined> {
    for await (const { items } of this.pages(options)) yield* items;
  }

  /** Each page is of one revision, and a later one of a later revision. */
  async *pages(options: SearchOptions = {}): AsyncGenerator<SearchPage<T>, void, undefined> {
    const { q, sort, fields, limit, count, where = {} } = options;
    const values = { ...filters(where), q, sort, fields: fields?.join(','), limit, count, ...readQuery(options) };
    let cursor: string | null | undefined;
    do {
      const target = withQuery(this.#path, { ...values, cursor });
      const request = { method: 'GET', target, headers: readHeaders(options), repeat: 'always' } as const;
      const page = jsonOf<SearchPage<T>>(await this.#transport.call(request, options));
      yield page;
      cursor = page.cursor;
    } while (cursor !== null);
  }

  #item(id: string): string {
    return `${this.#path}/${step(id)}`;
  }
}

/** With their operators spelt out: a field may be called like a parameter. */
function filters(where: NonNullable<SearchOptions['where']>): Record<string, string | number | undefined> {
  return Object.fromEntries(
    Object.entries(where).flatMap(([field, condition]) => {
      const operators = typeof condition === 'object' ? condition : { eq: condition };
      return Object.entries(operators).map(([operator, value]) => [`${field}.${operator}`, value]);
    }),
  );
}
