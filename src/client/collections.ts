/** Definitions of collections. */
import type {
  CollectionAnswer,
  CollectionInput,
  CollectionsAnswer,
  DefinedAnswer,
  DroppedAnswer,
} from '../gateway/schemas/collection.ts';
import { jsonOf, unless } from './answers.ts';
import {
  conditions,
  type ReadOptions,
  readHeaders,
  readQuery,
  repeatOf,
  step,
  type WriteOptions,
  withQuery,
} from './target.ts';
import type { CallOptions, Transport } from './transport.ts';

export class Collections {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  async list(options: ReadOptions = {}): Promise<CollectionsAnswer> {
    const target = withQuery('/v1/collections', readQuery(options));
    const request = { method: 'GET', target, headers: readHeaders(options), repeat: 'always' } as const;
    return jsonOf(await this.#transport.call(request, options));
  }

  /** Null: there is no such collection. */
  async get(name: string, options: ReadOptions = {}): Promise<CollectionAnswer | null> {
    const target = withQuery(path(name), readQuery(options));
    const request = { method: 'GET', target, headers: readHeaders(options), repeat: 'always' } as const;
    const answer = await unless(['collection_not_found'], this.#transport.call(request, options));
    return answer === null ? null : jsonOf(answer);
  }

  /** Makes it, or changes its indexes; new ones are built while everything goes on, and `get` says how far they are. */
  async define(
    name: string,
    definition: CollectionInput,
    options: WriteOptions = {},
  ): Promise<DefinedAnswer & { readonly created: boolean }> {
    const headers = { ...conditions(options), 'Content-Type': 'application/json' };
    const body = JSON.stringify(definition);
    // Twice the same is as good as once, unless another definition came between: that is for a condition to find out.
    const request = { method: 'PUT', target: path(name), headers, body, repeat: repeatOf(options) } as const;
    const answer = await this.#transport.call(request, options);
    return { ...jsonOf<DefinedAnswer>(answer), created: answer.status === 201 };
  }

  /** With all its documents. Null: there was no such collection. */
  async drop(name: string, options: CallOptions = {}): Promise<DroppedAnswer | null> {
    const target = withQuery(path(name), { confirm: true });
    const call = this.#transport.call({ method: 'DELETE', target, repeat: 'never' }, options);
    const answer = await unless(['collection_not_found'], call);
    return answer === null ? null : jsonOf(answer);
  }
}

function path(name: string): string {
  return `/v1/collections/${step(name)}`;
}
