/** How many reads a gateway answered from its cache, by what it says itself in Cache-Status (RFC 9211). */

export interface CacheCounts {
  /** All that were answered. */
  readonly reads: number;
  readonly hits: number;
  /** 0 to 1; null without reads. */
  readonly hitRatio: number | null;
  /** By what was said: `hit`, why it was forwarded, such as `uri-miss`, or `unsaid`. */
  readonly said: Readonly<Record<string, number>>;
}

export interface CacheReport {
  readonly all: CacheCounts;
  readonly gateways: Readonly<Record<string, CacheCounts>>;
}

export class CacheTally {
  readonly #gateways: ReadonlyMap<string, Map<string, number>>;

  constructor(gateways: readonly string[]) {
    this.#gateways = new Map(gateways.map((gateway) => [gateway, new Map()]));
  }

  /** One read that was answered; `cacheStatus` null: without that header. */
  record(gateway: string, cacheStatus: string | null): void {
    const said = this.#gateways.get(gateway);
    if (said === undefined) throw new Error(`${gateway} is none of ${[...this.#gateways.keys()].join(', ')}`);
    const word = wordFor(cacheStatus);
    said.set(word, (said.get(word) ?? 0) + 1);
  }

  report(): CacheReport {
    const all = new Map<string, number>();
    for (const said of this.#gateways.values()) {
      for (const [word, count] of said) all.set(word, (all.get(word) ?? 0) + count);
    }
    const gateways = [...this.#gateways].map(([gateway, said]) => [gateway, countsOf(said)] as const);
    return { all: countsOf(all), gateways: Object.fromEntries(gateways) };
  }
}

/** `71.3 %` */
export function percentage(ratio: number | null): string {
  return ratio === null ? 'none' : `${(100 * ratio).toFixed(1)} %`;
}

function countsOf(said: ReadonlyMap<string, number>): CacheCounts {
  const reads = [...said.values()].reduce((sum, count) => sum + count, 0);
  const hits = said.get('hit') ?? 0;
  const inOrder = [...said].sort(([a], [b]) => (a < b ? -1 : 1));
  return { reads, hits, hitRatio: reads === 0 ? null : hits / reads, said: Object.fromEntries(inOrder) };
}

function wordFor(cacheStatus: string | null): string {
  const [, ...parameters] = (cacheStatus ?? '').split(';').map((parameter) => parameter.trim());
  if (parameters.includes('hit')) return 'hit';
  const forward = parameters.find((parameter) => parameter.startsWith('fwd='))?.slice('fwd='.length) ?? 'unsaid';
  return parameters.includes('collapsed') ? `${forward}, collapsed` : forward;
}
