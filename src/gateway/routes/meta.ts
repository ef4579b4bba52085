/**
 * The endpoints for machines that watch over this one.
 */
import type { Router } from '@koa/router';
import { type Check, checksAnswer, type MetaAnswer, metricsAnswer, versionAnswer } from '../../meta-http.ts';
import type { GatewayMetrics } from '../../metrics.ts';
import type { StoreClient } from '../../store/client.ts';
import { type Answer, answering, type RequestContext, type RequestState } from '../answer.ts';
import { flagOf, parseParameters } from '../parameters.ts';

export interface MetaRoutesOptions {
  readonly client: StoreClient;
  readonly metrics: GatewayMetrics;
  readonly version: string;
}

export function addMetaRoutes(router: Router<RequestState>, { client, metrics, version }: MetaRoutesOptions): void {
  const add = (path: string, answer: (verbose: boolean) => MetaAnswer | Promise<MetaAnswer>) => {
    const handle = async (ctx: RequestContext): Promise<Answer> => {
      const verbose = flagOf(parseParameters(ctx.querystring, ['verbose']), 'verbose');
      const { status, contentType, body } = await answer(verbose);
      return { status, headers: ['Content-Type', contentType, 'Cache-Control', 'no-store'], body };
    };
    router.get(path, path, answering('public', handle));
  };
  add('/livez', (verbose) => checksAnswer('livez', [], verbose));
  add('/readyz', (verbose) => checksAnswer('readyz', readiness(client), verbose));
  add('/metrics', () => metricsAnswer(metrics));
  add('/version', () => versionAnswer(version));
}

function readiness(client: StoreClient): readonly Check[] {
  const leader = client.leader();
  const replicas = client.replicas();
  const healthy = replicas.filter((replica) => replica.healthy).length;
  return [
    { name: 'leader', ok: leader !== null, detail: leader ?? 'no leader is known' },
    { name: 'replicas', ok: healthy > 0, detail: `${healthy} of ${replicas.length} healthy` },
  ];
}
