/** What a request's Cache-Control asks of a cache that is never stale (RFC 9111 section 5.2.1). */
export interface CacheDirectives {
  /** A replica is to be asked, whatever is kept. */
  readonly noCache: boolean;
  /** The answer is not to be kept. */
  readonly noStore: boolean;
  /** No replica is to be asked. */
  readonly onlyIfCached: boolean;
}

export const noDirectives: CacheDirectives = { noCache: false, noStore: false, onlyIfCached: false };

/**
 * Directives that bound an answer's age are met by every answer: each is proven to be current, but those that were asked
 * for as stale, which no cache gives. Unknown ones are none of a cache's business.
 */
export function parseCacheControl(header: string | undefined): CacheDirectives {
  if (header === undefined) return noDirectives;
  const names = new Set(header.split(',').map((directive) => directive.trim().toLowerCase()));
  return {
    noCache: names.has('no-cache'),
    noStore: names.has('no-store'),
    onlyIfCached: names.has('only-if-cached'),
  };
}
