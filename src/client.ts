/**
 * A client of Bazar for TypeScript and JavaScript: typed, with retries that do no harm, and without dependencies. It needs what
 * browsers and Node.js have: `fetch`, streams and `AbortSignal`.
 *
 * @example
 * const bazar = createBazarClient({ urls: ['http://127.0.0.1:8080'] });
 * await bazar.kv.put('hello', 'world');
 * for await (const change of bazar.watchKeys('hello')) console.log(change);
 */
import { isReplayed, jsonOf } from './client/answers.ts';
import { Collections } from './client/collections.ts';
import { Documents } from './client/documents.ts';
import { Keys } from './client/keys.ts';
import { Books, Orders } from './client/shop.ts';
import { idempotencyHeader, type PostOptions } from './client/target.ts';
import { Transport } from './client/transport.ts';
import { type DocumentChange, type KeyChange, type WatchOptions, watch } from './client/watch.ts';
import type { TransactionAnswer, TransactionInput } from './gateway/schemas/transaction.ts';

export type { Provenance } from './client/answers.ts';
export type { Condition, DocumentRead, Documents, Found, SearchOptions, SearchPage } from './client/documents.ts';
export { BazarError, CompactedError, type Outcome } from './client/errors.ts';
export type { KeyValue, ListOptions, PutOptions, Storable } from './client/keys.ts';
export type { BooksOptions, OrdersOptions } from './client/shop.ts';
export type { LivingOptions, PostOptions, ReadOptions, WriteOptions } from './client/target.ts';
export type { CallOptions } from './client/transport.ts';
export type { DocumentChange, KeyChange, WatchOptions } from './client/watch.ts';
export type { CollectionAnswer, CollectionInput, CollectionsAnswer } from './gateway/schemas/collection.ts';
export type { ListedKey } from './gateway/schemas/kv.ts';
export type { Book, Order, OrderAnswer, OrderInput } from './gateway/schemas/order.ts';
export type { Problem } from './gateway/schemas/problem.ts';
export type { OperationResult, TransactionAnswer, TransactionInput } from './gateway/schemas/transaction.ts';

export interface BazarClientOptions {
  /** Of gateways, such as `http://127.0.0.1:8080`; one at least. Another is asked where one does not answer. */
  readonly urls: string | readonly string[];
  readonly token?: string;
  /** In place of the global one. */
  readonly fetch?: typeof globalThis.fetch;
  /** For each call with all its attempts, 1 or more; 15,000 if it is left out. */
  readonly timeoutMs?: number;
  /** Of each call, 1 or more; 6 if it is left out. */
  readonly attemptsMax?: number;
}

/** Calls reject with BazarError. */
export interface BazarClient {
  readonly kv: Keys;
  readonly collections: Collections;
  readonly books: Books;
  readonly orders: Orders;
  /** Its documents. `T`: what they are; nobody checks that. */
  collection<T extends object = Record<string, unknown>>(name: string): Documents<T>;
  /** `replayed`: an earlier call with the same key has done it. */
  txn(
    transaction: TransactionInput,
    options?: PostOptions,
  ): Promise<TransactionAnswer & { readonly replayed: boolean }>;
  /** The keys that begin with the prefix, all if it is empty. Each change once and in order; `break` ends it. */
  watchKeys(prefix: string, options?: WatchOptions): AsyncGenerator<KeyChange, void, undefined>;
  /** The documents of a collection, as `watchKeys`. */
  watchCollection(name: string, options?: WatchOptions): AsyncGenerator<DocumentChange, void, undefined>;
}

/** Throws TypeError for URLs that are none. */
export function createBazarClient(options: BazarClientOptions): BazarClient {
  const { token = null, fetch = globalThis.fetch, timeoutMs = 15_000, attemptsMax = 6 } = options;
  const urls = (typeof options.urls === 'string' ? [options.urls] : options.urls).map(baseOf);
  if (urls.length === 0) throw new TypeError('expected the URL of one gateway at least, such as http://127.0.0.1:8080');
  // Called as a method, the one of browsers would refuse.
  const transport = new Transport({ urls, token, fetch: (...args) => fetch(...args), timeoutMs, attemptsMax });
  return {
    kv: new Keys(transport),
    collections: new Collections(transport),
    books: new Books(transport),
    orders: new Orders(transport),
    collection: <T extends object>(name: string) => new Documents<T>(transport, name),
    async txn(transaction, options = {}) {
      const headers = { ...idempotencyHeader(options), 'Content-Type': 'application/json' };
      const body = JSON.stringify(transaction);
      const request = { method: 'POST', target: '/v1/txn', headers, body, repeat: 'always' } as const;
      const answer = await transport.call(request, options);
      return { ...jsonOf<TransactionAnswer>(answer), replayed: isReplayed(answer) };
    },
    watchKeys: (prefix, options) => watch<KeyChange>(transport, { prefix }, options),
    watchCollection: (collection, options) => watch<DocumentChange>(transport, { collection }, options),
  };
}

function baseOf(text: string): string {
  const url = URL.parse(text);
  // It is not repeated: whoever reads the error is not to learn the password.
  if (url !== null && (url.username !== '' || url.password !== '')) {
    throw new TypeError('expected the URL of a gateway without a name and a password in it; `token` lets a client in');
  }
  if (url !== null && /^https?:$/.test(url.protocol) && url.search === '' && url.hash === '') {
    return url.href.replace(/\/+$/, '');
  }
  throw new TypeError(`expected the URL of a gateway, such as http://127.0.0.1:8080, got ${JSON.stringify(text)}`);
}
