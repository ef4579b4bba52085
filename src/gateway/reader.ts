/** Puts the reader of a gateway together: cached and coherent, or straight to the replicas. */
import type { GatewayMetrics } from '../metrics.ts';
import type { QueryResult, StoreClient } from '../store/client.ts';
import type { Clock } from '../system-clock.ts';
import { Cache, type CacheOptions } from './cache/cache.ts';
import type { Purge } from './cache/purge.ts';
import { CachedReader, type CachedReaderOptions } from './cached-reader.ts';
import { Coherence } from './coherence.ts';
import { createDirectReader, type StoreReader } from './store.ts';
import { Validator } from './validator.ts';
import type { KeptAnswers } from './warm-up/warmer.ts';

/** `validate`: hits are proven with a read index of the leader. `off`: nothing is kept, every read is fetched. */
export const coherenceModes = ['validate', 'off'] as const;
export type CoherenceMode = (typeof coherenceModes)[number];

export interface CachingOptions {
  readonly coherence: CoherenceMode;
  readonly cache: CacheOptions;
}

export interface ReaderOptions {
  readonly client: StoreClient;
  readonly clusterId: string;
  /** The gateway's own. */
  readonly id: string;
  readonly clock: Clock;
  readonly caching: CachingOptions;
  readonly metrics: GatewayMetrics;
}

export interface GatewayReader {
  readonly reader: StoreReader;
  /** How many kept answers went. */
  readonly purge: (purge: Purge) => number;
  /** Null where nothing is kept. */
  readonly kept: KeptAnswers | null;
}

export function createReader({ client, clusterId, id, clock, caching, metrics }: ReaderOptions): GatewayReader {
  const origin: CachedReaderOptions['client'] = {
    read(query, options) {
      metrics.fetched();
      return client.read(query, options);
    },
    readIndex: (timeoutMs) => client.readIndex(timeoutMs),
    leader: () => client.leader(),
  };
  if (caching.coherence === 'off') return { reader: createDirectReader(origin), purge: () => 0, kept: null };
  const coherence = new Coherence({ lineage: clusterId, onAdvance: (published) => validator.advanced(published) });
  const validator = new Validator({
    clock,
    readIndex: (timeoutMs) => client.readIndex(timeoutMs),
    published: () => coherence.published,
    onBehind: () => stream.behind(),
    onProof: (outcome, ms) => metrics.proofEnded(outcome, ms),
  });
  const stream = client.follow({
    begin(streamId) {
      metrics.streamBegan();
      return coherence.follow(streamId);
    },
    receive(message) {
      const receipt = coherence.receive(message);
      metrics.invalidated(receipt, message.touches);
      return receipt;
    },
  });
  const cache = new Cache<QueryResult>(caching.cache);
  metrics.showCache(() => ({
    ...cache.statistics(),
    capacityBytes: caching.cache.cacheBytes,
    publishedIndex: coherence.published,
    streamLive: stream.live,
  }));
  const reader = new CachedReader({ client: origin, cache, coherence, validator, clock, stream, metrics, id });
  return { reader, purge: (purge) => reader.purge(purge), kept: reader };
}
