/** One question at a time: its answer is for those who had asked before it was sent, whoever asks later shares the next. */
export class Rounds<Answer> {
  readonly #ask: () => Promise<Answer>;
  #current: Promise<unknown> | null = null;
  #next: Promise<Answer> | null = null;

  constructor(ask: () => Promise<Answer>) {
    this.#ask = ask;
  }

  join(): Promise<Answer> {
    this.#next ??= this.#after(this.#current);
    return this.#next;
  }

  async #after(previous: Promise<unknown> | null): Promise<Answer> {
    await previous?.catch(() => undefined);
    const answer = this.#ask();
    this.#current = this.#next;
    this.#next = null;
    return answer;
  }
}
