/**
 * Query parameters. Strict: a misspelt parameter that is ignored would be answered with something else than was asked.
 */
import { type Consistency, limits, transactionLimits } from '../store/client.ts';
import { HttpProblem, problemAt, quote } from './errors.ts';
import { timeoutMsMax } from './limits.ts';
import { percentDecoded } from './target.ts';

export interface Parameters<Name extends string> {
  get(name: Name): string | undefined;
}

const none: Parameters<never> = new Map<never, string>();

/** `+` is a space, as in forms. Throws HttpProblem naming what is unknown, repeated or malformed. */
export function parseParameters<Name extends string>(querystring: string, allowed: readonly Name[]): Parameters<Name> {
  if (querystring === '') return none;
  const parameters = new Map<Name, string>();
  for (const pair of querystring.split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const encodedName = equals === -1 ? pair : pair.slice(0, equals);
    const decodedName = formDecoded(encodedName) ?? encodedName;
    const name = allowed.find((candidate) => candidate === decodedName);
    if (name === undefined) {
      const expected = allowed.length === 0 ? 'none are known here' : `expected ${allowed.join(', ')}`;
      throw problemAt(decodedName, 'bad_parameter', `unknown query parameter ${quote(decodedName)}; ${expected}`);
    }
    if (parameters.has(name)) throw problemAt(name, 'bad_parameter', `query parameter "${name}" is given twice`);
    const value = equals === -1 ? '' : formDecoded(pair.slice(equals + 1));
    if (value === null) throw badParameter(name, 'UTF-8, percent-encoded as %XX', pair.slice(equals + 1));
    parameters.set(name, value);
  }
  return parameters;
}

/** As parseParameters, where any name may be one that is known: whoever reads them refuses the others. */
export function parseAnyParameters(querystring: string): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  for (const pair of querystring.split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const encodedName = equals === -1 ? pair : pair.slice(0, equals);
    const name = formDecoded(encodedName);
    if (name === null) {
      const expected = 'a name in UTF-8, percent-encoded as %XX';
      throw new HttpProblem('bad_parameter', `query parameter ${quote(encodedName)}: expected ${expected}`);
    }
    if (parameters.has(name)) throw problemAt(name, 'bad_parameter', `query parameter ${quote(name)} is given twice`);
    const value = equals === -1 ? '' : formDecoded(pair.slice(equals + 1));
    if (value === null) throw badField(name, 'UTF-8, percent-encoded as %XX', pair.slice(equals + 1));
    parameters.set(name, value);
  }
  return parameters;
}

function formDecoded(text: string): string | null {
  return percentDecoded(text.replaceAll('+', ' '));
}

export function badParameter(name: string, expected: string, got: string): HttpProblem {
  return problemAt(name, 'bad_parameter', `query parameter "${name}": expected ${expected}, got ${quote(got)}`);
}

/** As badParameter, where the client has chosen the name. */
export function badField(name: string, expected: string, got: string): HttpProblem {
  return problemAt(name, 'bad_parameter', `query parameter ${quote(name)}: expected ${expected}, got ${quote(got)}`);
}

const timeoutMsDefault = 5000;
const millisecondsPer: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

export function timeoutMsOf(parameters: Parameters<'timeout'>): number {
  return durationOf(parameters, 'timeout', { minMs: 1, maxMs: timeoutMsMax }) ?? timeoutMsDefault;
}

/** Undefined where it is not given. */
export function durationOf<Name extends string>(
  parameters: Parameters<Name>,
  name: Name,
  { minMs, maxMs }: { readonly minMs: number; readonly maxMs: number },
): number | undefined {
  const text = parameters.get(name);
  if (text === undefined) return undefined;
  const durationMs = durationMsIn(text);
  if (durationMs >= minMs && durationMs <= maxMs) return durationMs;
  throw badParameter(name, `a whole number and ms, s, m, h or d, from ${minMs}ms to ${longest(maxMs)}`, text);
}

function longest(durationMs: number): string {
  const dayMs = 24 * 3600 * 1000;
  return durationMs % dayMs === 0 ? `${durationMs / dayMs}d` : `${durationMs / 1000}s`;
}

/** Of a text such as `500ms`, `30s`, `5m`, `24h` or `7d`; NaN for any other. */
export function durationMsIn(text: string): number {
  const [, count, unit = ''] = /^(\d{1,12})(ms|s|m|h|d)$/.exec(text) ?? [];
  return Number(count) * (millisecondsPer[unit] ?? Number.NaN);
}

/** Null where it is not given: for good. */
export function ttlMsOf(parameters: Parameters<'ttl'>): number | null {
  return durationOf(parameters, 'ttl', { minMs: 1, maxMs: transactionLimits.ttlMsMax }) ?? null;
}

/** Throws HttpProblem unless it is said that what is to go is really meant to. */
export function requireConfirmation(parameters: Parameters<'confirm'>, what: string): void {
  if (flagOf(parameters, 'confirm')) return;
  throw problemAt(
    'confirm',
    'bad_parameter',
    `this deletes ${what}: add the query parameter "confirm" if that is meant`,
  );
}

const listLimitDefault = 100;

export function limitOf(parameters: Parameters<'limit'>, limitDefault: number = listLimitDefault): number {
  const text = parameters.get('limit');
  if (text === undefined) return limitDefault;
  const limit = /^\d{1,4}$/.test(text) ? Number(text) : Number.NaN;
  if (limit >= 1 && limit <= limits.listItemsMax) return limit;
  throw badParameter('limit', `a whole number from 1 to ${limits.listItemsMax}`, text);
}

/** `?name` and `?name=true` are true. */
export function flagOf<Name extends string>(parameters: Parameters<Name>, name: Name): boolean {
  const text = parameters.get(name);
  if (text === undefined || text === 'false') return false;
  if (text === '' || text === 'true') return true;
  throw badParameter(name, 'true or false', text);
}

/** Linearizable where nothing is said. */
export function consistencyOf(parameters: Parameters<'consistency'>): Consistency {
  const text = parameters.get('consistency') ?? 'linearizable';
  if (text === 'linearizable' || text === 'stale') return text;
  throw badParameter('consistency', 'linearizable or stale', text);
}

/** Which gateways are meant: all of the cluster, or the one that is asked. */
export function scopeOf(parameters: Parameters<'scope'>): 'cluster' | 'this' {
  const text = parameters.get('scope');
  if (text === undefined || text === 'cluster') return 'cluster';
  if (text === 'this') return 'this';
  throw badParameter('scope', 'this or cluster', text);
}
