/**
 * What is read from files, and again when they change: what is new takes effect if it is good; else what was there stays.
 */
import { stat } from 'node:fs/promises';
import type { Logger } from '../../logger.ts';
import type { Clock, Timer } from '../../system-clock.ts';

export interface ReloadedOptions<Value> {
  /** For log lines: `tokens`. */
  readonly what: string;
  readonly files: readonly string[];
  /** Rejects with one line for a person, which goes into the log: no secrets. */
  readonly load: () => Promise<Value>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** How long a change may stay unseen. The kernel's notices of changes are lost where directories are mounted or moved. */
export const pollMs = 2000;

export class Reloaded<Value> {
  readonly #options: ReloadedOptions<Value>;
  readonly #listeners: ((value: Value) => void)[] = [];
  #value: Value;
  #version: string;
  #turn: Promise<void> = Promise.resolve();
  #timer: Timer | null = null;
  #closed = false;

  private constructor(options: ReloadedOptions<Value>, value: Value, version: string) {
    this.#options = options;
    this.#value = value;
    this.#version = version;
    this.#schedule();
  }

  /** Rejects as `load` does. */
  static async open<Value>(options: ReloadedOptions<Value>): Promise<Reloaded<Value>> {
    // Before the content: what changes in between is read twice, never missed.
    const version = await versionOf(options.files);
    return new Reloaded(options, await options.load(), version);
  }

  get current(): Value {
    return this.#value;
  }

  /** Told of each new value. */
  onChange(listener: (value: Value) => void): void {
    this.#listeners.push(listener);
  }

  /** Whether the files have changed or not. Resolves when it is done, however it went; never rejects. */
  reload(): Promise<void> {
    this.#turn = this.#turn.then(() => this.#load());
    return this.#turn;
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  async #load(): Promise<void> {
    const { what, files, load, log } = this.#options;
    try {
      this.#version = await versionOf(files);
      const value = await load();
      if (this.#closed) return;
      for (const listener of this.#listeners) listener(value);
      this.#value = value;
      log.info(`${what} read again`);
    } catch (error) {
      log.error(`${what} not read again; those of before stay in force`, { reason: (error as Error).message });
    }
  }

  #schedule(): void {
    this.#timer = this.#options.clock.setTimer(pollMs, () => void this.#poll());
  }

  async #poll(): Promise<void> {
    const version = await versionOf(this.#options.files);
    if (version !== this.#version && !this.#closed) await this.reload();
    if (!this.#closed) this.#schedule();
  }
}

/** Another for files that were written again, replaced, removed, or put where there were none. */
async function versionOf(files: readonly string[]): Promise<string> {
  const versions = files.map(async (file) => {
    try {
      const { ino, size, mode, mtimeNs, ctimeNs } = await stat(file, { bigint: true });
      return [ino, size, mode, mtimeNs, ctimeNs].join();
    } catch (error) {
      return (error as NodeJS.ErrnoException).code ?? 'unknown';
    }
  });
  return (await Promise.all(versions)).join(';');
}
