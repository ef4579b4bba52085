/** All that runs of the catalog have beside others. */
import type { Entry } from '../../../src/raft/types.ts';
import type { Finding } from '../../history/operation.ts';
import type { SimReplica } from '../replica.ts';
import { CatalogClients, type CatalogOptions } from './clients.ts';
import { CatalogEnding } from './ending.ts';
import { judgeCatalog, type Snapshot } from './judge.ts';
import type { CatalogOperation } from './operation.ts';
import { CatalogWatches } from './watches.ts';

export class Catalog {
  readonly #options: CatalogOptions;
  readonly #clients: CatalogClients;
  readonly #watches: CatalogWatches;
  readonly #appliedAtMs = new Map<number, number>();
  #applied = 0;
  #snapshots: readonly Snapshot[] = [];

  constructor(options: CatalogOptions) {
    this.#options = options;
    this.#clients = new CatalogClients(options);
    this.#watches = new CatalogWatches(options);
  }

  /** Operations that were asked and have no outcome yet. */
  get open(): number {
    return this.#clients.open;
  }

  /** What clients have asked for and been told until now. */
  get operations(): readonly CatalogOperation[] {
    return this.#clients.operations;
  }

  start(): void {
    this.#clients.start();
    this.#watches.start();
  }

  /** No new operations; who watches goes on. */
  stop(): void {
    this.#clients.stop();
  }

  /** A replica has applied everything up to this index. */
  applied(index: number): void {
    for (let each = this.#applied + 1; each <= index; each++) this.#appliedAtMs.set(each, this.#options.kernel.now);
    this.#applied = Math.max(this.#applied, index);
  }

  /** All is calm: nothing is to be left undone within this time. Answers what is, or null. */
  async comeToRest(replicas: readonly SimReplica[], withinMs: number): Promise<string | null> {
    const { kernel } = this.#options;
    const ending = new CatalogEnding({ kernel, replicas, watches: this.#watches.logs });
    await kernel.run(kernel.now + withinMs, () => ending.isReached());
    this.#snapshots = ending.snapshots;
    return ending.whatIsMissing;
  }

  /** `log` is all that was committed; `fastestRate` that of the fastest clock. */
  judge(log: readonly Entry[], fastestRate: number): readonly Finding[] {
    return judgeCatalog({
      log,
      operations: this.#clients.operations,
      watches: this.#watches.logs,
      snapshots: this.#snapshots,
      appliedAtMs: this.#appliedAtMs,
      fastestRate,
    });
  }
}
