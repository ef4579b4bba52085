/** Collections and transactions of puts, as a gateway answers them, over maps. */
import type { Asked, Given, KvServer } from './kv-server.ts';

export interface Catalog {
  readonly definitions: Map<string, { readonly idField: string; readonly indexes: readonly unknown[] }>;
  /** By `collection/id`. */
  readonly documents: Map<string, unknown>;
  /** Bodies of transactions, in the order in which they were done, and how many were replayed. */
  readonly transactions: string[];
  replays: number;
  /** What is wrong with a document; null: nothing. */
  problem: (document: Readonly<Record<string, unknown>>) => string | null;
  /** Operations of a transaction; more are 413. */
  operationsMax: number;
}

interface Put {
  readonly op: 'put';
  readonly collection: string;
  readonly id: string;
  readonly document: Readonly<Record<string, unknown>>;
}

export function addCatalog(kv: KvServer): Catalog {
  const answers = new Map<string, Given>();
  const catalog: Catalog = {
    definitions: new Map(),
    documents: new Map(),
    transactions: [],
    replays: 0,
    problem: () => null,
    operationsMax: 128,
  };
  kv.more = (asked) => {
    if (asked.path === '/v1/txn') return transaction(asked);
    const [, collection = ''] = /^\/v1\/collections\/([^/]+)$/.exec(asked.path) ?? [];
    return collection === '' ? null : definition(asked, decodeURIComponent(collection));
  };

  function definition({ method, headers, body }: Asked, name: string): Given {
    const there = catalog.definitions.get(name);
    if (method === 'GET') {
      return there === undefined ? { status: 404, body: 'collection_not_found' } : { status: 200, body: there };
    }
    if (there !== undefined && headers['if-none-match'] === '*') return { status: 412, body: 'precondition_failed' };
    catalog.definitions.set(name, JSON.parse(body.toString()));
    return { status: 201, body: { name, revision: 1 } };
  }

  function transaction({ headers, body }: Asked): Given {
    const key = String(headers['idempotency-key']);
    const before = answers.get(key);
    if (before !== undefined) {
      catalog.replays += 1;
      return before;
    }
    const { then } = JSON.parse(body.toString()) as { readonly then: readonly Put[] };
    if (then.length > catalog.operationsMax) return { status: 413, body: 'too_large' };
    for (const [place, { document }] of then.entries()) {
      const detail = catalog.problem(document);
      const path = `/then/${place}/document`;
      if (detail !== null) return { status: 422, body: { code: 'invalid_document', detail, path } };
    }
    for (const { collection, id, document } of then) catalog.documents.set(`${collection}/${id}`, document);
    catalog.transactions.push(body.toString());
    const given = { status: 200, body: { revision: 1, succeeded: true, results: [] } };
    answers.set(key, given);
    return given;
  }
  return catalog;
}
