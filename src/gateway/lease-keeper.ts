/**
 * Keeps a lease while hits want one: asks for it anew all the time, unless the leader has said for how long it would be in
 * vain, and confirms what the leader waits for.
 */
import type { LeaseGauges, LeaseLoss } from '../metrics.ts';
import type { FollowedStream, RefusalCause } from '../store/client.ts';
import type { Clock, Timer } from '../system-clock.ts';
import type { Grant, Lease, LeaseState } from './lease.ts';

export interface LeaseKeeperOptions {
  readonly clock: Clock;
  readonly lease: Lease;
  /** What is processed, of the log of which term. */
  readonly position: { readonly term: number; readonly processed: number };
}

/** What the leader says instead of granting anything. */
export interface LeaseRefusal {
  /** That it answers. */
  readonly request: number;
  readonly cause: RefusalCause;
  readonly forMs: number;
}

/** Whether hits need no question at this moment. */
export type LeaseView = { readonly held: true } | { readonly held: false; readonly reason: string };

/** A lease outlasts a question that was lost. */
const renewMs = 80;
/** A gateway that nobody reads from holds up no write. */
const idleMsMax = 1000;
/** However long the leader would have it wait: what was misunderstood must not last. */
const refusedMsMax = 60_000;

const refusalReasons: Readonly<Record<RefusalCause, string>> = {
  late: 'what this gateway confirmed came late, and writes waited for it',
  silent: 'this gateway had fallen silent, and writes waited for it',
  undeclared: 'a command changed what it had not declared; the log of the leader names it',
};

const reasons: Readonly<Record<Exclude<LeaseState, 'held'> | 'idle', string>> = {
  none: 'the leader has not granted one yet',
  idle: 'nobody has read here for a second what is kept',
  ended: 'the last one has ended, and the leader has not renewed it',
  behind: 'the leader has granted one from further on in its log than it has told of',
  clocks: 'wall time and monotonic time disagree about whether the last one has ended',
};

export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions;
  #stream: Pick<FollowedStream, 'renew' | 'confirm' | 'release' | 'live'> | null = null;
  /** The leader may be waiting for this gateway, or will be: only then has it something to confirm. */
  #isEngaged = false;
  #confirming = false;
  /** What the leader of this stream has heard. */
  #confirmed = { term: 0, through: 0 };
  #timer: Timer | null = null;
  /** The newest request that was granted or refused. */
  #answered = 0;
  /** In force: nobody is asked before its end. */
  #refusal: { readonly cause: RefusalCause; readonly untilAt: number } | null = null;
  /** When it was last looked at. */
  #wasHeld = false;
  #requests = 0;
  #grants = 0;
  #refusals = 0;
  readonly #losses: Record<LeaseLoss, number> = { stream: 0, idle: 0, unrenewed: 0, refused: 0, behind: 0, clocks: 0 };

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
  }

  start(stream: Pick<FollowedStream, 'renew' | 'confirm' | 'release' | 'live'>): void {
    this.#stream = stream;
    this.#renew();
  }

  /** Another stream begins: its leader waits for nothing that an older one was granted, and may refuse nothing. */
  streamBegan(): void {
    this.#look();
    this.#options.lease.drop();
    this.#look();
    this.#isEngaged = false;
    if (this.#refusal === null || this.#stream === null) return;
    this.#refusal = null;
    this.#renewIn(renewMs);
  }

  /** Something was taken in: the leader hears of it once for all that came in this turn. */
  processed(): void {
    if (this.#confirming || !this.#isEngaged) return;
    this.#confirming = true;
    this.#options.clock.defer(() => {
      this.#confirming = false;
      this.#confirm();
    });
  }

  granted(grant: Grant): void {
    this.#look();
    this.#answered = Math.max(this.#answered, grant.request);
    this.#grants += 1;
    this.#options.lease.granted(grant);
    this.#look();
  }

  /** What is held goes on until its end. What comes again, or after a later answer, has been said long ago. */
  refused({ request, cause, forMs }: LeaseRefusal): void {
    if (this.#stream === null || request <= this.#answered) return;
    this.#answered = request;
    this.#refusals += 1;
    const waitMs = Math.min(Math.max(forMs, renewMs), refusedMsMax);
    this.#refusal = { cause, untilAt: this.#options.clock.now() + waitMs };
    this.#renewIn(waitMs);
  }

  get view(): LeaseView {
    const { lease, clock } = this.#options;
    const { state } = lease;
    if (state === 'held') return { held: true };
    if (this.#stream?.live !== true) return { held: false, reason: 'no leader tells this gateway of its log' };
    const refusal = this.#refusal;
    if (refusal !== null) {
      const seconds = Math.ceil((refusal.untilAt - clock.now()) / 1000);
      return { held: false, reason: `the leader grants none for ${seconds} s: ${refusalReasons[refusal.cause]}` };
    }
    return { held: false, reason: reasons[this.#isIdle ? 'idle' : state] };
  }

  statistics(): LeaseGauges {
    return {
      held: this.#options.lease.state === 'held',
      requests: this.#requests,
      grants: this.#grants,
      refusals: this.#refusals,
      losses: this.#losses,
    };
  }

  /** Nothing is served under a lease from now on, and the leader hears so: nothing is confirmed any more either. */
  close(): void {
    this.#timer?.cancel();
    this.#options.lease.drop();
    this.#stream?.release();
    this.#stream = null;
  }

  #renew(): void {
    this.#look();
    this.#refusal = null;
    if (this.#isIdle) this.#rest();
    else if (this.#stream?.live === true) this.#ask(this.#stream);
    this.#renewIn(renewMs);
  }

  #ask(stream: Pick<FollowedStream, 'renew'>): void {
    // Who grants nothing may not have heard what was confirmed, and waits for that.
    if (!this.#isEngaged || this.#options.lease.state !== 'held') this.#confirmed = { term: 0, through: 0 };
    this.#isEngaged = true;
    this.processed();
    this.#requests += 1;
    stream.renew(this.#options.lease.request());
  }

  /** Until a hit wants a lease again nobody need wait for this gateway. */
  #rest(): void {
    if (!this.#isEngaged) return;
    this.#isEngaged = false;
    this.#options.lease.drop();
    this.#stream?.release();
    this.#look();
  }

  #confirm(): void {
    const { term, processed } = this.#options.position;
    // Messages that only say what is published are many.
    if (term === this.#confirmed.term && processed === this.#confirmed.through) return;
    this.#confirmed = { term, through: processed };
    this.#stream?.confirm(this.#confirmed);
  }

  get #isIdle(): boolean {
    return this.#options.lease.idleMs > idleMsMax;
  }

  #renewIn(delayMs: number): void {
    this.#timer?.cancel();
    this.#timer = this.#options.clock.setTimer(delayMs, () => this.#renew());
  }

  /** Counts a lease that was held when it was last looked at and is not now. A hit does without: it may be in a hurry. */
  #look(): void {
    const { state } = this.#options.lease;
    if (state === 'held') {
      this.#wasHeld = true;
      return;
    }
    if (this.#wasHeld) this.#losses[this.#lossIn(state)] += 1;
    this.#wasHeld = false;
  }

  #lossIn(state: Exclude<LeaseState, 'held'>): LeaseLoss {
    if (state === 'behind' || state === 'clocks') return state;
    if (this.#isIdle) return 'idle';
    if (state === 'none' || this.#stream?.live !== true) return 'stream';
    return this.#refusal === null ? 'unrenewed' : 'refused';
  }
}
