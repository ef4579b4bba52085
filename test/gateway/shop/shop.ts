/** A shop in one process: a replica, and gateways over it, with the real log, disk, network and HTTP. */
import type { ExecutionContext } from 'ava';
import { operations } from '../../../src/gateway/openapi/operations.ts';
import type { PeerAnswer, Peers } from '../../../src/gateway/peers.ts';
import type { CoherenceMode } from '../../../src/gateway/reader.ts';
import { startGateway } from '../../../src/gateway/server.ts';
import { seedShop } from '../../../src/gateway/shop/seed.ts';
import { connectStoreClient } from '../../../src/store/store-client.ts';
import { systemClock, systemRandom } from '../../../src/system-clock.ts';
import { waitFor } from '../../cluster/wait.ts';
import { lineage, openSite } from '../../store/replica-site.ts';
import { FakeClient } from '../fake-client.ts';
import { gatewayOptions, type RequestOptions, type Response, request } from '../harness.ts';
import { conforms } from '../openapi/conforms.ts';

export interface ShopOptions {
  readonly gateways?: number;
  readonly coherence?: CoherenceMode;
  /** Without: no collection is defined. */
  readonly isSeeded?: boolean;
}

export interface Asked extends Response {
  /** Of JSON. */
  readonly json: unknown;
  /** As Cache-Status says; null where it says nothing. */
  readonly cache: 'hit' | 'miss' | null;
}

export interface TestGateway {
  readonly id: string;
  readonly port: number;
  get(path: string, headers?: RequestOptions['headers']): Promise<Asked>;
  /** `body` goes as JSON; undefined: none. */
  send(method: string, path: string, body?: unknown, headers?: RequestOptions['headers']): Promise<Asked>;
}

export interface Shop extends TestGateway {
  readonly gateways: readonly TestGateway[];
}

export async function openShop(t: ExecutionContext, options: ShopOptions = {}): Promise<Shop> {
  t.timeout(120_000);
  const { gateways: count = 1, coherence = 'validate', isSeeded = true } = options;
  const ids = Array.from({ length: count }, (_, nth) => `g${nth + 1}`);
  const site = await openSite(t, ['r1'], ids);
  await site.start('r1');
  const ports = new Map<string, number>();
  const gateways: TestGateway[] = [];
  for (const id of ids) {
    const endpoint = site.gateways.get(id)?.endpoint;
    if (endpoint === undefined) throw new Error(`${id} has no endpoint`);
    const world = { clock: systemClock, random: systemRandom, observer: { onAttempt() {} } };
    const client = connectStoreClient({ endpoint, cluster: site.cluster, ...world });
    t.teardown(() => client.close());
    const gateway = await startGateway({
      ...gatewayOptions(new FakeClient()),
      ...{ client, id, clusterId: lineage, peers: peersOf(id, ports) },
      caching: { coherence, cache: { cacheBytes: 8 * 1024 * 1024 } },
    });
    t.teardown(() => gateway.close());
    ports.set(id, gateway.address.port);
    gateways.push(gatewayAt(id, gateway.address.port));
  }
  const [first] = gateways;
  if (first === undefined) throw new Error('a shop has one gateway at least');
  for (const gateway of gateways) {
    const isReady = async () => (await gateway.get('/readyz')).status === 200;
    await waitFor(isReady, { description: `${gateway.id} to be ready` });
  }
  // On a busy machine a write may take longer than a gateway tries.
  const isFull = () => seedShop(asSeeder(first)).then(Boolean, () => false);
  if (isSeeded) await waitFor(isFull, { description: 'a shop that is filled', timeoutMs: 60_000 });
  return { ...first, gateways };
}

const described = operations
  .filter(({ tag }) => tag === 'Bookstore' || tag === 'Employees')
  .map((operation) => {
    const pattern = new RegExp(`^${operation.path.replaceAll(/\{\w+\}/g, '[^/]+')}$`);
    return { ...operation, matches: (path: string) => operation.path === path || pattern.test(path) };
  });

/** Throws where an answer is not what the document says that it is; HEAD and what is not of the shop is left alone. */
function checkDescribed(method: string, target: string, response: Response): void {
  const [path = ''] = target.split('?', 1);
  const fitting = described.filter((operation) => operation.method === method.toLowerCase() && operation.matches(path));
  const operation = fitting.find((each) => each.path === path) ?? fitting[0];
  const found = operation === undefined ? [] : conforms(method, operation.path, response);
  if (found.length > 0) throw new Error(`${method} ${target}: ${found.join('; ')}`);
}

/** As `seedShop` wants to ask. */
export function asSeeder({ port }: Pick<TestGateway, 'port'>): Parameters<typeof seedShop>[0] {
  return async ({ method, target, headers, body }) => {
    const { status, text } = await request(port, method, target, { headers, ...(body === null ? {} : { body }) });
    return { status, body: text };
  };
}

/** By the ports that the other gateways have by then. */
function peersOf(own: string, ports: ReadonlyMap<string, number>): Peers {
  return {
    askAll({ method, target }) {
      const others = [...ports].filter(([id]) => id !== own);
      return Promise.all(
        others.map(async ([id, port]): Promise<PeerAnswer> => {
          const { status, text } = await request(port, method, target);
          return { id, type: 'answered', status, body: text };
        }),
      );
    },
  };
}

function gatewayAt(id: string, port: number): TestGateway {
  const ask = async (method: string, path: string, options: RequestOptions): Promise<Asked> => {
    const response = await request(port, method, path, options);
    checkDescribed(method, path, response);
    const status = response.headers['cache-status'];
    const cache = status === undefined ? null : /;\s*hit\b/.test(String(status)) ? 'hit' : 'miss';
    const isJson = /json/.test(String(response.headers['content-type'])) && response.text !== '';
    return { ...response, cache, json: isJson ? JSON.parse(response.text) : null };
  };
  return {
    id,
    port,
    get: (path, headers = {}) => ask('GET', path, { headers }),
    send(method, path, body, headers = {}) {
      if (body === undefined) return ask(method, path, { headers });
      return ask(method, path, {
        headers: { 'Content-Type': 'application/json', ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      });
    },
  };
}
