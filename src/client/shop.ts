/** Books and orders. */
import type { Book, BooksAnswer, Order, OrderAnswer, OrderInput, OrdersAnswer } from '../gateway/schemas/order.ts';
import { isReplayed, jsonOf, unless } from './answers.ts';
import {
  idempotencyHeader,
  type PostOptions,
  type ReadOptions,
  readHeaders,
  readQuery,
  step,
  withQuery,
} from './target.ts';
import type { Transport } from './transport.ts';

export interface BooksOptions extends ReadOptions {
  readonly topic?: string;
  /** Words of the title. */
  readonly q?: string;
  /** Of a page, 1 to 1000. */
  readonly limit?: number;
}

export interface OrdersOptions extends ReadOptions {
  /** The id of a book: its orders alone. */
  readonly book?: string;
  /** Of a page, 1 to 1000. */
  readonly limit?: number;
}

export class Books {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Null: there is no such book. */
  async get(id: string, options: ReadOptions = {}): Promise<Book | null> {
    const target = withQuery(`/v1/books/${step(id)}`, readQuery(options));
    const request = { method: 'GET', target, headers: readHeaders(options), repeat: 'always' } as const;
    const answer = await unless(['book_not_found'], this.#transport.call(request, options));
    return answer === null ? null : jsonOf(answer);
  }

  list(options: BooksOptions = {}): AsyncGenerator<Book, void, undefined> {
    const { topic, q, limit } = options;
    return items<Book, BooksAnswer>(this.#transport, '/v1/books', { topic, q, limit }, options);
  }
}

export class Orders {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * There is enough of the book, its stock becomes less and the order is written; or nothing happens, and it rejects with
   * `sold_out` or `book_not_found`. `replayed`: an earlier call with the same key has done it.
   */
  async place(order: OrderInput, options: PostOptions = {}): Promise<OrderAnswer & { readonly replayed: boolean }> {
    const headers = { ...idempotencyHeader(options), 'Content-Type': 'application/json' };
    const body = JSON.stringify(order);
    const request = { method: 'POST', target: '/v1/orders', headers, body, repeat: 'always' } as const;
    const answer = await this.#transport.call(request, options);
    return { ...jsonOf<OrderAnswer>(answer), replayed: isReplayed(answer) };
  }

  /** Null: there is no such order. */
  async get(id: string, options: ReadOptions = {}): Promise<Order | null> {
    const target = withQuery(`/v1/orders/${step(id)}`, readQuery(options));
    const request = { method: 'GET', target, headers: readHeaders(options), repeat: 'always' } as const;
    const answer = await unless(['order_not_found'], this.#transport.call(request, options));
    return answer === null ? null : jsonOf(answer);
  }

  list(options: OrdersOptions = {}): AsyncGenerator<Order, void, undefined> {
    const { book, limit } = options;
    return items<Order, OrdersAnswer>(this.#transport, '/v1/orders', { book, limit }, options);
  }
}

async function* items<Item, Page extends { readonly items: readonly Item[]; readonly cursor: string | null }>(
  transport: Transport,
  path: string,
  query: Readonly<Record<string, string | number | undefined>>,
  options: ReadOptions,
): AsyncGenerator<Item, void, undefined> {
  let cursor: string | null | undefined;
  do {
    const target = withQuery(path, { ...query, cursor, ...readQuery(options) });
    const request = { method: 'GET', target, headers: readHeaders(options), repeat: 'always' } as const;
    const page = jsonOf<Page>(await transport.call(request, options));
    yield* page.items;
    cursor = page.cursor;
  } while (cursor !== null);
}
