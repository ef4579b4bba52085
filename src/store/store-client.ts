/** Builds the store's client: a link to each replica, a writer that follows the leader, a reader that spreads. */
import type { ClusterFile } from '../cluster-file.ts';
import type { Logger } from '../logger.ts';
import { invariant } from '../raft/assert.ts';
import type { Clock, Random } from '../raft/interfaces.ts';
import type { ReplicaId } from '../raft/types.ts';
import { systemClock, systemRandom } from '../system-clock.ts';
import { ClientChanges } from './client-changes.ts';
import { ClientReadIndex } from './client-read-index.ts';
import { ClientReader } from './client-reader.ts';
import { ClientStaleReader } from './client-stale-reader.ts';
import { ClientStream } from './client-stream.ts';
import type { StoreClient, StoreClientObserver } from './client-types.ts';
import { ClientWriter } from './client-writer.ts';
import { LeaderTracker } from './leader-tracker.ts';
import type { BalancePolicy } from './read-policy.ts';
import { ReplicaLink } from './replica-link.ts';
import type { RpcEndpoint } from './rpc.ts';
import { openRpcEndpoint } from './rpc-hyperswarm.ts';

export interface StoreClientOptions {
  readonly cluster: ClusterFile;
  readonly keyPair: { readonly publicKey: Buffer; readonly secretKey: Buffer };
  readonly log: Logger;
  /** How reads are spread over the replicas; `p2c` by default. */
  readonly balance?: BalancePolicy;
  readonly observer?: StoreClientObserver;
  readonly onFatal: (error: Error) => void;
}

const noObserver: StoreClientObserver = { onAttempt() {} };

export async function createStoreClient(options: StoreClientOptions): Promise<StoreClient> {
  const endpoint = await openRpcEndpoint({
    keyPair: options.keyPair,
    host: bindHost(options.cluster),
    port: 0,
    clock: systemClock,
    random: systemRandom,
    log: options.log,
    onFatal: options.onFatal,
  });
  return connectStoreClient({
    endpoint,
    cluster: options.cluster,
    clock: systemClock,
    random: systemRandom,
    balance: options.balance,
    observer: options.observer ?? noObserver,
  });
}

/** A socket bound to loopback cannot reach another host. */
function bindHost(cluster: ClusterFile): string {
  const local = cluster.replicas.every(({ rpc }) => rpc.startsWith('127.') || rpc.startsWith('localhost:'));
  return local ? '127.0.0.1' : '0.0.0.0';
}

export function connectStoreClient(options: {
  readonly endpoint: RpcEndpoint;
  readonly cluster: ClusterFile;
  readonly clock: Clock;
  readonly random: Random;
  readonly balance?: BalancePolicy | undefined;
  readonly observer: StoreClientObserver;
}): StoreClient {
  const { endpoint, cluster, clock, random, balance = 'p2c', observer } = options;
  const tracker = new LeaderTracker();
  const links = new Map<ReplicaId, ReplicaLink>();

  const onChange = (link: ReplicaLink): void => {
    reader.replicaChanged();
    if (link.healthy && link.status !== null) tracker.heard(link.status);
    writer.leaderChanged();
    followLeader();
  };
  for (const replica of cluster.replicas) {
    links.set(
      replica.id,
      new ReplicaLink({ endpoint, clusterId: cluster.clusterId, replica, clock, observer, onChange }),
    );
  }
  const leaderLink = (): ReplicaLink | null => {
    const link = tracker.leader === null ? undefined : links.get(tracker.leader);
    return link?.connected ? link : null;
  };
  let stream: ClientStream | null = null;
  const followLeader = (): void => {
    stream?.leaderChanged(cluster.replicas.find(({ id }) => id === tracker.leader) ?? null);
  };
  const writer = new ClientWriter({
    clock,
    leaderLink,
    onNotLeader: (replica, hint) => {
      if (!tracker.refused(replica, hint)) return;
      writer.leaderChanged();
      followLeader();
    },
  });
  const reader = new ClientReader({ clock, random, links, balance });
  const staleReader = new ClientStaleReader({ clock, random, links, balance, standing: (id) => reader.standing(id) });
  const readIndex = new ClientReadIndex(clock, leaderLink);
  const changes = new ClientChanges({ clock, random, links, balance });

  return {
    write: (write, timeoutMs) => writer.write(write, timeoutMs),
    read: (query, readOptions) => (readOptions.consistency === 'stale' ? staleReader : reader).read(query, readOptions),
    readIndex: (timeoutMs) => readIndex.ask(timeoutMs),
    changes: (query, { timeoutMs }) => changes.ask(query, timeoutMs),
    follow: (follower) => {
      invariant(stream === null, 'a client has one stream');
      stream = new ClientStream({ lineage: cluster.clusterId, endpoint, clock, random, follower });
      followLeader();
      return stream;
    },
    replicas: () => [...links.values()].map((link) => link.view),
    balance: () => reader.balance(),
    leader: () => leaderLink()?.id ?? null,
    close: async () => {
      writer.close();
      reader.close();
      staleReader.close();
      readIndex.close();
      changes.close();
      await stream?.close();
      await Promise.all([...links.values()].map((link) => link.close()));
      await endpoint.close();
    },
  };
}
