/** One replica, put together: directory, log, state, transport, driver, server. Closed in reverse. */

import { join } from 'node:path';
import type { ClusterFile } from '../cluster-file.ts';
import { type Logger, withContext } from '../logger.ts';
import { type RaftConstants, raftConstants } from '../raft/constants.ts';
import type { Clock, Random, TransportEvents } from '../raft/interfaces.ts';
import { RaftNode } from '../raft/node.ts';
import type { RaftStatus } from '../raft/raft.ts';
import type { RaftState } from '../raft/state.ts';
import type { Configuration, ReplicaId } from '../raft/types.ts';
import { ClusterTime } from './cluster-time.ts';
import type { CommandResult } from './command.ts';
import { openDataDirectory } from './data-directory.ts';
import type { Disk } from './disk.ts';
import type { DiskSpace } from './disk-space.ts';
import { originalError, StartError } from './errors.ts';
import type { UndeclaredTouch } from './evaluator.ts';
import { type HistoryBounds, historyBoundsDefault } from './history.ts';
import { Housekeeper } from './housekeeper.ts';
import { decodeGatewayEvent } from './invalidation-codec.ts';
import { Invalidator, type StreamPeer } from './invalidator.ts';
import { openLogStore } from './log-store.ts';
import type { ReplicaStatus } from './protocol.ts';
import { type LeaseStatistics, Publishing } from './publishing.ts';
import { createRaftTransport, type RaftTransport } from './raft-transport.ts';
import { replicaStatus } from './replica-status.ts';
import type { RpcEndpoint, RpcPeer } from './rpc.ts';
import { createStoreServer, type StoreServerObserver } from './server.ts';
import { isFirstStart } from './state-directory.ts';
import { openStateMachine } from './state-machine.ts';
import { touchesOf } from './touch.ts';
import { reportUndeclaredTouches } from './touch-report.ts';

/** All that a replica touches. The real one is in replica-process.ts; a simulation brings its own. */
export interface ReplicaWorld {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly random: Random;
  readonly newUuid: () => string;
  /** Instead of the usual ones: for simulations that want small windows. */
  readonly constants?: RaftConstants;
  openEndpoint(log: Logger, onFatal: (error: Error) => void): Promise<RpcEndpoint>;
  watchDiskSpace(path: string, log: Logger): Promise<DiskSpace>;
}

/** Told of everything that happens in this replica, for metrics; must not throw. */
export interface ReplicaObserver extends StoreServerObserver {
  logAppended(entries: number, seconds: number): void;
  applied(entries: number): void;
  /** A command changed what it does not declare. */
  undeclaredTouch(kind: UndeclaredTouch): void;
}

export interface ReplicaView {
  readonly id: ReplicaId;
  readonly status: () => ReplicaStatus;
  readonly diskFull: () => boolean;
  readonly streams: () => ReturnType<Invalidator['statistics']>;
  readonly leases: () => LeaseStatistics;
}

export interface ReplicaOptions {
  readonly id: ReplicaId;
  readonly cluster: ClusterFile;
  readonly dataDirectory: string;
  readonly log: Logger;
  /** The replica cannot go on: log it and exit non-zero. Called at most once. */
  readonly onFatal: (error: Error) => void;
  readonly world: ReplicaWorld;
  readonly observer: ReplicaObserver;
  /** How much of what has changed is kept for whoever watches; by default `historyBoundsDefault`. */
  readonly history?: HistoryBounds;
  /** Runs before the replica takes part in anything; if it rejects, the replica does not start. */
  readonly beforeJoining?: (view: ReplicaView) => Promise<AsyncDisposable>;
}

const fatalCloseMs = 5000;
/** What is applied meanwhile is written with one sync; a read that needs it does not wait for the rest of the time. */
const stateGatherMs = 10;

export interface Replica {
  readonly status: () => ReplicaStatus;
  /** For invariant checks alone. */
  readonly inspect: () => Readonly<RaftState>;
  close(): Promise<void>;
}

/** Rejects with a StartError, having touched nothing, when it must not start; else with what the disk said. */
export async function openReplica(options: ReplicaOptions): Promise<Replica> {
  try {
    return await assemble(options);
  } catch (error) {
    throw originalError(error);
  }
}

async function assemble(options: ReplicaOptions): Promise<Replica> {
  const { id, cluster, world, observer } = options;
  const { disk, clock, random, constants } = world;
  await using closing = new AsyncDisposableStack();
  const log = withContext(options.log, () => ({ term: node?.status.term ?? null }));
  let node: RaftNode<CommandResult> | null = null;

  const directory = await openDataDirectory(disk, options.dataDirectory, {
    clusterId: cluster.clusterId,
    replicaId: id,
    newUuid: world.newUuid,
  });
  closing.defer(() => directory.release());
  const logStore = await openLogStore(disk, directory, { replicaId: id, log });
  closing.defer(() => logStore.close());
  const { leaseMs, leaseMargin } = constants ?? raftConstants;
  const publishing = new Publishing<StreamPeer>({
    ...{ clock, node: () => raftNode, leaseMs, leaseMargin },
    gateways: cluster.gateways.map((gateway) => gateway.id),
    gatewayOf: ({ publicKey }) => gatewayOfKey(raftNode.configuration, cluster, publicKey),
    onExclusion: (gateway, { cause, forMs }) =>
      log.warn('a gateway gets no leases for a while, as writes have waited for it', { gateway, cause, forMs }),
  });
  closing.defer(() => publishing.close());
  const stateMachine = await openStateMachine(disk, join(directory.path, 'state'), {
    firstStart: isFirstStart(logStore.state),
    syncWrites: true,
    clock,
    gatherMs: stateGatherMs,
    history: options.history ?? historyBoundsDefault,
    onUndeclaredTouch: reportUndeclaredTouches(log, (kind) => {
      // Nobody may rely on being told any more.
      publishing.stop();
      observer.undeclaredTouch(kind);
    }),
    log,
  });
  closing.defer(() => stateMachine.close());
  let failed = false;
  const onFatal = (error: Error): void => {
    if (failed) return;
    failed = true;
    node?.stop();
    // A damaged state leaves word for the next start; a disk that hangs must not keep the process.
    const closed = stateMachine.close().catch(() => {});
    const late = new Promise<void>((resolve) => clock.setTimer(fatalCloseMs, resolve));
    void Promise.race([closed, late]).then(() => options.onFatal(error));
  };
  checkStateBelongsToLog(id, logStore, stateMachine);

  const endpoint = await world.openEndpoint(log, onFatal);
  closing.defer(() => endpoint.close());
  const diskSpace = await world.watchDiskSpace(directory.path, log);
  closing.defer(() => diskSpace.close());

  const status = (): ReplicaStatus =>
    replicaStatus({
      id,
      clusterId: cluster.clusterId,
      bootId: logStore.state.bootId,
      raft: raftNode.status,
      applied: stateMachine.applied,
      stateDigest: stateMachine.digest(),
    });
  const diskFull = () => diskSpace.full;
  const invalidator = new Invalidator({ lineage: cluster.clusterId, touchesOf, publishing });
  const streams = () => invalidator.statistics();
  const leases = () => publishing.statistics();
  const joining = await options.beforeJoining?.({ id, status, diskFull, streams, leases });
  closing.defer(() => joining?.[Symbol.asyncDispose]());

  let raftTransport: RaftTransport | undefined;
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
  const raftNode = new RaftNode<CommandResult>({
    id,
    bootstrap: bootstrapConfiguration(cluster),
    log: logStore,
    stateMachine,
    transport,
    clock,
    random,
    ...(constants === undefined ? {} : { constants }),
    observer: {
      onRoleChange: (raft) => logRole(log, raft),
      onBatchDurable: (entries, seconds) => observer.logAppended(entries, seconds),
      onApplied: (entries) => observer.applied(entries),
      onTail: (tail) => invalidator.tail(tail),
    },
    onFatal,
  });
  node = raftNode;
  closing.defer(() => raftNode.stop());

  const time = new ClusterTime(clock, stateMachine, () => raftNode.status.term);
  const housekeeper = new Housekeeper({
    clock,
    leads: () => raftNode.status.role === 'leader',
    now: () => time.now(),
    propose: (commands) => raftNode.propose(commands),
    state: stateMachine,
    onFatal,
  });
  closing.defer(() => housekeeper.close());
  const server = createStoreServer({
    node: raftNode,
    query: (query) => stateMachine.query(query),
    stampBefore: (commands) => time.stampBefore(commands),
    changes: (query) => stateMachine.changes(query),
    status,
    diskFull,
    observer,
  });
  const onEvent = (from: RpcPeer, bytes: Uint8Array): void => {
    const isReplica = replicaOfKey(raftNode.configuration, cluster, from.publicKey) !== null;
    const event = isReplica ? null : decodeGatewayEvent(bytes);
    if (event === null) raftTransport?.receive(from.publicKey, bytes);
    else invalidator.receive(from, event);
  };
  await endpoint.listen(
    {
      onEvent,
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
    inspect: () => raftNode.inspect,
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

/** One that nobody knows any more goes on until its connection ends. */
function gatewayOfKey(configuration: Configuration, cluster: ClusterFile, publicKey: string): string {
  const isIt = (gateway: { readonly publicKey: string }) => gateway.publicKey === publicKey;
  return (configuration.gateways.find(isIt) ?? cluster.gateways.find(isIt))?.id ?? 'other';
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

function logRole(log: Logger, raft: RaftStatus): void {
  log.info(`became ${raft.role}`, { term: raft.term, leader: raft.leader, last: raft.last.index });
}
