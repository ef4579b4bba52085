/**
 * Where a page of a list ended. Opaque to clients: `<length of the prefix>:<last key>` in base64url, which holds the
 * prefix too, because every listed key begins with it.
 */
import { keyProblem } from '../store/client.ts';

export function encodeCursor(prefix: string, lastKey: string): string {
  return Buffer.from(`${prefix.length}:${lastKey}`).toString('base64url');
}

/** The key to go on after, or null if this is no cursor of a list of this prefix. */
export function decodeCursor(cursor: string, prefix: string): string | null {
  const bytes = Buffer.from(cursor, 'base64url');
  const [, lastKey = ''] = /^\d+:(.*)$/s.exec(bytes.toString()) ?? [];
  const genuine =
    keyProblem(lastKey) === null && lastKey.startsWith(prefix) && encodeCursor(prefix, lastKey) === cursor;
  return genuine ? lastKey : null;
}
