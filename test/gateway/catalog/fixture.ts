/** A gateway over a shop of four books. */
import type { ExecutionContext } from 'ava';
import type { CoherenceMode } from '../../../src/gateway/reader.ts';
import { startGateway } from '../../../src/gateway/server.ts';
import type { JsonObject } from '../../../src/store/json.ts';
import { gatewayOptions, type RequestOptions, type Response, request } from '../harness.ts';
import { type Known, MachineClient } from './machine-client.ts';

export const bookIndexes = [
  { field: 'topic', kind: 'term' },
  { field: 'title', kind: 'words' },
  { field: 'title', kind: 'term' },
  { field: 'price', kind: 'number' },
  { field: 'stock', kind: 'number' },
] as const;

const books: readonly (JsonObject & { readonly id: string })[] = [
  { id: '1', title: 'How to get a good grade', topic: 'distributed systems', price: 40, stock: 5 },
  { id: '2', title: 'RPCs for Noobs', topic: 'Distributed Systems', price: 50, stock: 3 },
  { id: '3', title: 'Xen and the Art of Surviving', topic: 'undergraduate school', price: 30, stock: 9 },
  { id: '4', title: 'Cooking for the Impatient', topic: 'undergraduate school', price: 20.5, stock: 0 },
];

export interface Page {
  readonly revision: number;
  readonly items: readonly { readonly id: string; readonly modRevision?: number; readonly document: JsonObject }[];
  readonly cursor: string | null;
  readonly count?: number;
  readonly countIsExact?: boolean;
}

export const hit = 'bazar; hit; detail=validated';
export const idsOf = ({ text }: Response): readonly string[] => (JSON.parse(text) as Page).items.map(({ id }) => id);
export const pageOf = ({ text }: Response): Page => JSON.parse(text) as Page;

export async function setUp(t: ExecutionContext, coherence: CoherenceMode = 'validate') {
  const client = await MachineClient.start(coherence === 'lease' ? 60_000 : null);
  await client.define('books', bookIndexes);
  const known = new Map<string, Known>();
  for (const book of books) {
    const { id } = book;
    known.set(id, { revision: await client.put('books', id, book, null), document: book });
  }
  const caching = { coherence, cache: { cacheBytes: coherence === 'off' ? 0 : 4 * 1024 * 1024 } };
  const gateway = await startGateway({ ...gatewayOptions(client), caching });
  t.teardown(() => gateway.close());
  const ask = (method: string, path: string, options?: RequestOptions): Promise<Response> =>
    request(gateway.address.port, method, path, options);
  return {
    client,
    ask,
    get: (path: string, headers: RequestOptions['headers'] = {}) => ask('GET', `/v1/collections/${path}`, { headers }),
    search: (query: string) => ask('GET', `/v1/collections/books/items${query === '' ? '' : `?${query}`}`),
    /** A change that states what there was. */
    async change(id: string, changed: JsonObject): Promise<void> {
      const before = known.get(id) as Known;
      const document = { ...before.document, ...changed };
      known.set(id, { revision: await client.put('books', id, document, before), document });
    },
    async remove(id: string): Promise<void> {
      await client.remove('books', id, known.get(id));
      known.delete(id);
    },
  };
}
