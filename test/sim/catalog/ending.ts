/** What must come once all is calm: what is over has ended, what is begun is built, and whoever watches knows of all of it. */
import { readApplied } from '../../../src/store/batch-chain.ts';
import { readCollection } from '../../../src/store/collection-row.ts';
import { nameOfCollection } from '../../../src/store/keys.ts';
import { openRow } from '../../../src/store/row.ts';
import type { Kernel } from '../kernel.ts';
import type { SimReplica } from '../replica.ts';
import type { Snapshot } from './judge.ts';
import type { WatchLog } from './operation.ts';

interface EndingOptions {
  readonly kernel: Kernel;
  /** Those that are meant to run. */
  readonly replicas: readonly SimReplica[];
  readonly watches: readonly WatchLog[];
}

const lookMs = 50;

export class CatalogEnding {
  readonly #options: EndingOptions;
  readonly #snapshots = new Map<string, Snapshot>();
  #missing: string | null = 'nobody has looked yet';
  #lookAt = 0;

  constructor(options: EndingOptions) {
    this.#options = options;
  }

  /** Of each replica, once nothing was left to do in it. */
  get snapshots(): readonly Snapshot[] {
    return [...this.#snapshots.values()];
  }

  /** Null: nothing is. */
  get whatIsMissing(): string | null {
    return this.#missing;
  }

  /** Between two events. */
  isReached(): boolean {
    const { kernel } = this.#options;
    if (kernel.now < this.#lookAt) return false;
    this.#lookAt = kernel.now + lookMs;
    this.#missing = this.#look();
    return this.#missing === null;
  }

  #look(): string | null {
    const { replicas, watches } = this.#options;
    for (const replica of replicas) {
      if (this.#snapshots.has(replica.id)) continue;
      const rows = replica.disk.rows(`/${replica.id}/state`);
      const left = whatIsLeft(rows);
      if (left !== null) return `${replica.id} still has ${left}`;
      const applied = appliedIn(rows);
      this.#snapshots.set(replica.id, { id: replica.id, applied, rows });
    }
    const through = Math.max(0, ...this.snapshots.map(({ applied }) => applied));
    const behind = watches.find((watch) => watch.through < through);
    return behind === undefined ? null : `${behind.id} knows what has changed up to ${behind.through} of ${through}`;
  }
}

type Rows = Snapshot['rows'];

function whatIsLeft(rows: Rows): string | null {
  const of = (letter: string) => rows.filter(([key]) => key[0] === letter.charCodeAt(0));
  if (of('a').length === 0) return 'applied nothing';
  if (of('e').length > 0) return `${of('e').length} keys and documents whose time is over`;
  if (of('g').length > 0) return 'rows of what was dropped';
  for (const [key, row] of of('c')) {
    const collection = readCollection(nameOfCollection(key), openRow(Buffer.from(key), row).body);
    if (collection.indexes.some(({ state }) => state.type !== 'ready'))
      return `an index of ${collection.name} to build`;
  }
  return null;
}

function appliedIn(rows: Rows): number {
  const byKey = new Map(rows.map(([key, row]) => [Buffer.from(key).toString('latin1'), row]));
  const get = (key: Uint8Array) => byKey.get(Buffer.from(key).toString('latin1'));
  const iterate = () => {
    throw new Error('one row is asked for');
  };
  return readApplied({ get, iterate }).last.index;
}
