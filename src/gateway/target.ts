/**
 * From the bytes of the request line to a key. Nothing here tidies: `a//b`, `..` and `%25` are keys like any other.
 */
import { keyProblem } from '../store/client.ts';
import { HttpProblem } from './errors.ts';

/** Visible ASCII but for `#`, which has no place in a request. */
const plain = /^\/[!"$-~]*$/;

/**
 * The target as a path and query in ASCII (RFC 9112 section 3.2.1). The absolute form loses its authority, and bytes
 * above ASCII, which curl sends as they are typed, are percent-encoded. Throws HttpProblem for anything else.
 */
export function originForm(target: string): string {
  if (plain.test(target)) return target;
  const path = target.replace(/^https?:\/\/[^/?#]*/i, '');
  const encoded = (path.startsWith('/') ? path : `/${path}`).replace(/[\x80-\xff]/g, percentEncoded);
  if (target.startsWith('*') || !plain.test(encoded)) {
    throw new HttpProblem(
      'bad_target',
      'expected a path and an optional query, percent-encoded where they are not ASCII',
    );
  }
  return encoded;
}

/** A byte, as Node hands it over: one character. */
function percentEncoded(byte: string): string {
  return `%${byte.charCodeAt(0).toString(16)}`;
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
