/**
 * The definitions of collections as they were last seen: what a field is indexed as says what a search or a write means.
 * They are hints. Whoever uses one states its revision, and is answered `definitionChanged` where that is not the
 * present one; whoever is about to refuse something because of one forgets it first, and asks again.
 */
import type { Collection, Index, StoreClient } from '../../store/client.ts';

/** No replica could say in time. */
export interface Unavailable {
  readonly type: 'unavailable';
}

/** As many as a cluster can have. */
const keptMax = 1000;

export class Definitions {
  readonly #client: Pick<StoreClient, 'read'>;
  /** In the order in which they came. */
  readonly #kept = new Map<string, Collection>();

  constructor(client: Pick<StoreClient, 'read'>) {
    this.#client = client;
  }

  /** Null where nothing is. */
  kept(name: string): Collection | null {
    return this.#kept.get(name) ?? null;
  }

  /**
   * What is kept, or else what stands there now: that there is no such collection (null) is never from memory. Of what is
   * kept `documents` and the states of indexes are of some earlier moment. Never rejects.
   */
  async get(name: string, timeoutMs: number): Promise<Collection | null | Unavailable> {
    const kept = this.#kept.get(name);
    if (kept !== undefined) return kept;
    const outcome = await this.#client.read({ type: 'collection', name }, { timeoutMs });
    if (outcome.type !== 'done') return { type: 'unavailable' };
    const { result } = outcome;
    if (result.type !== 'collection') throw new Error(`a collection was asked for, and a ${result.type} came`);
    if (result.collection === null) this.forget(name, result.revision);
    else this.#keep(result.collection);
    return result.collection;
  }

  /** Unless a later one than `modRevision` is kept by now. */
  forget(name: string, modRevision: Index): void {
    const kept = this.#kept.get(name);
    if (kept !== undefined && kept.modRevision <= modRevision) this.#kept.delete(name);
  }

  /** Answers may come in another order than that of the definitions. */
  #keep(collection: Collection): void {
    const { name, modRevision } = collection;
    if ((this.#kept.get(name)?.modRevision ?? 0) >= modRevision) return;
    this.#kept.delete(name);
    this.#kept.set(name, collection);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > keptMax && oldest !== undefined) this.#kept.delete(oldest);
  }
}

export function isUnavailable(found: Collection | null | Unavailable): found is Unavailable {
  return found !== null && 'type' in found;
}
