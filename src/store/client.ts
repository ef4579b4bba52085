/**
 * The store's face to the gateway: finds the leader, keeps a session, retries exactly-once, spreads reads.
 * The gateway knows the store through this file alone.
 */
import { raftConstants } from '../raft/constants.ts';

export type { Index, ReplicaId } from '../raft/types.ts';
export type {
  FollowedStream,
  Follower,
  ReadBalance,
  ReadOptions,
  ReadOutcome,
  ReplicaView,
  StoreClient,
  StoreClientObserver,
  Write,
  WriteOutcome,
} from './client-types.ts';
export {
  type CommandResult,
  contentTypeProblem,
  type KeyValue,
  keyProblem,
  limits,
  noPrecondition,
  type Precondition,
  type Query,
  type QueryResult,
  type RevisionMatch,
} from './command.ts';
export type { Invalidations, RefusalCause } from './invalidation.ts';
export type { Consistency, ReplicaStatus } from './protocol.ts';
export type { BalancePolicy } from './read-policy.ts';
export { createStoreClient, type StoreClientOptions } from './store-client.ts';
export { isCacheablePrefix, type Touch, touchOfKey, touchOfPrefix } from './touch.ts';

/** By this part of itself a lease ends earlier at whoever holds it. */
export const { leaseMargin } = raftConstants;
