/** From the path of a request to a collection and a document's id; nothing is tidied, as with keys. */
import { collectionNameProblem, idProblem } from '../../store/client.ts';
import { HttpProblem, type ProblemCode } from '../errors.ts';
import { percentDecoded } from '../target.ts';

export const collectionsPath = '/v1/collections';

/** Templates name routes. The router would decode what one captures, and fold a trailing slash: patterns find them. */
export const collectionRoute = { name: '/v1/collections/{collection}', path: /^\/v1\/collections\/[^/]+$/ } as const;
export const collectionWatchRoute = {
  name: '/v1/collections/{collection}/watch',
  path: /^\/v1\/collections\/[^/]+\/watch$/,
} as const;
export const itemsRoute = {
  name: '/v1/collections/{collection}/items',
  path: /^\/v1\/collections\/[^/]+\/items$/,
} as const;
export const itemRoute = {
  name: '/v1/collections/{collection}/items/{id}',
  path: /^\/v1\/collections\/[^/]+\/items\/.*$/,
} as const;

/** Throws HttpProblem. `path` is as it was sent, of one of the routes above. */
export function requestedCollection({ path }: { readonly path: string }): string {
  const [encoded = ''] = path.slice(collectionsPath.length + 1).split('/', 1);
  return decoded(encoded, 'bad_collection', 'the name of the collection', collectionNameProblem);
}

/** As requestedCollection. An id may have slashes, coded or not. */
export function requestedItem(request: { readonly path: string }): {
  readonly collection: string;
  readonly id: string;
} {
  const collection = requestedCollection(request);
  const [, , , , , ...parts] = request.path.split('/');
  return { collection, id: decoded(parts.join('/'), 'bad_id', 'the id', idProblem) };
}

function decoded(encoded: string, code: ProblemCode, what: string, problemOf: (text: string) => string | null): string {
  const text = percentDecoded(encoded);
  if (text === null) throw new HttpProblem(code, `${what} is not well-formed: expected UTF-8, percent-encoded as %XX`);
  const reason = problemOf(text);
  if (reason !== null) throw new HttpProblem(code, reason);
  return text;
}
