/** The way of a client to the store: through a gateway, which may be slow, hang, or be gone before it has answered. */
import type { Committed } from '../../../src/gateway/catalog/committer.ts';
import type { Reading, Result } from '../../../src/gateway/store.ts';
import type { ReadOutcome, WriteOutcome } from '../../../src/store/client.ts';
import type { Services, SimGateway } from '../gateway.ts';
import type { Kernel } from '../kernel.ts';
import { draftOf } from './draft.ts';
import type { Asked, CatalogOutcome } from './operation.ts';
import { read } from './shown.ts';

/** A client waits for its answer a little longer than it told the gateway to try. */
const graceMs = 200;
const hopMs = 0.2;

/** 'lost': no answer in time. Then it may never have been asked, or be done at any later time. */
export function ask<Answer>(
  kernel: Kernel,
  { life, services }: Pick<SimGateway, 'life' | 'services'>,
  timeoutMs: number,
  question: (services: Services) => Promise<Answer>,
): Promise<Answer | 'lost'> {
  return new Promise((resolve) => {
    const timeout = kernel.after(timeoutMs + graceMs, null, 'client', () => resolve('lost'));
    if (life === null || services === null) return;
    kernel.after(hopMs, life, 'client', () => {
      question(services).then(
        (answer) => {
          kernel.after(hopMs, null, 'client', () => {
            if (timeout.run === null) return;
            timeout.run = null;
            resolve(answer);
          });
        },
        (error) => kernel.fail(error),
      );
    });
  });
}

/** How a gateway goes about it: reads may come from its memory, and it may find out by itself what a write has to state. */
export interface Manner {
  readonly isDirect: boolean;
  readonly timeoutMs: number;
}

export async function carryOut(
  services: Services,
  asked: Asked,
  { isDirect, timeoutMs }: Manner,
): Promise<CatalogOutcome> {
  const { client, reader, committer } = services;
  if (asked.type === 'write') {
    const { write } = asked;
    if (isDirect || write.type !== 'transaction') return outcomeOfWrite(await client.write(write, timeoutMs));
    const { idempotency, transaction } = write;
    return outcomeOfCommit(await committer.commit(draftOf(transaction), { timeoutMs, idempotency }));
  }
  const { query } = asked;
  const options = { timeoutMs, directives: { noCache: false, noStore: false, onlyIfCached: false } };
  if (!isDirect && query.type === 'get') return outcomeOfReading(await reader.get(query, options));
  if (!isDirect && query.type === 'list') return outcomeOfReading(await reader.list(query, options));
  if (!isDirect && query.type === 'document') return outcomeOfReading(await reader.read(query, options));
  if (!isDirect && query.type === 'search') return outcomeOfReading(await reader.read(query, options));
  return outcomeOfRead(await client.read(query, { timeoutMs }));
}

function outcomeOfWrite(outcome: WriteOutcome): CatalogOutcome {
  if (outcome.type === 'unknown') return outcome;
  if (outcome.type === 'done') return { type: 'result', result: outcome.result };
  if (outcome.type === 'invalid') throw new Error(`a client made a write that cannot be: ${outcome.reason}`);
  return { type: 'notApplied' };
}

function outcomeOfCommit(committed: Committed): CatalogOutcome {
  switch (committed.type) {
    case 'done':
      return { type: 'result', result: committed.result };
    case 'failed':
      if (committed.replica === null) return { type: 'notApplied' };
      return { type: 'result', result: { type: 'transactionFailed', ...committed.failure } };
    case 'invalidDocument':
    case 'malformed':
      throw new Error(`a client made a write that cannot be: ${committed.path}: ${committed.problem}`);
    default:
      return outcomeOfWrite(committed);
  }
}

function outcomeOfRead(outcome: ReadOutcome): CatalogOutcome {
  if (outcome.type !== 'done') return { type: 'notApplied' };
  return { type: 'answer', answer: outcome.result, isLeased: false, isHit: false };
}

function outcomeOfReading({ outcome, cacheStatus }: Reading<Result>): CatalogOutcome {
  if (outcome.type !== 'done') return { type: 'notApplied' };
  const { result } = outcome;
  const of = { isLeased: cacheStatus.includes('detail=lease'), isHit: cacheStatus.includes('; hit') };
  if (result.type === 'get' || result.type === 'document') return { type: 'answer', answer: result, ...of };
  const { revision } = result;
  if (result.type !== 'noPage') return { type: 'page', revision, page: read(result.rest), ...of };
  return { type: 'answer', answer: { type: 'search', revision, result: result.cause }, ...of };
}
