/** Keeps a lease: asks for it anew all the time, and confirms what the leader waits for. */
import type { FollowedStream } from '../store/client.ts';
import type { Clock, Timer } from '../system-clock.ts';
import type { Grant, Lease } from './lease.ts';

export interface LeaseKeeperOptions {
  readonly clock: Clock;
  readonly lease: Lease;
  /** What is processed, of the log of which term. */
  readonly position: { readonly term: number; readonly processed: number };
}

/** A lease outlasts two questions that were lost. */
const renewMs = 80;

export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions;
  #stream: Pick<FollowedStream, 'renew' | 'confirm' | 'live'> | null = null;
  #confirming = false;
  #timer: Timer | null = null;

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
  }

  start(stream: Pick<FollowedStream, 'renew' | 'confirm' | 'live'>): void {
    this.#stream = stream;
    this.#renew();
  }

  /** Another stream begins: its leader waits for nothing that an older one was granted. */
  streamBegan(): void {
    this.#options.lease.drop();
  }

  /** Something was taken in: the leader hears of it once for all that came in this turn. */
  processed(): void {
    if (this.#confirming) return;
    this.#confirming = true;
    this.#options.clock.defer(() => {
      this.#confirming = false;
      const { term, processed } = this.#options.position;
      this.#stream?.confirm({ term, through: processed });
    });
  }

  granted(grant: Grant): void {
    this.#options.lease.granted(grant);
  }

  close(): void {
    this.#timer?.cancel();
    this.#stream = null;
  }

  #renew(): void {
    const { clock, lease } = this.#options;
    if (this.#stream?.live === true) this.#stream.renew(lease.request());
    this.#timer = clock.setTimer(renewMs, () => this.#renew());
  }
}
