/** What is said of the cluster. */
import { z } from 'zod';
import { count, members, revision } from './common.ts';

export const memberId = z
  .string()
  .min(1)
  .meta({ description: 'The id of a replica or gateway in the cluster file.', example: 'r1' });

const nothing = 'null: nothing was heard of it.';
const heard = (example: number) => count.nullable().meta({ description: nothing, example });

const replicaView = members({
  id: memberId,
  healthy: z.boolean().meta({ description: 'It answers this gateway.', example: true }),
  role: z.enum(['leader', 'follower', 'candidate', 'preCandidate']).nullable().meta({ example: 'leader' }),
  state: z.enum(['normal', 'recovering']).nullable().meta({ example: 'normal' }),
  term: heard(3),
  lastIndex: heard(42),
  commitIndex: heard(42),
  appliedIndex: heard(42),
  claimIndex: heard(42).meta({ description: 'Of a log that lost entries: how far it had reached. Otherwise null.' }),
  digest: z.string().nullable().meta({ description: 'Of its state.', example: '00c0ffee00c0ffee' }),
  message: z.string().nullable().meta({ description: 'Where a person should look.', example: null }),
  http: z
    .string()
    .nullable()
    .meta({ description: 'Its own HTTP port: health and metrics.', example: '127.0.0.1:8081' }),
  rpc: z.string().meta({ example: '127.0.0.1:7001' }),
}).meta({ id: 'Replica', description: 'What was last heard of a replica.' });

const lease = z
  .union([
    members({ held: z.literal(true) }),
    members({ held: z.literal(false), reason: z.string().meta({ example: 'the leader has not granted one yet' }) }),
  ])
  .nullable()
  .meta({ description: 'Whether what this gateway keeps can be given at once. null: it asks for none.' });

export const clusterAnswer = members({
  clusterId: z.string(),
  leader: memberId.nullable().meta({ description: 'null: none is known.' }),
  term: count,
  commitIndex: count,
  publishIndex: count,
  coherence: z.enum(['lease', 'validate', 'off']).meta({ example: 'lease' }),
  lease,
  replicas: z.array(replicaView),
  gateways: z.array(members({ id: memberId, http: z.string().meta({ example: '127.0.0.1:8080' }) })),
}).meta({ id: 'Cluster', description: 'What this gateway knows of the cluster, without asking anybody.' });

const gatewayReached = z.union([
  members({ id: memberId, reached: z.literal(true) }),
  members({ id: memberId, reached: z.literal(false), reason: z.string() }),
]);

export const clusterMetricsAnswer = members({
  requests: count,
  cacheHits: count,
  cacheMisses: count,
  hitRatio: z.number().min(0).max(1).nullable().meta({ description: 'null: nothing was asked yet.', example: 0.9 }),
  originFetches: count,
  leasesHeld: count,
  requestsByServer: z.record(z.string(), count).meta({ description: 'By Bazar-Served-By.', example: { r1: 3, g1: 7 } }),
  healthy: z.array(memberId).meta({ description: 'Replicas that answer.' }),
  leader: memberId.nullable(),
  gateways: z.array(gatewayReached),
}).meta({ id: 'ClusterMetrics', description: 'What the gateways have counted since each of them began, added up.' });

const digest = z
  .string()
  .regex(/^[0-9a-f]{16}$/)
  .nullable()
  .meta({ description: 'Of its state at this revision. null: it could not say.', example: '00c0ffee00c0ffee' });

export const clusterHashAnswer = members({
  revision: revision.nullable().meta({ description: 'At which they were compared. null: none is known of all.' }),
  equal: z.boolean(),
  replicas: z.array(
    members({ id: memberId, digest, problem: z.exactOptional(z.string().meta({ description: 'Why it could not.' })) }),
  ),
}).meta({ id: 'ClusterHash', description: 'Whether all replicas have the same state at one revision.' });

export type ClusterAnswer = z.output<typeof clusterAnswer>;
export type ClusterMetricsAnswer = z.output<typeof clusterMetricsAnswer>;
export type ClusterHashAnswer = z.output<typeof clusterHashAnswer>;
