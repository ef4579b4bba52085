/**
 * The way of plain reads, past the router: most requests are these, and a hit costs less than the way to its route.
 * The handlers are those of the routes, so that whatever comes here is answered as it would be there.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Answer, send } from './answer.ts';
import { keyBase, keyRoute } from './key-read.ts';
import { listPath } from './list-read.ts';
import type { Observed } from './observe.ts';
import type { ReadRequest } from './reads.ts';

/** A handler of a route, with its share of what is in flight. */
export type AdmittedRead = (request: ReadRequest) => Answer | Promise<Answer>;

export interface ShortWayOptions {
  readonly readKey: AdmittedRead;
  readonly readList: AdmittedRead;
  readonly observe: (request: Observed) => void;
  /** What is to be sent for an error; null: there is nobody to send it to. */
  readonly problemAnswerTo: (error: unknown, method: string) => Answer | null;
  readonly urlBytesMax: number;
}

interface PlainRead extends ReadRequest, Observed {}

interface Way {
  readonly path: string;
  readonly querystring: string;
  readonly route: () => string;
}

const keyRouteName = () => keyRoute;
const listRouteName = () => listPath;

/** Whether it has taken the request. */
export function createShortWay(
  options: ShortWayOptions,
): (request: IncomingMessage, response: ServerResponse) => boolean {
  const { readKey, readList, observe, problemAnswerTo, urlBytesMax } = options;

  function answer(read: (request: ReadRequest) => Answer | Promise<Answer>, request: PlainRead): void {
    const { res, method } = request;
    const refuse = (error: unknown) => {
      const refusal = problemAnswerTo(error, method);
      // Half an answer cannot be taken back, nor be left for whole.
      if (res.headersSent) res.destroy();
      else if (refusal !== null) send(res, refusal);
    };
    try {
      const given = read(request);
      // A hit leaves in the turn in which it was found to be current.
      if (given instanceof Promise) given.then((late) => send(res, late)).catch(refuse);
      else send(res, given);
    } catch (error) {
      refuse(error);
    }
  }

  return (request, res) => {
    const { method, url, headers } = request;
    if ((method !== 'GET' && method !== 'HEAD') || url === undefined || url.length > urlBytesMax) return false;
    // A body is read, or thrown away, elsewhere.
    if (headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined) return false;
    const way = wayOf(url);
    if (way === null) return false;
    const plainRead: PlainRead = { method, headers, res, state: {}, ...way };
    observe(plainRead);
    answer(way.route === keyRouteName ? readKey : readList, plainRead);
    return true;
  };
}

/** Null for what is neither a key nor a list, or no path. */
function wayOf(url: string): Way | null {
  if (!url.startsWith(listPath) || url.includes('#')) return null;
  const end = url.indexOf('?');
  const path = end === -1 ? url : url.slice(0, end);
  const querystring = end === -1 ? '' : url.slice(end + 1);
  if (path.startsWith(keyBase)) return { path, querystring, route: keyRouteName };
  return path === listPath ? { path, querystring, route: listRouteName } : null;
}
