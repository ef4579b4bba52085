/** What stands under which path. */
import { basename, dirname } from 'node:path';
import { Database } from './disk-database.ts';
import { diskError } from './disk-errors.ts';
import type { SparseFile } from './disk-file.ts';
import type { Life } from './life.ts';

export type DiskNode =
  | { readonly type: 'directory' }
  | { readonly type: 'file'; readonly bytes: Uint8Array }
  | { readonly type: 'fixedFile'; readonly file: SparseFile }
  | { readonly type: 'database'; readonly database: Database }
  | { readonly type: 'lock'; readonly holder: Life };

const root = '/';

export class DiskTree {
  readonly #nodes: Map<string, DiskNode>;

  constructor(nodes: Iterable<readonly [string, DiskNode]> = []) {
    this.#nodes = new Map(nodes);
  }

  get(path: string): DiskNode | undefined {
    return this.#nodes.get(path);
  }

  /** Throws ENOENT if there is no directory for it. */
  set(path: string, node: DiskNode): void {
    this.checkParent(path);
    this.#nodes.set(path, node);
  }

  /** Missing is fine; what is in it must be gone. */
  delete(path: string): void {
    this.#nodes.delete(path);
  }

  clear(): void {
    this.#nodes.clear();
  }

  checkParent(path: string): void {
    const parent = dirname(path);
    if (parent !== root && this.get(parent)?.type !== 'directory') {
      throw diskError('ENOENT', `no such directory: ${parent}`);
    }
  }

  /** The directories that are missing, from the outermost on. */
  missingDirectories(path: string): readonly string[] {
    const missing: string[] = [];
    for (let at = path; at !== root && this.get(at) === undefined; at = dirname(at)) missing.unshift(at);
    return missing;
  }

  /** Sorted; empty if it does not exist. */
  list(path: string): readonly string[] {
    const node = this.get(path);
    if (node?.type === 'database') return filesOf(node.database);
    if (node !== undefined && node.type !== 'directory') throw diskError('ENOTDIR', `not a directory: ${path}`);
    return this.#nodes
      .keys()
      .filter((name) => dirname(name) === path)
      .map((name) => basename(name))
      .toArray()
      .sort();
  }

  /** What stands at or under the path, in the order in which it can be removed. */
  inside(path: string): readonly string[] {
    return this.#nodes
      .keys()
      .filter((name) => name === path || name.startsWith(`${path}/`))
      .toArray()
      .sort()
      .reverse();
  }

  /** Throws ENOENT, ENOTEMPTY. */
  rename(from: string, to: string): void {
    const node = this.get(from);
    if (node === undefined) throw diskError('ENOENT', `no such file or directory: ${from}`);
    this.checkParent(to);
    const isFile = node.type !== 'directory' && node.type !== 'database';
    if (!isFile && this.list(to).length > 0) throw diskError('ENOTEMPTY', `directory not empty: ${to}`);
    for (const name of this.inside(from).toReversed()) {
      const moved = this.get(name);
      this.#nodes.delete(name);
      if (moved !== undefined) this.#nodes.set(`${to}${name.slice(from.length)}`, moved);
    }
  }

  nodes(): Iterable<readonly [string, DiskNode]> {
    return this.#nodes;
  }

  /** The path that ends in this name. */
  find(name: string): string | undefined {
    return this.#nodes.keys().find((path) => basename(path) === name);
  }

  copy(): DiskTree {
    return new DiskTree(this.#nodes.entries().map(([path, node]) => [path, copyOf(node)]));
  }
}

export function copyOf(node: DiskNode): DiskNode {
  if (node.type === 'database') return { type: 'database', database: node.database.copy() };
  if (node.type === 'fixedFile') return { type: 'fixedFile', file: node.file.copy() };
  return node;
}

/** A new database, made as far as it can be without CURRENT. */
export function unfinishedDatabase(): DiskNode {
  const database = new Database();
  database.refusal = 'CURRENT is missing';
  return { type: 'database', database };
}

function filesOf({ refusal }: Database): readonly string[] {
  const current = refusal === 'CURRENT is missing' ? [] : ['CURRENT'];
  return ['000003.log', ...current, 'LOCK', 'LOG', 'MANIFEST-000002'];
}
