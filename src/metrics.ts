/**
 * Every metric of Bazar. A process has one registry, a gateway's or a replica's. Label values come from small fixed
 * sets: never a key, an address, or anything a client sent.
 */
export {
  type AnswerKind,
  type Attempt,
  type CacheGauges,
  type CacheResult,
  createGatewayMetrics,
  type FillOutcome,
  type GatewayMetrics,
  type GatewayTotals,
  type LeaseGauges,
  type LeaseLoss,
  type ProofOutcome,
  type StoreGauges,
  type WatchGauges,
} from './metrics/gateway.ts';
export {
  createReplicaMetrics,
  type GrantGauges,
  type ReplicaGauges,
  type ReplicaMetrics,
  type StreamGauges,
} from './metrics/replica.ts';
