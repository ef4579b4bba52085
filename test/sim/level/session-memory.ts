/** What a client would still know of its session when the replica has died: with it the next life's client goes on. */
import { type LifeLine, type NamedWrite, type OpenSession, resultIn } from './protocol.ts';

export class SessionMemory {
  readonly #open = new Map<number, NamedWrite>();
  #id: number | null = null;
  #nextSequence = 1;

  get session(): OpenSession | null {
    if (this.#id === null) return null;
    return { id: this.#id, nextSequence: this.#nextSequence, open: [...this.#open.values()] };
  }

  /** What is open stays so for ever. */
  forget(): void {
    this.#id = null;
  }

  follow(lines: readonly LifeLine[]): void {
    const sequences = new Map<number, number>();
    for (const line of lines) {
      if (line.type === 'asked' && line.command.type !== 'openSession') {
        const { sequence } = line.command.stamp;
        sequences.set(line.attempt, sequence);
        if (sequence < this.#nextSequence) continue;
        this.#open.set(sequence, line.command);
        this.#nextSequence = sequence + 1;
      }
      if (line.type !== 'answered') continue;
      const result = resultIn(line.reply);
      if (result?.type === 'sessionOpened') this.#begin(result.session);
      else if (result !== null && result.type !== 'sessionExpired') this.#open.delete(sequences.get(line.attempt) ?? 0);
    }
  }

  #begin(id: number): void {
    this.#id = id;
    this.#nextSequence = 1;
    this.#open.clear();
  }
}
