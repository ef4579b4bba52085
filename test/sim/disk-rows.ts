/** The rows of a database in the order of their keys, and views of how they were at a moment. */

/** A key, a character for each byte (latin1): such strings compare as the bytes do. */
export type RowName = string;

export type Value = Uint8Array;

export function rowName(key: Uint8Array): RowName {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1');
}

export class Rows {
  readonly #values: Map<RowName, Value>;
  /** Ascending. */
  readonly #names: RowName[];
  readonly #views = new Set<RowsView>();

  constructor(values: ReadonlyMap<RowName, Value> = new Map(), names: readonly RowName[] = []) {
    this.#values = new Map(values);
    this.#names = [...names];
  }

  get names(): readonly RowName[] {
    return this.#names;
  }

  get(name: RowName): Value | undefined {
    return this.#values.get(name);
  }

  /** Undefined deletes. Returns what was there before. */
  set(name: RowName, value: Value | undefined): Value | undefined {
    const before = this.#values.get(name);
    for (const view of this.#views) view.keep(name, before);
    if (value === undefined) {
      if (before !== undefined) this.#remove(name);
    } else {
      if (before === undefined) this.#insert(name);
      this.#values.set(name, value);
    }
    return before;
  }

  view(): RowsView {
    const view = new RowsView(this, () => this.#views.delete(view));
    this.#views.add(view);
    return view;
  }

  /** Those of a process that has ended are never closed by it. */
  dropViews(): void {
    this.#views.clear();
  }

  copy(): Rows {
    return new Rows(this.#values, this.#names);
  }

  /** The position of the first name at or behind this one. */
  position(name: RowName): number {
    let low = 0;
    let high = this.#names.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#names[middle] as RowName) < name) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #insert(name: RowName): void {
    const last = this.#names.at(-1);
    if (last === undefined || last < name) this.#names.push(name);
    else this.#names.splice(this.position(name), 0, name);
  }

  #remove(name: RowName): void {
    this.#values.delete(name);
    if (this.#names.at(-1) === name) this.#names.pop();
    else this.#names.splice(this.position(name), 1);
  }
}

/** The rows as they were: it keeps what is replaced from then on. */
export class RowsView {
  readonly close: () => void;
  readonly #rows: Rows;
  readonly #replaced = new Map<RowName, Value | undefined>();

  constructor(rows: Rows, close: () => void) {
    this.#rows = rows;
    this.close = close;
  }

  keep(name: RowName, value: Value | undefined): void {
    if (!this.#replaced.has(name)) this.#replaced.set(name, value);
  }

  get(name: RowName): Value | undefined {
    return this.#replaced.has(name) ? this.#replaced.get(name) : this.#rows.get(name);
  }

  /** The first rows in [gte, lt), or with `reverse` the last ones, backwards. */
  page(gte: RowName, lt: RowName, reverse: boolean, rowsMax: number): (readonly [RowName, Value])[] {
    const names = this.#names(gte, lt);
    const page: (readonly [RowName, Value])[] = [];
    const step = reverse ? -1 : 1;
    for (let at = reverse ? names.to - 1 : names.from; at >= names.from && at < names.to; at += step) {
      const name = names.all[at] as RowName;
      const value = this.get(name);
      if (value !== undefined) page.push([name, value]);
      if (page.length === rowsMax) break;
    }
    return page;
  }

  /** Where to look for what is in [gte, lt): all that are in it are among them, in order. */
  #names(gte: RowName, lt: RowName): { readonly all: readonly RowName[]; readonly from: number; readonly to: number } {
    const from = this.#rows.position(gte);
    const to = Math.max(from, this.#rows.position(lt));
    const gone: RowName[] = [];
    for (const [name, value] of this.#replaced) {
      if (value !== undefined && name >= gte && name < lt && this.#rows.get(name) === undefined) gone.push(name);
    }
    if (gone.length === 0) return { all: this.#rows.names, from, to };
    const all = [...this.#rows.names.slice(from, to), ...gone].sort();
    return { all, from: 0, to: all.length };
  }
}
