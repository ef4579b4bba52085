/**
 * `/v1/cluster/hash`: whether all replicas hold the same. They write their states in batches that end at revisions of
 * their own, so that it can be said at those alone which all of them have come to the end of one at.
 */
import type { Router } from '@koa/router';
import type { Index, ReadOutcome, ReplicaId, StoreClient } from '../../store/client.ts';
import type { Clock } from '../../system-clock.ts';
import { type Answer, answering, jsonAnswer, type RequestContext, type RequestState } from '../answer.ts';
import type { InFlight } from '../in-flight.ts';
import { parseParameters, timeoutMsOf } from '../parameters.ts';

export interface ClusterHashRouteOptions {
  readonly client: Pick<StoreClient, 'read' | 'replicas'>;
  readonly clock: Clock;
  /** Its own: each may ask again and again until its time is up. */
  readonly inFlight: InFlight;
}

const path = '/v1/cluster/hash';
/** One that does not answer is not to keep the others from being asked again. */
const askMsMax = 1000;
const pauseMs = 100;
/** Of each replica; as many as it keeps, from several times of asking. */
const digestsMax = 1024;

/** What a replica has said so far. */
interface Told {
  readonly id: ReplicaId;
  /** By revision. What stood at a revision stays true; the newest are kept. */
  readonly digests: Map<Index, string>;
  /** Of the last time it was asked; null if it has answered. */
  problem: string | null;
}

export function addClusterHashRoute(
  router: Router<RequestState>,
  { client, clock, inFlight }: ClusterHashRouteOptions,
): void {
  async function clusterHash(ctx: RequestContext): Promise<Answer> {
    const timeoutMs = timeoutMsOf(parseParameters(ctx.querystring, ['timeout']));
    const deadlineAt = clock.now() + timeoutMs;
    const all = client.replicas().map(({ id }): Told => ({ id, digests: new Map(), problem: null }));
    await ask(all);
    while (newestOf(all) === null && clock.now() + pauseMs < deadlineAt && !ctx.res.closed) {
      await new Promise<void>((resolve) => void clock.setTimer(pauseMs, resolve));
      await ask(all);
    }
    return jsonAnswer(200, ['Cache-Control', 'no-store'], verdictOn(all, timeoutMs));

    async function ask(asked: readonly Told[]): Promise<void> {
      const askMs = Math.max(1, Math.min(askMsMax, deadlineAt - clock.now()));
      const options = { timeoutMs: askMs, consistency: 'stale' } as const;
      await Promise.all(
        asked.map(async (told) =>
          hear(told, await client.read({ type: 'digests' }, { ...options, replica: told.id }), askMs),
        ),
      );
    }
  }

  router.get(path, path, answering('read', inFlight.admitting(clusterHash)));
}

function hear(told: Told, outcome: ReadOutcome, askMs: number): void {
  if (outcome.type !== 'done' || outcome.result.type !== 'digests') {
    told.problem = `it did not answer within ${Math.round(askMs)} ms`;
    return;
  }
  told.problem = null;
  for (const { revision, digest } of outcome.result.digests) {
    told.digests.delete(revision);
    told.digests.set(revision, digest);
  }
  for (const revision of told.digests.keys()) {
    if (told.digests.size <= digestsMax) break;
    told.digests.delete(revision);
  }
}

/** The newest revision at which all of them have said what they hold. */
function newestOf(all: readonly Told[]): Index | null {
  const [first, ...others] = all;
  if (first === undefined) return null;
  const common = [...first.digests.keys()].filter((revision) => others.every(({ digests }) => digests.has(revision)));
  return common.length === 0 ? null : common.reduce((newest, revision) => (revision > newest ? revision : newest));
}

interface Verdict {
  /** Null: there is none that all which have answered have in common. */
  readonly revision: Index | null;
  /** All have answered, and alike. */
  readonly equal: boolean;
  readonly replicas: readonly { readonly id: ReplicaId; readonly digest: string | null; readonly problem?: string }[];
}

/** Where one has not answered, what the others hold is told all the same: they may differ. */
function verdictOn(all: readonly Told[], timeoutMs: number): Verdict {
  const revision = newestOf(all.filter(({ digests }) => digests.size > 0));
  const replicas = all.map(({ id, digests, problem }) => {
    const digest = (revision === null ? null : digests.get(revision)) ?? null;
    if (digest !== null) return { id, digest };
    return { id, digest, problem: problem ?? `it had no revision in common with the others within ${timeoutMs} ms` };
  });
  const digests = new Set(replicas.map(({ digest }) => digest));
  return { revision, equal: digests.size === 1 && !digests.has(null), replicas };
}
