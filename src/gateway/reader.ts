/** Puts the reader of a gateway together: cached and coherent, or straight to the replicas. */
import type { GatewayMetrics } from '../metrics.ts';
import { leaseMargin, type StoreClient } from '../store/client.ts';
import type { Clock } from '../system-clock.ts';
import { Cache, type CacheOptions } from './cache/cache.ts';
import type { Purge } from './cache/purge.ts';
import { CachedReader, type CachedReaderOptions } from './cached-reader.ts';
import { copyOf } from './cached-result.ts';
import { Coherence } from './coherence.ts';
import { Lease } from './lease.ts';
import { LeaseKeeper, type LeaseView } from './lease-keeper.ts';
import { createDirectReader, type Result, type StoreReader } from './store.ts';
import { Validator } from './validator.ts';
import type { KeptAnswers } from './warm-up/warmer.ts';

/**
 * `lease`: hits need no question while the leader has granted a lease, and are proven as in `validate` otherwise.
 * `validate`: hits are proven with a read index of the leader. `off`: nothing is kept, every read is fetched.
 */
export const coherenceModes = ['lease', 'validate', 'off'] as const;
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
  /** Null where none is asked for. */
  readonly lease: () => LeaseView | null;
  /** Asks for no more leases. Reads go on. */
  readonly close: () => void;
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
  if (caching.coherence === 'off') {
    return { reader: createDirectReader(origin), purge: () => 0, kept: null, lease: () => null, close() {} };
  }
  const coherence = new Coherence({ lineage: clusterId, onAdvance: (published) => validator.advanced(published) });
  const validator = new Validator({
    clock,
    readIndex: (timeoutMs) => client.readIndex(timeoutMs),
    published: () => coherence.published,
    onBehind: () => stream.behind(),
    onProof: (outcome, ms) => metrics.proofEnded(outcome, ms),
  });
  const lease = caching.coherence === 'lease' ? new Lease({ clock, leaseMargin, position: coherence }) : null;
  const keeper = lease === null ? null : new LeaseKeeper({ clock, lease, position: coherence });
  const stream = client.follow({
    begin(streamId) {
      metrics.streamBegan();
      keeper?.streamBegan();
      return coherence.follow(streamId);
    },
    receive(message) {
      const receipt = coherence.receive(message);
      metrics.invalidated(receipt, message.touches);
      if (receipt !== 'ignored') keeper?.processed();
      return receipt;
    },
    granted: (grant) => keeper?.granted(grant),
    refused: (refusal) => keeper?.refused(refusal),
  });
  keeper?.start(stream);
  const cache = new Cache<Result>(caching.cache, copyOf);
  metrics.showCache(() => ({
    ...cache.statistics(),
    capacityBytes: caching.cache.cacheBytes,
    publishedIndex: coherence.published,
    streamLive: stream.live,
    lease: keeper?.statistics() ?? null,
  }));
  const reader = new CachedReader({ client: origin, cache, coherence, lease, validator, clock, stream, metrics, id });
  return {
    reader,
    purge: (purge) => reader.purge(purge),
    kept: reader,
    lease: () => keeper?.view ?? null,
    close: () => keeper?.close(),
  };
}
