/** The conditions on the network: the run's own, and on top of them every storm that rages. */
import type { NetworkConditions } from './network.ts';
import type { TargetNetwork } from './plan-world.ts';

export interface Storm {
  readonly lossProbability: number;
  readonly duplicateProbability: number;
  readonly lateProbability: number;
  readonly lateMs: number;
  readonly extraDelayMs: number;
}

interface Front {
  readonly storm: Storm;
  /** On all links of this process; null: on all links. */
  readonly of: string | null;
}

export class Weather {
  readonly #network: Pick<TargetNetwork, 'setConditions' | 'setLinkConditions'>;
  readonly #base: NetworkConditions;
  readonly #ids: readonly string[];
  readonly #fronts = new Set<Front>();

  /** `ids`: of everybody a storm can be about, and around. */
  constructor(
    network: Pick<TargetNetwork, 'setConditions' | 'setLinkConditions'>,
    base: NetworkConditions,
    ids: readonly string[],
  ) {
    this.#network = network;
    this.#base = base;
    this.#ids = ids;
  }

  /** Returns what ends it. */
  begin(storm: Storm, of: string | null): () => void {
    const front = { storm, of };
    this.#fronts.add(front);
    this.#change(of);
    return () => {
      if (this.#fronts.delete(front)) this.#change(of);
    };
  }

  /** Nothing is lost, doubled or late any more. */
  calm(): void {
    this.#network.setConditions({ ...this.#base, lossProbability: 0, duplicateProbability: 0, lateProbability: 0 });
  }

  #change(of: string | null): void {
    if (of === null) this.#network.setConditions(this.#fold((front) => front.of === null));
    // What rages everywhere rages on single links as well, whose conditions stand in place of the others.
    const local = new Set([...this.#fronts].map((front) => front.of));
    if (of !== null) local.add(of);
    for (const id of local) {
      if (id !== null) this.#changeLinks(id);
    }
  }

  #changeLinks(id: string): void {
    for (const peer of this.#ids) {
      if (peer === id) continue;
      const isLocal = [...this.#fronts].some(({ of }) => of === id || of === peer);
      const conditions = isLocal ? this.#fold(({ of }) => of === null || of === id || of === peer) : null;
      this.#network.setLinkConditions(id, peer, conditions);
      this.#network.setLinkConditions(peer, id, conditions);
    }
  }

  #fold(counts: (front: Front) => boolean): NetworkConditions {
    let folded = this.#base;
    for (const front of this.#fronts) {
      if (counts(front)) folded = worse(folded, front.storm);
    }
    return folded;
  }
}

function worse(conditions: NetworkConditions, storm: Storm): NetworkConditions {
  const [fromMs, toMs] = conditions.delayMs;
  return {
    delayMs: [fromMs, toMs + storm.extraDelayMs],
    lossProbability: Math.max(conditions.lossProbability, storm.lossProbability),
    duplicateProbability: Math.max(conditions.duplicateProbability, storm.duplicateProbability),
    lateProbability: Math.max(conditions.lateProbability, storm.lateProbability),
    lateMs: Math.max(conditions.lateMs, storm.lateMs),
  };
}
