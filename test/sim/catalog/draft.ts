/** Writes as a client of a gateway states them: what has to be known of documents the gateway finds out. */
import type { Draft, DraftOperation } from '../../../src/gateway/catalog/draft.ts';
import type { JsonObject } from '../../../src/store/json.ts';
import type { Operation, Transaction } from '../../../src/store/transaction.ts';

export function draftOf({ compares, then, otherwise }: Transaction): Draft {
  return { compares, then: then.map(operationOf), otherwise: otherwise.map(operationOf) };
}

function operationOf(operation: Operation): DraftOperation {
  switch (operation.type) {
    case 'putDocument': {
      const { type, collection, id, json, ttlMs } = operation;
      return { type, collection, id, document: objectIn(json), ttlMs };
    }
    case 'patch':
      return { type: 'patch', target: operation.target, patch: objectIn(operation.json) };
    case 'delete':
      return { type: 'delete', target: operation.target };
    default:
      return operation;
  }
}

function objectIn(json: Uint8Array): JsonObject {
  return JSON.parse(Buffer.from(json).toString()) as JsonObject;
}
