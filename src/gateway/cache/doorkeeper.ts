/**
 * Tells names that were asked for before from those that come for the first time, in memory that never grows: two
 * Bloom filters, of which the younger takes names until it has its share, and then becomes the elder, whose names are
 * forgotten. A name is remembered while at least `namesMax` and at most twice as many others come after it.
 *
 * It may take a new name for a known one, about once in 200 times when both filters are full; never the other way.
 */
export class Doorkeeper {
  readonly #namesMax: number;
  readonly #bitMask: number;
  #younger: Uint32Array;
  #elder: Uint32Array;
  #youngerNames = 0;

  /** `namesMax`: a power of two, of at least 2. */
  constructor(namesMax: number) {
    this.#namesMax = namesMax;
    const bits = namesMax * bitsPerName;
    this.#bitMask = bits - 1;
    this.#younger = new Uint32Array(bits / 32);
    this.#elder = new Uint32Array(bits / 32);
  }

  /** Whether the name is remembered; from now on it is. */
  knows(name: string): boolean {
    const hash = hashOf(name);
    if (this.#has(this.#younger, hash)) return true;
    const known = this.#has(this.#elder, hash);
    if (this.#youngerNames === this.#namesMax) this.#age();
    this.#add(hash);
    return known;
  }

  #age(): void {
    const forgotten = this.#elder;
    this.#elder = this.#younger;
    this.#younger = forgotten.fill(0);
    this.#youngerNames = 0;
  }

  #has(filter: Uint32Array, hash: number): boolean {
    for (let probe = 0; probe < probes; probe += 1) {
      const bit = this.#bitOf(hash, probe);
      if (((filter[bit >>> 5] ?? 0) & (1 << (bit & 31))) === 0) return false;
    }
    return true;
  }

  #add(hash: number): void {
    for (let probe = 0; probe < probes; probe += 1) {
      const bit = this.#bitOf(hash, probe);
      this.#younger[bit >>> 5] = (this.#younger[bit >>> 5] ?? 0) | (1 << (bit & 31));
    }
    this.#youngerNames += 1;
  }

  #bitOf(hash: number, probe: number): number {
    return mixed(hash + Math.imul(probe, 0x9e3779b1)) & this.#bitMask;
  }
}

const bitsPerName = 16;
const probes = 4;

/** FNV-1a over UTF-16 units. Not secret: who wants a list admitted may as well ask for it twice. */
function hashOf(name: string): number {
  let hash = 0x811c9dc5;
  for (let position = 0; position < name.length; position += 1) {
    hash = Math.imul(hash ^ name.charCodeAt(position), 0x01000193);
  }
  return hash;
}

/** The finalizer of MurmurHash3: every bit of the input sways every bit of the result. */
function mixed(hash: number): number {
  let bits = hash;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
