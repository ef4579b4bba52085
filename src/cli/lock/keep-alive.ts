/** How a lock is kept: it is renewed at a third of its lifetime, and taken for lost before anybody else can have it. */
import type { Clock } from '../../system-clock.ts';
import { exitCodes, Failure } from '../failure.ts';
import { type Claim, heldBy, isOurs } from './claim.ts';
import type { LockKey } from './lock-key.ts';

/**
 * The cluster counts a lifetime from up to this before the write arrived, and clocks run at rates that differ a little:
 * it is over so much earlier here.
 */
const stampAgeMs = 100;
const driftShare = 0.01;
/** The end of a lifetime, in which a command is asked to end before it is made to. */
const noticeShare = 1 / 6;
const noticeMsMax = 10_000;
const pauseShare = 1 / 30;
const releaseMs = 5000;
const lookMs = 250;

/** How long a command may take to end once it has been asked to, in milliseconds. */
export function noticeMsOf(ttlMs: number): number {
  return Math.min(noticeMsMax, ttlMs * noticeShare);
}

/** From the moment at which the last renewal was sent until the command is asked to end. */
export function trustedMsOf(ttlMs: number): number {
  return ttlMs - stampAgeMs - ttlMs * driftShare - noticeMsOf(ttlMs);
}

export interface KeepAliveOptions {
  readonly lock: LockKey;
  readonly holder: string;
  readonly ttlMs: number;
  readonly clock: Clock;
  readonly claim: Claim;
  /** It is lost, or may be from `noticeMsOf` on. Called once at most. */
  readonly onLost: (failure: Failure) => void;
}

export type Release =
  | { readonly type: 'released' }
  /** It was not ours any more. */
  | { readonly type: 'lost'; readonly failure: Failure }
  /** It ends by itself, with its lifetime. */
  | { readonly type: 'left'; readonly failure: Failure };

export class KeepAlive {
  readonly #options: KeepAliveOptions;
  #modRevision: number;
  /** When the last write was sent that is known to have begun its life anew. */
  #aliveSince: number;
  #state: 'held' | 'lost' | 'ended' = 'held';
  #expiry: ReturnType<Clock['setTimer']>;
  #wake: () => void = () => {};
  readonly #running: Promise<void>;

  constructor(options: KeepAliveOptions) {
    this.#options = options;
    this.#modRevision = options.claim.token;
    this.#aliveSince = options.claim.aliveSince;
    this.#expiry = this.#watchExpiry();
    this.#running = this.#run();
  }

  /** Gives it back. Nothing is called any more. */
  async release(): Promise<Release> {
    const wasHeld = this.#state === 'held';
    this.#state = 'ended';
    this.#expiry.cancel();
    this.#wake();
    await this.#running;
    if (!wasHeld) return { type: 'released' };
    try {
      return await this.#remove();
    } catch (error) {
      if (error instanceof Failure) return { type: 'left', failure: error };
      throw error;
    }
  }

  async #remove(): Promise<Release> {
    const { lock, holder } = this.#options;
    const removed = await lock.remove(this.#modRevision, releaseMs);
    if (removed.type === 'done') return { type: 'released' };
    const seen = await lock.look(releaseMs);
    if (!isOurs(seen, holder)) {
      // Of a removal whose answer was lost nobody knows any more whether it was that one.
      if (removed.type === 'unknown') return { type: 'released' };
      return { type: 'lost', failure: lossOf(lock, seen.item?.value ?? null) };
    }
    // Or the answer to the last renewal was.
    const again = await lock.remove(seen.item.modRevision, releaseMs);
    return again.type === 'unknown' ? { type: 'left', failure: again.failure } : { type: 'released' };
  }

  /** Timers stand still while the machine sleeps, and the clock does not. */
  #watchExpiry(): ReturnType<Clock['setTimer']> {
    const { clock, ttlMs, lock } = this.#options;
    const leftMs = this.#aliveSince + trustedMsOf(ttlMs) - clock.now();
    return clock.setTimer(Math.min(leftMs, lookMs), () => {
      if (this.#aliveSince + trustedMsOf(ttlMs) > clock.now()) this.#expiry = this.#watchExpiry();
      else
        this.#lose(
          new Failure(`${lock.key} could not be kept alive, and its time is nearly over`, exitCodes.unavailable),
        );
    });
  }

  #lose(failure: Failure): void {
    if (this.#state !== 'held') return;
    this.#state = 'lost';
    this.#expiry.cancel();
    this.#wake();
    this.#options.onLost(failure);
  }

  async #run(): Promise<void> {
    const { clock, ttlMs } = this.#options;
    let nextAt = this.#aliveSince + ttlMs / 3;
    while (this.#state === 'held') {
      await this.#pause(nextAt - clock.now());
      if (this.#state !== 'held') return;
      const sentAt = clock.now();
      const outcome = await this.#renew();
      if (outcome === 'renewed') this.#aliveSince = sentAt;
      if (outcome === 'renewed') nextAt = sentAt + ttlMs / 3;
      else nextAt = clock.now() + (outcome === 'found' ? 0 : ttlMs * pauseShare);
    }
  }

  /** `found`: at another revision, and it may live on since who knows when. */
  async #renew(): Promise<'renewed' | 'found' | 'failed'> {
    const { lock, holder, ttlMs } = this.#options;
    const attemptMs = Math.max(1, Math.floor(ttlMs / 3));
    try {
      const renewed = await lock.renew(this.#modRevision, attemptMs);
      if (renewed.type === 'unknown') return 'failed';
      if (renewed.type === 'done') {
        this.#modRevision = renewed.revision;
        return 'renewed';
      }
      const seen = await lock.look(attemptMs);
      if (!isOurs(seen, holder)) {
        this.#lose(lossOf(lock, seen.item?.value ?? null));
        return 'failed';
      }
      this.#modRevision = seen.item.modRevision;
      return 'found';
    } catch (error) {
      // Whatever keeps it from being renewed may pass, until its time is over.
      if (error instanceof Failure) return 'failed';
      throw error;
    }
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#options.clock.setTimer(delayMs, () => this.#wake());
      this.#wake = () => {
        timer.cancel();
        resolve();
      };
    });
  }
}

function lossOf({ key }: LockKey, value: string | null): Failure {
  const now = value === null ? 'it is not there any more' : `it is held by ${heldBy(value)} now`;
  return new Failure(`${key} was lost: ${now}`, exitCodes.precondition);
}
