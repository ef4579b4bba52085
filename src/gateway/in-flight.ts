/**
 * How many requests, and how many bytes of bodies, the gateway holds at this moment. What does not fit is refused at
 * once: waiting would only move the queue into memory.
 */
import type { ServerResponse } from 'node:http';
import { HttpProblem } from './errors.ts';
import type { GatewayLimits } from './limits.ts';

/** One request's share; given back when its response is closed, sent or not. */
export interface Share {
  /** Throws HttpProblem if there is no room for so many bytes more. */
  take(bytes: number): void;
  /** Counts bytes that are there already. */
  hold(bytes: number): void;
}

export class InFlight {
  readonly #limits: GatewayLimits;
  #requests = 0;
  #bodyBytes = 0;

  constructor(limits: GatewayLimits) {
    this.#limits = limits;
  }

  /** Throws HttpProblem if this request is one too many. */
  admit(response: ServerResponse): Share {
    if (this.#requests >= this.#limits.requestsInFlightMax || this.#bodyBytes >= this.#limits.bodyBytesInFlightMax) {
      throw overloaded();
    }
    let held = 0;
    const hold = (bytes: number) => {
      // A client that left has had its share given back already.
      if (response.closed) return;
      held += bytes;
      this.#bodyBytes += bytes;
    };
    this.#requests += 1;
    response.on('close', () => {
      this.#requests -= 1;
      this.#bodyBytes -= held;
    });
    return {
      take: (bytes) => {
        if (this.#bodyBytes + bytes > this.#limits.bodyBytesInFlightMax) throw overloaded();
        hold(bytes);
      },
      hold,
    };
  }
}

function overloaded(): HttpProblem {
  return new HttpProblem('overloaded', 'this gateway holds as many requests as it can; try again');
}
