/** Bodies that are JSON. */
import type { ZodType } from 'zod';
import { isObject, type Json, type JsonObject, parseJson, transactionLimits } from '../store/client.ts';
import { type ProblemCode, problemAt } from './errors.ts';
import { check } from './schemas/check.ts';

/** Documents in it are held against their own bound, which says more. */
const bodyDepthMax = 2 * transactionLimits.jsonDepthMax;

/** Throws HttpProblem: `bad_json` for what is no JSON, else with `code` and the path of what does not fit. */
export function parseBody<T>(bytes: Uint8Array, schema: ZodType<T>, code: ProblemCode = 'bad_body'): T {
  const value = jsonIn(bytes, bodyDepthMax, code);
  const checked = check(schema, value);
  if (checked.type === 'misfit') throw problemAt(checked.path, code, sentenceAt(checked.path, checked.problem));
  return checked.value;
}

/** A document, or a patch. Throws HttpProblem: `bad_json`, or `code` with the path of what is wrong. */
export function parseDocument(
  bytes: Uint8Array,
  what: 'document' | 'patch',
  code: ProblemCode = 'invalid_document',
): JsonObject {
  const value = jsonIn(bytes, transactionLimits.jsonDepthMax, code);
  if (isObject(value)) return value;
  throw problemAt('', code, `a ${what} is a JSON object such as {"price":4500}, got another JSON value`);
}

function jsonIn(bytes: Uint8Array, depthMax: number, code: ProblemCode): Json {
  const parsed = parseJson(bytes, depthMax);
  if (parsed.type === 'json') return parsed.value;
  const { path, problem } = parsed;
  throw problemAt(path, isJson(bytes) ? code : 'bad_json', sentenceAt(path, problem));
}

/** Of what was refused: it is JSON, but beyond the bounds that this store has. */
function isJson(bytes: Uint8Array): boolean {
  try {
    JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
    return true;
  } catch {
    return false;
  }
}

export function sentenceAt(path: string, problem: string): string {
  return path === '' ? problem : `${path}: ${problem}`;
}
