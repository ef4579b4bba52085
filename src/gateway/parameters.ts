/**
 * Query parameters. Strict: a misspelt parameter that is ignored would be answered with something else than was asked.
 */
import { type Consistency, limits } from '../store/client.ts';
import { HttpProblem, quote } from './errors.ts';
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
      throw new HttpProblem('bad_parameter', `unknown query parameter ${quote(decodedName)}; ${expected}`);
    }
    if (parameters.has(name)) throw new HttpProblem('bad_parameter', `query parameter "${name}" is given twice`);
    const value = equals === -1 ? '' : formDecoded(pair.slice(equals + 1));
    if (value === null) throw badParameter(name, 'UTF-8, percent-encoded as %XX', pair.slice(equals + 1));
    parameters.set(name, value);
  }
  return parameters;
}

function formDecoded(text: string): string | null {
  return percentDecoded(text.replaceAll('+', ' '));
}

export function badParameter(name: string, expected: string, got: string): HttpProblem {
  return new HttpProblem('bad_parameter', `query parameter "${name}": expected ${expected}, got ${quote(got)}`);
}

const timeoutMsDefault = 5000;
const millisecondsPer: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000 };

export function timeoutMsOf(parameters: Parameters<'timeout'>): number {
  const text = parameters.get('timeout');
  if (text === undefined) return timeoutMsDefault;
  const [, count, unit = ''] = /^(\d{1,6})(ms|s|m)$/.exec(text) ?? [];
  const timeoutMs = Number(count) * (millisecondsPer[unit] ?? Number.NaN);
  if (timeoutMs >= 1 && timeoutMs <= timeoutMsMax) return timeoutMs;
  throw badParameter('timeout', `a whole number and ms, s or m, from 1ms to ${timeoutMsMax / 1000}s`, text);
}

const listLimitDefault = 100;

export function limitOf(parameters: Parameters<'limit'>): number {
  const text = parameters.get('limit');
  if (text === undefined) return listLimitDefault;
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
