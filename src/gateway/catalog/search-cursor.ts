/**
 * Where a page of a search ended. Opaque to clients: a hash of what was searched for and in which order, since a position in
 * another answer says nothing, and the position itself.
 */
import { hash } from 'node:crypto';
import { idProblem, type Position, type Search } from '../../store/client.ts';

/** In base64: 66 bits. */
const hashCharacters = 11;

export function encodeSearchCursor(search: Search, { id, sortValue }: Position): string {
  return hashOf(search) + Buffer.from(JSON.stringify([id, sortValue])).toString('base64url');
}

/** Null if this is no cursor of such a search. */
export function decodeSearchCursor(search: Search, cursor: string): Position | null {
  const [id, sortValue] = parsed(Buffer.from(cursor.slice(hashCharacters), 'base64url').toString());
  if (typeof id !== 'string' || idProblem(id) !== null) return null;
  if (search.sort === null ? sortValue !== null : typeof sortValue !== 'number') return null;
  const position = { id, sortValue } as Position;
  // What says the same in other characters was not made here.
  return encodeSearchCursor(search, position) === cursor ? position : null;
}

function hashOf({ collection, filters, sort }: Search): string {
  return hash('sha256', JSON.stringify([collection, filters, sort]), 'base64url').slice(0, hashCharacters);
}

function parsed(json: string): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(json);
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}
