/**
 * The store's face to the gateway: finds the leader, keeps a session, retries exactly-once, spreads reads.
 * The gateway knows the store through this file alone.
 */
import { raftConstants } from '../raft/constants.ts';

export type { Index, ReplicaId } from '../raft/types.ts';
export { isOfInterest } from './changes-check.ts';
export type {
  ChangesOutcome,
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
  WriteResults,
  WriteType,
} from './client-types.ts';
export type { Collection, CollectionIndex } from './collection.ts';
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
export { definitionProblem } from './command-problem.ts';
export type { Invalidations, RefusalCause } from './invalidation.ts';
export {
  fieldOf,
  isObject,
  type Json,
  type JsonObject,
  type JsonProblem,
  mergePatch,
  type ParsedJson,
  parseJson,
  pointer,
  stringifyJson,
} from './json.ts';
export {
  collectionNameProblem,
  fieldProblem,
  idempotencyKeyProblem,
  idProblem,
  prefixProblem,
  targetName,
} from './names.ts';
export type { Consistency, ReplicaStatus } from './protocol.ts';
export type { BalancePolicy } from './read-policy.ts';
export {
  type Filter,
  type Position,
  refusalText,
  type SearchQuery as Search,
  type SearchRefusal,
  searchLimits,
  searchProblem,
} from './search-query.ts';
export { createStoreClient, type StoreClientOptions } from './store-client.ts';
export { normalText, termCount, termOf, termsOf, termsProblem, wordsOf } from './terms.ts';
export {
  isCacheablePrefix,
  type Touch,
  touchOfBlindChange,
  touchOfCollection,
  touchOfDocument,
  touchOfDocumentField,
  touchOfField,
  touchOfKey,
  touchOfMembers,
  touchOfPrefix,
  touchOfTerm,
} from './touch.ts';
export {
  type Branch,
  branches,
  type Compare,
  type Document,
  type FieldTerms,
  type Idempotency,
  type IndexKind,
  type KnownDocument,
  type Operation,
  type OperationResult,
  type Place,
  type Scalar,
  type Target,
  type Transaction,
  type TransactionFailure,
  type TransactionResult,
  transactionLimits,
} from './transaction.ts';
export { transactionProblem } from './transaction-problem.ts';
export {
  type Change,
  type ChangesQuery,
  type ChangesResult,
  changesLimits,
  type Subject,
  type Watched,
} from './watch.ts';

/** By this part of itself a lease ends earlier at whoever holds it. */
export const { leaseMargin } = raftConstants;
