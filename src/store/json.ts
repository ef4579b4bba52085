/**
 * JSON within bounds. Replicas evaluate with it, so whether a text is taken and what becomes of it depends on its bytes alone.
 *
 * An object is plain data, whatever its members are called: `JSON.parse`, spreads and `Object.fromEntries` make `__proto__` a
 * member like any other, an assignment does not. Members are therefore read with `fieldOf` and set with `withField`.
 */
import { isUtf8 } from 'node:buffer';
import { transactionLimits } from './transaction.ts';

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

export interface JsonObject {
  readonly [field: string]: Json;
}

export interface JsonProblem {
  /** A JSON pointer (RFC 6901) to what is wrong: `/sizes/2`; empty for the whole text. */
  readonly path: string;
  /** For people: the words may differ from one version of Node to the next. */
  readonly problem: string;
}

export type ParsedJson = { readonly type: 'json'; readonly value: Json } | ({ readonly type: 'problem' } & JsonProblem);

type Step = string | number;

/**
 * No member twice, no number that is too large for a double, no integer that one would round, no lone surrogate, at most so many arrays
 * and objects in each other.
 */
export function parseJson(bytes: Uint8Array, depthMax: number = transactionLimits.jsonDepthMax): ParsedJson {
  if (!isUtf8(bytes))
    return { type: 'problem', path: '', problem: 'this is not well-formed UTF-8: send JSON in UTF-8' };
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch (error) {
    return {
      type: 'problem',
      path: '',
      problem: `this is not JSON: ${error instanceof Error ? error.message : error}`,
    };
  }
  const survey = { members: 0, depthMax };
  const problem = problemOf(value, 0, [], survey);
  if (problem === null && (survey.members < colonsOf(bytes) || longInteger.test(text))) {
    const lost = lostIn(text);
    if (lost !== null) return { type: 'problem', ...lost };
  }
  return problem === null ? { type: 'json', value } : { type: 'problem', ...problem };
}

interface Survey {
  members: number;
  readonly depthMax: number;
}

/** Counts the members on the way. `path` is the way to `value`, and is left as it was if nothing is wrong. */
function problemOf(value: Json, depth: number, path: Step[], survey: Survey): JsonProblem | null {
  if (typeof value === 'string') return value.isWellFormed() ? null : at(path, 'a text must be well-formed Unicode');
  if (typeof value === 'number') {
    return Number.isFinite(value) ? null : at(path, 'a number must be between -1.8e308 and 1.8e308');
  }
  if (value === null || typeof value === 'boolean') return null;
  if (depth === survey.depthMax) {
    return at(path, `arrays and objects stand in each other at most ${survey.depthMax} deep`);
  }
  const visit = (step: Step, part: Json) => {
    path.push(step);
    const problem = problemOf(part, depth + 1, path, survey);
    if (problem === null) path.pop();
    return problem;
  };
  if (isList(value)) {
    for (const [position, element] of value.entries()) {
      const problem = visit(position, element);
      if (problem !== null) return problem;
    }
    return null;
  }
  for (const [name, member] of Object.entries(value)) {
    survey.members += 1;
    if (!name.isWellFormed()) return at([...path, name], 'the name of a member must be well-formed Unicode');
    const problem = visit(name, member);
    if (problem !== null) return problem;
  }
  return null;
}

/** How many members a JSON text spells out: more than its value has if one is there twice. */
function colonsOf(bytes: Uint8Array): number {
  let colons = 0;
  let inText = false;
  for (let offset = 0; offset < bytes.length; offset += 1) {
    const byte = bytes[offset];
    if (byte === quote) inText = !inText;
    else if (inText) offset += byte === backslash ? 1 : 0;
    else if (byte === colon) colons += 1;
  }
  return colons;
}

const quote = 0x22;
const backslash = 0x5c;
const colon = 0x3a;

const longInteger = /\d{16}/;

/** What a text says and its value does not: the first member that has the name of one before it, or integer that is rounded. */
function lostIn(text: string): JsonProblem | null {
  const levels: { readonly names: Set<string> | null; step: Step }[] = [];
  const path = () => levels.map(({ step }) => step);
  let last = '';
  for (const [token] of text.matchAll(/"(?:[^"\\]+|\\.)*"|[[\]{}:,]|-?\d[\d.eE+-]*/g)) {
    const level = levels.at(-1);
    if (token.startsWith('"')) last = token;
    else if (token === '{') levels.push({ names: new Set(), step: '' });
    else if (token === '[') levels.push({ names: null, step: 0 });
    else if (token === '}' || token === ']') levels.pop();
    else if (/\d/.test(token)) {
      if (isRounded(token)) return at(path(), `no double holds the integer ${token}: send it as a text`);
    } else if (level !== undefined && typeof level.step === 'number') level.step += token === ',' ? 1 : 0;
    else if (level !== undefined && token === ':') {
      level.step = JSON.parse(last) as string;
      if (level.names?.has(level.step)) {
        return at(path(), `the member ${JSON.stringify(level.step)} is there twice: an object has each name once`);
      }
      level.names?.add(level.step);
    }
  }
  return null;
}

/** What a double is written as stands for it, though its last digits may be others. */
function isRounded(token: string): boolean {
  if (!longInteger.test(token) || !/^-?\d+$/.test(token)) return false;
  const number = Number(token);
  return String(number) !== token && BigInt(number) !== BigInt(token);
}

function at(path: readonly Step[], problem: string): JsonProblem {
  return { path: pointer(path), problem };
}

/** RFC 6901. */
export function pointer(path: readonly Step[]): string {
  return path.map((step) => `/${`${step}`.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/**
 * In UTF-8. The same bytes on every version of Node: ECMAScript settles the order of members (names that are array indexes
 * ascending, then the others as they were added), how texts are escaped, and that a number has the fewest digits that tell it from
 * every other; where several such digits would do, V8 has always taken the nearest.
 */
export function stringifyJson(value: Json): Buffer {
  return Buffer.from(JSON.stringify(value));
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `Array.isArray` does not know lists that are read only. */
export function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

/** Undefined where there is no such member: `constructor` is none unless the text had it. */
export function fieldOf(value: Json, field: string): Json | undefined {
  return isObject(value) && Object.hasOwn(value, field) ? value[field] : undefined;
}

/** In the place that the field had, else at the end. */
export function withField(object: JsonObject, field: string, value: Json): JsonObject {
  return { ...object, [field]: value };
}

/** Of a JSON text that has been taken, an object: those of its fields, in its own order. */
export function pickFields(json: Uint8Array, fields: readonly string[]): Buffer {
  const object = JSON.parse(Buffer.from(json.buffer, json.byteOffset, json.byteLength).toString()) as JsonObject;
  const wanted = new Set(fields);
  return stringifyJson(Object.fromEntries(Object.entries(object).filter(([name]) => wanted.has(name))));
}

/** RFC 7396; no deeper than the deeper of the two. `undefined`: there is nothing to patch. */
export function mergePatch(target: Json | undefined, patch: Json): Json {
  if (!isObject(patch)) return patch;
  const members = new Map(isObject(target) ? Object.entries(target) : []);
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) members.delete(name);
    else members.set(name, mergePatch(members.get(name), value));
  }
  return Object.fromEntries(members);
}

export interface Bounds {
  readonly min: number | null;
  readonly max: number | null;
}

export type Addition =
  | { readonly type: 'added'; readonly value: JsonObject; readonly sum: number }
  | { readonly type: 'failed'; readonly reason: 'notJson' | 'notANumber' | 'outOfBounds' };

/**
 * Adds `amount` (finite) to the number under `field`. Of two safe integers the sum must be one, lest it be rounded; of others it
 * must be finite.
 */
export function addTo(value: Json, field: string, amount: number, { min, max }: Bounds): Addition {
  if (!isObject(value)) return { type: 'failed', reason: 'notJson' };
  const number = fieldOf(value, field);
  if (typeof number !== 'number') return { type: 'failed', reason: 'notANumber' };
  // JSON knows no -0, and -0 + 0 is 0.
  const sum = number + amount + 0;
  const exact = Number.isSafeInteger(number) && Number.isSafeInteger(amount);
  const sound = exact ? Number.isSafeInteger(sum) : Number.isFinite(sum);
  if (!sound || (min !== null && sum < min) || (max !== null && sum > max)) {
    return { type: 'failed', reason: 'outOfBounds' };
  }
  return { type: 'added', value: withField(value, field, sum), sum };
}
