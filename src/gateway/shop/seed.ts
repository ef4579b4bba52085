/** Puts the shop's first books into a cluster that is empty, over HTTP, as anybody could. */
import books from './books.json' with { type: 'json' };
import { isShopCollection, shopCollections } from './collections.ts';

export interface SeedRequest {
  readonly method: 'GET' | 'PUT' | 'POST';
  /** Path and query, already encoded. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
}

export interface SeedAnswer {
  readonly status: number;
  readonly body: string;
}

/**
 * `put`: the books are there now, and were not before. `kept`: there was something already, or somebody else was faster;
 * nothing was changed that was there.
 */
export type Seeded = { readonly type: 'put'; readonly books: number } | { readonly type: 'kept' };

/**
 * May be called as often as one likes, and by several at a time: what it did by halves it does whole the next time. Rejects
 * with an Error that says what the gateway answered; what `ask` rejects with is handed on.
 */
export async function seedShop(ask: (request: SeedRequest) => Promise<SeedAnswer>): Promise<Seeded> {
  if (!(await isEmpty(ask))) return { type: 'kept' };
  for (const [name, definition] of Object.entries(shopCollections)) {
    const target = `/v1/collections/${name}`;
    const headers = { 'Content-Type': 'application/json', 'If-None-Match': '*' };
    const answer = await ask({ method: 'PUT', target, headers, body: JSON.stringify(definition) });
    const isThere = answer.status === 201 || answer.status === 200 || answer.status === 412;
    if (!isThere) throw unexpected('PUT', target, answer);
  }
  const target = '/v1/txn';
  const headers = { 'Content-Type': 'application/json' };
  const body = JSON.stringify({
    compare: books.map(({ id }) => ({ collection: 'books', id, of: 'exists', value: false })),
    then: books.map((document) => ({ op: 'put', collection: 'books', id: document.id, document })),
    else: [],
  });
  const answer = await ask({ method: 'POST', target, headers, body });
  if (answer.status !== 200) throw unexpected('POST', target, answer);
  const { succeeded } = JSON.parse(answer.body) as { readonly succeeded: boolean };
  return succeeded ? { type: 'put', books: books.length } : { type: 'kept' };
}

/** No key, no document, and no collection but those of the shop: whoever was here before has left by halves at most. */
async function isEmpty(ask: (request: SeedRequest) => Promise<SeedAnswer>): Promise<boolean> {
  const read = async (target: string): Promise<unknown> => {
    const answer = await ask({ method: 'GET', target, headers: {}, body: null });
    if (answer.status !== 200) throw unexpected('GET', target, answer);
    return JSON.parse(answer.body);
  };
  const { items } = (await read('/v1/kv?limit=1&keysOnly')) as { readonly items: readonly unknown[] };
  if (items.length > 0) return false;
  const { collections } = (await read('/v1/collections')) as {
    readonly collections: readonly { readonly name: string; readonly documents: number }[];
  };
  return collections.every(({ name, documents }) => isShopCollection(name) && documents === 0);
}

function unexpected(method: string, target: string, { status, body }: SeedAnswer): Error {
  return new Error(`the shop's books are not there: ${method} ${target} was answered with ${status}: ${body}`);
}
