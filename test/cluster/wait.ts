const pollIntervalMs = 20;

export interface WaitOptions {
  /** Completes the sentence "waited 20000 ms for …". */
  readonly description: string;
  /** 20,000 by default. */
  readonly timeoutMs?: number;
  /** What to add to the error when the time is up. */
  readonly detail?: () => unknown;
}

/** Asks until the answer is neither false, null nor undefined, and returns it; throws when the time is up. */
export async function waitFor<T>(
  condition: () => T | Promise<T>,
  { description, timeoutMs = 20_000, detail }: WaitOptions,
): Promise<Exclude<T, false | null | undefined>> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const answer = await condition();
    if (answer !== false && answer !== null && answer !== undefined) {
      return answer as Exclude<T, false | null | undefined>;
    }
    if (performance.now() > deadline) {
      const found = detail === undefined ? '' : `; found ${JSON.stringify(detail())}`;
      throw new Error(`waited ${timeoutMs} ms for ${description}${found}`);
    }
    await pause(pollIntervalMs);
  }
}

/** For schedules of faults and load, never in place of a condition. */
export function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}
