/** A key of a lock whose answers a test can lose. */
import { exitCodes, Failure } from '../../src/cli/failure.ts';
import type { Attempt, LockKey, Seen, Waited } from '../../src/cli/lock/lock-key.ts';

export const unavailable = (): Failure => new Failure('no answer', exitCodes.unavailable);

/** `lost`: done, and not answered; `dropped`: neither. */
export type Fate = 'answered' | 'lost' | 'dropped';

export class FakeLock implements LockKey {
  readonly key = 'locks/x';
  /** What becomes of the next writes; then they are answered. */
  readonly fates: Fate[] = [];
  readonly asked: string[] = [];
  /** Passes before an answer comes. */
  onWrite: () => Promise<void> = async () => {};
  item: { readonly modRevision: number; readonly value: string } | null = null;
  revision = 10;
  readonly #value: string;
  #freed: () => void = () => {};

  constructor(holder: string) {
    this.#value = storedBy(holder);
  }

  create(): Promise<Attempt> {
    return this.#write('create', () => (this.item === null ? this.#put() : null));
  }

  renew(modRevision: number): Promise<Attempt> {
    return this.#write('renew', () => (this.item?.modRevision === modRevision ? this.#put() : null));
  }

  remove(modRevision: number): Promise<Attempt> {
    return this.#write('remove', () => (this.item?.modRevision === modRevision ? this.free() : null));
  }

  async look(): Promise<Seen> {
    this.asked.push('look');
    return { revision: this.revision, item: this.item };
  }

  wait(): Promise<Waited> {
    this.asked.push('wait');
    return new Promise((resolve) => {
      this.#freed = () => resolve({ type: 'freed' });
    });
  }

  /** Of somebody else. */
  take(holder: string): void {
    this.item = { modRevision: ++this.revision, value: storedBy(holder) };
  }

  free(): number {
    this.item = null;
    this.#freed();
    return ++this.revision;
  }

  #put(): number {
    this.item = { modRevision: ++this.revision, value: this.#value };
    return this.revision;
  }

  async #write(name: string, write: () => number | null): Promise<Attempt> {
    this.asked.push(name);
    const fate = this.fates.shift() ?? 'answered';
    const revision = fate === 'dropped' ? null : write();
    await this.onWrite();
    if (fate !== 'answered') return { type: 'unknown', failure: unavailable() };
    return revision === null ? { type: 'refused' } : { type: 'done', revision };
  }
}

function storedBy(holder: string): string {
  return JSON.stringify({ holder, host: `host of ${holder}`, pid: 7 });
}
