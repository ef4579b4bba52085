/** Load beside what is measured: so many requests in a second, whatever they cost. */
import { pause } from '../test/cluster/wait.ts';

export interface Paced {
  /** Requests that were answered so far. */
  readonly answered: number;
  /** Resolves when the requests under way have ended; rejects if one had failed, after which none is sent. */
  stop(): Promise<void>;
}

const underWayMax = 64;

/** Nobody waits for the answer to send the next one, up to a bound; those that are late then follow at once. */
export function startPaced(perSecond: number, request: () => Promise<void>): Paced {
  let answered = 0;
  let stopping = false;
  let failure: unknown = null;
  const underWay = new Set<Promise<void>>();

  const send = async () => {
    try {
      await request();
      answered += 1;
    } catch (error) {
      failure ??= error;
    }
  };
  const run = async () => {
    const startedAt = performance.now();
    for (let number = 0; !stopping && failure === null; number += 1) {
      const sent = send().finally(() => underWay.delete(sent));
      underWay.add(sent);
      if (underWay.size >= underWayMax) await Promise.race(underWay);
      const dueInMs = startedAt + ((number + 1) / perSecond) * 1000 - performance.now();
      if (dueInMs > 0) await pause(dueInMs);
    }
    await Promise.all(underWay);
  };
  const ended = run();
  return {
    get answered() {
      return answered;
    },
    async stop() {
      stopping = true;
      await ended;
      if (failure !== null) throw failure;
    },
  };
}
