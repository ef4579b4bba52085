/** The product's gateway as a process of the simulation, without its socket. */
import type { RequestListener } from 'node:http';
import type { ClusterFile } from '../../src/cluster-file.ts';
import { createApp } from '../../src/gateway/app.ts';
import { ageUnbounded } from '../../src/gateway/cache/ttl.ts';
import { Committer } from '../../src/gateway/catalog/committer.ts';
import { Definitions } from '../../src/gateway/catalog/definitions.ts';
import { documentsOf } from '../../src/gateway/catalog/documents.ts';
import { createReader } from '../../src/gateway/reader.ts';
import type { StoreReader } from '../../src/gateway/store.ts';
import type { Logger } from '../../src/logger.ts';
import { createGatewayMetrics } from '../../src/metrics.ts';
import type { StoreClient } from '../../src/store/client.ts';
import { connectStoreClient } from '../../src/store/store-client.ts';
import type { Kernel } from './kernel.ts';
import type { Life } from './life.ts';
import { publicKeyOf } from './members.ts';
import type { SimNetwork } from './network.ts';
import type { CachingPlan } from './plan-caching.ts';
import { streamOf } from './random.ts';

/** What stands behind its routes. */
export interface Services {
  readonly client: StoreClient;
  readonly reader: StoreReader;
  readonly committer: Committer;
}

export interface GatewayContext {
  readonly seed: number;
  readonly kernel: Kernel;
  readonly network: SimNetwork;
  readonly cluster: ClusterFile;
  readonly log: Logger;
  readonly caching: CachingPlan;
  readonly rateOf: (id: string) => number;
}

const pingIntervalMs = 100;
const version = 'simulated';

/** Counts what all gateways of all runs do: nothing in a run depends on it. */
const metrics = createGatewayMetrics({
  version,
  processMetrics: false,
  store: () => ({ leader: null, replicas: [], retries: 0, retriesRefused: 0 }),
});

export class SimGateway {
  readonly id: string;
  readonly #context: GatewayContext;
  #life: Life | null = null;
  #handle: RequestListener | null = null;
  #services: Services | null = null;
  #rests = 0;

  constructor(id: string, context: GatewayContext) {
    this.id = id;
    this.#context = context;
  }

  /** Null: it is down. */
  get life(): Life | null {
    return this.#life;
  }

  get handle(): RequestListener | null {
    return this.#handle;
  }

  /** For whoever asks the store without HTTP. */
  get services(): Services | null {
    return this.#services;
  }

  /** Nobody is to read here. */
  get isAtRest(): boolean {
    return this.#rests > 0;
  }

  rest(): () => void {
    this.#rests += 1;
    return () => {
      this.#rests -= 1;
    };
  }

  start(): void {
    if (this.#life !== null) return;
    const { seed, kernel, network, cluster, log, caching, rateOf } = this.#context;
    const { coherence, cacheBytes, policy, ttlMs, balance } = caching;
    const ttl = ttlMs === null ? ageUnbounded : { infoMs: ttlMs, searchMs: ttlMs };
    const life = kernel.startLife(this.id, rateOf(this.id));
    this.#life = life;
    const endpoint = network.endpoint(life, {
      id: this.id,
      publicKey: publicKeyOf(this.id),
      pingIntervalMs,
      onFatal: (error) => kernel.fail(error),
    });
    const client = connectStoreClient({
      endpoint,
      cluster,
      clock: life.clock,
      random: streamOf(seed, `${this.id}/${life.number}`),
      balance,
      observer: metrics,
    });
    const { clusterId, gateways } = cluster;
    const options = {
      ...{ client, clusterId, gateways, version, clock: life.clock, metrics, log },
      id: this.id,
      peers: { askAll: async () => [] },
      caching: { coherence, cache: { cacheBytes, policy, ttl } },
    };
    const reading = createReader(options);
    const { reader } = reading;
    this.#handle = createApp(options, reading);
    const definitions = new Definitions(client);
    const documents = documentsOf(reader, client);
    const committer = new Committer({ definitions, documents, writer: client, clock: life.clock });
    this.#services = { client, reader, committer };
  }

  crash(): void {
    this.#life?.end();
    this.#life = null;
    this.#handle = null;
    this.#services = null;
  }
}
