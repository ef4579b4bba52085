/** `POST /v1/txn`: compares, and what is done if they hold or not, over keys and documents. */
import type { Router } from '@koa/router';
import type { StoreClient, Transaction } from '../../store/client.ts';
import type { Access } from '../access/access.ts';
import { type Answer, answering, jsonAnswer, type RequestContext, type RequestState } from '../answer.ts';
import { readBody } from '../body.ts';
import type { Committer } from '../catalog/committer.ts';
import { type Draft, placePath } from '../catalog/draft.ts';
import { malformationOf } from '../catalog/malformed.ts';
import { transactionView } from '../catalog/transaction-answer.ts';
import { draftOf, writes } from '../catalog/transaction-body.ts';
import { commitProblem } from '../catalog/transaction-problems.ts';
import { problemAnswer, problemAt, readProblem } from '../errors.ts';
import { type InProgress, idempotencyOf, replayHeaders } from '../idempotency.ts';
import type { InFlight, Share } from '../in-flight.ts';
import { parseBody } from '../json-body.ts';
import { parseParameters } from '../parameters.ts';
import { parseReadOptions, provenance, readHeaders, readParameters } from '../reads.ts';
import { transactionBody } from '../schemas/transaction.ts';
import { refuseConditions } from '../unconditional.ts';

export interface TransactionRouteOptions {
  readonly client: Pick<StoreClient, 'read'>;
  readonly committer: Committer;
  readonly inProgress: InProgress;
  readonly inFlight: InFlight;
  /** Null: whoever reaches the gateway may do everything. */
  readonly access: Access | null;
}

const transactionPath = '/v1/txn';

/** JSON of a transaction is longer than what is proposed: values may be in base64, and spaces count. */
const bodyBytesMax = 4 * 1024 * 1024;

export function addTransactionRoute(router: Router<RequestState>, options: TransactionRouteOptions): void {
  const { client, committer, inProgress, inFlight, access } = options;

  async function transact(ctx: RequestContext, share: Share): Promise<Answer> {
    const parameters = parseParameters(ctx.querystring, readParameters);
    refuseConditions(ctx.headers, 'compare the modRevision of what it depends on');
    const readOptions = parseReadOptions(parameters, ctx.headers);
    const body = await readBody(ctx.req, ctx.res, share, bodyBytesMax, 'transaction');
    const draft = draftOf(parseBody(body, transactionBody, 'bad_transaction'));
    const idempotency = idempotencyOf(ctx, body, false);
    if (!writes(draft)) return query(ctx, share, draft, readOptions);
    access?.check('write', ctx.headers.authorization, { method: ctx.method, target: ctx.url });
    for (const name of ['replica', 'consistency'] as const) {
      if (parameters.get(name) === undefined) continue;
      throw problemAt(
        name,
        'bad_parameter',
        `query parameter "${name}": only a transaction that writes nothing has it`,
      );
    }
    const { timeoutMs } = readOptions;
    const committed = await inProgress.during(idempotency, () => committer.commit(draft, { timeoutMs, idempotency }));
    if (committed.type !== 'done') return problemAnswer(commitProblem(committed, timeoutMs), ctx.method);
    const { result, replica } = committed;
    ctx.state.servedBy = replica;
    const headers = [...provenance(result.revision, replica), ...replayHeaders(result), ...notKept];
    return held(jsonAnswer(200, headers, transactionView(draft, result)), share);
  }

  async function query(
    ctx: RequestContext,
    share: Share,
    draft: Draft,
    options: ReturnType<typeof parseReadOptions>,
  ): Promise<Answer> {
    const malformed = malformationOf(draft);
    if (malformed !== null) throw commitProblem(malformed, options.timeoutMs);
    const { directives, ...readOptions } = options;
    // Nothing in it writes, so that it has no operation that a transaction does not have.
    const transaction = draft as Transaction;
    const outcome = await client.read({ type: 'transaction', transaction }, readOptions);
    if (outcome.type !== 'done') return problemAnswer(readProblem(outcome, options), ctx.method);
    const { replica, staleMs } = outcome;
    if (outcome.result.type !== 'transaction') throw new Error(`a query was answered with ${outcome.result.type}`);
    const { revision, result } = outcome.result;
    ctx.state.servedBy = replica;
    if (result.type === 'transactionFailed') {
      const place = 'operation' in result ? result : null;
      const failure = {
        type: 'failed',
        failure: result,
        place,
        path: place === null ? '' : placePath(place),
        within: '',
        replica,
      } as const;
      return problemAnswer(commitProblem(failure, options.timeoutMs), ctx.method);
    }
    const headers = readHeaders(bypass, { result: { revision }, servedBy: replica, staleMs });
    return held(jsonAnswer(200, [...headers, ...notKept], transactionView(draft, result)), share);
  }

  router.post(transactionPath, transactionPath, answering('read', inFlight.admitting(transact)));
}

const bypass = 'bazar; fwd=bypass';
const notKept = ['Cache-Control', 'no-store'];

function held(answer: Answer & { readonly body: string }, share: Share): Answer {
  share.hold(answer.body.length);
  return answer;
}
