/** Something that a process has open: closing it waits for what is under way, and afterwards there is nothing to use. */
export class DiskHandle {
  readonly #closedError: () => Error;
  readonly #release: () => Promise<void>;
  #running = 0;
  #closing: Promise<void> | null = null;
  readonly #idle = Promise.withResolvers<void>();

  constructor(closedError: () => Error, release: () => Promise<void>) {
    this.#closedError = closedError;
    this.#release = release;
  }

  get isOpen(): boolean {
    return this.#closing === null;
  }

  check(): void {
    if (!this.isOpen) throw this.#closedError();
  }

  async use<Result>(operation: () => Promise<Result>): Promise<Result> {
    this.check();
    this.#running++;
    try {
      return await operation();
    } finally {
      this.#running--;
      if (!this.isOpen && this.#running === 0) this.#idle.resolve();
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (this.#running > 0) await this.#idle.promise;
    await this.#release();
  }
}
