/**
 * From the bytes of the request line to a key. Nothing here tidies: `a//b`, `..` and `%25` are keys like any other.
 */
import { keyProblem } from '../store/client.ts';
import { HttpProblem, quote } from './errors.ts';

/** Node has refused everything but visible ASCII; a fragment has no place in a request either. */
const plain = /^\/[^#]*$/;

/**
 * The target as a path and query (RFC 9112 section 3.2.1): the absolute form loses its authority. Throws HttpProblem
 * for what is no path.
 */
export function originForm(target: string): string {
  if (plain.test(target)) return target;
  const path = target.replace(/^https?:\/\/[^/?#]*(?=\/)/i, '');
  if (!plain.test(path)) throw new HttpProblem('bad_target', `expected a path and a query, got ${quote(target)}`);
  return path;
}

/** Decodes once, so that `%2F` and `/` are one key and `%2525` is `%25`. Throws HttpProblem. */
export function decodeKey(encoded: string): string {
  const key = encoded.includes('%') ? percentDecoded(encoded) : encoded;
  if (key === null) {
    throw new HttpProblem('bad_key', 'the key is not well-formed: expected UTF-8, percent-encoded as %XX');
  }
  const reason = keyProblem(key);
  if (reason !== null) throw new HttpProblem('bad_key', reason);
  return key;
}

/** Null where a percent sign does not begin a byte, or the bytes are not UTF-8. */
export function percentDecoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
