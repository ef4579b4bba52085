/** The disk as one life of a process has it: the product's own interface. */
import type { Disk, FixedFile, KeyValueStore, LockResult } from '../../src/store/disk.ts';
import { StoreError } from '../../src/store/errors.ts';
import type { DiskChance } from './disk-chance.ts';
import { breakDatabase } from './disk-damage.ts';
import { Database } from './disk-database.ts';
import { diskError } from './disk-errors.ts';
import { openSparseFile, SparseFile } from './disk-file.ts';
import type { DiskQueue } from './disk-queue.ts';
import { SimStore } from './disk-store.ts';
import { type DiskTree, unfinishedDatabase } from './disk-tree.ts';
import type { Life } from './life.ts';

export class LifeDisk implements Disk {
  readonly #tree: DiskTree;
  readonly #queue: DiskQueue;
  readonly #chance: DiskChance;
  readonly #life: Life;

  constructor(tree: DiskTree, queue: DiskQueue, chance: DiskChance, life: Life) {
    this.#tree = tree;
    this.#queue = queue;
    this.#chance = chance;
    this.#life = life;
  }

  async openKeyValueStore(path: string, options: { readonly createIfMissing: boolean }): Promise<KeyValueStore> {
    const create = () => this.#tree.set(path, { type: 'database', database: new Database() });
    const database = await this.#queue.write(this.#life, {
      needsRoom: true,
      complete: () => {
        if (options.createIfMissing && this.#isEmptyPlace(path)) create();
        return this.#openDatabase(path, options.createIfMissing);
      },
      interrupt: () => {
        if (!options.createIfMissing || !this.#isEmptyPlace(path)) return;
        const outcome = this.#chance.outcome('database half made', ['missing', 'without CURRENT', 'whole']);
        if (outcome === 'without CURRENT') this.#tree.set(path, unfinishedDatabase());
        if (outcome === 'whole') create();
      },
    });
    return new SimStore(this.#queue, this.#chance, this.#life, database);
  }

  async openFixedFile(path: string, sizeBytes: number, { create }: { readonly create: boolean }): Promise<FixedFile> {
    if (create) await this.#fillFixedFile(path, sizeBytes);
    const file = await this.#queue.read(this.#life, () => {
      const node = this.#tree.get(path);
      if (node?.type !== 'fixedFile') throw diskError('ENOENT', `no such file: ${path}`);
      if (node.file.sizeBytes === sizeBytes) return node.file;
      throw new StoreError('fileSize', `${path} has ${node.file.sizeBytes} bytes, expected ${sizeBytes}`);
    });
    return openSparseFile(this.#queue, this.#chance, this.#life, file);
  }

  makeDirectory(path: string): Promise<void> {
    const make = (directories: readonly string[]) => {
      for (const directory of directories) this.#tree.set(directory, { type: 'directory' });
    };
    return this.#queue.write(this.#life, {
      needsRoom: true,
      complete: () => make(this.#tree.missingDirectories(path)),
      interrupt: () => {
        const missing = this.#tree.missingDirectories(path);
        make(missing.slice(0, this.#chance.integer(0, missing.length)));
      },
    });
  }

  list(path: string): Promise<readonly string[]> {
    return this.#queue.read(this.#life, () => this.#tree.list(path));
  }

  readFile(path: string): Promise<Uint8Array | undefined> {
    return this.#queue.read(this.#life, () => {
      const node = this.#tree.get(path);
      if (node === undefined) return undefined;
      if (node.type === 'file') return Buffer.from(node.bytes);
      throw diskError('EISDIR', `not a file to be read at once: ${path}`);
    });
  }

  writeFile(path: string, bytes: Uint8Array): Promise<void> {
    const content = Buffer.from(bytes);
    const draft = `${path}.tmp`;
    const finish = () => {
      this.#tree.set(path, { type: 'file', bytes: content });
      this.#tree.delete(draft);
    };
    return this.#queue.write(this.#life, {
      needsRoom: true,
      complete: finish,
      interrupt: () => {
        this.#tree.checkParent(path);
        const outcome = this.#chance.outcome('file half written', ['missing', 'draft left', 'whole']);
        if (outcome === 'whole') finish();
        if (outcome === 'draft left') {
          const bytesThere = this.#chance.integer(0, content.length);
          this.#tree.set(draft, { type: 'file', bytes: content.subarray(0, bytesThere) });
        }
      },
    });
  }

  rename(from: string, to: string): Promise<void> {
    const rename = () => this.#tree.rename(from, to);
    return this.#queue.write(this.#life, {
      needsRoom: false,
      complete: rename,
      interrupt: () => {
        if (this.#tree.get(from) === undefined) return;
        if (this.#chance.outcome('rename in flight at a crash', ['not done', 'done']) === 'done') rename();
      },
    });
  }

  remove(path: string): Promise<void> {
    const removeAll = (names: readonly string[]) => {
      for (const name of names) this.#tree.delete(name);
    };
    return this.#queue.write(this.#life, {
      needsRoom: false,
      complete: () => removeAll(this.#tree.inside(path)),
      interrupt: () => {
        const names = this.#tree.inside(path);
        if (this.#chance.outcome('removal in flight at a crash', ['not begun', 'begun']) === 'not begun') return;
        const gone = this.#chance.integer(0, names.length);
        removeAll(names.slice(0, gone));
        const next = this.#tree.get(names[gone] ?? '');
        if (next?.type === 'database') breakDatabase(next.database, this.#chance);
      },
    });
  }

  lock(path: string): Promise<LockResult> {
    const take = () => this.#tree.set(path, { type: 'lock', holder: this.#life });
    return this.#queue.write<LockResult>(this.#life, {
      needsRoom: true,
      complete: () => {
        const node = this.#tree.get(path);
        if (node?.type === 'lock' && !node.holder.dead) return { type: 'held', pid: node.holder.number };
        take();
        return { type: 'taken', release: () => this.#unlock(path) };
      },
      interrupt: () => {
        const node = this.#tree.get(path);
        if (node?.type === 'lock' && !node.holder.dead) return;
        const outcome = this.#chance.outcome('lock half taken', ['not taken', 'draft left', 'taken']);
        if (outcome === 'taken') take();
        if (outcome === 'draft left') {
          this.#tree.set(`${path}.${this.#life.number}`, { type: 'file', bytes: new Uint8Array() });
        }
      },
    });
  }

  #unlock(path: string): Promise<void> {
    return this.#queue.writeUnsynced(this.#life, {
      needsRoom: false,
      complete: () => {
        const node = this.#tree.get(path);
        if (node?.type === 'lock' && node.holder === this.#life) this.#tree.delete(path);
      },
      // A lock of a process that has ended counts for nothing.
      interrupt: () => {},
    });
  }

  #isEmptyPlace(path: string): boolean {
    this.#tree.checkParent(path);
    const node = this.#tree.get(path);
    return node === undefined || (node.type === 'database' && node.database.refusal === 'CURRENT is missing');
  }

  #openDatabase(path: string, createIfMissing: boolean): Database {
    const node = this.#tree.get(path);
    if (node === undefined) throw diskError('ENOENT', `no such database: ${path}`);
    if (node.type !== 'database') throw diskError('ENOTDIR', `not a database: ${path}`);
    const { database } = node;
    if (database.isHeld) throw diskError('LEVEL_LOCKED', `${path} is already held`);
    if (database.refusal === 'CURRENT is missing') {
      throw diskError('ENOENT', `${path}: does not exist (create_if_missing is ${createIfMissing})`);
    }
    if (database.refusal !== null) throw diskError('LEVEL_CORRUPTION', `Corruption: ${database.refusal}`);
    database.recover(this.#chance);
    database.holder = this.#life;
    return database;
  }

  #fillFixedFile(path: string, sizeBytes: number): Promise<void> {
    const fill = (bytes: number) => {
      const node = this.#tree.get(path);
      if (node?.type !== 'fixedFile' || node.file.sizeBytes === 0) {
        this.#tree.set(path, { type: 'fixedFile', file: new SparseFile(bytes) });
      }
    };
    return this.#queue.write(this.#life, {
      needsRoom: true,
      complete: () => fill(sizeBytes),
      interrupt: () => {
        this.#tree.checkParent(path);
        const outcome = this.#chance.outcome('fixed file half made', ['missing', 'empty', 'partial', 'whole']);
        if (outcome === 'empty') fill(0);
        if (outcome === 'partial') fill(this.#chance.integer(1, sizeBytes - 1));
        if (outcome === 'whole') fill(sizeBytes);
      },
    });
  }
}
