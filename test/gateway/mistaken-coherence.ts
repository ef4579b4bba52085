/** The gateway's side of the stream once more, plainly, and with one mistake at a time if asked. */
import type { Invalidations } from '../../src/gateway/coherence.ts';
import type { Touch } from '../../src/store/client.ts';
import type { Follower } from './coherence-model.ts';

export const mistakes = [
  'the position is the highest index invalidated',
  'the position is the highest index announced',
  'a higher term keeps what was processed',
  'a higher term announces before the position falls',
  'a lower term is heard',
  'a gap is ignored',
  'a gap raises the base floor to its beginning',
  'a floor is set, not raised',
  'the base floor is set, not raised',
  'everything is taken for nothing',
  'a floor admits what was read just below it',
] as const;

export type Mistake = (typeof mistakes)[number];

export class MistakenCoherence implements Follower {
  readonly #mistake: Mistake | null;
  readonly #floors = new Map<Touch, number>();
  #base = 0;
  #streamId = '';
  #term = 0;
  #processed = 0;
  #announced = 0;

  constructor(mistake: Mistake | null) {
    this.#mistake = mistake;
  }

  get published(): number {
    if (this.#mistake === 'the position is the highest index invalidated') return this.#processed;
    if (this.#mistake === 'the position is the highest index announced') return this.#announced;
    return Math.min(this.#processed, this.#announced);
  }

  follow(streamId: string) {
    this.#streamId = streamId;
    return { term: this.#term, published: this.published };
  }

  receive({ streamId, term, from, to, publishIndex, touches }: Invalidations): void {
    const mistake = this.#mistake;
    if (streamId !== this.#streamId) return;
    if (term < this.#term && mistake !== 'a lower term is heard') return;
    if (mistake === 'a higher term announces before the position falls') this.#announce(publishIndex);
    if (term > this.#term) {
      if (mistake !== 'a higher term keeps what was processed') this.#processed = this.published;
      this.#term = term;
    }
    if (from > this.#processed && mistake !== 'a gap is ignored') {
      this.#raiseBase(mistake === 'a gap raises the base floor to its beginning' ? this.#processed : from);
    }
    for (const entry of touches) {
      if (entry.touches !== 'everything') for (const touch of entry.touches) this.#raise(touch, entry.index);
      else if (mistake !== 'everything is taken for nothing') this.#raiseBase(entry.index);
    }
    this.#processed = Math.max(this.#processed, to);
    this.#announce(publishIndex);
  }

  admits(index: number, touches: readonly Touch[]): boolean {
    const at = this.#mistake === 'a floor admits what was read just below it' ? index + 1 : index;
    return at >= this.#base && touches.every((touch) => at >= (this.#floors.get(touch) ?? 0));
  }

  #announce(publishIndex: number): void {
    this.#announced = Math.max(this.#announced, publishIndex);
  }

  #raise(touch: Touch, index: number): void {
    const lowest = this.#mistake === 'a floor is set, not raised' ? 0 : (this.#floors.get(touch) ?? 0);
    this.#floors.set(touch, Math.max(lowest, index));
  }

  #raiseBase(index: number): void {
    this.#base = Math.max(this.#mistake === 'the base floor is set, not raised' ? 0 : this.#base, index);
  }
}
