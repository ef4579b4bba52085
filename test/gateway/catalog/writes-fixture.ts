/** Gateways over one store, and short words for what is asked of them. */
import type { ExecutionContext } from 'ava';
import { type GatewayOptions, startGateway } from '../../../src/gateway/server.ts';
import { gatewayOptions, type Problem, type Response, request } from '../harness.ts';
import { MachineClient } from './machine-client.ts';

export interface Asked {
  readonly status: number;
  readonly headers: Response['headers'];
  // biome-ignore lint/suspicious/noExplicitAny: answers are compared, whatever they are
  readonly json: any;
  readonly text: string;
}

export interface Shop {
  readonly store: MachineClient;
  /** `body`: sent as it is if it is a text, else as JSON. `gateway`: 0 or 1. */
  ask(
    method: string,
    path: string,
    body?: unknown,
    options?: { readonly headers?: Readonly<Record<string, string>>; readonly gateway?: 0 | 1 },
  ): Promise<Asked>;
}

export const books = {
  indexes: [
    { field: 'topic', kind: 'term' },
    { field: 'title', kind: 'words' },
    { field: 'price', kind: 'number' },
    { field: 'stock', kind: 'number' },
  ],
};

export const xen = { id: '3', title: 'Xen and the Art', topic: 'school', price: 5000, stock: 5 };

/** Two gateways; the collection `books` is there. */
export async function startShop(t: ExecutionContext, options: Partial<GatewayOptions> = {}): Promise<Shop> {
  const store = await MachineClient.start();
  const gateways = await Promise.all(
    ['g1', 'g2'].map((id) => startGateway({ ...gatewayOptions(store), id, ...options })),
  );
  t.teardown(() => Promise.all(gateways.map((gateway) => gateway.close())));
  const shop: Shop = {
    store,
    async ask(method, path, body, { headers = {}, gateway = 0 } = {}) {
      const port = gateways[gateway]?.address.port ?? 0;
      const bytes =
        body === undefined || typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
      const type = bytes === undefined ? {} : { 'Content-Type': 'application/json' };
      const response = await request(port, method, path, {
        headers: { ...type, ...headers },
        ...(bytes === undefined ? {} : { body: bytes as string | Buffer }),
      });
      return { ...response, json: jsonIn(response.text) };
    },
  };
  await shop.ask('PUT', '/v1/collections/books', books);
  store.forget();
  return shop;
}

function jsonIn(text: string) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** What a test compares of a refusal. */
export function refusal({ status, json }: Asked): readonly [number, string, string | undefined] {
  const { code, path, outcome } = json as Problem & { readonly path?: string };
  if (outcome !== 'not_applied') throw new Error(`a refusal changes nothing, got ${outcome}`);
  return [status, code, path];
}

/** As it stands, past every cache. */
export async function documentOf(ask: Shop['ask'], id: string) {
  const { json } = await ask('POST', '/v1/txn', { then: [{ op: 'get', collection: 'books', id }] });
  return json.results[0].item;
}
