/** One replica, put together: directory, log, state, transport, driver, server. Closed in reverse. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { ClusterFile } from '../cluster-file.ts';
import { type Logger, withContext } from '../logger.ts';
import { startMetaServer } from '../meta-http.ts';
import { createReplicaMetrics } from '../metrics.ts';
import type { TransportEvents } from '../raft/interfaces.ts';
import { RaftNode } from '../raft/node.ts';
import type { RaftStatus } from '../raft/raft.ts';
import type { Configuration, ReplicaId } from '../raft/types.ts';
import { systemClock, systemRandom } from '../system-clock.ts';
import { version } from '../version.ts';
import type { CommandResult } from './command.ts';
import { openDataDirectory } from './data-directory.ts';
import { levelDisk } from './disk-level.ts';
import { watchDiskSpace } from './disk-space.ts';
import { StartError } from './errors.ts';
import { openLogStore } from './log-store.ts';
import type { ReplicaStatus } from './protocol.ts';
import { createRaftTransport } from './raft-transport.ts';
import { replicaStatus } from './replica-status.ts';
import { openRpcEndpoint, rpcConstants } from './rpc-hyperswarm.ts';
import type { StoreServer } from './server.ts';
import { createStoreServer } from './server.ts';
import { isFirstStart } from './state-directory.ts';
import { openStateMachine } from './state-machine.ts';

export interface ReplicaOptions {
  readonly id: ReplicaId;
  readonly cluster: ClusterFile;
  readonly keyPair: { readonly publicKey: Buffer; readonly secretKey: Buffer };
  readonly dataDirectory: string;
  /** IPv4 literal or name; for both ports. */
  readonly host: string;
  readonly rpcPort: number;
  readonly httpPort: number;
  readonly log: Logger;
  /** The replica cannot go on: log it and exit non-zero. Called at most once. */
  readonly onFatal: (error: Error) => void;
}

/** Heartbeats tell replicas of one another sooner; these only find connections that are dead. */
const peerPingIntervalMs = 500;
const fatalCloseMs = 1000;
/** What is applied meanwhile is written with one sync; a read that needs it does not wait for the rest of the time. */
const stateGatherMs = 10;

export interface Replica {
  readonly status: () => ReplicaStatus;
  close(): Promise<void>;
}

/** Rejects with a StartError, having touched nothing, when it must not start. */
export async function startReplica(options: ReplicaOptions): Promise<Replica> {
  const { id, cluster } = options;
  await using closing = new AsyncDisposableStack();
  const log = withContext(options.log, () => ({ term: node?.status.term ?? null }));
  let node: RaftNode<CommandResult> | null = null;

  const directory = await openDataDirectory(levelDisk, options.dataDirectory, {
    clusterId: cluster.clusterId,
    replicaId: id,
    newUuid: randomUUID,
  });
  closing.defer(() => directory.release());
  const logStore = await openLogStore(levelDisk, directory, { replicaId: id, log });
  closing.defer(() => logStore.close());
  const stateMachine = await openStateMachine(levelDisk, join(directory.path, 'state'), {
    firstStart: isFirstStart(logStore.state),
    syncWrites: true,
    clock: systemClock,
    gatherMs: stateGatherMs,
    log,
  });
  closing.defer(() => stateMachine.close());
  let failed = false;
  const onFatal = (error: Error): void => {
    if (failed) return;
    failed = true;
    node?.stop();
    // A damaged state leaves word for the next start; a disk that hangs must not keep the process.
    const exit = () => options.onFatal(error);
    systemClock.setTimer(fatalCloseMs, exit);
    stateMachine.close().then(exit, exit);
  };
  checkStateBelongsToLog(id, logStore, stateMachine);

  const endpoint = await openRpcEndpoint({
    keyPair: options.keyPair,
    host: options.host,
    port: options.rpcPort,
    clock: systemClock,
    random: systemRandom,
    log,
    onFatal,
    constants: { ...rpcConstants, pingIntervalMs: peerPingIntervalMs },
  });
  closing.defer(() => endpoint.close());

  const diskSpace = await watchDiskSpace(directory.path, log);
  closing.defer(() => diskSpace.close());

  const metrics = createReplicaMetrics({ version, status: () => status() });
  // Before the replica takes part in anything: a taken port must not cost the cluster a leader.
  const meta = await startMetaServer({
    host: options.host,
    port: options.httpPort,
    livez: () => [{ name: 'loop', ok: true }],
    readyz: () => readiness(status(), diskSpace.full),
    metrics,
    version,
    debug: { status: () => status() },
  });
  closing.defer(() => meta.close());

  const transport = (events: TransportEvents) => {
    raftTransport = createRaftTransport({
      endpoint,
      self: id,
      peers: () => cluster.replicas.filter((replica) => replica.id !== id),
      events,
      idOfKey: (key) => replicaOfKey(raftNode.configuration, cluster, key),
    });
    return raftTransport;
  };
  let raftTransport: ReturnType<typeof createRaftTransport> | undefined;
  const raftNode = new RaftNode<CommandResult>({
    id,
    bootstrap: bootstrapConfiguration(cluster),
    log: logStore,
    stateMachine,
    transport,
    clock: systemClock,
    random: systemRandom,
    observer: {
      onRoleChange: (raft) => logRole(log, raft),
      onBatchDurable: metrics.logAppended,
      onApplied: metrics.applied,
    },
    onFatal,
  });
  node = raftNode;
  closing.defer(() => raftNode.stop());

  const status = (): ReplicaStatus =>
    replicaStatus({
      id,
      clusterId: cluster.clusterId,
      bootId: logStore.state.bootId,
      raft: raftNode.status,
      applied: stateMachine.applied,
      stateDigest: stateMachine.digest(),
    });

  const server: StoreServer = createStoreServer({
    node: raftNode,
    query: (query) => stateMachine.query(query),
    status,
    diskFull: () => diskSpace.full,
    observer: metrics,
  });
  await endpoint.listen(
    {
      onEvent: (from, bytes) => raftTransport?.receive(from, bytes),
      onRequest: (_from, bytes) =>
        server.handle(bytes).catch((error: Error) => {
          onFatal(error);
          throw error;
        }),
      pingInfo: () => server.pingInfo(),
    },
    (publicKey) => admits(raftNode.configuration, cluster, publicKey),
  );

  const running = closing.move();
  return {
    status,
    close: () => {
      // What still runs meets closed databases; that is no failure.
      failed = true;
      return running.disposeAsync();
    },
  };
}

function bootstrapConfiguration(cluster: ClusterFile): Configuration {
  return {
    voters: cluster.replicas.map((replica) => replica.id),
    votersOutgoing: [],
    learners: [],
    members: cluster.replicas.map(({ id, publicKey, rpc, http }) => ({ id, uuid: '', publicKey, rpc, http })),
    gateways: cluster.gateways.map(({ id, publicKey, http }) => ({ id, publicKey, http })),
  };
}

/** The configuration in the log wins; the file only adds who may knock before there is one. */
function admits(configuration: Configuration, cluster: ClusterFile, publicKey: string): boolean {
  return [configuration.members, configuration.gateways, cluster.replicas, cluster.gateways].some((known) =>
    known.some((each) => each.publicKey === publicKey),
  );
}

function replicaOfKey(configuration: Configuration, cluster: ClusterFile, publicKey: string): ReplicaId | null {
  const known = [...configuration.members, ...cluster.replicas].find((replica) => replica.publicKey === publicKey);
  return known?.id ?? null;
}

function checkStateBelongsToLog(
  id: ReplicaId,
  logStore: Awaited<ReturnType<typeof openLogStore>>,
  stateMachine: Awaited<ReturnType<typeof openStateMachine>>,
): void {
  const { applied, appliedChainHash } = stateMachine;
  const { last, hardState } = logStore.state;
  // A log that is known to have lost entries gets them again from the leader.
  if (hardState.claim !== null || applied.index === 0) return;
  if (applied.index > last.index) {
    throw new StartError(
      'replicaLost',
      `${id} lost its data: remove it and add a replacement under a new id ` +
        `(its log ends at ${last.index}, its state had come to ${applied.index}: log/ and witness are an older copy)`,
    );
  }
  if (Buffer.compare(logStore.chainHash(applied.index), appliedChainHash) === 0) return;
  throw new StartError(
    'STATE_MISMATCH',
    `${id}: state/ was built from another log than log/ (they differ at or before entry ${applied.index}): ` +
      'restore the directory as it was, or remove this replica and add a replacement under a new id',
  );
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

function logRole(log: Logger, raft: RaftStatus): void {
  log.info(`became ${raft.role}`, { term: raft.term, leader: raft.leader, last: raft.last.index });
}
