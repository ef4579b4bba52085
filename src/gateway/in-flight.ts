/**
 * How many requests, and how many bytes of bodies, the gateway holds at this moment. What does not fit is refused at
 * once: waiting would only move the queue into memory.
 */
import type { ServerResponse } from 'node:http';
import type { Answer } from './answer.ts';
import { HttpProblem } from './errors.ts';
import type { GatewayLimits } from './limits.ts';

/**
 * One request's share. Given back when its handler has settled, since the store keeps a value though the client has left,
 * and its response is closed, sent or not.
 */
export interface Share {
  /** Throws HttpProblem if there is no room for so many bytes more. */
  take(bytes: number): void;
  /** Counts bytes that are there already. */
  hold(bytes: number): void;
}

interface Answering {
  readonly res: ServerResponse;
}

/** One that has its answer at hand gives it in the same turn. */
export type Handler<Request extends Answering, Given extends Answer | Promise<Answer> = Answer | Promise<Answer>> = (
  request: Request,
  share: Share,
) => Given;

export class InFlight {
  readonly #limits: GatewayLimits;
  #requests = 0;
  #bodyBytes = 0;

  constructor(limits: GatewayLimits) {
    this.#limits = limits;
  }

  /** The handler, with a share for each request; throws HttpProblem at one that is one too many. */
  admitting<Request extends Answering, Given extends Answer | Promise<Answer>>(
    handle: Handler<Request, Given>,
  ): (request: Request) => Given {
    return (request) => {
      if (this.#requests >= this.#limits.requestsInFlightMax || this.#bodyBytes >= this.#limits.bodyBytesInFlightMax) {
        throw overloaded();
      }
      let held = 0;
      const hold = (bytes: number) => {
        held += bytes;
        this.#bodyBytes += bytes;
      };
      const take = (bytes: number) => {
        if (this.#bodyBytes + bytes > this.#limits.bodyBytesInFlightMax) throw overloaded();
        hold(bytes);
      };
      const giveBack = () => {
        this.#requests -= 1;
        this.#bodyBytes -= held;
      };
      const settled = () => {
        if (request.res.closed) giveBack();
        else request.res.on('close', giveBack);
      };
      this.#requests += 1;
      let given: Given;
      try {
        given = handle(request, { take, hold });
      } catch (error) {
        settled();
        throw error;
      }
      if (given instanceof Promise) return given.finally(settled) as Given;
      settled();
      return given;
    };
  }
}

function overloaded(): HttpProblem {
  return new HttpProblem('overloaded', 'this gateway holds as many requests as it can; try again');
}
