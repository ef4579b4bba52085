/** The body of `POST /v1/txn` as a draft. */
import {
  type Compare,
  contentTypeProblem,
  type Json,
  type JsonObject,
  parseJson,
  stringifyJson,
  type Target,
  transactionLimits,
} from '../../store/client.ts';
import { problemAt, quote } from '../errors.ts';
import { sentenceAt } from '../json-body.ts';
import { durationMsIn } from '../parameters.ts';
import type { CompareBody, OperationBody, TransactionBody } from '../schemas/transaction.ts';
import type { Draft, DraftOperation } from './draft.ts';

/** Throws HttpProblem with the path of what is wrong. */
export function draftOf({ compare, then, else: otherwise }: TransactionBody): Draft {
  return {
    compares: compare.map(compareOf),
    then: then.map((operation, place) => operationOf(operation, `/then/${place}`)),
    otherwise: otherwise.map((operation, place) => operationOf(operation, `/else/${place}`)),
  };
}

/** Whether it would change something, in either branch. */
export function writes({ then, otherwise }: Draft): boolean {
  return [...then, ...otherwise].some(({ type }) => type !== 'get' && type !== 'range');
}

function targetOf(body: { readonly key: string } | { readonly collection: string; readonly id: string }): Target {
  return 'key' in body
    ? { type: 'key', key: body.key }
    : { type: 'document', collection: body.collection, id: body.id };
}

function compareOf(body: CompareBody): Compare {
  switch (body.of) {
    case 'exists':
      return { of: 'exists', target: targetOf(body), is: body.value === (body.is === '=') };
    case 'version':
    case 'modRevision':
    case 'createRevision':
      return { of: body.of, target: targetOf(body), is: body.is, number: body.value };
    case 'value': {
      const value = 'value' in body ? Buffer.from(body.value) : Buffer.from(body.valueBase64, 'base64');
      return { of: 'value', key: body.key, is: body.is, value };
    }
    case 'field':
      return { of: 'field', target: targetOf(body), field: body.field, is: body.is, scalar: body.value };
  }
}

function operationOf(body: OperationBody, path: string): DraftOperation {
  switch (body.op) {
    case 'get':
    case 'delete':
      return { type: body.op, target: targetOf(body) };
    case 'range': {
      const { prefix, after = null, limit, keysOnly } = body;
      return { type: 'range', prefix, after, limit, keysOnly };
    }
    case 'put':
      return putOf(body, path);
    case 'patch':
      return { type: 'patch', target: targetOf(body), patch: bounded(body.patch, `${path}/patch`) };
    case 'add': {
      const { field, amount, min = null, max = null } = body;
      return { type: 'add', target: targetOf(body), field, amount, min, max };
    }
    case 'deleteRange':
      return { type: 'deleteRange', prefix: body.prefix };
  }
}

function putOf(body: Extract<OperationBody, { readonly op: 'put' }>, path: string): DraftOperation {
  const ttlMs = ttlMsOf(body.ttl, path);
  if ('document' in body) {
    const { collection, id } = body;
    return { type: 'putDocument', collection, id, document: bounded(body.document, `${path}/document`), ttlMs };
  }
  const isJson = 'json' in body;
  const contentType = body.contentType ?? (isJson ? 'application/json' : 'application/octet-stream');
  const reason = contentTypeProblem(contentType);
  if (reason !== null) throw problemAt(`${path}/contentType`, 'bad_transaction', `${path}/contentType: ${reason}`);
  return { type: 'put', key: body.key, value: bytesOf(body, path), contentType, ttlMs };
}

type ValueBody = { readonly value: string } | { readonly valueBase64: string } | { readonly json: Json };

function bytesOf(body: ValueBody, path: string): Uint8Array {
  if ('value' in body) return Buffer.from(body.value);
  return 'json' in body ? stringifyJson(bounded(body.json, `${path}/json`)) : Buffer.from(body.valueBase64, 'base64');
}

function ttlMsOf(text: string | undefined, path: string): number | null {
  if (text === undefined) return null;
  const ttlMs = durationMsIn(text);
  const { ttlMsMax } = transactionLimits;
  if (ttlMs >= 1 && ttlMs <= ttlMsMax) return ttlMs;
  const detail = `expected a lifetime such as 30s, from 1ms to ${ttlMsMax / 1000}s (ten years), got ${quote(text)}`;
  throw problemAt(`${path}/ttl`, 'bad_transaction', `${path}/ttl: ${detail}`);
}

/** Throws HttpProblem for what is deeper than documents may be: the body around it may be deeper than they. */
function bounded<T extends Json | JsonObject>(value: T, path: string): T {
  const parsed = parseJson(stringifyJson(value));
  if (parsed.type === 'json') return value;
  const at = `${path}${parsed.path}`;
  throw problemAt(at, 'invalid_document', sentenceAt(at, parsed.problem));
}
