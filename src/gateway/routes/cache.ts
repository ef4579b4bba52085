/**
 * `DELETE /v1/cache`: throws answers out of the caches of gateways, for whoever does not trust what is there. Nothing
 * else needs it: what is kept is proven to be current whenever it is given. `POST /cache/invalidate` does so for a book.
 */
import type { Router } from '@koa/router';
import { collectionNameProblem, idProblem, keyProblem, touchOfKey, touchOfPrefix } from '../../store/client.ts';
import { type Answer, answering, jsonAnswer, type RequestContext, type RequestState } from '../answer.ts';
import { readBody } from '../body.ts';
import type { Purge } from '../cache/purge.ts';
import { HttpProblem, problemAnswer } from '../errors.ts';
import type { InFlight, Share } from '../in-flight.ts';
import { badParameter, flagOf, type Parameters, parseParameters, scopeOf } from '../parameters.ts';
import type { PeerAnswer, Peers } from '../peers.ts';
import { cacheInvalidateBody } from '../schemas/order.ts';
import { parseFields } from '../shop/request.ts';

export interface CacheRouteOptions {
  /** This gateway's own. */
  readonly id: string;
  /** How many answers went. */
  readonly purge: (purge: Purge) => number;
  readonly peers: Peers;
  readonly inFlight: InFlight;
  /** For those that ask all other gateways. */
  readonly askingInFlight: InFlight;
}

const selectors = ['key', 'prefix', 'tag', 'collection', 'all'] as const;
/** `id`: of one document, with `collection`. */
const purgeParameters = [...selectors, 'id', 'scope'] as const;
const invalidateBytesMax = 16 * 1024;
type PurgeParameters = Parameters<(typeof purgeParameters)[number]>;

/** What one gateway has done. */
type Purged =
  | { readonly id: string; readonly purged: number }
  | { readonly id: string; readonly error: string; readonly cause: 'silent' | 'refused' };

export function addCacheRoute(router: Router<RequestState>, options: CacheRouteOptions): void {
  const { id, purge, peers, inFlight, askingInFlight } = options;

  async function purgeHere(ctx: RequestContext): Promise<Answer> {
    const parameters = parseParameters(ctx.querystring, purgeParameters);
    return purgeAnswer([{ id, purged: purge(purgeOf(parameters)) }], ctx.method);
  }

  async function purgeEverywhere(ctx: RequestContext): Promise<Answer> {
    const parameters = parseParameters(ctx.querystring, purgeParameters);
    return everywhere(ctx, purgeOf(parameters), selectorText(parameters));
  }

  async function invalidate(ctx: RequestContext, share: Share): Promise<Answer> {
    parseParameters(ctx.querystring, []);
    const bytes = await readBody(ctx.req, ctx.res, share, invalidateBytesMax, 'request');
    const { bookId } = parseFields(bytes, cacheInvalidateBody, 'bad_body');
    const selector = `collection=books&id=${encodeURIComponent(bookId)}`;
    return everywhere(ctx, { type: 'document', collection: 'books', id: bookId }, selector);
  }

  async function everywhere(ctx: RequestContext, what: Purge, selector: string): Promise<Answer> {
    const purged = purge(what);
    const target = `/v1/cache?${selector}&scope=this`;
    const answers = await peers.askAll({ method: 'DELETE', target });
    return purgeAnswer([{ id, purged }, ...answers.map(purgedBy)], ctx.method);
  }

  const here = inFlight.admitting(purgeHere);
  const asking = askingInFlight.admitting(purgeEverywhere);
  router.delete(
    '/v1/cache',
    '/v1/cache',
    answering('admin', (ctx) => {
      const scope = scopeOf(parseParameters(ctx.querystring, purgeParameters));
      return scope === 'this' ? here(ctx) : asking(ctx);
    }),
  );
  const book = askingInFlight.admitting(invalidate);
  router.post('/cache/invalidate', '/cache/invalidate', answering('admin', book));
}

/** Throws HttpProblem unless exactly one selector is given; an id belongs to a collection. */
function purgeOf(parameters: PurgeParameters): Purge {
  const given = selectors.filter((name) =>
    name === 'all' ? flagOf(parameters, name) : parameters.get(name) !== undefined,
  );
  const [selector] = given;
  if (selector === undefined || given.length > 1) {
    const got = selector === undefined ? 'none; all takes everything' : given.join(' and ');
    throw new HttpProblem('bad_parameter', `expected exactly one of ${selectors.join(', ')}, got ${got}`);
  }
  const id = parameters.get('id');
  if (id !== undefined && selector !== 'collection') {
    throw badParameter('id', 'the id of a document, together with its collection', id);
  }
  if (selector === 'all') return { type: 'all' };
  const text = parameters.get(selector) ?? '';
  const reason = selector === 'collection' ? collectionNameProblem(text) : keyProblem(text);
  if (reason !== null) throw badParameter(selector, `${expectedOf[selector]} (${reason})`, text);
  switch (selector) {
    case 'key':
      return { type: 'key', key: text };
    case 'prefix':
      return { type: 'prefix', prefix: text };
    case 'collection':
      return id === undefined ? { type: 'collection', collection: text } : documentPurge(text, id);
    case 'tag':
      return { type: 'touches', touches: [touchOfKey(text), touchOfPrefix(text)] };
  }
}

function documentPurge(collection: string, id: string): Purge {
  const reason = idProblem(id);
  if (reason !== null) throw badParameter('id', `the id of a document (${reason})`, id);
  return { type: 'document', collection, id };
}

const expectedOf = {
  key: 'a key',
  prefix: 'the beginning of a key',
  tag: 'a key, or a prefix that was listed',
  collection: 'the name of a collection',
} as const;

function selectorText(parameters: PurgeParameters): string {
  const given = [...selectors, 'id' as const].flatMap((name) => {
    const text = parameters.get(name);
    return text === undefined ? [] : [`${name}=${encodeURIComponent(text)}`];
  });
  return given.join('&');
}

/** A peer's own answer, if it is one that a purge of `scope=this` can have. */
function purgedBy(answer: PeerAnswer): Purged {
  const { id } = answer;
  if (answer.type === 'silent') return { id, error: answer.reason, cause: 'silent' };
  if (answer.status !== 200) return { id, error: `it answered with status ${answer.status}`, cause: 'refused' };
  const purged = purgedIn(answer.body, id);
  if (purged === null) return { id, error: 'its answer is not that of a purge', cause: 'refused' };
  return { id, purged };
}

/** Null unless it is this gateway that says so: its address may be another's by now. */
function purgedIn(body: string, id: string): number | null {
  const answer = parsed(body) as {
    readonly gateways?: readonly { readonly id?: unknown; readonly purged?: unknown }[];
  };
  const own = Array.isArray(answer?.gateways) ? answer.gateways[0] : undefined;
  const purged = own?.id === id ? own.purged : undefined;
  return Number.isSafeInteger(purged) && (purged as number) >= 0 ? (purged as number) : null;
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return null;
  }
}

function purgeAnswer(done: readonly Purged[], method: string): Answer {
  const failed = done.filter((each) => 'error' in each);
  const purged = done.reduce((sum, each) => sum + ('purged' in each ? each.purged : 0), 0);
  const gateways = done.map((each) => ('purged' in each ? each : { id: each.id, error: each.error }));
  if (failed.length === 0) return jsonAnswer(200, ['Cache-Control', 'no-store'], { purged, gateways });
  const named = failed.map(({ id, error }) => `${id} (${error})`).join(', ');
  const detail = `${failed.length} of ${done.length} gateways did not confirm, and may keep what was to go: ${named}; purge again, one that is down keeps nothing`;
  const code = failed.some(({ cause }) => cause === 'silent') ? 'gateway_silent' : 'gateway_refused';
  return problemAnswer(new HttpProblem(code, detail, 'unknown'), method, [], { purged, gateways });
}
