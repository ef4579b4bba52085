/** Keeps one child process running: started again when it ends, at once the first time, then with back-off. */
import type { Clock, Timer } from '../../raft/interfaces.ts';

export interface Child {
  /** Null if it could not be started. */
  readonly pid: number | null;
  kill(signal: 'SIGTERM' | 'SIGKILL'): void;
  /** Settles once, with words for how it ended: `SIGKILL`, `code 1`. */
  readonly exit: Promise<string>;
}

export interface SupervisorOptions {
  readonly id: string;
  readonly start: () => Child;
  readonly restart: boolean;
  readonly clock: Clock;
  /** Told of every start and end, after `pid` has changed. */
  readonly onChange: () => void;
  /** One line for a person. */
  readonly say: (line: string) => void;
}

export const backOff = {
  firstMs: 100,
  maxMs: 5000,
  /** A child that ran this long is healthy: the next restart is at once again. */
  resetMs: 10_000,
} as const;

/** How long a child may take over SIGTERM: longer than a gateway waits for answers under way. */
export const stopTimeoutMs = 5000;

export class Supervisor {
  readonly id: string;
  readonly #options: SupervisorOptions;
  #child: Child | null = null;
  #startedAt = 0;
  #delayMs = 0;
  #restartTimer: Timer | null = null;
  #stopping = false;

  constructor(options: SupervisorOptions) {
    this.id = options.id;
    this.#options = options;
    this.#start();
  }

  /** Null while it is down. */
  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  /** Resolves when the child has ended: by SIGTERM, or by SIGKILL if that takes too long. It stays down. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#restartTimer?.cancel();
    const child = this.#child;
    if (child === null) return;
    child.kill('SIGTERM');
    const impatience = this.#options.clock.setTimer(stopTimeoutMs, () => child.kill('SIGKILL'));
    await child.exit;
    impatience.cancel();
  }

  /** At once, and for good. */
  kill(): void {
    this.#stopping = true;
    this.#restartTimer?.cancel();
    this.#child?.kill('SIGKILL');
  }

  #start(): void {
    const child = this.#options.start();
    this.#child = child;
    this.#startedAt = this.#options.clock.now();
    void child.exit.then((how) => this.#ended(how));
    this.#options.onChange();
  }

  #ended(how: string): void {
    const { id, clock, onChange, say } = this.#options;
    this.#child = null;
    onChange();
    if (this.#stopping) return;
    if (!this.#options.restart) {
      say(`${id} exited with ${how}; left down`);
      return;
    }
    if (clock.now() - this.#startedAt >= backOff.resetMs) this.#delayMs = 0;
    const delayMs = this.#delayMs;
    this.#delayMs = Math.min(Math.max(backOff.firstMs, 2 * delayMs), backOff.maxMs);
    if (delayMs === 0) {
      this.#start();
      say(`${id} exited with ${how}; restarted (pid ${this.pid})`);
      return;
    }
    say(`${id} exited with ${how}; restarting in ${delayMs} ms`);
    this.#restartTimer = clock.setTimer(delayMs, () => {
      this.#start();
      say(`${id} restarted (pid ${this.pid})`);
    });
  }
}
