/**
 * Holds what a client sent against a schema, and says of what does not fit where it is, what was expected and what was got.
 * Of several things the one is told that most likely is the cause.
 */
import type { core, ZodType } from 'zod';
import { quote } from '../errors.ts';

export interface Misfit {
  /** A JSON pointer (RFC 6901): `/then/2/key`; empty for the whole body. */
  readonly path: string;
  readonly problem: string;
}

export type Checked<T> = { readonly type: 'fits'; readonly value: T } | ({ readonly type: 'misfit' } & Misfit);

/** `value` is JSON that has been parsed. */
export function check<T>(schema: ZodType<T>, value: unknown): Checked<T> {
  const { data, error } = schema.safeParse(value, { error: sentence });
  return error === undefined ? { type: 'fits', value: data } : { type: 'misfit', ...misfitOf(error, value) };
}

/** Of an error of a schema for which `value` was too much; its messages must be those of `check`. */
function misfitOf({ issues }: core.$ZodError, value: unknown): Misfit {
  const { path, problem } = told(
    issues.map((issue) => causeOf(issue, [], value)),
    value,
  );
  return { path: pointerTo(path), problem };
}

interface Cause {
  readonly path: readonly PropertyKey[];
  readonly problem: string;
  readonly kind: 'unknown' | 'value' | 'other';
  /** What would have been right, where there are so many values. */
  readonly values: readonly unknown[];
}

/** A misspelt member is missing under its right name as well. */
function told(causes: readonly Cause[], value: unknown): Cause {
  const [cause] = [...causes.filter(({ kind }) => kind === 'unknown'), ...causes];
  return cause ?? { path: [], problem: `expected something else, got ${shown(value)}`, kind: 'other', values: [] };
}

function causeOf(issue: core.$ZodIssue, base: readonly PropertyKey[], value: unknown): Cause {
  const path = [...base, ...issue.path];
  switch (issue.code) {
    case 'unrecognized_keys':
      return { path: [...path, ...issue.keys.slice(0, 1)], problem: issue.message, kind: 'unknown', values: [] };
    case 'invalid_value':
      return { path, problem: issue.message, kind: 'value', values: issue.values };
    case 'invalid_union':
      if (issue.message !== '') return { path, problem: issue.message, kind: 'other', values: [] };
      return causeAmong(
        issue.errors.map((branch) => branch.map((each) => causeOf(each, path, value))),
        path,
        value,
      );
    default:
      return { path, problem: issue.message, kind: 'other', values: [] };
  }
}

/** `ways`: what is wrong with each of the forms that were allowed at `path`. */
function causeAmong(ways: readonly (readonly Cause[])[], path: readonly PropertyKey[], root: unknown): Cause {
  const meant = ways.filter((causes) => causes.every(({ kind }) => kind !== 'value'));
  if (meant.length === 0) return noneMeant(ways, root);
  const isMissing = (cause: Cause) => valueAt(root, cause.path) === undefined;
  const unfinished = meant.filter((causes) => causes.every(isMissing));
  if (unfinished.length > 1) {
    const members = unfinished.map((causes) => causes.map((cause) => String(cause.path.at(-1))).join(' and '));
    return { path, problem: `is incomplete: expected ${members.join(', or ')} as well`, kind: 'other', values: [] };
  }
  const fewest = Math.min(...meant.map((causes) => causes.length));
  const closest = meant.filter((causes) => causes.length === fewest);
  const [first = []] = closest;
  // Each form takes what another one does not.
  if (closest.length > 1 && closest.every((causes) => causes.every(({ kind }) => kind === 'unknown'))) {
    const members = new Set(closest.flatMap((causes) => causes.map((cause) => String(cause.path.at(-1)))));
    const problem = `expected one of ${[...members].join(' and ')}, got ${members.size === 2 ? 'both' : 'several'}`;
    return { path, problem, kind: 'other', values: [] };
  }
  return told(first, root);
}

/** Of no form all members fit that tell forms apart: those are told of that take most of them. */
function noneMeant(ways: readonly (readonly Cause[])[], root: unknown): Cause {
  const unfit = ways.map((way) => way.filter(({ kind }) => kind === 'value'));
  const [first] = unfit.flatMap((causes) => causes.slice(0, 1));
  if (first === undefined) return told(ways[0] ?? [], root);
  const nearer = [...new Set(unfit.flat().map(({ path }) => pointerTo(path)))]
    .map((name) => ways.filter((_, nth) => !unfit[nth]?.some(({ path }) => pointerTo(path) === name)))
    .filter((taking) => taking.length > 0)
    .toSorted((one, other) => one.length - other.length)[0];
  if (nearer !== undefined) return noneMeant(nearer, root);
  const name = pointerTo(first.path);
  const values = [...new Set(unfit.flat().flatMap((cause) => (pointerTo(cause.path) === name ? cause.values : [])))];
  return { ...first, problem: oneOf(values, valueAt(root, first.path)), values };
}

/** What has no words of its own. Empty: what was wrong with each form is told. */
function sentence(issue: core.$ZodRawIssue): string {
  switch (issue.code) {
    case 'invalid_union':
      return '';
    case 'invalid_value':
      return oneOf(issue.values, issue.input);
    case 'invalid_type':
      return mismatch(nouns[issue.expected] ?? issue.expected, issue.input);
    case 'too_small':
      return mismatch(amount(issue.origin, `${issue.minimum} or more`), issue.input);
    case 'too_big':
      return mismatch(amount(issue.origin, `at most ${issue.maximum}`), issue.input);
    default:
      return mismatch('something else', issue.input);
  }
}

const nouns: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'an object',
  record: 'an object',
  array: 'an array',
  null: 'null',
};

function amount(origin: string, bound: string): string {
  if (origin === 'string') return `a text of ${bound} characters`;
  return origin === 'array' ? `an array of ${bound}` : `a number, ${bound}`;
}

function oneOf(values: readonly unknown[], got: unknown): string {
  const texts = values.map(String);
  return mismatch(texts.length === 1 ? String(texts[0]) : `one of ${texts.join(', ')}`, got);
}

function mismatch(expected: string, got: unknown): string {
  return got === undefined ? `is missing: expected ${expected}` : `expected ${expected}, got ${shown(got)}`;
}

/** What was sent, no longer than a glance. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'an object';
  return typeof value === 'string' ? quote(value) : String(value);
}

/** For a schema: what it takes, in words, for whatever is wrong with what it is given. */
export function expected(words: string): { readonly error: core.$ZodErrorMap } {
  return { error: ({ input }) => mismatch(words, input) };
}

/** As `expected`, for objects: of members that nobody knows it names those that are known. */
export function expectedMembers(names: readonly string[]): { readonly error: core.$ZodErrorMap } {
  return {
    error: (issue) => {
      if (issue.code !== 'unrecognized_keys') return undefined;
      return `unknown member ${quote(issue.keys[0])}: expected ${names.join(', ')}`;
    },
  };
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  let value = root;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Readonly<Record<PropertyKey, unknown>>)[step];
  }
  return value;
}

function pointerTo(path: readonly PropertyKey[]): string {
  return path.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}
