/** Writes of keys that are transactions: with a lifetime, a patch, and the delete of all keys of a prefix. */
import type { Router } from '@koa/router';
import { keyProblem, type Target } from '../../store/client.ts';
import type { Clock } from '../../system-clock.ts';
import { type Answer, answering, jsonAnswer, type RequestContext, type RequestState } from '../answer.ts';
import { readBody } from '../body.ts';
import { noDirectives } from '../cache-control.ts';
import type { Committer } from '../catalog/committer.ts';
import { type ConditionallyCommitted, type ConditionalWrite, commitConditionally } from '../catalog/conditional.ts';
import { rangeProblem, withoutPath } from '../catalog/transaction-problems.ts';
import { problemAnswer, problemAt } from '../errors.ts';
import type { InFlight, Share } from '../in-flight.ts';
import { parseDocument } from '../json-body.ts';
import { keyNotFound, keyPath, keyRoute, preconditionFailed, requestedKey } from '../key-read.ts';
import { listPath } from '../list-read.ts';
import { requirePatch } from '../merge-patch.ts';
import { badParameter, parseParameters, requireConfirmation, timeoutMsOf } from '../parameters.ts';
import { entityTag, parsePrecondition } from '../preconditions.ts';
import { provenance } from '../reads.ts';
import type { StoreReader } from '../store.ts';
import { refuseConditions } from '../unconditional.ts';

export interface KeyTransactionOptions {
  readonly committer: Committer;
  readonly reader: Pick<StoreReader, 'get'>;
  readonly inFlight: InFlight;
  readonly clock: Clock;
  readonly bodyBytesMax: number;
}

/** A write of the key, as a transaction. */
export type KeyWriter = (
  ctx: RequestContext,
  key: string,
  write: Pick<ConditionalWrite, 'operation' | 'precondition' | 'timeoutMs'>,
) => Promise<Answer>;

export function createKeyWriter({ committer, reader, clock }: KeyTransactionOptions): KeyWriter {
  return async (ctx, key, write) => {
    const target: Target = { type: 'key', key };
    const committed = await commitConditionally(committer, {
      ...{ target, clock, ...write },
      standing: async (timeoutMs) => {
        const { outcome } = await reader.get(
          { type: 'get', key, withValue: false },
          { timeoutMs, directives: noDirectives },
        );
        if (outcome.type !== 'done') return { type: 'unavailable' };
        return { type: 'at', revision: outcome.result.item?.modRevision ?? 0 };
      },
    });
    return writtenAnswer(ctx, key, committed, write.timeoutMs);
  };
}

export function addKeyTransactionRoutes(
  router: Router<RequestState>,
  options: KeyTransactionOptions,
  write: KeyWriter,
): void {
  const { committer, inFlight, bodyBytesMax } = options;

  async function patch(ctx: RequestContext, share: Share): Promise<Answer> {
    const key = requestedKey(ctx);
    const timeoutMs = timeoutMsOf(parseParameters(ctx.querystring, ['timeout']));
    const precondition = parsePrecondition(ctx.headers);
    requirePatch(ctx);
    const body = parseDocument(await readBody(ctx.req, ctx.res, share, bodyBytesMax, 'patch'), 'patch', 'bad_body');
    const operation = { type: 'patch', target: { type: 'key', key }, patch: body } as const;
    return write(ctx, key, { operation, precondition, timeoutMs });
  }

  async function deleteRange(ctx: RequestContext): Promise<Answer> {
    refuseConditions(ctx.headers, 'delete keys one by one, or in a transaction that compares their revisions');
    const parameters = parseParameters(ctx.querystring, ['prefix', 'timeout', 'confirm']);
    const timeoutMs = timeoutMsOf(parameters);
    const prefix = parameters.get('prefix');
    if (prefix === undefined) {
      throw problemAt(
        'prefix',
        'bad_parameter',
        'query parameter "prefix": expected the beginning of the keys to delete',
      );
    }
    const reason = prefix === '' ? null : keyProblem(prefix);
    if (reason !== null) throw badParameter('prefix', `the beginning of a key (${reason})`, prefix);
    requireConfirmation(parameters, prefix === '' ? 'all keys' : 'all keys that begin with the prefix');
    const draft = { compares: [], then: [{ type: 'deleteRange', prefix } as const], otherwise: [] };
    const committed = await committer.commit(draft, { timeoutMs, idempotency: null });
    if (committed.type !== 'done') return problemAnswer(rangeProblem(committed, timeoutMs, keyNotFound), ctx.method);
    const { result, replica } = committed;
    ctx.state.servedBy = replica;
    const [done] = result.results;
    if (done?.type !== 'deleted') throw new Error(`a deleteRange was answered with ${done?.type}`);
    return jsonAnswer(200, provenance(result.revision, replica), { deleted: done.count, revision: result.revision });
  }

  router.patch(keyRoute, keyPath, answering('write', inFlight.admitting(patch)));
  router.delete(listPath, listPath, answering('write', inFlight.admitting(deleteRange)));
}

function writtenAnswer(ctx: RequestContext, key: string, committed: ConditionallyCommitted, timeoutMs: number): Answer {
  if (committed.type === 'preconditionFailed') {
    const { revision, replica } = committed;
    const tag = revision === 0 ? [] : ['ETag', entityTag(revision)];
    const servedBy = replica === null ? [] : ['Bazar-Served-By', replica];
    return problemAnswer(preconditionFailed(revision), ctx.method, [...tag, ...servedBy]);
  }
  if (committed.type === 'noCollection') throw new Error('a key is in no collection');
  if (committed.type !== 'done') return problemAnswer(withoutPath(committed, timeoutMs, keyNotFound), ctx.method);
  const { result, replica } = committed;
  const { revision } = result;
  ctx.state.servedBy = replica;
  const [done] = result.results;
  if (done?.type !== 'written') throw new Error(`a write of a key was answered with ${done?.type}`);
  const headers = ['ETag', entityTag(revision), ...provenance(revision, replica)];
  return jsonAnswer(done.created ? 201 : 200, headers, { key, revision, version: done.version });
}
