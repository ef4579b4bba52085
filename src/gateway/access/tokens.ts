/**
 * Bearer tokens: `bazar_ID_SECRET`, 64 and 256 random bits in hex. What is kept of one is its id, which is no secret and finds
 * the entry, and the SHA-256 of the whole text, to which the id is the salt. A slow hash is for what people make up; 256
 * random bits cannot be guessed at any speed.
 */
import { hash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Role } from './needs.ts';

export interface TokenEntry {
  /** Unique among the tokens of a file. */
  readonly name: string;
  readonly role: Role;
  /** 16 hex digits, unique too. */
  readonly id: string;
  /** 64 hex digits. */
  readonly sha256: string;
  /** RFC 3339. */
  readonly created: string;
}

const prefix = 'bazar_';
const idBytes = 8;
const secretBytes = 32;
const idStart = prefix.length;
const idEnd = idStart + 2 * idBytes;
const tokenCharacters = idEnd + 1 + 2 * secretBytes;

/** The token itself is in no entry, and cannot be had again. */
export function createToken({ name, role, created }: Pick<TokenEntry, 'name' | 'role' | 'created'>): {
  readonly token: string;
  readonly entry: TokenEntry;
} {
  const id = randomBytes(idBytes).toString('hex');
  const token = `${prefix}${id}_${randomBytes(secretBytes).toString('hex')}`;
  return { token, entry: { name, role, id, sha256: hash('sha256', token), created } };
}

/** What a token is good for; null for one that is not among the entries. */
export type TokenTable = (token: string) => Role | null;

/** One look-up and one hash for each question. */
export function tokenTable(entries: readonly TokenEntry[]): TokenTable {
  const byId = new Map(entries.map(({ id, role, sha256 }) => [id, { role, sha256: Buffer.from(sha256, 'hex') }]));
  return (token) => {
    if (token.length !== tokenCharacters) return null;
    const known = byId.get(token.slice(idStart, idEnd));
    if (known === undefined) return null;
    return timingSafeEqual(hash('sha256', token, 'buffer'), known.sha256) ? known.role : null;
  };
}
