/** What is watched by several together. */
import type { Watched } from '../../store/client.ts';

/** Null: everything. */
export type Interest = Watched | null;

export function covers(interest: Interest, watched: Watched): boolean {
  if (interest === null) return true;
  if (interest.type === 'keys') return watched.type === 'keys' && watched.prefix.startsWith(interest.prefix);
  return watched.type === 'collection' && watched.name === interest.name;
}

/** The least that covers both. */
export function union(one: Interest, other: Interest): Interest {
  if (one === null || other === null) return null;
  if (covers(one, other)) return one;
  if (covers(other, one)) return other;
  if (one.type !== 'keys' || other.type !== 'keys') return null;
  return { type: 'keys', prefix: commonStart(one.prefix, other.prefix) };
}

function commonStart(one: string, other: string): string {
  let length = 0;
  while (length < one.length && one[length] === other[length]) length += 1;
  const start = one.slice(0, length);
  // Not between the halves of a character.
  return start.isWellFormed() ? start : start.slice(0, -1);
}
