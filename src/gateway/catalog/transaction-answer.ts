/** The answer to `POST /v1/txn`, from what was asked and what came of it alone: so it is the same when it is given again. */
import type { Document, JsonObject, KeyValue, OperationResult, TransactionResult } from '../../store/client.ts';
import { rfc3339 } from '../../system-clock.ts';
import { shownValue } from '../list-page.ts';
import type { Draft, DraftOperation } from './draft.ts';

export function transactionView(
  draft: Draft,
  { revision, succeeded, results }: Extract<TransactionResult, { readonly type: 'transaction' }>,
): object {
  const operations = succeeded ? draft.then : draft.otherwise;
  return { revision, succeeded, results: results.map((result, place) => resultView(result, operations[place])) };
}

function resultView(result: OperationResult, operation: DraftOperation | undefined): object {
  switch (result.type) {
    case 'key':
      return { item: result.item && keyView(result.item) };
    case 'document': {
      const isOfDocument = operation?.type === 'get' && operation.target.type === 'document';
      return {
        item: result.document && documentView(isOfDocument ? operation.target.collection : '', result.document),
      };
    }
    case 'range':
      return { items: result.items.map(keyView), more: result.more };
    case 'written': {
      const { version, created, sum } = result;
      return { version, created, ...(sum === undefined ? {} : { sum }) };
    }
    case 'deleted':
      return { deleted: result.count };
  }
}

function keyView({ key, modRevision, version, contentType, sizeBytes, expiresAtMs, value }: KeyValue): object {
  return { key, modRevision, version, contentType, size: sizeBytes, ...endView(expiresAtMs), ...shownValue(value) };
}

function documentView(collection: string, { id, modRevision, version, expiresAtMs, json = noJson }: Document): object {
  const document = JSON.parse(Buffer.from(json.buffer, json.byteOffset, json.byteLength).toString()) as JsonObject;
  return { collection, id, modRevision, version, ...endView(expiresAtMs), document };
}

const noJson = Buffer.from('{}');

function endView(expiresAtMs: number | null | undefined): object {
  return expiresAtMs === null || expiresAtMs === undefined ? {} : { expiresAt: rfc3339(expiresAtMs) };
}
