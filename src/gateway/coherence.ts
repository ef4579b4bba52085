/**
 * What a gateway knows of the leader's log: how far, and what has been touched. DESIGN.md shows why what it admits is
 * never older than an acknowledged write. Messages may be lost, late, twice or out of order, and leaders may change:
 * that costs hits, or time, and nothing else.
 */
import type { Touch } from '../store/client.ts';
import { Floors } from './floors.ts';

/** What the entries (from, to] of a leader's log touch, committed or not. */
export interface Invalidations {
  /** Indexes of different lineages have nothing to do with each other. */
  readonly lineage: string;
  readonly streamId: string;
  readonly term: number;
  readonly from: number;
  readonly to: number;
  /** How far the log was published when this was sent. */
  readonly publishIndex: number;
  /** Of the entries that touch something. */
  readonly touches: readonly {
    readonly index: number;
    readonly touches: readonly Touch[] | 'everything';
  }[];
}

export type Receipt =
  /** It says nothing of this lineage, stream or term. */
  | 'ignored'
  | 'processed'
  /** Something before it was missed: what was read before its beginning does not count any more. */
  | 'gap';

export interface CoherenceOptions {
  readonly lineage: string;
  /** The published position has risen, to here. Called as the last thing of `receive`. */
  readonly onAdvance: (published: number) => void;
}

export class Coherence {
  readonly #options: CoherenceOptions;
  readonly #floors = new Floors();
  /** Null before the first. */
  #streamId: string | null = null;
  #term = 0;
  /** Invariant: whatever an entry up to here in the log of this term's leader touches has a floor at or above it. */
  #processed = 0;
  /** Invariant: entries up to here are the same in the log of this term's leader and of every later one. */
  #announced = 0;

  constructor(options: CoherenceOptions) {
    this.#options = options;
  }

  /**
   * Every published entry up to here has raised its floors. It never falls. Neither index would do alone: beyond what
   * is announced another leader may have other entries, and what is announced need not have been processed.
   */
  get published(): number {
    return Math.min(this.#processed, this.#announced);
  }

  /** Of the leader that is followed, or was last. */
  get term(): number {
    return this.#term;
  }

  /** Whatever the entries up to here in that leader's log touch has its floors, published or not. */
  get processed(): number {
    return this.#processed;
  }

  /** From now on this stream alone is heard. The answer is what its leader is to be told. */
  follow(streamId: string): { readonly term: number; readonly published: number } {
    this.#streamId = streamId;
    return { term: this.#term, published: this.published };
  }

  receive(message: Invalidations): Receipt {
    const { lineage, streamId, term, from, to, publishIndex } = message;
    if (lineage !== this.#options.lineage || streamId !== this.#streamId || term < this.#term) return 'ignored';
    const before = this.published;
    if (term > this.#term) {
      this.#term = term;
      // What was processed beyond may have been an older leader's alone.
      this.#processed = before;
    }
    const isGap = from > this.#processed;
    if (isGap) this.#floors.raiseBase(from);
    for (const { index, touches } of message.touches) {
      if (touches === 'everything') this.#floors.raiseBase(index);
      else for (const touch of touches) this.#floors.raise(touch, index);
    }
    this.#processed = Math.max(this.#processed, to);
    this.#announced = Math.max(this.#announced, publishIndex);
    if (this.published > before) this.#options.onAdvance(this.published);
    return isGap ? 'gap' : 'processed';
  }

  /**
   * Whether what was read at `index` and carries `touches` is still what stands there at the published position. To be
   * asked in the same turn in which the answer is given, or stored.
   */
  admits(index: number, touches: readonly Touch[]): boolean {
    return this.#floors.admits(index, touches);
  }
}
