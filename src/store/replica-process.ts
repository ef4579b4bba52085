/** A replica as a process of its own: the real disk, network and time, and a small HTTP port. */
import { randomUUID } from 'node:crypto';
import type { ClusterFile } from '../cluster-file.ts';
import type { Logger } from '../logger.ts';
import { startMetaServer } from '../meta-http.ts';
import { createReplicaMetrics } from '../metrics.ts';
import { invariant } from '../raft/assert.ts';
import type { ReplicaId } from '../raft/types.ts';
import { systemClock, systemRandom } from '../system-clock.ts';
import { version } from '../version.ts';
import { levelDisk } from './disk-level.ts';
import { watchDiskSpace } from './disk-space.ts';
import type { HistoryBounds } from './history.ts';
import type { ReplicaStatus } from './protocol.ts';
import { openReplica, type Replica, type ReplicaView, type ReplicaWorld } from './replica.ts';
import { openRpcEndpoint, rpcConstants } from './rpc-hyperswarm.ts';

export interface ReplicaProcessOptions {
  readonly id: ReplicaId;
  readonly cluster: ClusterFile;
  readonly keyPair: { readonly publicKey: Buffer; readonly secretKey: Buffer };
  readonly dataDirectory: string;
  /** IPv4 literal or name; for both ports. */
  readonly host: string;
  readonly rpcPort: number;
  readonly httpPort: number;
  /** How much of what has changed is kept for whoever watches. */
  readonly history: HistoryBounds;
  readonly log: Logger;
  /** The replica cannot go on: log it and exit non-zero. Called at most once. */
  readonly onFatal: (error: Error) => void;
}

/** Heartbeats tell replicas of one another sooner; these only find connections that are dead. */
const peerPingIntervalMs = 500;

/** Rejects with a StartError, having touched nothing, when it must not start. */
export async function startReplica(options: ReplicaProcessOptions): Promise<Replica> {
  const { id, cluster, dataDirectory, history, log, onFatal, host } = options;
  const world: ReplicaWorld = {
    disk: levelDisk,
    clock: systemClock,
    random: systemRandom,
    newUuid: randomUUID,
    openEndpoint: (endpointLog, onEndpointFatal) =>
      openRpcEndpoint({
        keyPair: options.keyPair,
        host,
        port: options.rpcPort,
        clock: systemClock,
        random: systemRandom,
        log: endpointLog,
        onFatal: onEndpointFatal,
        constants: { ...rpcConstants, pingIntervalMs: peerPingIntervalMs },
      }),
    watchDiskSpace,
  };
  let view: ReplicaView | null = null;
  const present = (): ReplicaView => {
    invariant(view !== null, 'nobody asks for metrics before there is a replica');
    return view;
  };
  const status = (): ReplicaStatus => present().status();
  const metrics = createReplicaMetrics({
    version,
    status,
    streams: () => present().streams(),
    leases: () => present().leases(),
  });
  // Before the replica takes part in anything: a taken port must not cost the cluster a leader.
  const beforeJoining = async (joining: ReplicaView): Promise<AsyncDisposable> => {
    view = joining;
    const meta = await startMetaServer({
      host,
      port: options.httpPort,
      livez: () => [{ name: 'loop', ok: true }],
      readyz: () => readiness(status(), joining.diskFull()),
      metrics,
      version,
      debug: { status },
    });
    return { [Symbol.asyncDispose]: () => meta.close() };
  };
  return openReplica({ id, cluster, dataDirectory, history, log, onFatal, world, observer: metrics, beforeJoining });
}

function readiness(status: ReplicaStatus, diskFull: boolean) {
  return [
    { name: 'leader', ok: status.leader !== null, detail: status.leader ?? 'none known' },
    { name: 'log', ok: status.state === 'normal', detail: status.message ?? status.state },
    {
      name: 'applied',
      ok: status.publishIndex - status.appliedIndex <= 5000,
      detail: `${status.appliedIndex} of ${status.publishIndex}`,
    },
    { name: 'disk', ok: !diskFull, detail: diskFull ? 'no room' : 'has room' },
  ];
}
