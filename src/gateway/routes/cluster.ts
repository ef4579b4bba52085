/**
 * `/v1/cluster`: what this gateway knows of the cluster at this moment, without asking anybody.
 */
import type { Router } from '@koa/router';
import type { ReplicaStatus, ReplicaView, StoreClient } from '../../store/client.ts';
import { type Answer, answering, jsonAnswer, type RequestContext, type RequestState } from '../answer.ts';
import type { LeaseView } from '../lease-keeper.ts';
import { parseParameters } from '../parameters.ts';
import type { CachingOptions } from '../reader.ts';

/** A gateway as the cluster file names it. */
export interface GatewayView {
  readonly id: string;
  /** `host:port`. */
  readonly http: string;
}

export interface ClusterRouteOptions {
  readonly client: StoreClient;
  readonly clusterId: string;
  readonly gateways: readonly GatewayView[];
  readonly caching: Pick<CachingOptions, 'coherence'>;
  /** This gateway's own; null where it asks for none. */
  readonly lease: () => LeaseView | null;
}

export function addClusterRoute(
  router: Router<RequestState>,
  { client, clusterId, gateways, caching, lease }: ClusterRouteOptions,
): void {
  function cluster(ctx: RequestContext): Answer {
    parseParameters(ctx.querystring, []);
    const replicas = client.replicas();
    const highest = (numberIn: (status: ReplicaStatus) => number) =>
      Math.max(0, ...replicas.map(({ status }) => (status === null ? 0 : numberIn(status))));
    return jsonAnswer(200, ['Cache-Control', 'no-store'], {
      clusterId,
      leader: client.leader(),
      term: highest((status) => status.term),
      commitIndex: highest((status) => status.commitIndex),
      publishIndex: highest((status) => status.publishIndex),
      coherence: caching.coherence,
      lease: lease(),
      replicas: replicas.map(described),
      gateways: gateways.map(({ id, http }) => ({ id, http })),
    });
  }

  router.get('/v1/cluster', '/v1/cluster', answering('read', cluster));
}

/** Null stands for what was never heard; of an unhealthy replica it is the last that was. */
function described({ id, rpc, http, healthy, status }: ReplicaView): object {
  return {
    id,
    healthy,
    role: status?.role ?? null,
    state: status?.state ?? null,
    term: status?.term ?? null,
    lastIndex: status?.lastIndex ?? null,
    commitIndex: status?.commitIndex ?? null,
    appliedIndex: status?.appliedIndex ?? null,
    claimIndex: status?.claimIndex ?? null,
    digest: status?.stateDigest ?? null,
    message: status?.message ?? null,
    http,
    rpc,
  };
}
