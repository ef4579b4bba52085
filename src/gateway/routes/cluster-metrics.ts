/**
 * `/v1/cluster/metrics`: what the gateways of the cluster have counted since each of them began, added up.
 */
import type { Router } from '@koa/router';
import type { GatewayMetrics, GatewayTotals } from '../../metrics.ts';
import type { StoreClient } from '../../store/client.ts';
import { type Answer, answering, jsonAnswer, type RequestContext, type RequestState } from '../answer.ts';
import { hitRatioOf, sumOfTotals, totalsOf } from '../cluster-totals.ts';
import { parseParameters, scopeOf } from '../parameters.ts';
import type { Peers } from '../peers.ts';
import { Rounds } from '../rounds.ts';

export interface ClusterMetricsRouteOptions {
  readonly client: StoreClient;
  readonly metrics: Pick<GatewayMetrics, 'totals'>;
  readonly peers: Peers;
  /** The gateway's own. */
  readonly id: string;
}

type GatewayReached =
  | { readonly id: string; readonly reached: true; readonly totals: GatewayTotals }
  | { readonly id: string; readonly reached: false; readonly reason: string };

const path = '/v1/cluster/metrics';

export function addClusterMetricsRoute(
  router: Router<RequestState>,
  { client, metrics, peers, id }: ClusterMetricsRouteOptions,
): void {
  /** However many ask at once, each of the others hears one question at a time. */
  const rounds = new Rounds(() => askOthers(peers));

  async function clusterMetrics(ctx: RequestContext): Promise<Answer> {
    const scope = scopeOf(parseParameters(ctx.querystring, ['scope']));
    const others = scope === 'this' ? [] : await rounds.join();
    const gateways: readonly GatewayReached[] = [{ id, reached: true, totals: metrics.totals() }, ...others];
    const totals = sumOfTotals(gateways.flatMap((gateway) => (gateway.reached ? [gateway.totals] : [])));
    return jsonAnswer(200, ['Cache-Control', 'no-store'], {
      requests: totals.requests,
      cacheHits: totals.cacheHits,
      cacheMisses: totals.cacheMisses,
      hitRatio: hitRatioOf(totals),
      originFetches: totals.originFetches,
      leasesHeld: totals.leasesHeld,
      requestsByServer: totals.requestsByServer,
      healthy: client.replicas().flatMap((replica) => (replica.healthy ? [replica.id] : [])),
      leader: client.leader(),
      gateways: gateways.map((gateway) =>
        gateway.reached
          ? { id: gateway.id, reached: true }
          : { id: gateway.id, reached: false, reason: gateway.reason },
      ),
    });
  }

  router.get(path, path, answering('read', clusterMetrics));
}

async function askOthers(peers: Peers): Promise<readonly GatewayReached[]> {
  const answers = await peers.askAll({ method: 'GET', target: `${path}?scope=this` });
  return answers.map((answer): GatewayReached => {
    const { id } = answer;
    if (answer.type === 'silent') return { id, reached: false, reason: answer.reason };
    const totals = answer.status === 200 ? totalsOf(id, answer.body) : null;
    if (totals !== null) return { id, reached: true, totals };
    const reason = `expected what ${id} has counted, got something else with status ${answer.status}`;
    return { id, reached: false, reason };
  });
}
