/** How a lock is come by: it is created where it is not there, and waited for by a watch where it is. */
import type { Clock } from '../../system-clock.ts';
import { exitCodes, Failure } from '../failure.ts';
import { printable } from '../output.ts';
import { isPassing, type LockKey, type Seen } from './lock-key.ts';

export interface Claim {
  /** The revision at which it was created: keep-alives do not change that, and whoever has it later has a higher one. */
  readonly token: number;
  /** Its lifetime counts from no earlier moment of the clock. */
  readonly aliveSince: number;
}

export interface ClaimOptions {
  readonly lock: LockKey;
  /** What is stored tells by this whether it is ours. */
  readonly holder: string;
  readonly ttlMs: number;
  /** 0: it is tried once. */
  readonly waitMs: number;
  readonly clock: Clock;
  readonly interrupted: AbortSignal;
}

const attemptMs = 5000;
const watchMsMax = 30_000;
const firstPauseMs = 50;
const pauseMsMax = 1000;

/** Throws Failure: exit code `precondition` if somebody else has had it all the time, `unavailable` if nobody could say. */
export async function claim(options: ClaimOptions): Promise<Claim> {
  const { lock, holder, ttlMs, waitMs, clock, interrupted } = options;
  const deadlineAt = clock.now() + waitMs;
  let pauseForMs = firstPauseMs;
  /** When the first request to create it was sent whose answer did not come: it may have come into being at any time since. */
  let unknownSince: number | null = null;
  for (;;) {
    const failure = await attempt();
    if (!(failure instanceof Failure)) return failure;
    if (interrupted.aborted) throw new Failure('interrupted');
    if (clock.now() + pauseForMs >= deadlineAt) throw new Failure(gaveUp(failure.message), failure.exitCode);
    // Whoever holds it has been waited for already; nobody is asked without a pause who could not answer.
    if (failure.exitCode === exitCodes.unavailable) {
      await pause(clock, pauseForMs);
      pauseForMs = Math.min(2 * pauseForMs, pauseMsMax);
    }
  }

  async function attempt(): Promise<Claim | Failure> {
    try {
      const sentAt = clock.now();
      const created = await lock.create(attemptMs);
      if (created.type === 'done') return await claimed(created.revision, sentAt);
      if (created.type === 'unknown') unknownSince ??= sentAt;
      const seen = await lock.look(attemptMs);
      // Its answer was lost on the way. It is not renewed before it is claimed: this is the revision at which it was created.
      if (isOurs(seen, holder)) return await claimed(seen.item.modRevision, unknownSince ?? sentAt);
      if (seen.item !== null) return await waitUntilFree(seen);
      return created.type === 'unknown'
        ? created.failure
        : new Failure(`${lock.key} was taken`, exitCodes.precondition);
    } catch (error) {
      if (isPassing(error)) return error;
      throw error;
    }
  }

  /** What may be over soon is given back. */
  async function claimed(token: number, aliveSince: number): Promise<Claim | Failure> {
    if (clock.now() - aliveSince < ttlMs / 2) return { token, aliveSince };
    await lock.remove(token, attemptMs);
    return new Failure(`${lock.key} was half over when its answer came; a longer --ttl helps`, exitCodes.unavailable);
  }

  async function waitUntilFree({ revision, item }: Seen): Promise<Failure> {
    const failure = new Failure(`${lock.key} is held by ${heldBy(item?.value ?? '')}`, exitCodes.precondition);
    let from = `${revision}`;
    while (!interrupted.aborted) {
      const leftMs = deadlineAt - clock.now();
      if (leftMs < 1) return failure;
      const waited = await lock.wait(from, Math.ceil(Math.min(leftMs, watchMsMax)), interrupted);
      if (waited.type !== 'held') return failure;
      from = waited.from;
    }
    return failure;
  }

  function gaveUp(message: string): string {
    return waitMs === 0 ? message : `${message}; gave up after ${waitMs} ms`;
  }
}

/** Whether it holds what `holder` has put there. */
export function isOurs(seen: Seen, holder: string): seen is Seen & { readonly item: object } {
  const { holder: who } = (seen.item === null ? null : holderIn(seen.item.value)) ?? {};
  return who === holder;
}

/** For a person: what the value says of who has put it there. */
export function heldBy(value: string): string {
  const { host, pid } = holderIn(value) ?? {};
  if (typeof host !== 'string' || typeof pid !== 'number') return 'somebody who does not say who';
  return `process ${pid} on ${printable(host)}`;
}

function holderIn(value: string): Readonly<Record<string, unknown>> | null {
  try {
    const parsed: unknown = JSON.parse(value);
    return typeof parsed === 'object' ? (parsed as Readonly<Record<string, unknown>> | null) : null;
  } catch {
    return null;
  }
}

function pause(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => void clock.setTimer(delayMs * (0.5 + Math.random() / 2), resolve));
}
