/** What clients notice of caches: which answers came from memory, at what moments, and whether they may have. */
import type { Request } from '../history/operation.ts';
import type { HttpReply } from './http.ts';
import type { Probes } from './probes.ts';

/** Of Cache-Control. */
export const directives = ['no-cache', 'no-store', 'only-if-cached'] as const;
export type Directive = (typeof directives)[number];

export class ReadingNotes {
  readonly #probes: Pick<Probes, 'sometimes'>;
  /** How many are under way, by key. */
  readonly #writes = new Map<string, number>();
  #reads = 0;
  #hits = 0;

  constructor(probes: Pick<Probes, 'sometimes'>) {
    this.#probes = probes;
  }

  /** Those that were answered. */
  get reads(): number {
    return this.#reads;
  }

  /** Of them, those that a gateway answered from memory. */
  get hits(): number {
    return this.#hits;
  }

  begins(request: Request): void {
    this.#count(request, 1);
  }

  /** Throws if a replica was to be asked, and none was. */
  ends(request: Request, answer: HttpReply | 'lost', directive: Directive | undefined): void {
    this.#count(request, -1);
    const cacheStatus = answer === 'lost' ? undefined : answer.headers['cache-status'];
    if (answer === 'lost' || cacheStatus === undefined) return;
    this.#probes.sometimes(`cache: ${cacheStatus}`);
    if (answer.status >= 500) return;
    this.#reads++;
    if (cacheStatus.endsWith('; collapsed')) this.#probes.sometimes('cache: a joined fetch answered');
    if (!/; hit\b/.test(cacheStatus)) return;
    if (directive === 'no-cache' || directive === 'no-store') {
      throw new Error(`a replica was to be asked: Cache-Control was ${directive}, and Cache-Status is ${cacheStatus}`);
    }
    this.#hit(request, answer.status);
  }

  #hit(request: Request, status: number): void {
    this.#hits++;
    if (this.#isBeingWritten(request)) this.#probes.sometimes('cache: a hit while a write was in flight');
    if (status === 304) this.#probes.sometimes('cache: a hit for a value that had not changed');
    if (status === 404) this.#probes.sometimes('cache: a hit for a key that is absent');
    if (request.type === 'list') this.#probes.sometimes('cache: a hit for a list');
    if (request.type === 'get' && request.form?.type === 'head') this.#probes.sometimes('cache: a hit for HEAD');
  }

  #count(request: Request, by: 1 | -1): void {
    if (request.type !== 'put' && request.type !== 'delete') return;
    this.#writes.set(request.key, (this.#writes.get(request.key) ?? 0) + by);
  }

  /** Any key that it may show. */
  #isBeingWritten(request: Request): boolean {
    const isShown = (key: string) => (request.type === 'list' ? key.startsWith(request.prefix) : key === request.key);
    return [...this.#writes].some(([key, count]) => count > 0 && isShown(key));
  }
}
