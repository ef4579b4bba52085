/** What answers say of the cache they came through (RFC 9211). */
import type { HttpAnswer } from '../cluster/http-client.ts';

export function isHit({ headers }: HttpAnswer): boolean {
  return `${headers['cache-status']}`.startsWith('bazar; hit');
}

/** `93.1 % hits`. */
export function hits(count: number, of: number): string {
  return `${((100 * count) / of).toFixed(1)} % hits`;
}
