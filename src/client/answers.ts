/** What answers say beside their bodies. */
import { BazarError } from './errors.ts';
import type { Answer } from './transport.ts';

/** Of every answer to a read. */
export interface Provenance {
  /** At which it was read. As `minRevision` of a stale read it makes that at least as new. */
  readonly revision: number;
  /** A replica, or the gateway itself. */
  readonly servedBy: string;
  /** RFC 9211: a hit or not. */
  readonly cacheStatus: string;
}

export function jsonOf<T>({ body, status }: Answer): T {
  try {
    return JSON.parse(new TextDecoder().decode(body)) as T;
  } catch (cause) {
    throw new BazarError('expected an answer in JSON, got something else', { code: 'bad_answer', status, cause });
  }
}

export function provenanceOf({ headers }: Answer): Provenance {
  return {
    revision: Number(headers.get('Bazar-Revision')),
    servedBy: headers.get('Bazar-Served-By') ?? '',
    cacheStatus: headers.get('Cache-Status') ?? '',
  };
}

/** Of the entity tag of a value or document. */
export function modRevisionOf({ headers }: Answer): number {
  return Number((headers.get('ETag') ?? '').replaceAll('"', ''));
}

/** Null: it stands for good. */
export function expiresAtOf({ headers }: Answer): string | null {
  return headers.get('Bazar-Expires-At');
}

/** The answer had been given before, to the same request. */
export function isReplayed({ headers }: Answer): boolean {
  return headers.get('Idempotency-Replayed') === '?1';
}

/** Null where the call rejects with one of these codes: what was asked for is not there. */
export async function unless<T>(codes: readonly string[], call: Promise<T>): Promise<T | null> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof BazarError && error.outcome === 'not_applied' && codes.includes(error.code)) return null;
    throw error;
  }
}
